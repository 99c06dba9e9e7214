"""Read what hosts told of a sweep: what each filter let pass, and whether its account adds up.

Pure. Must not judge (`judge.py` does).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.matrix.judge import Swept, account
from infra.matrix.packet import Run
from infra.plan.matrix import Pair
from infra.record.model import Protocol

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
    sent: Mapping[Pair, int], before: Answers, after: Answers, edge: str
) -> dict[Pair, Swept]:
    """Read what the edge forwarded: what was seen by the destinations' NICs.

    It has one counter for all pairs: either the account of all of them adds up or of none.
    """
    counted = _rise(before[edge]["dropped"], after[edge]["dropped"], "dropped_forward")
    seen = {pair: _ports(after[pair.destination]["heard"]["arrived"]) for pair in sent}
    gone_on = sum(map(_count, seen.values()))
    other, unproved = account(sum(sent.values()), after[edge]["counted"], gone_on, counted)
    made = {}
    for pair, passed in seen.items():
        heard = after[pair.destination]["heard"]
        # What is answered must also get its answer back, or it is of no use.
        back = after[pair.source]["heard"]
        lost = _ports(heard["answered"])["tcp"] - _ports(back["returned"])["tcp"]
        made[pair] = Swept(
            filter="forward",
            server=edge,
            sent=sent[pair],
            passed={"tcp": passed["tcp"] - lost, "udp": passed["udp"]},
            dropped=sent[pair] - _count(passed),
            other=other,
            unproved=unproved or _missed(heard) or _missed(back),
        )
    return made


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
