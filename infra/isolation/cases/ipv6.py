"""Attacks by the IPv6 that nobody planned: as it is, and inside IPv4."""

from collections.abc import Iterator
from ipaddress import IPv6Address

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE
from scapy.packet import Packet, Raw

from infra.isolation.attempt import Attempt, Build
from infra.isolation.cases.routing import TCP_PORTS, UDP_PORTS
from infra.isolation.frame import SOURCE_PORT, link_local, on_wire, probes
from infra.isolation.ground import Ground, Leg

TEREDO = 3544


def forgotten(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I16: the sweep of I01 over IPv6, through our own edge and on the wire."""
    peers, gateways = ground.peers(source), ground.gateways(source)
    for target in ground.targets(source):
        addresses = (*(link_local(leg.mac) for leg in target.legs), *target.ipv6)
        hops = (*(gateway.mac for gateway in gateways), *(leg.mac for leg in target.legs))
        yield Attempt(
            case="I16",
            attack=f"ICMP, TCP and UDP over IPv6 to {len(addresses)} addresses",
            family="ipv6",
            layer="real packets",
            source=source,
            targets=(target,),
            build=native(ground, source, addresses, hops),
            witness=peers[0] if peers else None,
            control=native(ground, source, (link_local(peers[0].mac),), (peers[0].mac,))
            if peers
            else None,
        )
        if gateways:
            yield Attempt(
                case="I16",
                attack="IPv6 inside IPv4: protocol 41, GRE, Teredo, through the own edge",
                family="ipv6",
                layer="real packets",
                source=source,
                targets=(target,),
                build=tunnelled(source, tuple(leg.mac for leg in gateways), target.legs),
                witness=gateways[0],
            )


def native(
    ground: Ground, source: Leg, addresses: tuple[IPv6Address, ...], hops: tuple[str, ...]
) -> Build:
    """Build a small sweep of addresses, handed to each of these MACs."""

    def build(token: bytes) -> tuple[bytes, ...]:
        own = ground.hosts[source.host].ipv6
        return tuple(
            on_wire(source.mac, hop, packet)
            for address in addresses
            for packet in probes(
                token,
                link_local(source.mac) if address.is_link_local or not own else own[0],
                address,
                TCP_PORTS[:3],
                UDP_PORTS[:1],
            )
            for hop in hops
        )

    return build


def tunnelled(source: Leg, hops: tuple[str, ...], targets: tuple[Leg, ...]) -> Build:
    """Build IPv6 inside IPv4, in each way, to each of these legs."""

    def build(token: bytes) -> tuple[bytes, ...]:
        inner = IPv6(src=str(link_local(source.mac)), dst=str(link_local(targets[0].mac)))
        inner = inner / UDP(sport=SOURCE_PORT, dport=TCP_PORTS[0]) / Raw(token)
        contents: tuple[Packet, ...] = (inner, GRE(proto=0x86DD) / inner, UDP(dport=TEREDO) / inner)
        return tuple(
            on_wire(
                source.mac,
                hop,
                IP(src=str(source.address.ip), dst=str(leg.address.ip)) / content,
            )
            for hop in hops
            for leg in targets
            for content in contents
        )

    return build
