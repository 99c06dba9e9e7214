"""The way between two servers, over the edge, a site's router, or both, as the matrix tries it."""

from itertools import permutations
from pathlib import Path

import pytest

from infra.plan import compile_plan
from infra.plan.matrix import Pair, find_untried, plan_pairs
from infra.plan.model import Plan
from infra.plan.path import find_path
from infra.record import load
from infra.record.model import Tenant
from tests.unit.plan.test_pair import doubled
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import SITE, change_record, read_changes


@pytest.fixture
def tenant(tmp_path: Path) -> Tenant:
    """Return the good record with a town hall, where two workplaces are in different zones."""
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(SITE))
    tenant = load(folder)
    places = {
        f"{segment}01": tenant.servers["app01"].model_copy(
            update={"segment": segment, "address": address, "roles": ("workplace",)}
        )
        for segment, address in (("balie", "10.9.5.11"), ("wifi", "10.9.6.11"))
    }
    packages = tenant.flows["packages"]
    reached = packages.model_copy(update={"sources": (*packages.sources, "wifi")})
    return tenant.model_copy(
        update={
            "servers": dict(sorted((tenant.servers | places).items())),
            "flows": tenant.flows | {"packages": reached},
        }
    )


@pytest.fixture
def plan(tenant: Tenant) -> Plan:
    return compile_plan(tenant)


def _flows(plan: Plan, pair: Pair) -> set[tuple[str, int]]:
    return {
        (flow.protocol, flow.port)
        for flow in plan.flows.values()
        if pair.source in flow.source_servers and pair.destination in flow.destination_servers
    }


def _way(plan: Plan, source: str, destination: str) -> list[str]:
    links = find_path(plan, source, destination, "edge01")
    assert [link.receiver for link in links[:-1]] == [link.sender for link in links[1:]]
    assert (links[0].sender, links[-1].receiver) == (source, destination)
    return [link.receiver + " by tunnel" * link.is_tunnel for link in links]


def test_each_way_leads_over_all_who_forward_and_nobody_else(plan: Plan) -> None:
    assert _way(plan, "app01", "db01") == ["edge01", "db01"]
    assert _way(plan, "app01", "edge01") == ["edge01"]
    assert _way(plan, "app01", "balie01") == ["edge01", "router01 by tunnel", "balie01"]
    assert _way(plan, "balie01", "app01") == ["router01", "edge01 by tunnel", "app01"]
    assert _way(plan, "app01", "router01") == ["edge01", "router01 by tunnel"]
    assert _way(plan, "router01", "app01") == ["edge01 by tunnel", "app01"]
    assert _way(plan, "edge01", "balie01") == ["router01 by tunnel", "balie01"]
    assert _way(plan, "router01", "edge01") == ["edge01 by tunnel"]
    assert _way(plan, "balie01", "wifi01") == ["router01", "wifi01"]
    assert _way(plan, "balie01", "router01") == ["router01"]


def test_open_is_what_the_flows_allow_also_through_a_tunnel(plan: Plan) -> None:
    pairs = plan_pairs(plan)
    assert sorted((pair.source, pair.destination) for pair in pairs) == sorted(
        permutations(plan.servers, 2)
    )
    beyond = [pair for pair in pairs if len(pair.passages) > 1]
    assert any(pair.open for pair in beyond)
    for pair in pairs:
        assert pair.open == _flows(plan, pair), pair
        for passage in pair.passages:
            assert passage.forward == pair.reach_from(passage) == pair.open, pair


def test_from_the_edge_that_stands_by_no_way_leads_to_a_site(tenant: Tenant) -> None:
    plan = compile_plan(doubled(tenant))
    for edge, other in permutations(("edge01", "edge02")):
        untried = find_untried(plan, edge)
        beyond = ("balie01", "router01", "wifi01")
        assert {(one.source, one.destination) for one in untried} == {
            *((other, end) for end in beyond),
            *((end, other) for end in beyond),
        }
        assert {one.reason for one in untried} == {
            f"the tunnels are at {edge}, which forwards: {other} stands by without any"
        }
        tried = [(pair.source, pair.destination) for pair in plan_pairs(plan, edge)]
        assert len(tried) + len(untried) == len(plan.servers) * (len(plan.servers) - 1)


def test_an_edge_alone_leaves_nothing_untried(plan: Plan) -> None:
    assert find_untried(plan, "edge01") == ()
