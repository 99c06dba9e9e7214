"""Let hosts take another MAC for a moment, and their peers send to it: case I11.

A host that does so cannot be reached meanwhile, nor can those behind it: everybody is told
beforehand when to do what, each by its own clock. Must not choose who does, nor judge.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from typing import Any

from infra.isolation.clock import Clock
from infra.isolation.judge import HostKey
from infra.isolation.mac_change import (
    HELD_S,
    TO_OTHER_S,
    TO_OWN_S,
    MacChange,
    MacChangeSeen,
    rounds,
)
from infra.operations.isolation.session import Session, Sessions

LEAD_S = 0.4
"""How long before moment 0 the orders are given."""

ARRIVAL_S = 1.0
"""How long a frame that was sent may take to be heard."""


def change_macs(
    sessions: Sessions, changes: Sequence[MacChange]
) -> dict[HostKey, dict[str, MacChangeSeen]]:
    """Change MACs, round by round; when it ends all have their own again.

    Args:
        sessions: of all hosts, which listen.
        changes: to make.

    Returns:
        What happened, by host and token; nothing of a host that was lost, or not alone.
    """
    seen: dict[HostKey, dict[str, MacChangeSeen]] = {}
    for together in rounds(changes):
        for change, happened in _change(sessions, together):
            seen.setdefault(change.leg.host, {})[change.token] = happened
    return seen


def _change(
    sessions: Sessions, changes: Sequence[MacChange]
) -> list[tuple[MacChange, MacChangeSeen]]:
    by_host = {change.leg.host: change for change in changes}
    answers = sessions.each(
        lambda one: one.order("guard", device=by_host[one.host].leg.device), only=by_host
    )
    guarded = [key for key, answer in answers.items() if answer["is_guarded"]]
    clocks = sessions.each(_read_clock, only={*guarded, *(c.peer.host for c in changes)})
    ready = {key: by_host[key] for key in guarded if {key, by_host[key].peer.host} <= clocks.keys()}
    begin = time.monotonic() + LEAD_S
    shots: dict[HostKey, list[Any]] = {}
    for change in ready.values():
        clock = clocks[change.peer.host]
        for token, frame, moments in (
            (change.token, change.to_other, TO_OTHER_S),
            (change.control, change.to_own, TO_OWN_S),
        ):
            at = [clock.there(begin + moment) for moment in moments]
            shots.setdefault(change.peer.host, []).append(
                (change.peer.device, token, _encode(frame), at)
            )

    def give(one: Session) -> dict[str, Any]:
        if one.host in shots:
            return one.order("send_at", shots=shots[one.host])
        change, clock = ready[one.host], clocks[one.host]
        return one.order(
            "change_mac",
            mac=change.mac,
            at=clock.there(begin),
            until=clock.there(begin + HELD_S),
            under_other=_encode(change.under_other),
            announcement=_encode(change.announcement),
        )

    done = sessions.each(give, only={*ready, *shots})
    sessions.each(lambda one: one.order("unguard"), only=guarded)
    # All is sent by now. What was not heard is found missing by the judge.
    sessions.each(
        lambda one: one.order("await", tokens=[ready[one.host].control], within_s=ARRIVAL_S),
        only=ready,
    )
    return [
        (change, _see(change, done, clocks))
        for key, change in ready.items()
        if {key, change.peer.host} <= done.keys()
    ]


def _read_clock(one: Session) -> Clock:
    asked = time.monotonic()
    told = one.order("tell_time")["time"]
    return Clock(asked=asked, told=told, answered=time.monotonic())


def _see(
    change: MacChange, done: Mapping[HostKey, Mapping[str, Any]], clocks: Mapping[HostKey, Clock]
) -> MacChangeSeen:
    host, peer = change.leg.host, change.peer.host
    changed, clock = done[host], clocks[host]
    return MacChangeSeen(
        had=changed["had"],
        has=changed["has"],
        taken=clock.here(changed["taken"]),
        restored=clock.here(changed["restored"]),
        sent=tuple(clocks[peer].here(moment) for moment in done[peer]["sent"][change.token]),
    )


def _encode(frame: bytes) -> str:
    return base64.b64encode(frame).decode()
