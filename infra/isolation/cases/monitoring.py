"""Attacks on clocks, monitoring and logs: what they tell of others, and what they believe (I22)."""

import struct
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from scapy.asn1.asn1 import ASN1_OID, ASN1_STRING
from scapy.layers.inet import IP, UDP
from scapy.layers.snmp import SNMP, SNMPget, SNMPvarbind
from scapy.packet import Raw

from infra.isolation.attempt import Attempt, Build, Question
from infra.isolation.frame import SOURCE_PORT, on_wire
from infra.isolation.ground import Ground, Host, Leg
from infra.record.service import TIME_PORT

SNMP_PORT, SYSLOG_PORT = 161, 514
SYSTEM_NAME = "1.3.6.1.2.1.1.5.0"
"""Source: RFC 3418."""

TIME = b"\x23" + bytes(47)
"""Ask for the time: version 4, mode 3. Source: RFC 5905, 7.3."""

READ_VARIABLES = struct.pack(">BB5H", 0x16, 2, 1, 0, 0, 0, 0)
"""Ask a clock for its state and its peers: mode 6, opcode 2. Source: RFC 9327, 2."""

LIST_CLIENTS = struct.pack(">4BHH", 0x17, 0, 3, 42, 0, 0)
"""Ask a clock for all that it met: mode 7, `monlist`. Source: ntp_request.h of ntpd 4.2."""

_EXPERIMENTAL_FIELD = 0xF000
"""Type of an extension field that clocks pass over. Source: RFC 7822, RFC 9748."""

_SERVER_MODE = 4
_REFERENCE = slice(12, 16)
"""In an answer: by whom the clock is set. Source: RFC 5905, 7.3."""


def shared(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I22: ask every host of the others as if it were a shared clock, monitor or log."""
    peers = ground.peers(source)
    for target in ground.targets(source):
        if target.tenant == ground.own:
            continue
        yield Attempt(
            case="I22",
            attack="questions as to a clock and a monitor, and a log line in the target's name",
            family="ipv4",
            layer="real packets",
            source=source,
            targets=(target,),
            build=_asking(source, [*_ways(ground, source, target)], target),
            witness=peers[0] if peers else None,
            control=_asking(source, [(peers[0], peers[0].mac)], target) if peers else None,
        )


def _ways(ground: Ground, source: Leg, target: Host) -> Iterator[tuple[Leg, str]]:
    """Give each leg of a target with the MACs to hand it to: its own, and our edges'.

    Our edges would take an address that is also ours for our own host's.
    """
    for leg in target.legs:
        yield leg, leg.mac
        if ground.own_at(leg.address) is None:
            yield from ((leg, gateway.mac) for gateway in ground.gateways(source))


def _asking(source: Leg, ways: list[tuple[Leg, str]], claimed: Host) -> Build:
    """claimed: in whose name the log line is."""
    return lambda token: tuple(
        on_wire(
            source.mac,
            hop,
            IP(src=str(source.address.ip), dst=str(leg.address.ip))
            / UDP(sport=SOURCE_PORT, dport=port)
            / Raw(content),
        )
        for leg, hop in ways
        for port, content in _contents(token, claimed)
    )


def _contents(token: bytes, claimed: Host) -> Iterator[tuple[int, bytes]]:
    """Give what each service would take, by port: the token where it does not look."""
    field = struct.pack(">HH", _EXPERIMENTAL_FIELD, 4 + len(token)) + token
    for question in (TIME + field, READ_VARIABLES + token, LIST_CLIENTS + token):
        yield TIME_PORT, question
    wanted = SNMPvarbind(oid=ASN1_OID(SYSTEM_NAME), value=ASN1_STRING(token))
    yield SNMP_PORT, bytes(SNMP(community="public", PDU=SNMPget(varbindlist=[wanted])))
    # Source: RFC 5424; the host's name is what it was given.
    name = f"{claimed.tenant}-{claimed.server}".encode()
    yield SYSLOG_PORT, b"<13>1 - %b isolation - - - %b" % (name, token)


def clock(ground: Ground, source: Host) -> Iterator[Question]:
    """I22: ask our own clock who sets it, and for what is not the time.

    Of the others only a host with a leg in the shared network could have met it.
    """
    if not ground.allows(source, ground.resolver, "udp", TIME_PORT):
        return
    for target in ground.neighbours:
        if not any(leg.is_shared for leg in target.legs):
            continue
        time = Question(
            case="I22",
            attack="the own clock asked for the time, which must not be from there",
            source=source,
            about=target,
            protocol="udp",
            address=ground.plan.resolver,
            port=TIME_PORT,
            build=lambda _: TIME,
            control=None,
            betrayed=_looking_for(
                {leg.address.ip for leg in target.legs if ground.own_at(leg.address) is None}
            ),
        )
        more = replace(
            time, control=lambda _: TIME, betrayed=count_replies, witness=ground.resolver
        )
        yield time
        yield replace(
            more, attack="the own clock asked for its peers (mode 6)", build=_with(READ_VARIABLES)
        )
        yield replace(
            more, attack="the own clock asked for its clients (mode 7)", build=_with(LIST_CLIENTS)
        )


def _with(question: bytes) -> Callable[[bytes], bytes]:
    return lambda token: question + token


def _looking_for(addresses: set[IPv4Address]) -> Callable[[bytes], int | None]:
    return lambda reply: count_sources(reply, addresses)


def count_sources(reply: bytes, addresses: Collection[IPv4Address]) -> int | None:
    """Say whether a clock is set by one of these, 1 or 0; None when this is no time.

    Source: RFC 5905, 7.3.
    """
    if len(reply) < len(TIME) or reply[0] & 0b111 != _SERVER_MODE:
        return None
    return int(IPv4Address(reply[_REFERENCE]) in addresses)


def count_replies(_: bytes) -> int:
    """Count what should not have come, whatever it says."""
    return 1
