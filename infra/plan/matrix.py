"""Derive the matrix: what each filter between two servers lets pass, for every ordered pair.

The rules of the plan, evaluated; the flows they came from are not looked at.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, pairwise, permutations

from infra.plan.model import Plan, Rule, Server
from infra.plan.path import Link, find_edges, find_path, inner_segments, is_at_edge
from infra.record.model import Protocol

Port = tuple[Protocol, int]

COMMON_UDP_PORTS = (
    53, 67, 68, 69, 123, 137, 138, 161, 389, 500, 514, 623, 1194, 1701, 1812, 1900, 3544, 4500,
    4789, 5353, 5355, 11211, 51820,
)  # fmt: skip
"""Services that answer anybody, or that carry one network inside another."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """What one edge or router on the way forwards. entry, exit: by which it comes and goes on."""

    server: str
    entry: Link
    exit: Link
    forward: frozenset[Port]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One server and another that it might reach.

    departure: from the source to whom it hands its packets. passages: edge and routers on the
    way, in order. arrival: the last link before the destination; the same one when nobody is
    between. outgoing, incoming: what the filters of source and destination let pass.
    """

    source: str
    destination: str
    departure: Link
    passages: tuple[Passage, ...]
    arrival: Link
    outgoing: frozenset[Port]
    incoming: frozenset[Port]

    @property
    def open(self) -> frozenset[Port]:
        """What passes all filters."""
        return self.outgoing.intersection(self.incoming, *(one.forward for one in self.passages))

    def reach_from(self, passage: Passage) -> frozenset[Port]:
        """Give what reaches the destination's NIC of all that comes to one of the passages."""
        further = self.passages[self.passages.index(passage) :]
        return passage.forward.intersection(*(one.forward for one in further))


@dataclass(frozen=True, kw_only=True)
class Untried:
    """One server and another between which nothing is tried. reason: one sentence's part."""

    source: str
    destination: str
    reason: str


class GatewayError(LookupError):
    """No edge of a pair holds all gateways."""


def find_holder(plan: Plan, addresses: Mapping[str, Collection[str]]) -> str:
    """Find the edge that holds the gateways of the segments where edges are.

    Args:
        plan: of a tenant.
        addresses: that each edge has at this moment, without their prefix lengths.

    Raises:
        GatewayError: naming what each edge holds.
    """
    edges = find_edges(plan)
    gateways = {str(plan.segments[key].gateway) for key in inner_segments(plan, edges[0])}
    held = {edge: sorted(gateways & {*addresses[edge]}) for edge in edges}
    for edge in edges:
        if {*held[edge]} == gateways:
            return edge
    shown = "; ".join(f"{edge} holds {', '.join(held[edge]) or 'none'}" for edge in edges)
    message = f"{shown}; one edge must hold all of {', '.join(sorted(gateways))}"
    raise GatewayError(message)


def plan_rounds(plan: Plan, edge: str | None = None) -> tuple[tuple[Pair, ...], ...]:
    """Derive all ordered pairs that can be tried, by distance in the sorted names.

    So that in one round each server sends at most one and receives at most one.

    Args:
        plan: of a tenant.
        edge: the one that holds the gateways; the first one when there is no other to choose.
    """
    servers = list(plan.servers)
    between = edge or find_edges(plan)[0]
    rounds = (
        tuple(
            _pair(plan, source, destination, between)
            for index, source in enumerate(servers)
            if _is_tried(
                plan, between, source, destination := servers[(index + distance) % len(servers)]
            )
        )
        for distance in range(1, len(servers))
    )
    return tuple(found for found in rounds if found)


def plan_pairs(plan: Plan, edge: str | None = None) -> tuple[Pair, ...]:
    """Derive all ordered pairs that can be tried, round after round."""
    return tuple(chain.from_iterable(plan_rounds(plan, edge)))


def find_untried(plan: Plan, edge: str) -> tuple[Untried, ...]:
    """Give the ordered pairs that cannot be tried: a tunnel ends at the edge that forwards."""
    return tuple(
        Untried(source=source, destination=destination, reason=_say_standby(plan, edge))
        for source, destination in permutations(plan.servers, 2)
        if not _is_tried(plan, edge, source, destination)
    )


def _say_standby(plan: Plan, edge: str) -> str:
    standby = next(other for other in find_edges(plan) if other != edge)
    return f"the tunnels are at {edge}, which forwards: {standby} stands by without any"


def matrix_udp_ports(plan: Plan) -> tuple[int, ...]:
    """Give the UDP ports that are tried: the common ones and those of all rules, sorted.

    Some rules come from no flow of the record: those of tunnels and of a pair of edges.
    """
    own = {
        rule.port
        for server in plan.servers.values()
        for rule in chain(server.filter.incoming, server.filter.outgoing, server.filter.forward)
        if rule.protocol == "udp" and rule.port is not None
    }
    return tuple(sorted({*COMMON_UDP_PORTS, *own}))


def _is_tried(plan: Plan, edge: str, source: str, destination: str) -> bool:
    """Say whether there is a way: from an edge that stands by, none to a site."""
    standby = {*find_edges(plan)} - {edge}
    ends = {source, destination}
    return not ends & standby or all(is_at_edge(plan, end) for end in ends)


def _pair(plan: Plan, source: str, destination: str, edge: str) -> Pair:
    here, there = plan.servers[source], plan.servers[destination]
    links = find_path(plan, source, destination, edge)
    departure, arrival = links[0], links[-1]
    passages = (
        Passage(
            server=entry.receiver,
            entry=entry,
            exit=onward,
            forward=_accepted(
                plan.servers[entry.receiver].filter.forward,
                here,
                there,
                in_device=entry.in_device,
                out_device=onward.out_device,
            ),
        )
        for entry, onward in pairwise(links)
    )
    return Pair(
        source=source,
        destination=destination,
        departure=departure,
        passages=tuple(passages),
        arrival=arrival,
        outgoing=_accepted(here.filter.outgoing, here, there, out_device=departure.out_device),
        incoming=_accepted(there.filter.incoming, here, there, in_device=arrival.in_device),
    )


def _accepted(
    rules: Iterable[Rule],
    source: Server,
    destination: Server,
    *,
    in_device: str | None = None,
    out_device: str | None = None,
) -> frozenset[Port]:
    """Evaluate rules as the packet filter does: all that they state must match."""
    return frozenset(
        (rule.protocol, rule.port)
        for rule in rules
        # What has no ports (the messages of a pair of edges) is in no matrix of ports.
        if rule.protocol != "vrrp"
        and rule.port is not None
        and rule.in_device in (None, in_device)
        and rule.out_device in (None, out_device)
        and _matches(rule.sources, source)
        and _matches(rule.destinations, destination)
    )


def _matches(prefixes: Iterable[str], server: Server) -> bool:
    address = IPv4Address(server.address)
    return any(address in IPv4Network(prefix) for prefix in prefixes)
