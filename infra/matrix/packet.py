"""Build probes: every TCP port of one pair as one run of frames, and datagrams for UDP.

Runs on the tenant's hosts: standard library only. Must not send, nor know the plan.

A probe says whose it is: its IP identification and the upper half of its sequence number are the
token. The lower half is the complement of the port, so that the checksum is one for all ports.
"""

import socket
import struct
from array import array
from collections.abc import Iterable, Sequence

LENGTH = 54
"""Bytes of a TCP frame: Ethernet 14, IPv4 20, TCP 20."""

IP_START = 14
SYN, RST = 0x02, 0x04
PORTS = 65535

_PORTS = array("H", range(1, PORTS + 1))
_PORTS.byteswap()
_COMPLEMENT = bytes(255 - value for value in range(256))

DNS_QUERY = struct.pack(">5H", 0x0100, 1, 0, 0, 0) + b"\x09localhost\x00\x00\x01\x00\x01"
NTP_QUERY = b"\x23" + 47 * b"\x00"
"""Version 4, mode 3 (client). Source: RFC 5905."""


Run = tuple[int, int]
"""The first and the last of neighbouring ports."""


def find_runs(ports: Iterable[int]) -> list[Run]:
    """Join neighbouring ports."""
    runs: list[Run] = []
    for port in sorted(ports):
        if runs and runs[-1][1] == port - 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return runs


class Track:
    """Between whom a probe passes, on the wire and by address. port: the source's.

    In a tunnel there are no MACs: what is built is a frame all the same, cut off when it is sent.
    """

    def __init__(self, track: dict[str, str], port: int, token: int) -> None:
        macs = bytes.fromhex((track["to_mac"] + track["from_mac"]).replace(":", ""))
        self.ethernet = macs.ljust(12, b"\0")
        self.source = socket.inet_aton(track["source"])
        self.destination = socket.inet_aton(track["destination"])
        self.port = port
        self.token = token


def tcp_frames(track: Track, head: bytes = b"") -> bytearray:
    """Build a SYN to each of the 65,535 ports, in order. head: what stands before each frame."""
    step = len(head) + LENGTH
    frames = bytearray(head + tcp_frame(track, 1, SYN)) * PORTS
    high, low = _PORTS.tobytes()[::2], _PORTS.tobytes()[1::2]
    for offset, column in ((36, high), (37, low)):
        frames[len(head) + offset :: step] = column
        frames[len(head) + offset + 4 :: step] = column.translate(_COMPLEMENT)
    return frames


def tcp_frame(track: Track, port: int, flags: int) -> bytes:
    """Build one TCP frame; a RST is the one that ends what the SYN began."""
    sequence = (track.token << 16) + PORTS - port + (flags == RST)
    head = struct.pack(">2H2I2B", track.port, port, sequence, 0, 5 << 4, flags)
    rest = struct.pack(">H", 64240)
    segment = head + rest + bytes(4)
    pseudo = track.source + track.destination + struct.pack(">2H", socket.IPPROTO_TCP, 20)
    segment = head + rest + _checksum(pseudo + segment) + bytes(2)
    return track.ethernet + b"\x08\x00" + _ip(track, socket.IPPROTO_TCP, 20) + segment


def udp_frames(track: Track, ports: Sequence[int]) -> list[bytes]:
    """Build a datagram to each port: a question that its service would answer, where known."""
    return [_udp_frame(track, port) for port in ports]


def _udp_frame(track: Track, port: int) -> bytes:
    token = struct.pack(">H", track.token)
    payload = {53: token + DNS_QUERY, 123: NTP_QUERY}.get(port, token)
    length = 8 + len(payload)
    head = struct.pack(">3H", track.port, port, length)
    pseudo = track.source + track.destination + struct.pack(">2H", socket.IPPROTO_UDP, length)
    datagram = head + _checksum(pseudo + head + bytes(2) + payload) + payload
    return track.ethernet + b"\x08\x00" + _ip(track, socket.IPPROTO_UDP, length) + datagram


def _ip(track: Track, protocol: int, length: int) -> bytes:
    head = struct.pack(">2B3H2B", 0x45, 0, 20 + length, track.token, 0x4000, 64, protocol)
    ends = track.source + track.destination
    return head + _checksum(head + bytes(2) + ends) + ends


def _checksum(content: bytes) -> bytes:
    """Source: RFC 1071."""
    words = array("H", content + bytes(len(content) % 2))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return array("H", [~total & 0xFFFF]).tobytes()
