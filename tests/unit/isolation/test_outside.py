"""What is tried at the border with networks outside, and how it is judged by the legs there.

The tenant has a pair of edges and a town hall; the neighbour has an edge, and the provider a
partner. It does not prove that an edge drops anything: the lab's tests do.
"""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from infra.isolation.compile import Campaign, Trial, compile_campaign
from infra.isolation.ground import Ground, find_uplinks, survey
from infra.isolation.judge import HostKey, Report, judge
from infra.isolation.outcome import Outcome
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs
from infra.record.provider import Provider
from tests.unit.isolation.conftest import RUN, joined, outputs_of, report_well

UPLINK = "internet"
EDGES, ROUTER, THEIRS = "203.0.113.11", "203.0.113.12", "203.0.113.21"
PAIR = {("werkendam", "edge01"), ("werkendam", "edge02")}
ROUTERS = {("werkendam", "router01")}
NEIGHBOUR = {("aalburg", "edge01")}
CASES = ["I01", "I16", "I16", "I03", "I03"]


@pytest.fixture(scope="module")
def tenant() -> StackOutputs:
    """Return the example tenant."""
    return outputs_of(ROOT / "tenants" / "werkendam", "10.255.0.11")


@pytest.fixture(scope="module")
def neighbour(other: StackOutputs) -> StackOutputs:
    """Return a neighbour whose edge is in the same network outside."""
    return joined(other, "edge01", UPLINK, f"{THEIRS}/24")


@pytest.fixture(scope="module")
def outside(tenant: StackOutputs, neighbour: StackOutputs, provider: Provider) -> Ground:
    """Return the ground of both."""
    return survey(tenant, [neighbour], provider, {})


@pytest.fixture(scope="module")
def tried(outside: Ground) -> Campaign:
    """Return all that is tried there."""
    return compile_campaign(outside, RUN)


def leaving(campaign: Campaign, server: str, case: str | None = None) -> list[Trial]:
    """Return what is tried from one of our servers outwards."""
    return [
        trial
        for trial in campaign.trials
        if trial.attempt.outside
        and trial.attempt.source.server == server
        and case in (None, trial.attempt.case)
    ]


def entering(campaign: Campaign, case: str | None = None) -> list[Trial]:
    """Return what is tried from outside."""
    return [
        trial
        for trial in campaign.trials
        if trial.attempt.source.network == UPLINK and case in (None, trial.attempt.case)
    ]


def packets(trial: Trial) -> list[IP]:
    """Return the IPv4 packets of a trial."""
    return [Ether(frame)[IP] for frame in trial.attempt.build(b"")]


def services(trial: Trial, destination: str) -> set[int]:
    """Return the TCP ports tried there."""
    return {p[TCP].dport for p in packets(trial) if p.dst == destination and TCP in p}


def test_every_zone_with_a_gateway_tries_the_network_outside(
    outside: Ground, tried: Campaign
) -> None:
    for source in outside.sources:
        cases = [
            trial.attempt.case
            for trial in tried.trials
            if trial.attempt.source == source and trial.attempt.outside
        ]
        assert cases == (CASES if outside.gateways(source) else [])


def test_every_leg_there_is_a_sensor(tried: Campaign) -> None:
    (trial,) = leaving(tried, "app01", "I01")
    assert {leg.host for leg in trial.attempt.outside} == PAIR | ROUTERS | NEIGHBOUR
    assert {leg.zone for leg in trial.attempt.outside} == {UPLINK}


@pytest.mark.parametrize(
    ("server", "addresses"), [("app01", {ROUTER, THEIRS}), ("werkplek02", {EDGES, THEIRS})]
)
def test_only_what_its_gateway_has_not_itself_is_tried(
    tried: Campaign, server: str, addresses: set[str]
) -> None:
    (trial,) = leaving(tried, server, "I01")
    assert {packet.dst for packet in packets(trial)} == addresses


@pytest.mark.parametrize(("server", "is_tried"), [("bastion01", False), ("app01", True)])
def test_what_the_plan_lets_leave_is_no_attack(
    tried: Campaign, server: str, is_tried: bool
) -> None:
    """The bastion reaches the router there; nobody else does."""
    (trial,) = leaving(tried, server, "I01")
    assert (22 in services(trial, ROUTER)) == is_tried
    assert 22 in services(trial, THEIRS)
    assert {80, 443} <= services(trial, ROUTER)


def test_who_may_leave_is_pretended_from_every_other_segment(
    outside: Ground, tried: Campaign
) -> None:
    bastion = outside.plan.resolver
    guests = IPv4Address("10.21.114.254")
    for server in ("app01", "werkplek02"):
        v4, _ = leaving(tried, server, "I03")
        lies = {(p.src, p.dst, p[TCP].dport) for p in packets(v4)}
        assert {(str(guests), THEIRS, 443), (str(guests), THEIRS, 80)} <= lies
        assert ((bastion, ROUTER, 22) in lies) == (server == "app01"), "the router is its own"
        assert {"192.0.2.1"} < {source for source, _, _ in lies}
    v4, _ = leaving(tried, "bastion01", "I03")
    assert bastion not in {p.src for p in packets(v4)}


def test_each_address_outside_attacks_what_is_behind_the_others(
    outside: Ground, tried: Campaign
) -> None:
    guarded = (
        {host.key for host in outside.hosts.values() if host.tenant == outside.own} - PAIR - ROUTERS
    )
    found = {}
    for trial in entering(tried):
        assert {target.key for target in trial.attempt.targets} == guarded
        found.setdefault(str(trial.attempt.source.address.ip), []).append(trial.attempt.case)
    assert found == {EDGES: CASES, ROUTER: CASES, THEIRS: CASES}


def test_gates_are_asked_at_their_own_address_too(outside: Ground, tried: Campaign) -> None:
    trial = next(t for t in entering(tried, "I01") if str(t.attempt.source.address.ip) == THEIRS)
    frames = [Ether(frame) for frame in trial.attempt.build(b"")]
    gates = {leg.mac for leg in outside.gates(UPLINK)}
    assert {frame.dst for frame in frames} == gates
    assert {EDGES, ROUTER, "10.21.20.11", "10.21.30.11"} <= {frame[IP].dst for frame in frames}
    assert trial.attempt.witness in outside.gates(UPLINK)


def test_who_is_inside_is_pretended_from_outside(outside: Ground, tried: Campaign) -> None:
    for trial in entering(tried, "I03")[::2]:
        lies = {(p.src, p.dst) for p in packets(trial)}
        assert (outside.plan.resolver, "10.21.20.11") in lies


def outcomes(ground: Ground, campaign: Campaign, reports: dict[HostKey, Report]) -> list[Outcome]:
    """Return what is no pass."""
    return [o for o in judge(ground, campaign, reports) if o.verdict != "pass"]


def test_silence_with_all_controls_passes(outside: Ground, tried: Campaign) -> None:
    reports = report_well(outside, tried)
    assert outcomes(outside, tried, reports) == []


def test_packet_that_leaves_fails_at_the_leg_where_it_was_seen(
    outside: Ground, tried: Campaign
) -> None:
    reports = report_well(outside, tried)
    (trial,) = leaving(tried, "app01", "I01")
    (gate,) = (leg for leg in trial.attempt.outside if leg.server == "edge02")
    report = reports[gate.host]
    heard = {**report.heard, gate.device: {**report.heard[gate.device], trial.token: 2}}
    frames = {trial.token: (0.0, trial.attempt.build(trial.token.encode())[0])}
    reports[gate.host] = replace(report, heard=heard, frames=frames)
    (failed,) = outcomes(outside, tried, reports)
    assert (failed.verdict, failed.arrived) == ("fail", 2)
    assert (failed.target.server, failed.target.zone) == ("edge02", UPLINK)
    assert failed.detail.startswith("2 arrived, first Ether / IP")


def test_what_a_gate_hears_within_is_no_leak(tried: Campaign) -> None:
    """It is the witness that its own network heard the same."""
    (trial,) = leaving(tried, "app01", "I01")
    witness = trial.attempt.witness
    assert witness is not None
    assert witness.host in PAIR
    assert witness.network != UPLINK


@pytest.mark.parametrize("tokens", [0, 1])
def test_gate_that_does_not_see_what_leaves_proves_nothing(
    outside: Ground, tried: Campaign, tokens: int
) -> None:
    """It hears its network, and its own beacons, early or late, were not seen to leave."""
    reports = report_well(outside, tried)
    (gate,) = (leg for leg in outside.gates(UPLINK) if leg.server == "edge01")
    (beacon,) = (beacon for beacon in tried.beacons if beacon.leg == gate)
    report = reports[gate.host]
    heard = {t: n for t, n in report.heard[gate.device].items() if t != beacon.tokens[tokens]}
    reports[gate.host] = replace(report, heard={**report.heard, gate.device: heard})
    bad = outcomes(outside, tried, reports)
    assert {(o.verdict, o.target.server, o.target.zone) for o in bad} == {
        ("inconclusive", "edge01", UPLINK)
    }
    assert all("the target hears its network" in o.detail for o in bad)


def test_network_where_nobody_else_is_is_told_and_nothing_is_inconclusive(
    neighbour: StackOutputs, provider: Provider
) -> None:
    ground = survey(neighbour, [], provider, {})
    campaign = compile_campaign(ground, RUN)
    assert not [trial for trial in campaign.trials if trial.attempt.outside]
    assert [(u.case, u.reason) for u in campaign.untested if u.reason.endswith(UPLINK)] == [
        ("I01", f"one host is alone, so that it is not shown to hear there, in {UPLINK}"),
        ("I03", f"no other host has an address there, so that nothing was sent to {UPLINK}"),
    ]
    assert outcomes(ground, campaign, report_well(ground, campaign)) == []


def test_partner_of_the_providers_own_record_is_outside_for_others_alone(
    neighbour: StackOutputs, own: StackOutputs, provider: Provider
) -> None:
    """Its VLAN is that of the network; by its ports it is no place of hypervisors."""
    plan, vlan = own.plan, provider.networks[UPLINK].vlan
    segments = {**plan.segments, "data": plan.segments["data"].model_copy(update={"vlan": vlan})}
    meeting = own.model_copy(update={"plan": plan.model_copy(update={"segments": segments})})
    ground = survey(neighbour, [meeting], provider, {})
    theirs = {("werkendam", "db01"), ("werkendam", "edge01")}
    assert {leg.host for leg in ground.outside[UPLINK]} == NEIGHBOUR | theirs
    tried = compile_campaign(ground, RUN)
    assert "I19" not in {trial.attempt.case for trial in tried.trials}
    assert outcomes(ground, tried, report_well(ground, tried)) == []
    ground = survey(meeting, [neighbour], provider, {})
    assert {leg.host for leg in ground.outside[UPLINK]} == NEIGHBOUR
    assert ground.gates(UPLINK) == ()
    tried = compile_campaign(ground, RUN)
    assert outcomes(ground, tried, report_well(ground, tried)) == []


def test_sensors_of_edges_and_routers_watch_what_leaves(tenant: StackOutputs) -> None:
    watched = find_uplinks(tenant.plan)
    assert watched.keys() == {("werkendam", server) for server in tenant.plan.servers}
    assert {key for key, devices in watched.items() if devices} == PAIR | ROUTERS
