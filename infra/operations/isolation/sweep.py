"""Carry out one campaign: all sensors at once, all attempts in parallel, beacons around them.

Responsible for the order of things. Must not choose what is tried, nor judge it.
"""

import base64
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from typing import Any

from infra.isolation.compile import MARK, NUMBER_DIGITS, Beacon, Campaign, Shot
from infra.isolation.frame import plain
from infra.isolation.judge import HostKey, Report
from infra.isolation.mac_change import MacChangeSeen
from infra.operations.isolation.mac_change import change_macs
from infra.operations.isolation.session import BEACON_S, Session, Sessions

CONTROL = "control "
"""Before the token of an inquiry: the question that must be answered."""


class Sweep:
    """All that one run does, over the sessions of all hosts."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def listen(
        self, run: str, uplinks: Mapping[HostKey, Sequence[str]]
    ) -> dict[HostKey, list[IPv6Address]]:
        """Start every sensor; return the IPv6 addresses that each host has.

        Args:
            run: eight characters that no other run has.
            uplinks: devices by host of which packets that leave count too.
        """
        mark = MARK.format(run=run)
        answers = self._sessions.each(
            lambda one: one.order(
                "listen", mark=mark, digits=NUMBER_DIGITS, uplinks=uplinks[one.host]
            )
        )
        return {
            key: [IPv6Address(address) for address in answer["ipv6"]]
            for key, answer in answers.items()
        }

    def carry_out(self, campaign: Campaign) -> dict[HostKey, Report]:
        """Send everything and gather what was heard.

        The last beacons are sent when every source has sent all it had, and its own network has
        heard the end of it: whatever comes through has come through by then. Hosts take another
        MAC when all have told what they heard: they are deaf meanwhile, and one may be lost by it
        where its network is broken. What it told before stands.
        """
        sent: dict[HostKey, dict[str, int]] = {}
        self._beacon(campaign.beacons, 0, sent)
        for is_late in (False, True):
            shots = [shot for shot in campaign.shots if shot.is_late == is_late]
            self._send(shots, sent)
        replies = self._sessions.each(
            lambda one: one.order("ask", questions=_questions(campaign, one.host))
        )
        self._beacon(campaign.beacons, 1, sent)
        told = self._sessions.each(lambda one: one.order("report"))
        seen = change_macs(self._sessions, campaign.mac_changes)
        last = told | self._sessions.each(lambda one: one.order("report"))
        return {
            key: _report(
                last[key],
                sent.get(key, {}),
                replies.get(key, {}).get("replies", {}) | answer["replies"],
                seen.get(key, {}),
            )
            for key, answer in told.items()
        }

    def _beacon(
        self, beacons: Sequence[Beacon], turn: int, sent: dict[HostKey, dict[str, int]]
    ) -> None:
        self._send(
            [
                Shot(
                    token=beacon.tokens[turn],
                    leg=beacon.leg,
                    frames=(plain(beacon.tokens[turn].encode(), beacon.leg.mac),),
                )
                for beacon in beacons
            ],
            sent,
        )
        by_network: dict[str, list[Beacon]] = {}
        for beacon in beacons:
            by_network.setdefault(beacon.leg.network, []).append(beacon)

        def hear(one: Session) -> dict[str, Any]:
            wanted = [
                other.tokens[turn]
                for beacon in beacons
                if beacon.leg.host == one.host
                for other in by_network[beacon.leg.network]
                if other.leg.host != one.host
            ]
            return one.order("await", tokens=wanted, within_s=BEACON_S)

        # What was not heard is found missing by the judge.
        self._sessions.each(hear)

    def _send(self, shots: Sequence[Shot], sent: dict[HostKey, dict[str, int]]) -> None:
        by_host: dict[HostKey, list[Any]] = {}
        for shot in shots:
            frames = [base64.b64encode(frame).decode() for frame in shot.frames]
            by_host.setdefault(shot.leg.host, []).append((shot.leg.device, shot.token, frames))
        answers = self._sessions.each(
            lambda one: one.order("send", shots=by_host[one.host]), only=by_host
        )
        for key, answer in answers.items():
            sent.setdefault(key, {}).update(answer["sent"])


def _questions(campaign: Campaign, host: HostKey) -> list[tuple[str, str, str, int, str, bool]]:
    """Give what a host asks, and of each whether an answer is due."""
    asked: list[tuple[str, str, str, int, str, bool]] = []
    for inquiry in campaign.inquiries:
        question = inquiry.question
        if question.source.key == host:
            where = (question.protocol, question.address, question.port)
            is_due = question.witness is None
            asked.append((inquiry.token, *where, base64.b64encode(inquiry.ask).decode(), is_due))
            if inquiry.control is not None:
                control = base64.b64encode(inquiry.control).decode()
                asked.append((CONTROL + inquiry.token, *where, control, True))
    return asked


def _report(
    answer: Mapping[str, Any],
    sent: Mapping[str, int],
    replies: Mapping[str, str],
    mac_changes: Mapping[str, MacChangeSeen],
) -> Report:
    decoded = {token: base64.b64decode(reply) for token, reply in replies.items()}
    return Report(
        heard=answer["heard"],
        frames={
            token: (at, base64.b64decode(frame)) for token, (at, frame) in answer["frames"].items()
        },
        received=answer["received"],
        lost=answer["lost"],
        sent=sent,
        replies={token: reply for token, reply in decoded.items() if CONTROL not in token},
        control_replies={
            token.removeprefix(CONTROL): reply
            for token, reply in decoded.items()
            if token.startswith(CONTROL)
        },
        mac_changes=mac_changes,
        is_alone=answer["is_alone"],
    )
