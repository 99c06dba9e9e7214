"""Attacks on what the provider keeps for itself, and on services that could know two tenants."""

import struct
from collections.abc import Callable, Iterator

from scapy.layers.dns import DNS, DNSQR

from infra.isolation.attempt import Attempt, Build, Question
from infra.isolation.frame import on_wire, probes
from infra.isolation.ground import SHARED, Ground, Host, Leg
from infra.record.service import NAMES_PORT, PACKAGE_RELAY_PORT

Ports = tuple[tuple[int, ...], tuple[int, ...]]
"""TCP and UDP."""

MANAGEMENT: Ports = ((22, 80, 443, 902, 5480, 5989), (161, 514, 623))
MOVING: Ports = ((22, 111, 443, 2049, 2233, 3260, 8000, 8100, 8200), (111, 2049, 12345))
BACKUP: Ports = ((22, 443, 8000, 9101, 9102, 9103), ())
CASES = {SHARED: ("I18", MANAGEMENT), "provider-backup": ("I20", BACKUP)}
"""Case and ports by network of the provider; the others carry servers' memory and disks (I19)."""

_DNS_HEAD = struct.Struct(">6H")


def provider(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I18, I19, I20: everything in the provider's networks, through our own edge and directly."""
    peers, gateways = ground.peers(source), ground.gateways(source)
    for target in ground.targets(source):
        for leg in target.legs:
            network = ground.network_name(leg)
            if network is None:
                continue
            case, (tcp, udp) = CASES.get(network, ("I19", MOVING))
            yield Attempt(
                case=case,
                attack=f"{len(tcp)} TCP and {len(udp)} UDP ports in {network}",
                family="ipv4",
                layer="real packets",
                source=source,
                targets=(target,),
                build=_everywhere(source, leg, gateways, tcp, udp),
                witness=peers[0] if peers else None,
                control=_everywhere(source, peers[0], (), tcp, udp) if peers else None,
            )


def _everywhere(
    source: Leg, target: Leg, gateways: tuple[Leg, ...], tcp: tuple[int, ...], udp: tuple[int, ...]
) -> Build:
    hops = [target.mac, *(gateway.mac for gateway in gateways)]
    return lambda token: tuple(
        on_wire(source.mac, hop, packet)
        for packet in probes(token, source.address.ip, target.address.ip, tcp, udp)
        for hop in hops
    )


def names(ground: Ground, source: Host) -> Iterator[Question]:
    """I21: ask our own resolver for what only a neighbour's knows."""
    if not ground.allows(source, ground.resolver, "udp", NAMES_PORT):
        return
    for target in ground.neighbours:
        for name in ground.names_of(target):
            yield Question(
                case="I21",
                attack=f"the own resolver asked for {name}",
                source=source,
                about=target,
                protocol="udp",
                address=ground.plan.resolver,
                port=NAMES_PORT,
                build=_asking(name),
                control=_asking(ground.plan.servers[ground.resolver.server].fqdn),
                betrayed=count_answers,
            )


def _asking(name: str) -> Callable[[bytes], bytes]:
    return lambda _: bytes(DNS(rd=1, qd=DNSQR(qname=name)))


def count_answers(reply: bytes) -> int | None:
    """Count what a resolver tells; None when this is no answer. Source: RFC 1035, 4.1.1."""
    return int(_DNS_HEAD.unpack_from(reply)[3]) if len(reply) >= _DNS_HEAD.size else None


def relay(ground: Ground, source: Host) -> Iterator[Question]:
    """I23: have the package relay connect us to a neighbour, with a token for what is behind it."""
    if not ground.allows(source, ground.resolver, "tcp", PACKAGE_RELAY_PORT):
        return
    for target in ground.neighbours:
        # An address that is ours too would be answered by our own.
        for leg in target.legs:
            if ground.own_at(leg.address) is None:
                yield Question(
                    case="I23",
                    attack=f"the own package relay asked for a connection to {leg.address.ip}:22",
                    source=source,
                    about=target,
                    protocol="tcp",
                    address=ground.plan.resolver,
                    port=PACKAGE_RELAY_PORT,
                    build=_connecting(leg),
                    control=None,
                    betrayed=count_connections,
                )


def _connecting(leg: Leg) -> Callable[[bytes], bytes]:
    where = f"{leg.address.ip}:22".encode()
    return lambda token: b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n%b" % (where, where, token)


def count_connections(reply: bytes) -> int | None:
    """Say whether a proxy connects, 1 or 0; None when this is no answer. Source: RFC 9110."""
    status = reply.split(b" ", 2)
    if not reply.startswith(b"HTTP/") or len(status) < 2:
        return None
    return int(status[1].startswith(b"2"))
