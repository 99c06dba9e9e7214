"""Attacks by protocols of layer 2 and by multicast: heard in one's own network, nowhere else.

Each is tried in both directions: our sources announce, and what others announce in their
networks must not be heard by ours (I08, I17).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scapy.contrib.cdp import CDPv2_HDR
from scapy.contrib.dtp import DTP
from scapy.contrib.ospf import OSPF_Hdr, OSPF_Hello
from scapy.contrib.vtp import VTP
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.hsrp import HSRP
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_RA, IPv6
from scapy.layers.l2 import ARP, LLC, SNAP, STP, Dot3
from scapy.layers.llmnr import LLMNRQuery
from scapy.layers.vrrp import IPPROTO_VRRP, VRRP
from scapy.packet import Packet, Raw

from infra.isolation.attempt import Attempt, Build
from infra.isolation.frame import BROADCAST, link_local, on_wire
from infra.isolation.ground import Ground, Host, Leg
from infra.isolation.outcome import Family

CISCO = "01:00:0c:cc:cc:cc"
SPANNING_TREE = "01:80:c2:00:00:00"
ALL_NODES_MAC, ALL_NODES = "33:33:00:00:00:01", "ff02::1"
_NAME = DNSQR(qname="isolation.local")


@dataclass(frozen=True)
class Announcement:
    """One thing to announce. frames: whole frames of a leg with a token."""

    case: str
    attack: str
    family: Family
    frames: Callable[[Leg, bytes], tuple[bytes, ...]]
    heard_as: str | None = None
    """The case in which others announce it and ours must not hear it."""


def _cisco(code: int, content: Packet) -> Callable[[Leg, bytes], tuple[bytes, ...]]:
    def frames(leg: Leg, token: bytes) -> tuple[bytes, ...]:
        head = Dot3(src=leg.mac, dst=CISCO) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
        return (bytes(head / SNAP(OUI=0x00000C, code=code) / content / Raw(token)),)

    return frames


def _spanning_tree(leg: Leg, token: bytes) -> tuple[bytes, ...]:
    """Claim to be the root, and tell of a change of topology."""
    head = Dot3(src=leg.mac, dst=SPANNING_TREE) / LLC(dsap=0x42, ssap=0x42, ctrl=3)
    root = STP(rootid=0, rootmac=leg.mac, bridgeid=0, bridgemac=leg.mac)
    return tuple(bytes(head / bpdu / Raw(token)) for bpdu in (root, STP(bpdutype=0x80)))


def _dhcp(leg: Leg, token: bytes) -> tuple[bytes, ...]:
    client = IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67)  # noqa: S104 (RFC 2131)
    server = IP(src=str(leg.address.ip), dst="255.255.255.255") / UDP(sport=67, dport=68)
    mac = bytes.fromhex(leg.mac.replace(":", ""))
    return tuple(
        on_wire(leg.mac, BROADCAST, way / BOOTP(op=op, chaddr=mac) / options / Raw(token))
        for way, op, options in (
            (client, 1, DHCP(options=[("message-type", "discover"), "end"])),
            (server, 2, DHCP(options=[("message-type", "offer"), "end"])),
        )
    )


def _arp(leg: Leg, token: bytes) -> tuple[bytes, ...]:
    """Claim an address that is nobody's here: a neighbour's would be one of ours too."""
    claimed = str(leg.address.network.broadcast_address - 1)
    claim = ARP(op=2, hwsrc=leg.mac, psrc=claimed, hwdst=BROADCAST, pdst=claimed)
    return (on_wire(leg.mac, BROADCAST, claim / Raw(token)),)


def _ipv6(content: Packet) -> Callable[[Leg, bytes], tuple[bytes, ...]]:
    def frames(leg: Leg, token: bytes) -> tuple[bytes, ...]:
        head = IPv6(src=str(link_local(leg.mac)), dst=ALL_NODES, hlim=255)
        return (on_wire(leg.mac, ALL_NODES_MAC, head / content / Raw(token)),)

    return frames


def _group(
    address: str, content: Packet, protocol: int | None = None
) -> Callable[[Leg, bytes], tuple[bytes, ...]]:
    """Send to an IPv4 group. Source of its MAC: RFC 1112."""
    parts = [int(part) for part in address.split(".")]
    mac = f"01:00:5e:{parts[1] & 0x7F:02x}:{parts[2]:02x}:{parts[3]:02x}"

    def frames(leg: Leg, token: bytes) -> tuple[bytes, ...]:
        head = IP(src=str(leg.address.ip), dst=address, ttl=1)
        if protocol is not None:
            head.proto = protocol
        return (on_wire(leg.mac, mac, head / content / Raw(token)),)

    return frames


# As bytes: scapy's VRRP forgets what comes after it.
_VRRP = _group("224.0.0.18", Raw(bytes(VRRP(vrid=1, priority=1))), IPPROTO_VRRP)
_MDNS = _group("224.0.0.251", UDP(sport=5353, dport=5353) / DNS(qd=_NAME))
_LLMNR = _group("224.0.0.252", UDP(dport=5355) / LLMNRQuery(qd=_NAME))
_SSDP = _group("239.255.255.250", UDP(dport=1900))
_HSRP = _group("224.0.0.2", UDP(dport=1985) / HSRP())
_OSPF = _group("224.0.0.5", OSPF_Hdr() / OSPF_Hello())

ANNOUNCEMENTS = (
    Announcement("I06", "DTP: offer a trunk", "ethernet", _cisco(0x2004, DTP())),
    Announcement("I06", "VTP: tell of VLANs", "ethernet", _cisco(0x2003, VTP())),
    Announcement("I07", "STP: claim to be the root", "ethernet", _spanning_tree),
    Announcement("I12", "ARP: claim an address", "ipv4", _arp),
    Announcement("I14", "DHCP: ask and offer", "ipv4", _dhcp),
    # A lifetime of 0: whoever believes it does nothing.
    Announcement("I15", "IPv6 router advertisement", "ipv6", _ipv6(ICMPv6ND_RA(routerlifetime=0))),
    Announcement("I15", "IPv6 neighbour advertisement", "ipv6", _ipv6(ICMPv6ND_NA(tgt="fe80::1"))),
    Announcement("I15", "IPv6 echo to all nodes", "ipv6", _ipv6(ICMPv6EchoRequest())),
    Announcement("I17", "mDNS", "ipv4", _MDNS, "I17"),
    Announcement("I17", "LLMNR", "ipv4", _LLMNR, "I17"),
    Announcement("I17", "SSDP", "ipv4", _SSDP, "I17"),
    Announcement("I17", "VRRP", "ipv4", _VRRP, "I17"),
    Announcement("I17", "HSRP", "ipv4", _HSRP, "I17"),
    Announcement("I17", "OSPF", "ipv4", _OSPF, "I17"),
)

DISCOVERY = Announcement("I08", "CDP", "ethernet", _cisco(0x2000, CDPv2_HDR()), "I08")


def announce(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I06, I07, I12, I14, I15, I17: announce in one's own network."""
    peers = ground.peers(source)
    for announcement in ANNOUNCEMENTS:
        yield _attempt(announcement, announcement.case, source, ground.targets(source), peers)


def overhear(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I08, I17: a leg that is not ours announces; none of our sources may hear it."""
    listeners = tuple(
        host
        for host in ground.source_hosts
        if all(leg.network != source.network for leg in host.legs)
    )
    for announcement in (DISCOVERY, *ANNOUNCEMENTS):
        if announcement.heard_as and listeners:
            yield _attempt(
                announcement, announcement.heard_as, source, listeners, ground.peers(source)
            )


def _attempt(
    announcement: Announcement,
    case: str,
    source: Leg,
    targets: tuple[Host, ...],
    peers: tuple[Leg, ...],
) -> Attempt:
    return Attempt(
        case=case,
        attack=announcement.attack,
        family=announcement.family,
        layer="lab model" if announcement.case == "I06" else "real packets",
        source=source,
        targets=targets,
        build=_of(announcement, source),
        witness=peers[0] if peers else None,
    )


def _of(announcement: Announcement, leg: Leg) -> Build:
    return lambda token: announcement.frames(leg, token)
