"""Claims that hold for every record, tried on drawn ones."""

from ipaddress import IPv4Network

from hypothesis import given

from infra.plan import compile_plan
from infra.plan.model import DeniedCheck, FlowCheck, Plan
from infra.record.model import Tenant
from tests.unit.plan.records import tenants


def _reversed(tenant: Tenant) -> Tenant:
    """Give the same record with every map in the opposite order."""
    return tenant.model_copy(
        update={
            part: dict(reversed(getattr(tenant, part).items()))
            for part in ("zones", "servers", "flows", "administrators")
        }
    )


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
        smaller = tenant.model_copy(
            update={"servers": {k: s for k, s in tenant.servers.items() if k != key}}
        )
        before, after = compile_plan(tenant).servers, compile_plan(smaller).servers
        assert after == {name: server for name, server in before.items() if name != key}


@given(tenants())
def test_no_denied_port_is_one_that_a_flow_allows(tenant: Tenant) -> None:
    checks = compile_plan(tenant).checks.values()
    allowed = {(c.server, c.address, c.port) for c in checks if isinstance(c, FlowCheck)}
    denied = [check for check in checks if isinstance(check, DeniedCheck)]
    assert denied
    for check in denied:
        assert not {(check.server, check.address, port) for port in check.ports} & allowed
        assert (check.server, check.control_address, check.control_port) in allowed
