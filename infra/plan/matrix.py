"""Derive the matrix: what each filter between two servers lets pass, for every ordered pair.

The rules of the plan, evaluated; the flows they came from are not looked at.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain, permutations

from infra.plan.model import Nic, Plan, Rule, Server
from infra.record.model import Protocol

Port = tuple[Protocol, int]

COMMON_UDP_PORTS = (
    53, 67, 68, 69, 123, 137, 138, 161, 389, 500, 514, 623, 1194, 1701, 1812, 1900, 3544, 4500,
    4789, 5353, 5355, 11211, 51820,
)  # fmt: skip
"""Services that answer anybody, or that carry one network inside another."""


@dataclass(frozen=True, kw_only=True)
class Track:
    """How a frame goes on the wire at one end of a link: from the sender's device to a MAC."""

    sender: str
    device: str
    from_mac: str
    to_mac: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One server and another that it might reach.

    departure: from the source to whom it hands its packets. arrival: the last link before the
    destination; the same one when no edge is between. outgoing, forward, incoming: what the
    filters of source, edge and destination let pass; forward is None when no edge is between.
    """

    source: str
    destination: str
    departure: Track
    arrival: Track
    outgoing: frozenset[Port]
    forward: frozenset[Port] | None
    incoming: frozenset[Port]

    @property
    def open(self) -> frozenset[Port]:
        """What passes all filters."""
        passed = self.outgoing & self.incoming
        return passed if self.forward is None else passed & self.forward


@dataclass(frozen=True, kw_only=True)
class Untried:
    """One server and another between which nothing is tried. reason: one sentence's part."""

    source: str
    destination: str
    reason: str


class GatewayError(LookupError):
    """No edge of a pair holds all gateways."""


def find_edges(plan: Plan) -> tuple[str, ...]:
    """Give the edges, one or two, in the order of the plan."""
    return tuple(key for key, server in plan.servers.items() if "edge" in server.roles)


def find_holder(plan: Plan, addresses: Mapping[str, Collection[str]]) -> str:
    """Find the edge that holds the gateways of the segments where edges are.

    Args:
        plan: of a tenant.
        addresses: that each edge has at this moment, without their prefix lengths.

    Raises:
        GatewayError: naming what each edge holds.
    """
    edges = find_edges(plan)
    at_edge = _segments(plan.servers[edges[0]]) - plan.outside.keys()
    gateways = {str(plan.segments[key].gateway) for key in at_edge}
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
            if _is_tried(plan, source, destination := servers[(index + distance) % len(servers)])
        )
        for distance in range(1, len(servers))
    )
    return tuple(found for found in rounds if found)


def plan_pairs(plan: Plan) -> tuple[Pair, ...]:
    """Derive all ordered pairs that can be tried, round after round."""
    return tuple(chain.from_iterable(plan_rounds(plan)))


def find_untried(plan: Plan) -> tuple[Untried, ...]:
    """Give the ordered pairs that cannot be tried: their path passes the router of a site."""
    return tuple(
        Untried(
            source=source, destination=destination, reason=_say_routers(plan, source, destination)
        )
        for source, destination in permutations(plan.servers, 2)
        if not _is_tried(plan, source, destination)
    )


def _say_routers(plan: Plan, *ends: str) -> str:
    inside = {segment for end in ends for segment in _segments(plan.servers[end])}
    routers = [
        key
        for key, server in plan.servers.items()
        if "router" in server.roles and (_segments(server) - plan.outside.keys()) & inside
    ]
    return f"the path passes a site's own router: {', '.join(routers)}"


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


def _is_tried(plan: Plan, source: str, destination: str) -> bool:
    """Say whether nothing or only the edge is between two servers."""
    outside = plan.outside.keys()
    here, there = (_segments(plan.servers[key]) - outside for key in (source, destination))
    at_edge = _segments(plan.servers[find_edges(plan)[0]]) - outside
    return bool(here & there) or (bool(here & at_edge) and bool(there & at_edge))


def _pair(plan: Plan, source: str, destination: str, edge: str) -> Pair:
    here, there = plan.servers[source], plan.servers[destination]
    is_direct = edge in (source, destination) or bool(_segments(here) & _segments(there))
    if is_direct:
        departure = arrival = _track(source, here, there)
        forward = None
    else:
        departure = _track(source, here, plan.servers[edge])
        arrival = _track(edge, plan.servers[edge], there)
        forward = _accepted(
            plan.servers[edge].filter.forward,
            here,
            there,
            in_device=_shared_nic(plan.servers[edge], here).device,
            out_device=arrival.device,
        )
    return Pair(
        source=source,
        destination=destination,
        departure=departure,
        arrival=arrival,
        outgoing=_accepted(here.filter.outgoing, here, there, out_device=departure.device),
        forward=forward,
        incoming=_accepted(
            there.filter.incoming,
            here,
            there,
            in_device=_shared_nic(there, plan.servers[arrival.sender]).device,
        ),
    )


def _segments(server: Server) -> set[str]:
    return {nic.segment for nic in server.nics if nic.segment}


def _shared_nic(server: Server, other: Server) -> Nic:
    """Find the NIC of a server in a segment where the other is too."""
    shared = _segments(server) & _segments(other)
    return next(nic for nic in server.nics if nic.segment in shared)


def _track(key: str, sender: Server, receiver: Server) -> Track:
    nic = _shared_nic(sender, receiver)
    return Track(
        sender=key,
        device=nic.device,
        from_mac=nic.mac,
        to_mac=_shared_nic(receiver, sender).mac,
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
