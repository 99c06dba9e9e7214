"""The rule: a pass needs silence and every control; anything else is fail or inconclusive."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from infra.isolation.compile import Campaign, Inquiry, Trial, compile_campaign
from infra.isolation.ground import Ground, Host
from infra.isolation.judge import HostKey, Report, decide, judge
from infra.isolation.outcome import Outcome, Verdict
from tests.unit.isolation.conftest import DNS_REFUSED, DNS_TOLD, report_well

Reports = dict[HostKey, Report]
NEIGHBOUR = ("aalburg", "app01")


@pytest.mark.parametrize(
    ("arrived", "controls", "verdict"),
    [
        (0, {"one": True, "two": True}, "pass"),
        (0, {"one": True, "two": False}, "inconclusive"),
        (0, {}, "inconclusive"),
        (1, {"one": True}, "fail"),
        (1, {"one": False}, "fail"),
    ],
)
def test_rule(arrived: int, controls: Mapping[str, bool], verdict: Verdict) -> None:
    assert decide(arrived, controls) == verdict


def verdicts(ground: Ground, campaign: Campaign, reports: Reports) -> dict[str, list[Outcome]]:
    """Judge; return the outcomes by verdict."""
    found: dict[str, list[Outcome]] = {"pass": [], "fail": [], "inconclusive": []}
    for outcome in judge(ground, campaign, reports):
        found[outcome.verdict].append(outcome)
    return found


def pick(campaign: Campaign, case: str) -> Trial:
    """Return the first trial of a case against NEIGHBOUR."""
    return next(
        trial
        for trial in campaign.trials
        if trial.attempt.case == case
        and NEIGHBOUR in {target.key for target in trial.attempt.targets}
    )


def targets(outcomes: list[Outcome]) -> set[tuple[str, str | None]]:
    """Return whom outcomes are about."""
    return {(outcome.target.tenant, outcome.target.server) for outcome in outcomes}


def test_silence_with_all_controls_passes(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    found = verdicts(ground, campaign, reports)
    assert not found["fail"] + found["inconclusive"]
    assert all(outcome.detail == "" and outcome.controls for outcome in found["pass"])


def test_one_packet_at_one_target_fails_that_outcome_alone(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    trial, report = pick(campaign, "I12"), reports[NEIGHBOUR]
    frame = trial.attempt.build(trial.token.encode())[0]
    reports[NEIGHBOUR] = replace(
        report,
        heard={**report.heard, "eth9": {trial.token: 1}},
        frames={trial.token: (0.0, frame)},
    )
    (failed,) = verdicts(ground, campaign, reports)["fail"]
    assert (failed.case, failed.target.server, failed.arrived) == ("I12", "app01", 1)
    assert failed.detail.startswith("1 arrived, first Ether / ARP")
    assert failed.capture == "isolation/aalburg-app01.pcap"


def test_witness_that_heard_nothing_leaves_its_trial_open(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    trial = pick(campaign, "I04")
    witness = trial.attempt.witness
    assert witness is not None
    report = reports[witness.host]
    heard = {token: n for token, n in report.heard[witness.device].items() if token != trial.heard}
    reports[witness.host] = replace(report, heard={**report.heard, witness.device: heard})
    (opened,) = verdicts(ground, campaign, reports)["inconclusive"]
    assert opened.token == trial.token
    assert "not shown that the own network heard the same" in opened.detail


def test_deaf_target_proves_nothing(ground: Ground, campaign: Campaign, reports: Reports) -> None:
    reports[NEIGHBOUR] = replace(reports[NEIGHBOUR], heard={})
    found = verdicts(ground, campaign, reports)
    assert NEIGHBOUR in targets(found["inconclusive"])
    # Questions are answered by our own services, whatever the target hears.
    assert NEIGHBOUR not in targets([o for o in found["pass"] if o.case not in ("I21", "I23")])


def test_leg_that_is_alone_in_its_network_is_told_and_the_others_still_count(
    ground: Ground,
) -> None:
    assert not ground.lone_legs
    edge, other = (ground.hosts[tenant, "edge01"] for tenant in ("werkendam", "aalburg"))
    routing = {}
    for host in (edge, other):
        name = f"{host.tenant}/leeg"
        alone = replace(host.legs[0], device="eth9", network=name, vlan=1999)
        routing[host.key] = replace(host, legs=(*host.legs, alone))
    wider = replace(ground, hosts={**ground.hosts, **routing})
    campaign = compile_campaign(wider, "0123abcd")
    (told,) = (each for each in campaign.untested if "is alone" in each.reason)
    assert told.reason.endswith("not shown to hear there, in werkendam/leeg, aalburg/leeg")
    reports = report_well(wider, campaign)
    found = verdicts(wider, campaign, reports)
    assert edge.key in targets(found["pass"])
    assert not found["inconclusive"]
    reports[edge.key] = replace(reports[edge.key], heard={})
    found = verdicts(wider, campaign, reports)
    assert edge.key in targets(found["inconclusive"])
    assert edge.key not in targets(found["pass"])


def test_target_that_is_deaf_at_the_end_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    late = {beacon.tokens[1] for beacon in campaign.beacons}
    report = reports[NEIGHBOUR]
    heard = {
        device: {token: n for token, n in tokens.items() if token not in late}
        for device, tokens in report.heard.items()
    }
    reports[NEIGHBOUR] = replace(report, heard=heard)
    assert NEIGHBOUR in targets(verdicts(ground, campaign, reports)["inconclusive"])


def test_lost_frames_prove_nothing(ground: Ground, campaign: Campaign, reports: Reports) -> None:
    reports[NEIGHBOUR] = replace(reports[NEIGHBOUR], lost=1)
    assert NEIGHBOUR in targets(verdicts(ground, campaign, reports)["inconclusive"])


def test_host_without_a_report_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    del reports["werkendam", "app01"]
    found = verdicts(ground, campaign, reports)
    passed = {(outcome.source.tenant, outcome.source.server) for outcome in found["pass"]}
    assert ("werkendam", "app01") not in passed
    assert ("werkendam", "app01") in targets(found["inconclusive"])


def test_frames_that_were_not_sent_prove_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    trial = pick(campaign, "I13")
    report = reports[trial.attempt.source.host]
    sent = {**report.sent, trial.token: trial.sent - 1}
    reports[trial.attempt.source.host] = replace(report, sent=sent)
    opened = verdicts(ground, campaign, reports)["inconclusive"]
    assert {outcome.token for outcome in opened} == {trial.token}


def test_resolver_that_knows_the_neighbour_fails(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    inquiry = next(i for i in campaign.inquiries if i.question.case == "I21")
    report = reports[inquiry.question.source.key]
    replies = {**report.replies, inquiry.token: DNS_TOLD}
    reports[inquiry.question.source.key] = replace(report, replies=replies)
    (failed,) = verdicts(ground, campaign, reports)["fail"]
    assert failed.attack == inquiry.question.attack


def test_resolver_that_knows_nobody_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    names = {i.token for i in campaign.inquiries if i.question.case == "I21"}
    for key, report in reports.items():
        known = report.control_replies | dict.fromkeys(report.replies.keys() & names, DNS_REFUSED)
        reports[key] = replace(report, control_replies=known)
    opened = verdicts(ground, campaign, reports)["inconclusive"]
    assert {outcome.case for outcome in opened} == {"I21"}


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [(b"HTTP/1.1 200 OK\r\n\r\n", "fail"), (b"", "inconclusive"), (b"SSH-2.0-", "inconclusive")],
)
def test_relay_must_refuse_in_words(
    ground: Ground, campaign: Campaign, reports: Reports, reply: bytes, verdict: str
) -> None:
    inquiry = next(i for i in campaign.inquiries if i.question.case == "I23")
    report = reports[inquiry.question.source.key]
    replies = {**report.replies, inquiry.token: reply}
    reports[inquiry.question.source.key] = replace(report, replies=replies)
    (outcome,) = verdicts(ground, campaign, reports)[verdict]
    assert outcome.token == inquiry.token


def pick_silent(campaign: Campaign) -> tuple[Inquiry, Host]:
    """Return the first question that is met by silence, and whose service it is."""
    for inquiry in campaign.inquiries:
        if service := inquiry.question.witness:
            return inquiry, service
    message = "no question is met by silence"
    raise AssertionError(message)


def test_clock_that_answers_for_more_than_the_time_fails(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    inquiry, _ = pick_silent(campaign)
    report = reports[inquiry.question.source.key]
    replies = {**report.replies, inquiry.token: b"a peer"}
    reports[inquiry.question.source.key] = replace(report, replies=replies)
    (failed,) = verdicts(ground, campaign, reports)["fail"]
    assert (failed.case, failed.token) == ("I22", inquiry.token)
    assert failed.detail == "the service gave it: b'a peer'"


def test_silence_of_a_service_that_was_not_asked_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    inquiry, service = pick_silent(campaign)
    report = reports[service.key]
    heard = {
        device: {token: n for token, n in tokens.items() if token != inquiry.token}
        for device, tokens in report.heard.items()
    }
    reports[service.key] = replace(report, heard=heard)
    (opened,) = verdicts(ground, campaign, reports)["inconclusive"]
    assert opened.token == inquiry.token
    assert opened.detail.endswith("not shown that the service was asked")


def test_silence_of_a_service_that_answers_nothing_proves_nothing(
    ground: Ground, campaign: Campaign, reports: Reports
) -> None:
    inquiry, _ = pick_silent(campaign)
    report = reports[inquiry.question.source.key]
    known = {t: reply for t, reply in report.control_replies.items() if t != inquiry.token}
    reports[inquiry.question.source.key] = replace(report, control_replies=known)
    (opened,) = verdicts(ground, campaign, reports)["inconclusive"]
    assert opened.token == inquiry.token
    assert opened.detail.endswith("not shown that the service answered")
