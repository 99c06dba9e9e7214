"""Judge what happened: a pass needs silence at the target and, in the same run, every control.

Responsible for DOMAIN.md's rule alone. Must not send anything, nor choose what is tried.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.isolation.compile import Beacon, Campaign, Inquiry, Trial
from infra.isolation.frame import summarise
from infra.isolation.ground import Ground, Host, Leg
from infra.isolation.mac_change import TO_OTHER_S, MacChange, MacChangeSeen
from infra.isolation.outcome import End, Outcome, Verdict

HostKey = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one host's sensor heard, on every NIC that the host has, planned or not.

    heard: packets by device and token, at an uplink those that leave too. frames: first one by
    token, with its time in seconds since 1970. received: all frames by device, whatever they were.
    lost: frames that came too fast to be looked at. sent: packets by token. replies: to questions,
    by token; absent when nothing came. control_replies: likewise. mac_changes: of its legs, by
    token. is_alone: whether no other run listened there.
    """

    heard: Mapping[str, Mapping[str, int]]
    frames: Mapping[str, tuple[float, bytes]]
    received: Mapping[str, int]
    lost: int
    sent: Mapping[str, int]
    replies: Mapping[str, bytes] = field(default_factory=dict)
    control_replies: Mapping[str, bytes] = field(default_factory=dict)
    mac_changes: Mapping[str, MacChangeSeen] = field(default_factory=dict)
    is_alone: bool = True

    def count(self, token: str) -> int:
        """Count the packets with a token on all NICs."""
        return sum(tokens.get(token, 0) for tokens in self.heard.values())


def decide(arrived: int, controls: Mapping[str, bool]) -> Verdict:
    """Apply the rule: what came through is a fail, silence counts only under all controls."""
    if arrived:
        return "fail"
    return "pass" if controls and all(controls.values()) else "inconclusive"


def judge(
    ground: Ground, campaign: Campaign, reports: Mapping[HostKey, Report]
) -> Iterator[Outcome]:
    """Judge every trial at every target, every inquiry, and every change of MAC.

    Args:
        ground: that the campaign was compiled from.
        campaign: what was tried.
        reports: of the hosts that gave one; without it nothing about a host is proved.
    """
    bench = _Bench(ground, campaign, reports)
    for trial in campaign.trials:
        for target in trial.attempt.targets:
            yield bench.judge_trial(trial, target)
        for leg in trial.attempt.outside:
            yield bench.judge_passage(trial, leg)
    for inquiry in campaign.inquiries:
        yield bench.judge_inquiry(inquiry)
    for change in campaign.mac_changes:
        yield bench.judge_mac_change(change)


class _Bench:
    def __init__(
        self, ground: Ground, campaign: Campaign, reports: Mapping[HostKey, Report]
    ) -> None:
        self._ground = ground
        self._reports = reports
        self._beacons = {beacon.leg: beacon for beacon in campaign.beacons}
        self._hearing = {host.end: self._hears(host) for host in ground.hosts.values()} | {
            leg.end: self._hears_outside(leg) for legs in ground.outside.values() for leg in legs
        }

    def judge_trial(self, trial: Trial, target: Host) -> Outcome:
        report = self._reports.get(target.key)
        arrived = report.count(trial.token) if report else 0
        return self._judge(trial, target.key, target.end, arrived)

    def judge_passage(self, trial: Trial, leg: Leg) -> Outcome:
        """Judge what passed by one leg outside, either way."""
        report = self._reports.get(leg.host)
        heard = report.heard.get(leg.device, {}) if report else {}
        return self._judge(trial, leg.host, leg.end, heard.get(trial.token, 0))

    def _judge(self, trial: Trial, key: HostKey, target: End, arrived: int) -> Outcome:
        attempt = trial.attempt
        report = self._reports.get(key)
        source = self._reports.get(attempt.source.host)
        sent = source.sent.get(trial.token, 0) if source else 0
        controls = {
            "all was sent": sent == trial.sent,
            **self._witnessing(trial),
            "the target hears its network": self._hearing[target],
            "no sensor lost frames": self._is_whole(key),
        }
        verdict = decide(arrived, controls)
        frame = report.frames[trial.token][1] if report and arrived else b""
        return Outcome(
            case=attempt.case,
            source=attempt.source.end,
            target=target,
            family=attempt.family,
            layer=attempt.layer,
            attack=attempt.attack,
            token=trial.token,
            sent=sent,
            arrived=arrived,
            controls=controls,
            verdict=verdict,
            detail=_detail(verdict, controls, f"{arrived} arrived, first {summarise(frame)}")
            if verdict != "pass"
            else "",
            capture=capture_name(key) if report and report.frames else None,
        )

    def judge_inquiry(self, inquiry: Inquiry) -> Outcome:
        question = inquiry.question
        asked = self._reports.get(question.source.key)
        victim = self._reports.get(question.about.key)
        reply = asked.replies.get(inquiry.token) if asked else None
        betrayed = question.betrayed(reply) if reply is not None else None
        arrived = (betrayed or 0) + (victim.count(inquiry.token) if victim else 0)
        controls = self._serving(inquiry, asked, betrayed)
        verdict = decide(arrived, controls)
        return Outcome(
            case=question.case,
            source=question.source.end,
            target=question.about.end,
            family="ipv4",
            layer="real packets",
            attack=question.attack,
            token=inquiry.token if inquiry.token.encode() in inquiry.ask else None,
            sent=1 if asked else 0,
            arrived=arrived,
            controls=controls,
            verdict=verdict,
            detail=_detail(verdict, controls, f"the service gave it: {reply!r:.200}")
            if verdict != "pass"
            else "",
        )

    def judge_mac_change(self, change: MacChange) -> Outcome:
        host = self._ground.hosts[change.leg.host]
        report = self._reports.get(host.key)
        seen = report.mac_changes.get(change.token) if report else None
        arrived = report.count(change.token) if report else 0
        heard = report.heard.get(change.leg.device, {}) if report else {}
        controls = {
            "no other run listened there": bool(report and report.is_alone),
            "it had the other address": bool(seen and seen.had == change.mac),
            "all was sent while it had that": bool(seen and seen.count_within() == len(TO_OTHER_S)),
            "it has its own address again": bool(seen and seen.has == change.leg.mac),
            "it hears the same at its own address": bool(heard.get(change.control)),
            "the target hears its network": self._hearing[host.end],
            "no sensor lost frames": self._is_whole(host.key),
        }
        verdict = decide(arrived, controls)
        frame = report.frames[change.token][1] if report and arrived else b""
        return Outcome(
            case="I11",
            source=change.peer.end,
            target=change.leg.end,
            family="ethernet",
            layer="lab model",
            attack="unicast in the own network to another address that the target has taken",
            token=change.token,
            sent=len(seen.sent) if seen else 0,
            arrived=arrived,
            controls=controls,
            verdict=verdict,
            detail=_detail(verdict, controls, f"{arrived} arrived, first {summarise(frame)}")
            if verdict != "pass"
            else "",
            capture=capture_name(host.key) if report and report.frames else None,
        )

    def _serving(
        self, inquiry: Inquiry, asked: Report | None, betrayed: int | None
    ) -> dict[str, bool]:
        question = inquiry.question
        known = asked.control_replies.get(inquiry.token) if asked else None
        told = question.betrayed(known) if known is not None else None
        if question.witness is not None:
            service = self._reports.get(question.witness.key)
            return {
                "the service was asked": bool(service and service.count(inquiry.token)),
                "the service answered": bool(told),
            }
        controls = {"the service answered": betrayed is not None}
        if inquiry.control is not None:
            controls["the service knows our own"] = bool(told)
        return controls

    def _witnessing(self, trial: Trial) -> dict[str, bool]:
        source, witness = trial.attempt.source, trial.attempt.witness
        if witness is None:
            # No second leg of ours there; management itself comes by this one.
            report = self._reports.get(source.host)
            return {
                "the source's leg is in use": bool(report and report.received.get(source.device))
            }
        report = self._reports.get(witness.host)
        heard = report.heard.get(witness.device, {}) if report else {}
        return {
            "the own network heard the same": bool(heard.get(trial.heard)),
            "no witness lost frames": self._is_whole(witness.host),
        }

    def _hears(self, host: Host) -> bool:
        """Say whether each NIC heard a peer, before and after all attempts.

        Those that are alone in their network are told as untested; one must not be.
        """
        report = self._reports.get(host.key)
        legs = [leg for leg in host.legs if leg not in self._ground.lone_legs]
        return (
            report is not None and bool(legs) and all(self._leg_hears(report, leg) for leg in legs)
        )

    def _leg_hears(self, report: Report, leg: Leg) -> bool:
        if leg.is_shared:
            return bool(report.received.get(leg.device))
        heard = report.heard.get(leg.device, {})
        beacons = [self._beacons[peer] for peer in self._ground.peers(leg)]
        return any(_is_heard(heard, beacon) for beacon in beacons)

    def _hears_outside(self, leg: Leg) -> bool:
        """Say whether a leg outside heard a peer, and an uplink saw its own beacons leave too."""
        report = self._reports.get(leg.host)
        if report is None or not self._leg_hears(report, leg):
            return False
        is_uplink = leg in self._ground.hosts[leg.host].outside
        return not is_uplink or _is_heard(report.heard[leg.device], self._beacons[leg])

    def _is_whole(self, key: HostKey) -> bool:
        report = self._reports.get(key)
        return report is not None and report.lost == 0


def _is_heard(heard: Mapping[str, int], beacon: Beacon) -> bool:
    return all(heard.get(token) for token in beacon.tokens)


def _detail(verdict: Verdict, controls: Mapping[str, bool], leak: str) -> str:
    if verdict == "fail":
        return leak
    failed = ", ".join(name for name, succeeded in controls.items() if not succeeded)
    return f"silence proves nothing: not shown that {failed}"


def capture_name(key: HostKey) -> str:
    """Give the pcap file of a host's sensor, beside the evidence."""
    return f"isolation/{key[0]}-{key[1]}.pcap"
