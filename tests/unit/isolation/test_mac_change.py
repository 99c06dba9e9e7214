"""Who takes another MAC, who sends to it, and when that proves something (I11).

Does not prove what a switch does with the frames: the lab's tests do.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from scapy.layers.l2 import ARP, Ether

from infra.isolation.compile import Campaign
from infra.isolation.ground import Ground
from infra.isolation.judge import HostKey, Report, judge
from infra.isolation.mac_change import (
    HELD_S,
    TO_OTHER_S,
    TO_OWN_S,
    MacChange,
    MacChangeSeen,
    other_mac,
    rounds,
)
from infra.isolation.outcome import Outcome
from tests.unit.isolation.conftest import moment, see_well

Reports = dict[HostKey, Report]


def change_of(campaign: Campaign, server: str = "app01") -> MacChange:
    """Return what one of our servers does."""
    (change,) = (c for c in campaign.mac_changes if c.leg.server == server)
    return change


def outcome_of(
    ground: Ground, campaign: Campaign, reports: Reports, server: str = "app01"
) -> Outcome:
    """Judge; return the outcome of one of our servers."""
    token = change_of(campaign, server).token
    (outcome,) = (o for o in judge(ground, campaign, reports) if o.token == token)
    return outcome


def test_every_zone_changes_and_no_gateway_nor_leg_without_a_peer(
    ground: Ground, campaign: Campaign
) -> None:
    changed = {change.leg for change in campaign.mac_changes}
    assert changed == {leg for leg in ground.sources if not leg.is_shared}
    assert not {leg.server for leg in changed} & {"edge01"}


def test_peer_stands_in_the_same_network(campaign: Campaign) -> None:
    for change in campaign.mac_changes:
        assert change.peer.network == change.leg.network
        assert change.peer.host != change.leg.host


def test_frames_go_to_the_other_mac_then_to_the_own(campaign: Campaign) -> None:
    change = change_of(campaign)
    assert Ether(change.to_other).dst == change.mac
    assert Ether(change.to_own).dst == change.leg.mac
    assert {Ether(frame).src for frame in (change.to_other, change.to_own)} == {change.peer.mac}
    assert change.token.encode() in change.to_other
    assert change.control.encode() in change.to_own


def test_switch_is_shown_the_other_mac_and_everybody_told_of_the_own_again(
    campaign: Campaign,
) -> None:
    change = change_of(campaign)
    assert Ether(change.under_other).src == change.mac
    told = Ether(change.announcement)[ARP]
    address = str(change.leg.address.ip)
    assert (told.op, told.hwsrc, told.psrc, told.pdst) == (1, change.leg.mac, address, address)


def test_all_frames_to_the_other_mac_go_while_it_is_held_and_the_others_afterwards() -> None:
    assert all(0 < at < HELD_S for at in TO_OTHER_S)
    assert all(at > HELD_S for at in TO_OWN_S)


def test_other_mac_is_nobodys_and_of_this_run_alone() -> None:
    macs = [other_mac(run, number) for run in ("8d3f1c02", "8d3f1c03") for number in range(300)]
    assert len({*macs}) == len(macs)
    # Locally administered, and of one station (IEEE 802).
    assert {int(mac[:2], 16) & 3 for mac in macs} == {2}


def test_nobody_is_changed_while_he_sends(campaign: Campaign) -> None:
    assert len(rounds(campaign.mac_changes)) == 1, "the edge sends to all at once"
    one, other, third = campaign.mac_changes[:3]
    one = replace(one, peer=other.leg)
    assert rounds([one, other, third]) == [[one, third], [other]]
    back = replace(other, peer=one.leg)
    assert rounds([one, back]) == [[one], [back]]
    again = replace(one, leg=replace(one.leg, device="eth9"))
    assert rounds([one, again]) == [[one], [again]]


def test_silence_at_the_other_mac_passes(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    outcome = outcome_of(ground, campaign, reports)
    assert (outcome.case, outcome.verdict, outcome.sent) == ("I11", "pass", len(TO_OTHER_S))
    assert (outcome.source.server, outcome.target.server) == ("edge01", "app01")
    assert outcome.source.zone == outcome.target.zone == "app"


def test_one_frame_at_the_other_mac_fails(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    change = change_of(campaign)
    report = reports[change.leg.host]
    device = change.leg.device
    reports[change.leg.host] = replace(
        report,
        heard={**report.heard, device: {**report.heard[device], change.token: 1}},
        frames={change.token: (0.0, change.to_other)},
    )
    outcome = outcome_of(ground, campaign, reports)
    assert (outcome.verdict, outcome.arrived) == ("fail", 1)
    assert outcome.detail.startswith("1 arrived, first ")
    assert outcome_of(ground, campaign, reports, "db01").verdict == "pass"


def _late(seen: MacChangeSeen) -> MacChangeSeen:
    return replace(seen, sent=(*seen.sent[:-1], moment(HELD_S)))


def _early(seen: MacChangeSeen) -> MacChangeSeen:
    return replace(seen, sent=(moment(0.005), *seen.sent[1:]))


@pytest.mark.parametrize(
    ("spoil", "claim"),
    [
        (lambda seen: replace(seen, had=seen.has), "it had the other address"),
        (lambda seen: replace(seen, has=seen.had), "it has its own address again"),
        (lambda seen: replace(seen, sent=()), "all was sent while it had that"),
        (_late, "all was sent while it had that"),
        (_early, "all was sent while it had that"),
    ],
)
def test_silence_proves_nothing_without(
    ground: Ground,
    campaign: Campaign,
    reports: Reports,
    spoil: Callable[[MacChangeSeen], MacChangeSeen],
    claim: str,
) -> None:
    change = change_of(campaign)
    spoilt = {change.token: spoil(see_well(change))}
    reports[change.leg.host] = replace(reports[change.leg.host], mac_changes=spoilt)
    outcome = outcome_of(ground, campaign, reports)
    assert outcome.verdict == "inconclusive"
    assert outcome.detail == f"silence proves nothing: not shown that {claim}"


def test_host_that_is_deaf_at_its_own_address_afterwards_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    change = change_of(campaign)
    report = reports[change.leg.host]
    heard = {t: n for t, n in report.heard[change.leg.device].items() if t != change.control}
    reports[change.leg.host] = replace(report, heard={**report.heard, change.leg.device: heard})
    outcome = outcome_of(ground, campaign, reports)
    assert outcome.verdict == "inconclusive"
    assert outcome.detail.endswith("that it hears the same at its own address")


def test_host_on_which_another_run_listens_is_not_made_deaf_and_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    change = change_of(campaign)
    report = reports[change.leg.host]
    reports[change.leg.host] = replace(report, is_alone=False, mac_changes={})
    outcome = outcome_of(ground, campaign, reports)
    assert outcome.verdict == "inconclusive"
    assert "not shown that no other run listened there" in outcome.detail
