"""How segments hang together when a site has a router of its own, and what follows for filters."""

from pathlib import Path

import pytest

from infra.plan import compile_plan
from infra.plan.compile import plan_all_nics
from infra.plan.model import Plan, Rule
from infra.plan.topology import Hop, Topology, plan_topology
from infra.plan.tunnel import find_management_address, find_way_in
from infra.record import load
from infra.record.model import Flow, Tenant
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import SITE, change_record, read_changes

EDGE, ROUTER = "203.0.113.2/32", "203.0.113.3/32"


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """Return the good record with a town hall, whose guests may see the internet."""
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(SITE))
    tenant = load(folder)
    guests = Flow.model_validate(
        {
            **{"from": ("wifi",), "to": ("internet",), "protocol": "tcp", "port": 80},
            **{"purpose": "guests see the internet", "owner": "beheerder"},
        }
    )
    return tenant.model_copy(update={"flows": {**tenant.flows, "guests": guests}})


@pytest.fixture
def topology(tenant: Tenant) -> Topology:
    return plan_topology(tenant, plan_all_nics(tenant))


@pytest.fixture
def plan(tenant: Tenant) -> Plan:
    return compile_plan(tenant)


def _ways(rules: tuple[Rule, ...], flow: str) -> set[tuple[str | None, str | None]]:
    return {(rule.in_device, rule.out_device) for rule in rules if rule.flow == flow}


def test_path_leads_through_the_tunnel_to_a_site(topology: Topology) -> None:
    edge, router = topology.devices["edge01"], topology.devices["router01"]
    assert topology.path("app", "wifi") == (
        Hop(router="edge01", in_device=edge["app"], out_device="wg0"),
        Hop(router="router01", in_device="wg0", out_device=router["wifi"]),
    )
    assert topology.path("wifi", "app") == (
        Hop(router="router01", in_device=router["wifi"], out_device="wg0"),
        Hop(router="edge01", in_device="wg0", out_device=edge["app"]),
    )


def test_path_within_one_place_has_one_hop(topology: Topology) -> None:
    for gate, came, goes in (("edge01", "app", "data"), ("router01", "balie", "wifi")):
        devices = topology.devices[gate]
        hop = Hop(router=gate, in_device=devices[came], out_device=devices[goes])
        assert topology.path(came, goes) == (hop,)


def test_path_within_a_segment_has_no_hop(topology: Topology) -> None:
    assert topology.path("app", "app") == ()


def test_path_outside_leaves_where_it_starts(topology: Topology) -> None:
    for gate, came in (("edge01", "app"), ("router01", "wifi")):
        devices = topology.devices[gate]
        hop = Hop(router=gate, in_device=devices[came], out_device=devices["internet"])
        assert topology.path(came, "internet") == (hop,)


def test_path_between_sites_passes_the_edge(topology: Topology) -> None:
    depot = {**topology.devices, "router02": {"werf": "eth0"}}
    gates = {**topology.gates, "werf": "router02"}
    both = Topology(
        edges=("edge01",),
        routers={**topology.routers, "werf": "router02"},
        gates=gates,
        devices=depot,
        outside=topology.outside,
    )
    assert [(hop.router, hop.in_device, hop.out_device) for hop in both.path("werf", "wifi")] == [
        ("router02", "eth0", "wg0"),
        ("edge01", "wg0", "wg0"),
        ("router01", "wg0", topology.devices["router01"]["wifi"]),
    ]


def test_guests_have_one_rule_on_their_router_and_none_on_the_edge(
    plan: Plan, topology: Topology
) -> None:
    devices = topology.devices["router01"]
    assert _ways(plan.servers["router01"].filter.forward, "guests") == {
        (devices["wifi"], devices["internet"])
    }
    assert not _ways(plan.servers["edge01"].filter.forward, "guests")


def test_what_a_router_sends_itself_only_others_forward(plan: Plan, topology: Topology) -> None:
    names = [rule for rule in plan.servers["edge01"].filter.forward if rule.flow == "names"]
    beheer = topology.devices["edge01"]["beheer"]
    assert ("wg0", beheer) in {(rule.in_device, rule.out_device) for rule in names}
    for rule in plan.servers["router01"].filter.forward:
        assert "10.9.5.1/32" not in (*rule.sources, *rule.destinations)


def test_each_end_of_the_tunnel_takes_packets_of_the_other_alone(plan: Plan) -> None:
    for server, peer, own, other in (
        ("edge01", "router01", EDGE, ROUTER),
        ("router01", "edge01", ROUTER, EDGE),
    ):
        accepted = [
            (rule.sources, rule.destinations, rule.protocol, rule.port)
            for rule in plan.servers[server].filter.incoming
            if rule.flow == f"tunnel-{peer}"
        ]
        assert accepted == [((other,), (own,), "udp", 51820)]


def test_tunnel_leads_to_all_that_is_behind_its_other_end(plan: Plan) -> None:
    assert plan.tunnels["edge01"]["router01"].prefixes == ("10.9.5.0/24", "10.9.6.0/24")
    assert plan.tunnels["router01"]["edge01"].prefixes == (
        *("10.9.1.0/24", "10.9.2.0/24", "10.9.3.0/24", "10.9.4.0/24"),
    )


def test_router_is_managed_outside_of_the_tunnel(plan: Plan, topology: Topology) -> None:
    assert find_management_address(plan, "router01") == "203.0.113.3"
    assert find_way_in(plan, "router01") == "203.0.113.2"
    devices = topology.devices["edge01"]
    way = [r for r in plan.servers["edge01"].filter.forward if r.flow == "way-to-router01"]
    assert [(r.in_device, r.out_device, r.sources, r.destinations, r.port) for r in way] == [
        (devices["beheer"], devices["internet"], ("10.9.4.11/32",), (ROUTER,), 22)
    ]
    arriving = [r for r in plan.servers["router01"].filter.incoming if r.flow == "way-to-router01"]
    assert [(rule.sources, rule.destinations) for rule in arriving] == [((EDGE,), (ROUTER,))]


def test_other_servers_are_managed_at_their_own_address(plan: Plan) -> None:
    assert find_management_address(plan, "db01") == plan.servers["db01"].address
    assert find_way_in(plan, "db01") == plan.resolver


def test_ends_of_tunnels_are_checked(plan: Plan) -> None:
    for server in ("edge01", "router01"):
        assert f"service/{server}/wg-quick@wg0.service" in plan.checks
        listener = plan.checks[f"listener/{server}"]
        assert "udp/51820" in getattr(listener, "listeners", ())
