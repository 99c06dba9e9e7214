"""A pair of edges: both forward the same, and each hears its partner and nobody else."""

from typing import Any

from hypothesis import given

from infra.plan import compile_plan
from infra.plan.matrix import plan_rounds
from infra.plan.pair import SYNCHRONISATION_PORT
from infra.record.model import Flow, Tenant
from tests.unit.plan.records import tenants

EDGES = ("edge01", "edge02")


def doubled(tenant: Tenant) -> Tenant:
    """Give a record a second edge: addresses of its own for each, the gateways for neither."""
    alone = tenant.servers["edge01"]
    edges = {
        edge: alone.model_copy(
            update={
                "address": alone.address + number,
                "interfaces": {key: leg + number for key, leg in alone.interfaces.items()},
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
def test_matrix_goes_by_the_edge_that_it_is_told(tenant: Tenant) -> None:
    plan = compile_plan(doubled(tenant))
    ways = {}
    for edge in EDGES:
        pairs = [pair for group in plan_rounds(plan, edge) for pair in group]
        between = [pair for pair in pairs if pair.forward is not None]
        assert {pair.arrival.sender for pair in between} <= {edge}
        ways[edge] = {(p.source, p.destination): (p.forward, p.open) for p in pairs}
    assert ways["edge01"] == ways["edge02"], "both edges have the same rules"
