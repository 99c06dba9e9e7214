"""Judge what a filter did with the probes of a pair, against what the plan says of it.

Pure. Must not send, nor read hosts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from infra.matrix.packet import find_runs
from infra.plan.matrix import Pair, Port
from infra.record.model import Protocol

FilterName = Literal["outgoing", "forward", "incoming"]

PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """What one filter did with one pair's probes. server: whose filter it is.

    passed: ports by protocol. dropped: probes that the filter's own counter holds. other: what it
    counted beside them. unproved: why the numbers do not add up; "" when they do.
    """

    filter: FilterName
    server: str
    sent: int
    passed: Mapping[Protocol, frozenset[int]]
    dropped: int
    other: int
    unproved: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line for the engineer. kind: fail, or inconclusive where nothing was proved.

    server: whose filter it is.
    """

    kind: Literal["fail", "inconclusive"]
    pair: str
    filter: FilterName
    server: str
    ports: str
    line: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one pair. open: as text, by protocol, what passes all filters."""

    source: str
    destination: str
    open: Mapping[Protocol, str]
    swept: tuple[Swept, ...]
    verdicts: tuple[Verdict, ...]


def account(sent: int, arrived: int, gone_on: int, counted: int) -> tuple[int, str]:
    """Add up: what reached a filter either went on or was counted by it.

    Args:
        sent: probes.
        arrived: those seen in front of the filter.
        gone_on: those seen behind it.
        counted: what the filter's counter rose by.

    Returns:
        What the filter counted beside our probes, and why it does not add up ("" when it does).
    """
    if arrived != sent:
        return 0, f"{sent - arrived} of {sent} probes were lost on the way to it"
    if (other := counted - (arrived - gone_on)) < 0:
        return 0, f"{-other} of {sent} probes neither passed visibly nor were counted by it"
    return other, ""


def judge(pair: Pair, swept: tuple[Swept, ...]) -> Outcome:
    """Judge a pair by all filters on its way."""
    planned: dict[tuple[FilterName, str], frozenset[Port]] = {
        ("outgoing", pair.source): pair.outgoing,
        ("incoming", pair.destination): pair.incoming,
    }
    planned |= {("forward", one.server): one.forward for one in pair.passages}
    open_ports = {
        protocol: frozenset.intersection(*(one.passed[protocol] for one in swept))
        for protocol in PROTOCOLS
    }
    verdicts = [
        verdict
        for one in swept
        for verdict in _judge_filter(pair, one, planned[one.filter, one.server], open_ports)
    ]
    return Outcome(
        source=pair.source,
        destination=pair.destination,
        open={protocol: show_ports(ports) for protocol, ports in open_ports.items()},
        swept=swept,
        verdicts=tuple(verdicts),
    )


def _judge_filter(
    pair: Pair,
    swept: Swept,
    planned: frozenset[Port],
    open_ports: Mapping[Protocol, frozenset[int]],
) -> Iterable[Verdict]:
    name = f"{pair.source} to {pair.destination}"
    where = f"the {swept.filter} filter of {swept.server}"
    if swept.unproved:
        line = f"{name}: {where}: {swept.unproved}. Each probe must leave a trace. Try again."
        yield _verdict("inconclusive", name, swept, "", line)
    for protocol in PROTOCOLS:
        wanted = frozenset(port for kind, port in planned if kind == protocol)
        passed = swept.passed[protocol]
        if surplus := passed - wanted:
            ports = f"{protocol}/{show_ports(surplus)}"
            through = surplus & open_ports[protocol]
            end = "and no other filter stops it" if through else "only another filter stops it"
            line = f"{name}: {ports}: passes {where}, which must drop it; {end}."
            yield _verdict("fail", name, swept, ports, line)
        if missing := wanted - passed:
            ports = f"{protocol}/{show_ports(missing)}"
            line = f"{name}: {ports}: does not pass {where} and back; a flow allows it."
            yield _verdict("fail", name, swept, ports, line)


def _verdict(
    kind: Literal["fail", "inconclusive"], pair: str, swept: Swept, ports: str, line: str
) -> Verdict:
    return Verdict(
        kind=kind, pair=pair, filter=swept.filter, server=swept.server, ports=ports, line=line
    )


def show_ports(ports: Iterable[int]) -> str:
    """Write ports as ranges: 1-21,23."""
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in find_runs(ports)
    )
