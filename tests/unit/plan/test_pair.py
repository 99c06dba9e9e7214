"""A pair of edges: both forward the same, and each hears its partner and nobody else."""

from itertools import chain
from typing import Any

import pytest
from hypothesis import given

from infra.plan import compile_plan
from infra.plan.matrix import (
    GatewayError,
    find_holder,
    matrix_udp_ports,
    plan_pairs,
    plan_rounds,
)
from infra.plan.pair import SYNCHRONISATION_PORT
from infra.plan.path import find_edges
from infra.record.model import Flow, Tenant
from tests.unit.plan.records import tenants

EDGES = ("edge01", "edge02")


def doubled(tenant: Tenant) -> Tenant:
    """Give a record a second edge: addresses of its own for each, the gateways for neither.

    Outside both have the same one.
    """
    alone = tenant.servers["edge01"]
    edges = {
        edge: alone.model_copy(
            update={
                "address": alone.address + number,
                "interfaces": {
                    key: leg if key in tenant.outside else leg + number
                    for key, leg in alone.interfaces.items()
                },
            }
        )
        for number, edge in enumerate(EDGES, start=1)
    }
    flows = {key: _with_both(flow) for key, flow in tenant.flows.items()}
    return tenant.model_copy(update={"servers": tenant.servers | edges, "flows": flows})


def _with_both(flow: Flow) -> Flow:
    """Name the second edge wherever the first one stands."""
    update: dict[str, Any] = {
        side: (*ends, EDGES[1])
        for side, ends in (("sources", flow.sources), ("destinations", flow.destinations))
        if EDGES[0] in ends
    }
    return flow.model_copy(update=update)


@given(tenants())
def test_both_forward_what_a_lone_edge_would(tenant: Tenant) -> None:
    alone = compile_plan(tenant).servers["edge01"].filter.forward
    plan = compile_plan(doubled(tenant))
    assert {plan.servers[edge].filter.forward for edge in EDGES} == {alone}
    assert plan.separations["edge"] == EDGES, "on different hypervisors"


@given(tenants())
def test_each_hears_its_partner_in_every_segment_and_nobody_else_does(tenant: Tenant) -> None:
    plan = compile_plan(doubled(tenant))
    heard = {
        (key, rule.in_device, rule.port, *rule.sources, *rule.destinations)
        for key, server in plan.servers.items()
        for rule in server.filter.incoming
        if rule.protocol == "vrrp" or rule.port == SYNCHRONISATION_PORT
    }
    address = {
        (edge, nic.device): f"{str(nic.address).partition('/')[0]}/32"
        for edge in EDGES
        for nic in plan.servers[edge].nics
    }
    assert heard == {
        (edge, device, port, address[partner, device], address[edge, device])
        for edge, partner in (EDGES, EDGES[::-1])
        for device in {device for _, device in address}
        for port in (None, *((SYNCHRONISATION_PORT,) if device == "eth0" else ()))
    }


@given(tenants())
def test_a_lone_edge_has_no_such_rule(tenant: Tenant) -> None:
    servers = compile_plan(tenant).servers.values()
    rules = [rule for server in servers for rule in server.filter.incoming + server.filter.outgoing]
    assert all(rule.port for rule in rules)


@given(tenants())
def test_what_edges_tell_each_other_is_in_the_matrix(tenant: Tenant) -> None:
    """A port that a rule lets pass and nobody tries would pass for broken."""
    plan = compile_plan(doubled(tenant))
    assert SYNCHRONISATION_PORT in matrix_udp_ports(plan)
    planned = {port for pair in plan_pairs(plan) for kind, port in pair.incoming if kind == "udp"}
    assert planned <= {*matrix_udp_ports(plan)}


@given(tenants())
def test_matrix_goes_through_the_edge_that_holds_the_gateways(tenant: Tenant) -> None:
    plan = compile_plan(doubled(tenant))
    assert find_edges(plan) == EDGES
    gateways = [segment.gateway for segment in plan.segments.values()]
    own = {
        edge: [str(nic.address).partition("/")[0] for nic in plan.servers[edge].nics]
        for edge in EDGES
    }
    for edge in EDGES:
        holds = {other: own[other] + (gateways if other == edge else []) for other in EDGES}
        assert find_holder(plan, holds) == edge
        macs = {nic.mac for nic in plan.servers[edge].nics}
        pairs = list(chain.from_iterable(plan_rounds(plan, edge)))
        between = [pair for pair in pairs if pair.passages]
        assert between
        assert {pair.arrival.sender for pair in between} == {edge}
        assert {pair.departure.to_mac for pair in between} <= macs


@given(tenants())
def test_gateways_at_no_edge_or_at_both_are_told(tenant: Tenant) -> None:
    plan = compile_plan(doubled(tenant))
    first, *others = (segment.gateway for segment in plan.segments.values())
    with pytest.raises(GatewayError, match="edge01 holds none; edge02 holds none; one edge must"):
        find_holder(plan, {"edge01": [], "edge02": []})
    with pytest.raises(GatewayError, match=f"edge01 holds {first}; edge02 holds"):
        find_holder(plan, {"edge01": [first], "edge02": others})
