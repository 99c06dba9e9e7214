"""Sweep pairs of servers: give the orders to their hosts and add up what they tell.

Each filter is tried on its own: the source's by what it refuses, the edge's by what the
destination's NIC sees, the destination's by what it answers. Must not judge the result.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from infra.matrix.judge import Outcome, Swept, judge
from infra.matrix.reading import Answers, read_forward, read_incoming, read_outgoing
from infra.matrix.sensor import ALL_BLOCKS, FEW_BLOCKS
from infra.operations.host_program import HostPrograms
from infra.plan.matrix import (
    Pair,
    Port,
    Track,
    find_edges,
    find_holder,
    matrix_udp_ports,
)
from infra.plan.model import Plan

ANSWER_S = 120
"""Deadline of one sweep on all hosts, of which each takes less than a second."""

ATTEMPTS = 3
"""How often a sweep is made until its account is exact: a busy machine loses packets."""

FIRST_PORT = 20000
"""The first of 10,000 source ports: below those that hosts give their own connections."""

NOBODY = "0.0.0.0"  # noqa: S104 (an address that no probe has, nothing is bound to it)


def find_forwarder(plan: Plan, hosts: HostPrograms) -> str:
    """Ask the edges which of them forwards: of a pair, the one that holds the gateways.

    Raises:
        GatewayError: none of a pair holds them all.
    """
    edges = find_edges(plan)
    if len(edges) == 1:
        return edges[0]
    told = hosts.ask({key: {"do": "addresses"} for key in edges}, within_s=ANSWER_S)
    return find_holder(plan, {edge: answer["addresses"] for edge, answer in told.items()})


def sweep_until_exact(
    sweep: Callable[[Sequence[Pair], int], dict[Pair, Swept]], pairs: Sequence[Pair]
) -> dict[Pair, Swept]:
    """Sweep pairs, and again those whose account is not exact, with room for every port.

    Args:
        sweep: takes pairs, and the blocks that each sensor has for what it keeps.
        pairs: any number, none too.

    Returns:
        The last that was found of each.
    """
    made: dict[Pair, Swept] = {}
    inexact, blocks = list(pairs), FEW_BLOCKS
    for _ in range(ATTEMPTS):
        if inexact:
            made |= sweep(inexact, blocks)
        inexact = [pair for pair in inexact if made[pair].unproved or made[pair].other]
        blocks = ALL_BLOCKS
    return made


class Sweeps:
    """Sweeps groups of pairs in which each server sends to one other and hears one other."""

    def __init__(self, plan: Plan, hosts: HostPrograms, edge: str) -> None:
        self._plan = plan
        self._hosts = hosts
        self._edge = edge
        self._udp_ports = matrix_udp_ports(plan)
        self._marks = _marks({flow.port for flow in plan.flows.values()})

    def sweep(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Try all three filters of each pair, each on its own."""
        found: dict[Pair, list[Swept]] = {pair: [] for pair in pairs}
        forwarded = [pair for pair in pairs if pair.forward is not None]
        for made in (
            self._outgoing(pairs),
            sweep_until_exact(self._forward, forwarded),
            sweep_until_exact(self._incoming, pairs),
        ):
            for pair, swept in made.items():
                found[pair].append(swept)
        return [judge(pair, tuple(swept)) for pair, swept in found.items()]

    def _outgoing(self, pairs: Sequence[Pair]) -> dict[Pair, Swept]:
        """Send through the source's own filter, which refuses to our face what it drops."""
        token, port = next(self._marks)
        answers = self._ask(
            {
                pair.source: {
                    "do": "send_through",
                    "sweep": self._order(pair, pair.departure, token, port),
                    "udp_ports": self._udp_ports,
                }
                for pair in pairs
            }
        )
        return {pair: read_outgoing(pair, answers[pair.source]) for pair in pairs}

    def _forward(self, pairs: Sequence[Pair], blocks: int) -> dict[Pair, Swept]:
        """Send past the source's filter; what the destination's NIC sees has passed the edge."""
        token, port = next(self._marks)
        kept = Counter({pair.destination: len(pair.forward or ()) for pair in pairs})
        kept.update({pair.source: _tcp(pair.open) for pair in pairs})
        stands = dict.fromkeys(kept, "elsewhere") | {self._edge: "between"}
        before = self._arm(pairs, token, port, stands, blocks)
        sent = self._send(pairs, [pair.departure for pair in pairs], token, port)
        after = self._hear(stands, kept, {self._edge: sum(sent.values())})
        # Also what arrived without an answer: the edge remembers it for minutes.
        self._end(pairs, [pair.departure for pair in pairs], after, token, port, "arrived")
        return read_forward(sent, before, after, self._edge)

    def _incoming(self, pairs: Sequence[Pair], blocks: int) -> dict[Pair, Swept]:
        """Send from the last link on; what the destination answers has passed its filter."""
        token, port = next(self._marks)
        kept = {pair.destination: _tcp(pair.incoming) for pair in pairs}
        before = self._arm(pairs, token, port, dict.fromkeys(kept, "here"), blocks)
        sent = self._send(pairs, [pair.arrival for pair in pairs], token, port)
        after = self._hear(kept, kept, {pair.destination: sent[pair] for pair in pairs})
        self._end(pairs, [pair.arrival for pair in pairs], after, token, port, "answered")
        return {pair: read_incoming(pair, sent[pair], before, after) for pair in pairs}

    def _arm(
        self,
        pairs: Sequence[Pair],
        token: int,
        port: int,
        stands: Mapping[str, str],
        blocks: int,
    ) -> Answers:
        """Let hosts listen. stands: by server, where the filter that is tried stands from it."""
        servers = self._plan.servers
        source_of = {pair.destination: servers[pair.source].address for pair in pairs}
        return self._ask(
            {
                key: {
                    "do": "arm",
                    "own": servers[key].address,
                    "source": source_of.get(key, NOBODY),
                    "token": token,
                    "port": port,
                    "stand": stand,
                    "blocks": blocks,
                }
                for key, stand in stands.items()
            }
        )

    def _send(
        self, pairs: Sequence[Pair], tracks: Sequence[Track], token: int, port: int
    ) -> dict[Pair, int]:
        own: dict[str, list[tuple[Pair, dict[str, Any]]]] = {}
        for pair, track in zip(pairs, tracks, strict=True):
            own.setdefault(track.sender, []).append((pair, self._order(pair, track, token, port)))
        answers = self._ask(
            {
                sender: {
                    "do": "send_past",
                    "sweeps": [order for _, order in orders],
                    "udp_ports": self._udp_ports,
                }
                for sender, orders in own.items()
            }
        )
        return {
            pair: count
            for sender, orders in own.items()
            for (pair, _), count in zip(orders, answers[sender]["sent"], strict=True)
        }

    def _hear(
        self, armed: Iterable[str], kept: Mapping[str, int], counted: Mapping[str, int]
    ) -> Answers:
        return self._ask(
            {
                key: {"do": "hear", "kept": kept.get(key, 0), "counted": counted.get(key, 0)}
                for key in armed
            }
        )

    def _end(
        self,
        pairs: Sequence[Pair],
        tracks: Sequence[Track],
        after: Answers,
        token: int,
        port: int,
        which: Literal["arrived", "answered"],
    ) -> None:
        """End what the probes began, so that no host keeps half a connection."""
        orders: dict[str, list[dict[str, Any]]] = {}
        for pair, track in zip(pairs, tracks, strict=True):
            ports = after[pair.destination]["heard"][which]["tcp"]
            sweep = self._order(pair, track, token, port) | {"ports": ports}
            orders.setdefault(track.sender, []).append(sweep)
        self._ask({sender: {"do": "end", "sweeps": sweeps} for sender, sweeps in orders.items()})

    def _order(self, pair: Pair, track: Track, token: int, port: int) -> dict[str, Any]:
        servers = self._plan.servers
        ends = {
            "source": servers[pair.source].address,
            "destination": servers[pair.destination].address,
            "from_mac": track.from_mac,
            "to_mac": track.to_mac,
        }
        return {"device": track.device, "ends": ends, "token": token, "port": port}

    def _ask(self, orders: Mapping[str, dict[str, Any]]) -> Answers:
        return self._hosts.ask(orders, within_s=ANSWER_S)


def _marks(taken: Container[int]) -> Iterator[tuple[int, int]]:
    """Give each sweep a token and a source port of its own, the first ones drawn.

    taken: ports of flows, whose connections must not be taken for answers to a probe.
    """
    token, port = secrets.randbelow(1 << 16), secrets.randbelow(10000)
    while True:
        token, port = token % 0xFFFF + 1, (port + 1) % 10000
        if FIRST_PORT + port not in taken:
            yield token, FIRST_PORT + port


def _tcp(ports: Iterable[Port]) -> int:
    """Count the TCP ports: all of these answer at once."""
    return sum(1 for protocol, _ in ports if protocol == "tcp")
