"""What is tried: complete, each with a token of its own, and never beyond the datacenter.

Does not prove that a frame does on a wire what it says: the lab's tests do.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.snmp import SNMP, SNMPget

from infra.isolation.cases.monitoring import count_sources
from infra.isolation.compile import (
    Campaign,
    Shot,
    StrangerError,
    compile_campaign,
    refuse_strangers,
)
from infra.isolation.frame import on_wire
from infra.isolation.ground import Ground, survey
from infra.isolation.outcome import Untested
from infra.outputs import StackOutputs
from infra.record.provider import Provider
from tests.unit.isolation.conftest import NTP_TOLD

PACKET_CASES = {f"I{number:02}" for number in (*range(1, 19), 21, 22, 23, 27)}
"""Of two tenants without hosts of the provider, which I19 and I20 need."""

NAME = "isolation 0123abcd 00001"


def cases(campaign: Campaign) -> set[str]:
    """Give the cases that a campaign tries."""
    tried = {trial.attempt.case for trial in campaign.trials}
    tried |= {inquiry.question.case for inquiry in campaign.inquiries}
    return tried | {"I11" for _ in campaign.mac_changes}


def test_every_case_is_tried_or_said_to_be_untested(campaign: Campaign) -> None:
    assert cases(campaign) == PACKET_CASES
    named = {untested.case for untested in campaign.untested}
    assert named >= {"I11", "I19", "I20", "I22"}


def test_every_zone_attacks_and_the_edge_does_not(ground: Ground, own: StackOutputs) -> None:
    zones = {server.zone for server in own.plan.servers.values()}
    assert {leg.zone for leg in ground.sources} == zones | {"provider-management"}
    assert "edge01" not in {leg.server for leg in ground.sources}


def test_every_host_of_the_neighbour_is_a_target_of_every_source(
    ground: Ground, campaign: Campaign
) -> None:
    for source in ground.sources:
        hit = {
            target.key
            for trial in campaign.trials
            if trial.attempt.source == source
            for target in trial.attempt.targets
        }
        assert {host.key for host in ground.neighbours} <= hit


def test_every_frame_carries_the_token_of_its_attempt_alone(campaign: Campaign) -> None:
    tokens = [shot.token for shot in campaign.shots]
    assert len({*tokens}) == len(tokens)
    for shot in campaign.shots:
        assert shot.frames
        assert all(frame.count(shot.token.encode()) == 1 for frame in shot.frames)


def test_witness_stands_in_the_network_of_the_source(campaign: Campaign) -> None:
    for trial in campaign.trials:
        source, witness = trial.attempt.source, trial.attempt.witness
        assert (witness is None) == source.is_shared
        assert witness is None or witness.network == source.network
        assert witness is None or witness.host != source.host


def test_what_the_plan_allows_is_no_attack(campaign: Campaign, ground: Ground) -> None:
    database = ground.hosts["werkendam", "db01"]
    for trial in campaign.trials:
        attempt = trial.attempt
        if (attempt.case, attempt.targets) == ("I01", (database,)):
            packets = [Ether(frame) for frame in attempt.build(b"")]
            ports = {packet[TCP].dport for packet in packets if TCP in packet}
            assert (5432 in ports) == (attempt.source.server != "app01")
            assert 3389 in ports


def test_each_service_is_asked_in_its_own_words(campaign: Campaign) -> None:
    trial = next(
        t for t in campaign.trials if t.attempt.case == "I22" and t.attempt.source.server == "app01"
    )
    (target,) = trial.attempt.targets
    token = trial.token.encode()
    asked = {}
    for frame in trial.attempt.build(token):
        packet = Ether(frame)
        asked[packet[UDP].dport, bytes(packet[UDP].payload).replace(token, b"")] = packet
    clock = [content for port, content in asked if port == 123]
    assert sorted((content[0] & 7, len(content)) for content in clock) == [(3, 52), (6, 12), (7, 8)]
    (snmp,) = (packet for (port, _), packet in asked.items() if port == 161)
    assert (snmp[SNMP].community.val, snmp[SNMP].version.val) == (b"public", 1)
    assert isinstance(snmp[SNMP].PDU, SNMPget)
    (line,) = (content for port, content in asked if port == 514)
    assert line.startswith(f"<13>1 - {target.tenant}-{target.server} ".encode())


def test_own_edge_is_handed_no_question_to_an_address_that_is_also_ours(
    campaign: Campaign, ground: Ground
) -> None:
    edge = {leg.mac for leg in ground.hosts["werkendam", "edge01"].legs}
    asked = [
        Ether(frame)
        for trial in campaign.trials
        if trial.attempt.case == "I22"
        for frame in trial.attempt.build(b"")
    ]
    assert {packet[IP].dst for packet in asked if packet.dst in edge} == {"10.255.0.12"}


def test_own_clock_is_asked_about_each_neighbour_that_it_could_have_met(
    campaign: Campaign, ground: Ground
) -> None:
    asked = [i.question for i in campaign.inquiries if i.question.case == "I22"]
    assert {question.source.server for question in asked} == {"app01", "db01", "werkplek01"}
    assert {question.about.key for question in asked} == {("aalburg", "bastion01")}
    assert {question.address for question in asked} == {ground.plan.resolver}
    assert [question.witness for question in asked] == 3 * [None, ground.resolver, ground.resolver]


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (b"", None),
        (b"\x23" + bytes(47), None),
        (NTP_TOLD, 0),
        (b"\x24" + bytes(11) + bytes([10, 255, 0, 12]) + bytes(32), 1),
    ],
)
def test_clock_that_a_neighbour_sets_is_told_apart(reply: bytes, told: int | None) -> None:
    assert count_sources(reply, {IPv4Address("10.255.0.12")}) == told


def test_address_that_is_also_ours_is_tried_as_such_and_in_no_sweep(
    campaign: Campaign, ground: Ground
) -> None:
    neighbour = ground.hosts["aalburg", "edge01"]
    tried = {trial.attempt.case for trial in campaign.trials if neighbour in trial.attempt.targets}
    assert "I27" in tried
    assert "I01" not in tried


def test_flow_is_pretended_from_another_segment(campaign: Campaign, ground: Ground) -> None:
    office = next(leg for leg in ground.sources if leg.zone == "office")
    database = ground.hosts["werkendam", "db01"]
    frames = [
        Ether(frame)
        for trial in campaign.trials
        if (trial.attempt.case, trial.attempt.source) == ("I03", office)
        and trial.attempt.targets == (database,)
        for frame in trial.attempt.build(b"")
    ]
    assert ("10.21.20.11", 5432) in {(frame[IP].src, frame[TCP].dport) for frame in frames}


@pytest.mark.parametrize("address", ["192.0.2.1", "10.99.0.1", "10.255.0.1"])
def test_packet_to_what_stands_in_no_contract_is_refused(ground: Ground, address: str) -> None:
    source = ground.sources[0]
    packet = IP(src="10.21.10.11", dst=address) / TCP(dport=80)
    frame = on_wire(source.mac, "02:00:00:00:00:01", packet)
    with pytest.raises(StrangerError, match=f"{address} stands in no contract"):
        refuse_strangers(ground, [Shot(token=NAME, leg=source, frames=(frame,))])


def test_packet_inside_a_tunnel_is_looked_at_too(ground: Ground) -> None:
    source = ground.sources[0]
    inside = IP(src="10.21.10.11", dst=str(source.address.ip)) / IP(src="10.0.0.1", dst="192.0.2.1")
    frame = on_wire(source.mac, "02:00:00:00:00:01", inside)
    with pytest.raises(StrangerError, match=r"192\.0\.2\.1"):
        refuse_strangers(ground, [Shot(token=NAME, leg=source, frames=(frame,))])


def test_question_to_what_stands_in_no_contract_is_refused(
    ground: Ground, campaign: Campaign
) -> None:
    asked = campaign.inquiries[0]
    refuse_strangers(ground, [], [asked])
    astray = replace(asked, question=replace(asked.question, address="192.0.2.1"))
    with pytest.raises(StrangerError, match=r"192\.0\.2\.1 stands in no contract"):
        refuse_strangers(ground, [], [astray])


def test_source_that_stands_in_no_contract_is_refused(ground: Ground) -> None:
    source = replace(ground.sources[0], device="eth9")
    with pytest.raises(StrangerError, match="eth9 is in no contract"):
        refuse_strangers(ground, [Shot(token=NAME, leg=source, frames=())])


def test_ipv6_that_nobody_planned_is_tried_when_it_is_private(
    own: StackOutputs, other: StackOutputs, provider: Provider
) -> None:
    seen = {("werkendam", "db01"): [IPv6Address("fd00::11"), IPv6Address("2001:db8::1")]}
    ground = survey(own, [other], provider, seen)
    assert ground.hosts["werkendam", "db01"].ipv6 == (IPv6Address("fd00::11"),)
    frames = b"".join(f for s in compile_campaign(ground, "0").shots for f in s.frames)
    assert IPv6Address("fd00::11").packed in frames
    assert IPv6Address("2001:db8::1").packed not in frames


def test_ipv6_is_hidden_in_every_tunnel(campaign: Campaign) -> None:
    trial = next(t for t in campaign.trials if t.attempt.attack.startswith("IPv6 inside IPv4"))
    protocols = {Ether(frame)[IP].proto for frame in trial.attempt.build(b"")}
    assert protocols == {41, 47, 17}


def test_tenant_alone_says_what_it_cannot_prove(own: StackOutputs, provider: Provider) -> None:
    alone = compile_campaign(survey(own, [], provider, {}), "0")
    for case in ("I21", "I22", "I23", "I27"):
        assert case not in cases(alone)
        reason = "no other tenant is deployed on this datacenter"
        assert Untested(case=case, reason=reason) in alone.untested
    assert "I01" in cases(alone), "its own zones are still attacked"
