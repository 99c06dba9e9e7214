"""A pair of edges outside: one address and one tunnel for both, whoever holds the gateways."""

from pathlib import Path

import pytest

from infra.components.first_boot import _ethernet
from infra.plan import compile_plan
from infra.plan.model import AddressCheck, Nic, Plan
from infra.plan.tunnel import find_end, find_ends, find_way_in
from infra.record import load
from infra.record.model import Tenant
from tests.unit.plan.test_pair import EDGES, doubled
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import SITE, change_record, read_changes

ADDRESS = "203.0.113.2"


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """Return the good record with a town hall."""
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(SITE))
    return load(folder)


@pytest.fixture
def plan(tenant: Tenant) -> Plan:
    """Return its plan with two edges."""
    return compile_plan(doubled(tenant))


def outer(plan: Plan, edge: str) -> Nic:
    """Return an edge's leg outside."""
    return next(nic for nic in plan.servers[edge].nics if nic.segment in plan.outside)


def test_both_forward_what_a_lone_edge_would(tenant: Tenant, plan: Plan) -> None:
    alone = compile_plan(tenant).servers["edge01"].filter.forward
    assert {rule.flow for rule in alone} >= {"names", "way-to-router01"}
    assert {plan.servers[edge].filter.forward for edge in EDGES} == {alone}


def test_neither_has_an_address_of_its_own_outside(plan: Plan) -> None:
    for edge in EDGES:
        leg = outer(plan, edge)
        assert (leg.address, leg.shared) == (None, f"{ADDRESS}/24")
        assert _ethernet(leg, leg.address, plan.servers[edge], "10.9.4.11", "x")["addresses"] == []
        check = plan.checks[f"address/{edge}/{leg.device}"]
        assert isinstance(check, AddressCheck)
        assert (check.address, check.shared) == (leg.address, leg.shared)


def test_they_say_nothing_to_each_other_outside(plan: Plan) -> None:
    for edge in EDGES:
        content, device = plan.servers[edge].filter, outer(plan, edge).device
        said = [rule for rule in (*content.incoming, *content.outgoing) if rule.protocol == "vrrp"]
        assert said
        assert device not in {rule.in_device for rule in said} | {rule.out_device for rule in said}


def test_both_are_one_end_of_the_tunnel(plan: Plan) -> None:
    assert plan.tunnels["edge01"] == plan.tunnels["edge02"]
    assert find_ends(plan.tunnels) == ["edge01", "router01"]
    assert [find_end(plan.tunnels, server) for server in (*EDGES, "router01")] == [
        *("edge01", "edge01", "router01"),
    ]
    (peer,) = plan.tunnels["router01"].values()
    assert peer.endpoint == find_way_in(plan, "router01") == ADDRESS
    for edge in EDGES:
        accepted = [
            (rule.sources, rule.destinations)
            for rule in plan.servers[edge].filter.incoming
            if rule.flow == "tunnel-router01"
        ]
        assert accepted == [(("203.0.113.3/32",), (f"{ADDRESS}/32",))]


def test_ends_of_several_sites_are_told_apart(plan: Plan) -> None:
    depot = plan.tunnels["router01"]
    both = {
        edge: peers | {"router02": peers["router01"]}
        for edge, peers in plan.tunnels.items()
        if edge in EDGES
    }
    tunnels = both | {"router01": depot, "router02": depot}
    assert find_ends(tunnels) == ["edge01", "router01", "router02"]
