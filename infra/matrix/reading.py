"""Read what hosts told of a sweep: what each filter let pass, and whether its account adds up.

Pure. Must not judge (`judge.py` does).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.matrix.judge import Swept, account
from infra.matrix.packet import Run
from infra.plan.matrix import Pair, Passage
from infra.record.model import Protocol

Crossing = tuple[Pair, Passage]
"""A pair, and one of those who forward for it."""

Answers = Mapping[str, Any]
"""What `host.py` told, by server."""

ASKED_UDP = frozenset({53, 123})
"""UDP ports whose service our datagram asks its own question: an answer must come."""

Ports = dict[Protocol, frozenset[int]]


def read_outgoing(pair: Pair, answer: Any) -> Swept:
    """Read what a source's own filter let out: the rest it refused to our face."""
    passed = _ports(answer["passed"])
    counted = _rise(answer["before"], answer["dropped"], "dropped_outgoing")
    sent = answer["sent"]
    other, unproved = account(sent, sent, _count(passed), counted)
    return Swept(
        filter="outgoing",
        server=pair.source,
        sent=sent,
        passed=passed,
        dropped=counted - other,
        other=other,
        unproved=unproved,
    )


def read_forward(
    sent: Mapping[Crossing, int], before: Answers, after: Answers, server: str
) -> dict[Crossing, Swept]:
    """Read what an edge or router forwarded: what was seen behind it, in the order of `sent`.

    It has one counter for all pairs: either the account of all of them adds up or of none.
    """
    counted = _rise(before[server]["dropped"], after[server]["dropped"], "dropped_forward")
    behind = find_behind(sent, after, server)
    seen = {crossing: _ports(heard["arrived"]) for crossing, heard in behind.items()}
    gone_on = sum(map(_count, seen.values()))
    other, unproved = account(sum(sent.values()), after[server]["counted"], gone_on, counted)
    made = {}
    for crossing, passed in seen.items():
        lost, missed = _lost_answers(crossing, after)
        made[crossing] = Swept(
            filter="forward",
            server=server,
            sent=sent[crossing],
            passed={"tcp": passed["tcp"] - lost, "udp": passed["udp"]},
            dropped=sent[crossing] - _count(passed),
            other=other,
            unproved=unproved or _missed(behind[crossing]) or missed,
        )
    return made


def find_behind(
    crossings: Iterable[Crossing], after: Answers, server: str
) -> dict[Crossing, Mapping[str, Any]]:
    """Give what was heard behind who forwards: where it enters a tunnel, or at the destination."""
    onward = iter(after[server]["onward"])
    return {
        (pair, passage): next(onward)
        if passage.exit.is_tunnel
        else after[pair.destination]["heard"]
        for pair, passage in crossings
    }


def _lost_answers(crossing: Crossing, after: Answers) -> tuple[frozenset[int], str]:
    """Give the TCP ports whose answer did not come back, or why that is not known.

    What is answered must also get its answer back, or it is of no use. Only the first on the way
    gets the probes from the source itself: of others' probes nobody on the way back knows.
    """
    pair, passage = crossing
    if passage is not pair.passages[0]:
        return frozenset(), ""
    there, back = (after[end]["heard"] for end in (pair.destination, pair.source))
    lost = _ports(there["answered"])["tcp"] - _ports(back["returned"])["tcp"]
    return lost, _missed(there) or _missed(back)


def read_incoming(pair: Pair, sent: int, before: Answers, after: Answers) -> Swept:
    """Read what a destination's filter let in: what it answered, whether yes or no."""
    told = after[pair.destination]
    heard = told["heard"]
    answered = _ports(heard["answered"])
    silent = {
        number
        for protocol, number in pair.incoming
        if protocol == "udp" and number not in ASKED_UDP
    }
    passed: Ports = {"tcp": answered["tcp"], "udp": answered["udp"] | silent}
    counted = _rise(before[pair.destination]["dropped"], told["dropped"], "dropped_incoming")
    # Answers to what this host sent past its own filter, which knows nothing of a question.
    counted -= heard["replies"]
    other, unproved = account(sent, told["counted"], _count(passed), counted)
    return Swept(
        filter="incoming",
        server=pair.destination,
        sent=sent,
        passed=passed,
        dropped=counted - other,
        other=other,
        unproved=unproved or _missed(heard),
    )


def _ports(told: Mapping[str, list[Run]]) -> Ports:
    return {"tcp": read_runs(told["tcp"]), "udp": read_runs(told["udp"])}


def read_runs(runs: Iterable[Run]) -> frozenset[int]:
    """Give all ports of some runs."""
    return frozenset(port for first, last in runs for port in range(first, last + 1))


def _count(ports: Ports) -> int:
    return sum(map(len, ports.values()))


def _rise(before: Mapping[str, int], after: Mapping[str, int], counter: str) -> int:
    return after[counter] - before[counter]


def _missed(heard: Any) -> str:
    return f"the sensor had no room for {heard['missed']} packets" if heard["missed"] else ""
