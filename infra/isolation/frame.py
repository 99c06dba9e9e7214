"""Build frames with scapy: addressed on the wire, with a token where it survives a router.

Pure: it builds and reads bytes. Must not know of tenants, nor send anything.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

BROADCAST = "ff:ff:ff:ff:ff:ff"
EXPERIMENT = 0x88B5
"""EtherType for local experiments. Source: IEEE 802."""

SOURCE_PORT = 40443

_MACS = 12
"""Bytes of a frame's two addresses."""


def on_wire(source: str, destination: str, content: Packet) -> bytes:
    """Put a packet into a frame from one MAC to another."""
    return bytes(Ether(src=source, dst=destination) / content)


def plain(token: bytes, source: str, destination: str = BROADCAST) -> bytes:
    """Build a frame that is nothing but its token."""
    head = bytes.fromhex((destination + source).replace(":", ""))
    return head + EXPERIMENT.to_bytes(2, "big") + token


def probes(
    token: bytes,
    source: IPv4Address | IPv6Address,
    target: IPv4Address | IPv6Address,
    tcp: tuple[int, ...],
    udp: tuple[int, ...],
) -> list[Packet]:
    """Build an echo request, and one packet for each port."""
    if target.version == 4:
        head: Packet = IP(src=str(source), dst=str(target))
        echo: Packet = ICMP()
    else:
        head = IPv6(src=str(source), dst=str(target))
        echo = ICMPv6EchoRequest()
    return [
        head / echo / Raw(token),
        *(head / TCP(sport=SOURCE_PORT, dport=port, flags="S") / Raw(token) for port in tcp),
        *(head / UDP(sport=SOURCE_PORT, dport=port) / Raw(token) for port in udp),
    ]


def link_local(mac: str) -> IPv6Address:
    """Give the link-local address that a host makes of its MAC. Source: RFC 4291, appendix A."""
    parts = [int(part, 16) for part in mac.split(":")]
    parts = [parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]]
    return IPv6Address(bytes.fromhex("fe80000000000000") + bytes(parts))


def summarise(frame: bytes) -> str:
    """Say in one line what a frame is."""
    return str(Ether(frame).summary())


def destinations(frame: bytes) -> frozenset[IPv4Address | IPv6Address]:
    """Give every IP destination in a frame, those of tunnelled packets too."""
    return _destinations(frame[_MACS:])


@lru_cache(maxsize=1024)
def _destinations(content: bytes) -> frozenset[IPv4Address | IPv6Address]:
    """Give those of a frame without its MACs: one packet goes to many hops."""
    if content.startswith(EXPERIMENT.to_bytes(2, "big")):
        return frozenset()
    packet = Ether(bytes(_MACS) + content)
    found: set[IPv4Address | IPv6Address] = set()
    for kind, address in ((IP, IPv4Address), (IPv6, IPv6Address)):
        number = 1
        while (layer := packet.getlayer(kind, number)) is not None:
            found.add(address(layer.dst))
            number += 1
    return frozenset(found)
