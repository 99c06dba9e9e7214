"""Attacks on networks outside, and from there: only what a flow allows leaves, or comes in.

Whatever leaves does so by a gate: the leg of one of our edges or routers. Gates are sensors too,
of both directions, so that it is heard even when nobody else there hears it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from infra.isolation.attempt import Attempt, Build
from infra.isolation.cases.ipv6 import native, tunnelled
from infra.isolation.cases.routing import ports_of
from infra.isolation.frame import SOURCE_PORT, link_local, on_wire, probes
from infra.isolation.ground import Ground, Host, Leg
from infra.isolation.outcome import Family
from infra.plan.model import Rule

NOBODY, NOBODY_IPV6 = IPv4Address("192.0.2.1"), IPv6Address("fd00:5e::1")
"""Addresses of no host. Source: RFC 5737, RFC 4193."""

BROWSING = (80, 443)
"""TCP ports that a filter which looks at nothing else most likely lets out."""


@dataclass(frozen=True, kw_only=True)
class _Lie:
    """One packet under an address that is not its sender's."""

    source: IPv4Address
    destination: IPv4Address
    protocol: str
    port: int


@dataclass(frozen=True, kw_only=True)
class _Try:
    case: str
    attack: str
    family: Family
    build: Build


def leave(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I01, I03, I16: from one of our zones to every address in each network outside."""
    gateways = ground.gateways(source)
    behind = {gateway.host for gateway in gateways}
    for network, legs in ground.outside.items():
        sensors = tuple(leg for leg in legs if leg not in ground.lone_legs)
        # What is for its own gateway would leave by none.
        near = {leg.address.ip for leg in legs if leg.host in behind}
        victims = tuple(leg for leg in sensors if leg.address.ip not in near)
        if not gateways or not victims or source.network == network:
            continue
        rules = [rule for gate in ground.gates(network) for rule in _rules(ground, gate, "out")]
        hops = [leg.mac for leg in (*gateways, *victims)]
        wanted = {
            leg.address.ip: ports_of(
                ground.hosts[leg.host], _allowed(rules, source.address.ip, leg.address.ip)
            )
            for leg in victims
        }
        lies = [lie for address in wanted for lie in _lies_out(ground, source, rules, address)]
        for each in _tries(ground, source, hops, victims, wanted, lies):
            yield _attempt(each, source, gateways[0], outside=sensors)


def enter(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I01, I03, I16: from a leg outside to all that is behind our edges and routers there."""
    own = ground.gates(source.network)
    gates = tuple(leg for leg in own if leg.address.ip != source.address.ip)
    guards = {leg.host for leg in own}
    targets = tuple(
        host
        for host in ground.hosts.values()
        if host.tenant == ground.own and host.key not in guards
    )
    if not gates or not targets:
        return
    rules = [rule for gate in own for rule in _rules(ground, gate, "in")]
    victims = tuple(leg for host in targets for leg in host.legs)
    wanted = {
        # Its own address stands for the servers that a flow from outside ends at.
        **{
            gate.address.ip: ports_of(
                ground.hosts[gate.host], _allowed(rules, source.address.ip, None)
            )
            for gate in gates
        },
        **{
            leg.address.ip: ports_of(
                ground.hosts[leg.host], _allowed(rules, source.address.ip, leg.address.ip)
            )
            for leg in victims
        },
    }
    lies = [lie for host in targets for lie in _lies_in(ground, host)]
    for each in _tries(ground, source, [gate.mac for gate in gates], victims, wanted, lies):
        yield _attempt(each, source, gates[0], targets=targets)


def _attempt(
    each: _Try,
    source: Leg,
    witness: Leg,
    *,
    targets: tuple[Host, ...] = (),
    outside: tuple[Leg, ...] = (),
) -> Attempt:
    return Attempt(
        case=each.case,
        attack=each.attack,
        family=each.family,
        layer="real packets",
        source=source,
        targets=targets,
        outside=outside,
        build=each.build,
        witness=witness,
    )


def _tries(
    ground: Ground,
    source: Leg,
    hops: Sequence[str],
    victims: tuple[Leg, ...],
    wanted: dict[IPv4Address, tuple[tuple[int, ...], tuple[int, ...]]],
    lies: Sequence[_Lie],
) -> Iterator[_Try]:
    """Give all that is tried from one leg, each packet handed to each of these MACs.

    wanted: TCP and UDP ports by address.
    """
    hosts = dict.fromkeys(ground.hosts[leg.host] for leg in victims)
    ipv6 = (
        *(link_local(leg.mac) for leg in victims),
        *(address for host in hosts for address in host.ipv6),
    )
    yield _Try(
        case="I01",
        attack=f"ICMP, TCP and UDP ports of {len(wanted)} addresses across the border outside",
        family="ipv4",
        build=_sweeping(source, hops, wanted),
    )
    yield _Try(
        case="I16",
        attack=f"ICMP, TCP and UDP over IPv6 to {len(ipv6)} addresses across the border outside",
        family="ipv6",
        build=native(ground, source, ipv6, tuple(hops)),
    )
    yield _Try(
        case="I16",
        attack="IPv6 inside IPv4: protocol 41, GRE, Teredo, across the border outside",
        family="ipv6",
        build=tunnelled(source, tuple(hops), victims),
    )
    pretended = len({lie.source for lie in lies})
    if lies:
        yield _Try(
            case="I03",
            attack=f"packets under {pretended} addresses of others across the border outside",
            family="ipv4",
            build=_lying(source, hops, lies),
        )
    yield _Try(
        case="I03",
        attack="IPv6 packets under an address of nobody across the border outside",
        family="ipv6",
        build=_lying_ipv6(source, hops, ipv6),
    )


def _sweeping(
    source: Leg,
    hops: Sequence[str],
    wanted: dict[IPv4Address, tuple[tuple[int, ...], tuple[int, ...]]],
) -> Build:
    return lambda token: tuple(
        on_wire(source.mac, hop, packet)
        for address, (tcp, udp) in wanted.items()
        for packet in probes(token, source.address.ip, address, tcp, udp)
        for hop in hops
    )


def _lying(source: Leg, hops: Sequence[str], lies: Sequence[_Lie]) -> Build:
    return lambda token: tuple(
        on_wire(
            source.mac,
            hop,
            IP(src=str(lie.source), dst=str(lie.destination))
            / _segment(lie.protocol, lie.port)
            / Raw(token),
        )
        for lie in lies
        for hop in hops
    )


def _lying_ipv6(source: Leg, hops: Sequence[str], addresses: Sequence[IPv6Address]) -> Build:
    return lambda token: tuple(
        on_wire(
            source.mac,
            hop,
            IPv6(src=str(NOBODY_IPV6), dst=str(address)) / _segment("tcp", port) / Raw(token),
        )
        for address in addresses
        for port in BROWSING
        for hop in hops
    )


def _segment(protocol: str, port: int) -> Packet:
    if protocol == "tcp":
        return TCP(sport=SOURCE_PORT, dport=port, flags="S")
    return UDP(sport=SOURCE_PORT, dport=port)


def _lies_out(
    ground: Ground, source: Leg, rules: Sequence[Rule], destination: IPv4Address
) -> Iterator[_Lie]:
    """Pretend to be who may go there, somebody of each tenant, and nobody.

    Within one segment an edge cannot tell who is who.
    """
    for rule in rules:
        if rule.port is not None and _covers(rule.destinations, destination):
            for prefix in map(_network, rule.sources):
                pretended = prefix[-2] if prefix.num_addresses > 2 else prefix[0]
                if pretended not in source.address.network:
                    yield _Lie(
                        source=pretended,
                        destination=destination,
                        protocol=rule.protocol,
                        port=rule.port,
                    )
    away = {
        leg.tenant: leg.address.ip
        for host in ground.hosts.values()
        for leg in host.legs
        if not leg.is_shared and leg.address.ip not in source.address.network
    }
    for pretended in (*away.values(), NOBODY):
        for port in BROWSING:
            yield _Lie(source=pretended, destination=destination, protocol="tcp", port=port)


def _lies_in(ground: Ground, target: Host) -> Iterator[_Lie]:
    """Pretend to be each server that may go there from within."""
    servers = ground.plan.servers
    for flow in ground.plan.flows.values():
        if target.server in flow.destination_servers:
            for server in flow.source_servers:
                yield _Lie(
                    source=IPv4Address(servers[server].address),
                    destination=IPv4Address(servers[target.server].address),
                    protocol=flow.protocol,
                    port=flow.port,
                )


def _rules(ground: Ground, gate: Leg, direction: str) -> Iterator[Rule]:
    """Give what a gate's host forwards out by it, or in."""
    for rule in ground.plan.servers[gate.server].filter.forward:
        if gate.device == (rule.out_device if direction == "out" else rule.in_device):
            yield rule


def _allowed(
    rules: Sequence[Rule], source: IPv4Address, destination: IPv4Address | None
) -> Callable[[str, int], bool]:
    """Give what says whether a rule lets a port pass. destination: None for any of the rule's."""
    found = {
        (rule.protocol, rule.port)
        for rule in rules
        if _covers(rule.sources, source)
        and (destination is None or _covers(rule.destinations, destination))
    }
    return lambda protocol, port: (protocol, port) in found


def _covers(prefixes: Sequence[str], address: IPv4Address) -> bool:
    return any(address in _network(prefix) for prefix in prefixes)


@lru_cache(maxsize=1024)
def _network(prefix: str) -> IPv4Network:
    return IPv4Network(prefix)
