"""Attacks through routers: sweeps, foreign next hops, false sources, overlapping prefixes."""

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address

from scapy.layers.inet import IP, TCP
from scapy.packet import Raw

from infra.isolation.attempt import Attempt, Build
from infra.isolation.frame import SOURCE_PORT, on_wire, probes
from infra.isolation.ground import Ground, Host, Leg

TCP_PORTS = (22, 80, 443, 445, 3389, 5432)
UDP_PORTS = (53, 123, 161)
"""Tried against every target, beside what it listens on."""


def ports_of(
    target: Host, is_allowed: Callable[[str, int], bool]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the TCP and UDP ports to try: what the plan allows is no attack."""
    wanted = {"tcp": {*TCP_PORTS}, "udp": {*UDP_PORTS}}
    for listener in target.listeners:
        protocol, _, port = listener.partition("/")
        wanted[protocol].add(int(port))
    tcp, udp = (
        tuple(sorted(port for port in wanted[kind] if not is_allowed(kind, port)))
        for kind in ("tcp", "udp")
    )
    return tcp, udp


def through_edges(
    ground: Ground, source: Leg, target: Host, tcp: tuple[int, ...], udp: tuple[int, ...]
) -> Build:
    """Build what asks our own edges to forward to a target, at each address that is not ours."""
    addresses = [
        leg.address.ip
        for leg in target.legs
        if leg not in ground.outside.get(leg.network, ())
        and (target.tenant == ground.own or ground.own_at(leg.address) is None)
    ]
    return lambda token: tuple(
        on_wire(source.mac, gateway.mac, packet)
        for gateway in ground.gateways(source)
        for address in addresses
        for packet in probes(token, source.address.ip, address, tcp, udp)
    )


def sweep(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I01: every address of every other zone and tenant, through our own edge."""
    gateways = ground.gateways(source)
    for target in ground.targets(source) if gateways else ():
        if ground.is_provider(target):
            continue
        tcp, udp = ports_of(target, partial(ground.allows, source, target))
        build = through_edges(ground, source, target, tcp, udp)
        if not build(b""):
            continue  # all its addresses are outside, or also ours: others try those (I27)
        yield Attempt(
            case="I01",
            attack=f"ICMP, {len(tcp)} TCP and {len(udp)} UDP ports through the own edge",
            family="ipv4",
            layer="real packets",
            source=source,
            targets=(target,),
            build=build,
            witness=gateways[0],
        )


def foreign_next_hop(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I02: hand packets to every foreign router on the wire, and to the target itself."""
    routers = [
        leg.mac for host in ground.neighbours for leg in host.legs if host.is_edge or leg.is_shared
    ]
    peers = ground.peers(source)
    for target in ground.targets(source):
        hops = [leg.mac for leg in target.legs]
        if target.tenant != ground.own:
            hops = [*dict.fromkeys((*hops, *routers))]
        yield Attempt(
            case="I02",
            attack="packets handed to every foreign router and to the target's own NIC",
            family="ipv4",
            layer="real packets",
            source=source,
            targets=(target,),
            build=_handed_to(source, [leg.address.ip for leg in target.legs], hops),
            witness=peers[0] if peers else None,
            control=_handed_to(source, [peers[0].address.ip], [peers[0].mac]) if peers else None,
        )


def _handed_to(source: Leg, addresses: list[IPv4Address], hops: list[str]) -> Build:
    return lambda token: tuple(
        on_wire(source.mac, hop, packet)
        for address in addresses
        for packet in probes(token, source.address.ip, address, (22,), (53,))
        for hop in hops
    )


def false_source(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I03: under the address of somebody whom the plan lets pass, to where that one may go."""
    gateways = ground.gateways(source)
    for target in ground.targets(source) if gateways else ():
        pretended = [
            (IPv4Address(ground.plan.servers[server].address), flow.port)
            for flow in ground.plan.flows.values()
            if target.tenant == ground.own
            and flow.protocol == "tcp"
            and target.server in flow.destination_servers
            for server in flow.source_servers
            # Within one segment an edge cannot tell who is who.
            if all(leg.network != source.network for leg in ground.hosts[ground.own, server].legs)
        ]
        if not pretended:
            continue
        yield Attempt(
            case="I03",
            attack=f"TCP under the addresses of {len(pretended)} others that may pass",
            family="ipv4",
            layer="real packets",
            source=source,
            targets=(target,),
            build=_pretending(
                source, gateways, pretended, IPv4Address(ground.plan.servers[target.server].address)
            ),
            witness=gateways[0],
        )


def _pretending(
    source: Leg,
    gateways: tuple[Leg, ...],
    pretended: list[tuple[IPv4Address, int]],
    target: IPv4Address,
) -> Build:
    return lambda token: tuple(
        on_wire(
            source.mac,
            gateway.mac,
            IP(src=str(address), dst=str(target))
            / TCP(sport=SOURCE_PORT, dport=port, flags="S")
            / Raw(token),
        )
        for gateway in gateways
        for address, port in pretended
    )


def overlap(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I27: to an address that a neighbour has too: it must mean our own host."""
    gateways = ground.gateways(source)
    for target in ground.neighbours if gateways else ():
        shared = [leg.address.ip for leg in target.legs if ground.own_at(leg.address)]
        if not shared:
            continue
        yield Attempt(
            case="I27",
            attack=f"to {', '.join(map(str, shared))}, which is an address of our own too",
            family="ipv4",
            layer="real packets",
            source=source,
            targets=(target,),
            build=_to_addresses(source, gateways, shared),
            witness=gateways[0],
        )


def _to_addresses(source: Leg, gateways: tuple[Leg, ...], addresses: list[IPv4Address]) -> Build:
    return lambda token: tuple(
        on_wire(source.mac, gateway.mac, packet)
        for gateway in gateways
        for address in addresses
        for packet in probes(token, source.address.ip, address, TCP_PORTS, (53,))
    )
