"""Carry out one campaign: all sensors at once, all attempts in parallel, beacons around them.

Responsible for the order of things. Must not choose what is tried, nor judge it.
"""

import base64
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address
from typing import Any

from infra.isolation.compile import MARK, NUMBER_DIGITS, Beacon, Campaign, Shot
from infra.isolation.frame import plain
from infra.isolation.judge import HostKey, Report
from infra.operations.isolation.session import Session
from infra.operations.management_path import NoAnswerError

BEACON_S = 30
"""How long a beacon may take to be heard."""

CONTROL = "control "
"""Before the token of an inquiry: the question that must be answered."""


class Sweep:
    """The sessions of all hosts. lost: why a host no longer takes part."""

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._sessions = {session.host: session for session in sessions}
        self.lost: dict[HostKey, str] = {}

    def listen(self, run: str) -> dict[HostKey, list[IPv6Address]]:
        """Start every sensor; return the IPv6 addresses that each host has."""
        mark = MARK.format(run=run)
        answers = self._each(lambda one: one.order("listen", mark=mark, digits=NUMBER_DIGITS))
        return {
            key: [IPv6Address(address) for address in answer["ipv6"]]
            for key, answer in answers.items()
        }

    def carry_out(self, campaign: Campaign) -> dict[HostKey, Report]:
        """Send everything and gather what was heard.

        The last beacons are sent when every source has sent all it had, and its own network has
        heard the end of it: whatever comes through has come through by then.
        """
        sent: dict[HostKey, dict[str, int]] = {}
        self._beacon(campaign.beacons, 0, sent)
        for is_late in (False, True):
            shots = [shot for shot in campaign.shots if shot.is_late == is_late]
            self._send(shots, sent)
        replies = self._each(lambda one: one.order("ask", questions=_questions(campaign, one.host)))
        self._beacon(campaign.beacons, 1, sent)
        told = self._each(lambda one: one.order("report"))
        return {
            key: _report(
                answer,
                sent.get(key, {}),
                replies.get(key, {}).get("replies", {}) | answer["replies"],
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
        self._each(hear)

    def _send(self, shots: Sequence[Shot], sent: dict[HostKey, dict[str, int]]) -> None:
        by_host: dict[HostKey, list[Any]] = {}
        for shot in shots:
            frames = [base64.b64encode(frame).decode() for frame in shot.frames]
            by_host.setdefault(shot.leg.host, []).append((shot.leg.device, shot.token, frames))
        answers = self._each(lambda one: one.order("send", shots=by_host[one.host]), only=by_host)
        for key, answer in answers.items():
            sent.setdefault(key, {}).update(answer["sent"])

    def _each(
        self,
        give: Callable[[Session], dict[str, Any]],
        only: Iterable[HostKey] | None = None,
    ) -> dict[HostKey, dict[str, Any]]:
        """Give an order to every host at once; who does not answer is lost from then on."""
        wanted = self._sessions if only is None else {*only} & {*self._sessions}
        chosen = [self._sessions[key] for key in wanted]
        answers: dict[HostKey, dict[str, Any]] = {}

        def attempt(one: Session) -> dict[str, Any] | NoAnswerError:
            try:
                return give(one)
            except NoAnswerError as error:
                return error

        with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
            for one, answer in zip(chosen, pool.map(attempt, chosen), strict=True):
                if isinstance(answer, NoAnswerError):
                    self.lost[one.host] = str(answer)
                    del self._sessions[one.host]
                else:
                    answers[one.host] = answer
        return answers


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
    answer: Mapping[str, Any], sent: Mapping[str, int], replies: Mapping[str, str]
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
    )
