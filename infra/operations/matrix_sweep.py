"""Sweep pairs of servers: give the orders to their hosts and add up what they tell.

Each filter is tried on its own: the source's by what it refuses, an edge's or router's by what is
seen behind it, the destination's by what it answers. Must not judge the result.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from infra.matrix.judge import Outcome, Swept, judge
from infra.matrix.packet import PORTS, Run
from infra.matrix.reading import (
    Answers,
    Crossing,
    find_behind,
    read_forward,
    read_incoming,
    read_outgoing,
)
from infra.matrix.sensor import ALL_BLOCKS, FEW_BLOCKS
from infra.operations.host_program import HostPrograms
from infra.plan.matrix import Pair, Port, find_holder, matrix_udp_ports
from infra.plan.model import Plan
from infra.plan.path import Link, find_edges

Part = TypeVar("Part")

ANSWER_S = 120
"""Deadline of one sweep on all hosts, of which each takes less than a second."""

ATTEMPTS = 3
"""How often a sweep is made until its account is exact: a busy machine loses packets."""

FIRST_PORT = 20000
"""The first of 10,000 source ports: below those that hosts give their own connections."""

WINDOW = 200
"""Probes in a tunnel at a time: a socket of the usual size (net.core.rmem_default) holds 256."""

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
    sweep: Callable[[Sequence[Part], int], dict[Part, Swept]], parts: Sequence[Part]
) -> dict[Part, Swept]:
    """Sweep pairs, and again those whose account is not exact, with room for every port.

    Args:
        sweep: takes pairs, or pairs with one who forwards for them, and the blocks that each
            sensor has for what it keeps.
        parts: any number, none too.

    Returns:
        The last that was found of each.
    """
    made: dict[Part, Swept] = {}
    inexact, blocks = list(parts), FEW_BLOCKS
    for _ in range(ATTEMPTS):
        if inexact:
            made |= sweep(inexact, blocks)
        inexact = [part for part in inexact if made[part].unproved or made[part].other]
        blocks = ALL_BLOCKS
    return made


class Sweeps:
    """Sweeps groups of pairs in which each server sends to one other and hears one other."""

    def __init__(self, plan: Plan, hosts: HostPrograms) -> None:
        self._plan = plan
        self._hosts = hosts
        self._udp_ports = matrix_udp_ports(plan)
        self._marks = _marks({flow.port for flow in plan.flows.values()})

    def sweep(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """Try all filters of each pair, each on its own."""
        found: dict[Pair, list[Swept]] = {pair: [] for pair in pairs}
        outgoing: dict[Pair, Swept] = {}
        crossings = [(pair, passage) for pair in pairs for passage in pair.passages]
        for group in _groups(crossings, lambda one: (one[1].server, _tunnel_end(one[1].entry))):
            for (pair, _), swept in sweep_until_exact(self._forward, group).items():
                found[pair].append(swept)

        def sweep_ends(arriving: Sequence[Pair], blocks: int) -> dict[Pair, Swept]:
            # The edge alone hands over most of these; meanwhile the sources try their own filters.
            departing = [pair for pair in arriving if pair not in outgoing]
            made, told = self._incoming(arriving, blocks, self._outgoing(departing))
            outgoing.update({pair: read_outgoing(pair, told[pair.source]) for pair in departing})
            return made

        for arriving in _groups(pairs, lambda pair: _tunnel_end(pair.arrival)):
            for pair, swept in sweep_until_exact(sweep_ends, arriving).items():
                found[pair].append(swept)
        return [judge(pair, (outgoing[pair], *swept)) for pair, swept in found.items()]

    def _outgoing(self, pairs: Sequence[Pair]) -> dict[str, dict[str, Any]]:
        """Order to send through the sources' own filters, which refuse what they drop."""
        token, port = next(self._marks)
        return {
            pair.source: {
                "do": "send_through",
                "sweep": self._order(pair, pair.departure, token, port),
                "udp_ports": self._udp_ports,
            }
            for pair in pairs
        }

    def _forward(self, crossings: Sequence[Crossing], blocks: int) -> dict[Crossing, Swept]:
        """Send to one who forwards, past the filters before it; what is seen behind has passed."""
        token, port = next(self._marks)
        server = crossings[0][1].server
        kept: Counter[str] = Counter()
        for pair, passage in crossings:
            kept[pair.destination] += len(pair.reach_from(passage))
            kept[pair.source] += _tcp(pair.open) if passage is pair.passages[0] else 0
        stands = dict.fromkeys(kept, "elsewhere") | {server: "between"}
        pairs = [pair for pair, _ in crossings]
        onward = [(pair, passage) for pair, passage in crossings if passage.exit.is_tunnel]
        before = self._arm(pairs, token, port, stands, blocks, [pair for pair, _ in onward])
        entries = [passage.entry for _, passage in crossings]
        sent, _ = self._send(pairs, entries, token, port, {})
        after = self._hear(
            stands,
            kept,
            {server: sum(sent)},
            {server: [len(passage.forward) for _, passage in onward]},
        )
        behind = find_behind(crossings, after, server)
        # Also what arrived without an answer: who forwards remembers it for minutes.
        ports = [heard["arrived"]["tcp"] for heard in behind.values()]
        self._end(pairs, entries, ports, token, port)
        return read_forward(dict(zip(crossings, sent, strict=True)), before, after, server)

    def _incoming(
        self, pairs: Sequence[Pair], blocks: int, meanwhile: Mapping[str, dict[str, Any]]
    ) -> tuple[dict[Pair, Swept], Answers]:
        """Send from the last link on; what the destination answers has passed its filter.

        Args:
            pairs: which arrive by wires, or all by tunnels that end at one server.
            blocks: room of each sensor.
            meanwhile: an order for each of some servers, which concerns other filters.

        Returns:
            What was found, and the answers to the other orders.
        """
        token, port = next(self._marks)
        kept = {pair.destination: _tcp(pair.incoming) for pair in pairs}
        before = self._arm(pairs, token, port, dict.fromkeys(kept, "here"), blocks, [])
        arrivals = [pair.arrival for pair in pairs]
        sent, told = self._send(pairs, arrivals, token, port, meanwhile)
        counted = {pair.destination: count for pair, count in zip(pairs, sent, strict=True)}
        after = self._hear(kept, kept, counted, {})
        ports = [after[pair.destination]["heard"]["answered"]["tcp"] for pair in pairs]
        self._end(pairs, arrivals, ports, token, port)
        made = {
            pair: read_incoming(pair, count, before, after)
            for pair, count in zip(pairs, sent, strict=True)
        }
        return made, told

    def _arm(
        self,
        pairs: Sequence[Pair],
        token: int,
        port: int,
        stands: Mapping[str, str],
        blocks: int,
        onward: Sequence[Pair],
    ) -> Answers:
        """Let hosts listen.

        stands: by server, where the filter that is tried stands from it. onward: pairs whose
        probes go from there into a tunnel.
        """
        servers = self._plan.servers
        source_of = {pair.destination: servers[pair.source].address for pair in pairs}
        ways = [
            {"from": servers[pair.source].address, "to": servers[pair.destination].address}
            for pair in onward
        ]
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
                    "onward": ways if stand == "between" else [],
                }
                for key, stand in stands.items()
            }
        )

    def _send(
        self,
        pairs: Sequence[Pair],
        links: Sequence[Link],
        token: int,
        port: int,
        meanwhile: Mapping[str, dict[str, Any]],
    ) -> tuple[list[int], Answers]:
        """Send the probes of each pair by a link; tell how many were sent.

        links: all wires, or all tunnels that end at one server. meanwhile: orders of another kind,
        whose answers are told too.
        """
        senders: dict[str, list[int]] = {}
        for index, link in enumerate(links):
            senders.setdefault(link.sender, []).append(index)
        sweeps = {
            sender: [self._order(pairs[index], links[index], token, port) for index in own]
            for sender, own in senders.items()
        }
        if receiver := _tunnel_end(links[0]):
            return self._send_into_tunnels(senders, sweeps, receiver), self._ask(meanwhile)
        order = {"do": "send_past", "udp_ports": self._udp_ports}
        past = {sender: order | {"sweeps": sweeps[sender]} for sender in senders}
        answers, told = self._hosts.ask_in_turn(past, meanwhile, within_s=ANSWER_S)
        return _in_order(senders, answers), told

    def _send_into_tunnels(
        self,
        senders: Mapping[str, Sequence[int]],
        sweeps: Mapping[str, Sequence[dict[str, Any]]],
        receiver: str,
    ) -> list[int]:
        """Send as much at a time as a tunnel holds, when what was sent before has come out."""
        count = sum(map(len, senders.values()))
        step = WINDOW // count
        sent, come = [0] * count, 0
        prepare = {"do": "prepare", "udp_ports": self._udp_ports}
        self._ask({sender: prepare | {"sweeps": sweeps[sender]} for sender in senders})
        probes = PORTS + len(self._udp_ports)
        for first in range(0, probes, step):
            last = min(first + step, probes) - 1
            awaited = come + count * (last + 1 - first)
            order = {"do": "send_part", "first": first, "last": last}
            answers = self._ask(
                dict.fromkeys(senders, order) | {receiver: {"do": "count", "counted": awaited}}
            )
            come = answers[receiver]["counted"]
            sent = list(map(sum, zip(sent, _in_order(senders, answers), strict=True)))
        return sent

    def _hear(
        self,
        armed: Iterable[str],
        kept: Mapping[str, int],
        counted: Mapping[str, int],
        onward: Mapping[str, Sequence[int]],
    ) -> Answers:
        return self._ask(
            {
                key: {
                    "do": "hear",
                    "kept": kept.get(key, 0),
                    "counted": counted.get(key, 0),
                    "onward": onward.get(key, ()),
                }
                for key in armed
            }
        )

    def _end(
        self,
        pairs: Sequence[Pair],
        links: Sequence[Link],
        ports: Sequence[Sequence[Run]],
        token: int,
        port: int,
    ) -> None:
        """End what the probes of each pair began at its ports: nothing stays half open."""
        orders: dict[str, list[dict[str, Any]]] = {}
        for pair, link, runs in zip(pairs, links, ports, strict=True):
            sweep = self._order(pair, link, token, port) | {"ports": runs}
            orders.setdefault(link.sender, []).append(sweep)
        self._ask({sender: {"do": "end", "sweeps": sweeps} for sender, sweeps in orders.items()})

    def _order(self, pair: Pair, link: Link, token: int, port: int) -> dict[str, Any]:
        servers = self._plan.servers
        ends = {
            "source": servers[pair.source].address,
            "destination": servers[pair.destination].address,
            "from_mac": link.from_mac,
            "to_mac": link.to_mac,
        }
        return {"device": link.out_device, "ends": ends, "token": token, "port": port}

    def _ask(self, orders: Mapping[str, dict[str, Any]]) -> Answers:
        return self._hosts.ask(orders, within_s=ANSWER_S)


def _groups(parts: Iterable[Part], key: Callable[[Part], object]) -> Iterator[list[Part]]:
    """Give the parts that have the same key together, in the order of the first of each."""
    groups: dict[object, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    yield from groups.values()


def _tunnel_end(link: Link) -> str | None:
    """Give the server at which a tunnel ends; None for a wire."""
    return link.receiver if link.is_tunnel else None


def _in_order(senders: Mapping[str, Sequence[int]], answers: Answers) -> list[int]:
    """Give how many each sweep sent. senders: which sweeps each was told to make."""
    sent = {
        index: count
        for sender, own in senders.items()
        for index, count in zip(own, answers[sender]["sent"], strict=True)
    }
    return [sent[index] for index in sorted(sent)]


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
