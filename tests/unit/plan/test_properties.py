"""Claims that hold for every record, tried on drawn ones."""

from ipaddress import IPv4Network

from hypothesis import assume, given

from infra.plan import compile_plan
from infra.plan.model import DeniedCheck, FlowCheck, Plan
from infra.record.model import Tenant
from tests.unit.plan.records import tenants


def _reversed(tenant: Tenant) -> Tenant:
    """Give the same record with every map, and the ends of every flow, in the opposite order."""
    turned = tenant.model_copy(
        update={
            part: dict(reversed(getattr(tenant, part).items()))
            for part in ("zones", "servers", "flows", "administrators")
        }
    )
    flows = {
        key: flow.model_copy(
            update={"sources": flow.sources[::-1], "destinations": flow.destinations[::-1]}
        )
        for key, flow in turned.flows.items()
    }
    return turned.model_copy(update={"flows": flows})


def _without(tenant: Tenant, part: str, key: str) -> Tenant:
    """Give a record without one entry of a map."""
    left = {name: entry for name, entry in getattr(tenant, part).items() if name != key}
    return tenant.model_copy(update={part: left})


def _changed(before: Plan, after: Plan) -> set[str]:
    """Name the servers of both plans that are not the same in both."""
    both = before.servers.keys() & after.servers.keys()
    return {key for key in both if before.servers[key] != after.servers[key]}


@given(tenants())
def test_no_two_nics_share_an_address_or_a_mac(tenant: Tenant) -> None:
    nics = [nic for server in compile_plan(tenant).servers.values() for nic in server.nics]
    addresses = [nic.address for nic in nics if nic.address]
    assert len(addresses) == len(set(addresses))
    assert len(nics) == len({nic.mac for nic in nics})


@given(tenants())
def test_every_rule_is_within_the_tenants_prefixes(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    prefixes = [IPv4Network(segment.prefix) for segment in plan.segments.values()]
    for server in plan.servers.values():
        for rule in (*server.filter.incoming, *server.filter.outgoing, *server.filter.forward):
            for prefix in (*rule.sources, *rule.destinations):
                assert any(IPv4Network(prefix).subnet_of(whole) for whole in prefixes), rule


@given(tenants())
def test_forward_rules_take_addresses_from_their_own_segment_only(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    edge = plan.servers["edge01"]
    prefix_of = {
        nic.device: IPv4Network(plan.segments[nic.segment].prefix)
        for nic in edge.nics
        if nic.segment
    }
    for rule in edge.filter.forward:
        assert rule.in_device != rule.out_device
        for source in rule.sources:
            assert IPv4Network(source).subnet_of(prefix_of[rule.in_device or ""]), rule
        for destination in rule.destinations:
            assert IPv4Network(destination).subnet_of(prefix_of[rule.out_device or ""]), rule


@given(tenants())
def test_compiling_twice_and_in_another_order_gives_the_same(tenant: Tenant) -> None:
    plan = compile_plan(tenant).model_dump_json()
    assert compile_plan(tenant).model_dump_json() == plan
    assert compile_plan(_reversed(tenant)).model_dump_json() == plan


@given(tenants())
def test_plan_survives_the_way_through_json(tenant: Tenant) -> None:
    plan = compile_plan(tenant)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@given(tenants())
def test_removing_a_server_changes_no_other(tenant: Tenant) -> None:
    ends = {name for flow in tenant.flows.values() for name in flow.sources + flow.destinations}
    removable = sorted(set(tenant.servers) - ends - {"edge01", "bastion01"})
    zone_of = {key: server.segment for key, server in tenant.servers.items()}
    for key in removable:
        if sum(zone == zone_of[key] for zone in zone_of.values()) == 1:
            continue
        before, after = compile_plan(tenant), compile_plan(_without(tenant, "servers", key))
        # Read the other way round: adding it changes no other.
        assert after.servers.keys() == before.servers.keys() - {key}
        assert _changed(before, after) == set()


@given(tenants())
def test_a_flow_concerns_its_ends_and_the_edge_only(tenant: Tenant) -> None:
    before = compile_plan(tenant)
    for key in sorted(set(tenant.flows) - {"management-ssh", "packages"}):
        flow = before.flows[key]
        after = compile_plan(_without(tenant, "flows", key))
        assert _changed(before, after) <= {
            *flow.source_servers,
            *flow.destination_servers,
            "edge01",
        }


@given(tenants())
def test_a_server_that_moves_keeps_its_mac_and_moves_nobody_else(tenant: Tenant) -> None:
    assume("data" in tenant.zones)
    before = compile_plan(tenant)
    mover = next(key for key in tenant.servers if key.startswith("app"))
    there = {"segment": "data", "address": tenant.zones["data"].segments["data"].prefix[99]}
    moved = tenant.servers[mover].model_copy(update=there)
    servers = tenant.servers | {mover: moved}
    after = compile_plan(tenant.model_copy(update={"servers": servers}))
    assert after.servers[mover].nics[0].mac == before.servers[mover].nics[0].mac
    assert after.servers[mover].nics[0].segment == "data"
    others = before.servers.keys() - {mover}
    assert {key: after.servers[key].nics for key in others} == {
        key: before.servers[key].nics for key in others
    }


@given(tenants())
def test_no_denied_port_is_one_that_a_flow_allows(tenant: Tenant) -> None:
    checks = compile_plan(tenant).checks.values()
    allowed = {(c.server, c.address, c.port) for c in checks if isinstance(c, FlowCheck)}
    denied = [check for check in checks if isinstance(check, DeniedCheck)]
    assert denied
    for check in denied:
        assert not {(check.server, check.address, port) for port in check.ports} & allowed
        assert (check.server, check.control_address, check.control_port) in allowed
