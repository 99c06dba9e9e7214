"""The matrix is what the flows say, by another way than they were made into rules."""

from itertools import permutations

from hypothesis import given

from infra.plan import compile_plan
from infra.plan.matrix import COMMON_UDP_PORTS, matrix_udp_ports, plan_pairs
from infra.plan.model import Plan
from infra.record.model import Tenant
from tests.unit.plan.records import tenants


def _flows(plan: Plan, source: str, destination: str) -> set[tuple[str, int]]:
    return {
        (flow.protocol, flow.port)
        for flow in plan.flows.values()
        if source in flow.source_servers and destination in flow.destination_servers
    }


@given(tenants())
def test_open_is_what_the_flows_between_two_servers_allow(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    for pair in plan_pairs(plan):
        assert pair.open == _flows(plan, pair.source, pair.destination), pair


@given(tenants())
def test_no_filter_of_a_pair_lets_pass_more_than_its_flows(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    for pair in plan_pairs(plan):
        allowed = _flows(plan, pair.source, pair.destination)
        to_zone = {
            (flow.protocol, flow.port)
            for flow in plan.flows.values()
            if pair.destination in flow.destination_servers
        }
        assert pair.outgoing >= allowed
        assert allowed <= pair.incoming <= to_zone
        assert all(passage.forward == allowed for passage in pair.passages)


@given(tenants())
def test_every_ordered_pair_stands_once_and_each_server_once_a_round(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    pairs = plan_pairs(plan)
    names = [(pair.source, pair.destination) for pair in pairs]
    assert sorted(names) == sorted(permutations(plan.servers, 2))
    count = len(plan.servers)
    for start in range(0, len(names), count):
        sources, destinations = zip(*names[start : start + count], strict=True)
        assert sorted(sources) == sorted(destinations) == sorted(plan.servers)


@given(tenants())
def test_the_edge_stands_between_all_but_its_own_and_neighbours(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    for pair in plan_pairs(plan):
        here, there = plan.servers[pair.source], plan.servers[pair.destination]
        is_between = "edge01" not in (pair.source, pair.destination) and here.zone != there.zone
        assert [passage.server for passage in pair.passages] == ["edge01"] * is_between
        assert pair.departure.sender == pair.source
        assert pair.arrival.sender == ("edge01" if is_between else pair.source)


@given(tenants())
def test_frames_leave_by_a_nic_of_the_sender_to_one_in_the_same_segment(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    owner = {
        nic.mac: (key, nic.device, nic.segment)
        for key, server in plan.servers.items()
        for nic in server.nics
    }
    for pair in plan_pairs(plan):
        for link in (pair.departure, pair.arrival):
            sender, device, segment = owner[link.from_mac]
            assert (sender, device) == (link.sender, link.out_device)
            assert owner[link.to_mac] == (link.receiver, link.in_device, segment)
            assert segment is not None
        assert owner[pair.arrival.to_mac][0] == pair.destination


@given(tenants())
def test_udp_ports_are_the_common_ones_and_those_of_flows(tenant: Tenant) -> None:
    flow = next(iter(tenant.flows.values())).model_copy(update={"protocol": "udp", "port": 9999})
    plan = compile_plan(tenant.model_copy(update={"flows": tenant.flows | {"other": flow}}))
    assert matrix_udp_ports(plan) == tuple(sorted({*COMMON_UDP_PORTS, 9999}))
