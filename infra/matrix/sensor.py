"""Listen for probes and answers in front of a host's own filter, and count those in passing.

Runs on the tenant's hosts: standard library only. Must not send.

The kernel matches and copies; what it copied is read by columns, not frame by frame.
"""

import ctypes
import mmap
import os
import socket
import struct
import time
from array import array
from dataclasses import dataclass, field

from infra.matrix.packet import SYN, Run, find_runs

SOL_PACKET = 263
PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 5, 6, 10
TPACKET_V2 = 1
ETH_P_ALL = 3
SO_ATTACH_FILTER = 26
OUTGOING = 4
"""The packet type of what the host itself sends. Source for all of these: packet(7)."""

FRAME = 144
"""Bytes of the ring for a packet: header, address, and the first 64 of the packet."""

BLOCK = 63 * mmap.PAGESIZE
"""A whole number of frames, so that they stand at equal distances throughout the ring."""

FEW_BLOCKS, ALL_BLOCKS = 1, 75
"""Room for 1,792 packets; and for every TCP port of a pair, each answered, and the datagrams."""

SNAP = 14 + 64
_TYPE, _IP = 42, 80
"""Where the packet type and the IP header stand in a ring's frame (TPACKET_V2)."""

SETTLE_S = 2.0
"""How long the last probe of a sweep may take to arrive."""

POLL_S = 0.002


Field = tuple[int, int]
"""How BPF loads it, and from where in the frame."""
Test = tuple[Field, int, bool]
"""A field, a value, and whether they must be equal or different."""
Program = list[list[Test]]
"""A packet matches when all tests of one of the alternatives hold."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a sensor listens for. own: address of the host; source: whose probes it expects.

    Both as numbers. token and port: of the probes.
    """

    own: int
    source: int
    token: int
    port: int


@dataclass(kw_only=True)
class Heard:
    """What came. arrived: probes; answered: replies of this host; returned: replies to it.

    Each holds runs of destination ports by protocol. replies: how many packets came back, errors
    included. missed: packets for which the ring had no room.
    """

    arrived: dict[str, list[Run]] = field(default_factory=dict)
    answered: dict[str, list[Run]] = field(default_factory=dict)
    returned: dict[str, list[Run]] = field(default_factory=dict)
    replies: int = 0
    missed: int = 0


class Counter:
    """Counts the packets that match a program, without keeping them."""

    def __init__(self, program: Program) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        _attach(self.socket, _compile(program))
        self.packets = self.missed = 0

    def start(self) -> None:
        """Count from here on, on all devices, both ways."""
        address = struct.pack("=HHiHBB8x", socket.AF_PACKET, socket.htons(ETH_P_ALL), 0, 0, 0, 0)
        if ctypes.CDLL(None, use_errno=True).bind(self.socket.fileno(), address, 20) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def await_packets(self, count: int) -> int:
        """Wait until so many matched, SETTLE_S seconds at most; tell how many did."""
        deadline = time.monotonic() + SETTLE_S
        while self._read() < count and time.monotonic() < deadline:
            time.sleep(POLL_S)
        return self.packets

    def _read(self) -> int:
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        packets, missed = struct.unpack("=2I", statistics)
        self.packets += packets
        self.missed += missed
        return self.packets


class Sensor(Counter):
    """Keeps the packets that match a program in a ring."""

    def __init__(self, program: Program, port: int, blocks: int) -> None:
        super().__init__(program)
        self._port = port
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        ring = struct.pack("=4I", BLOCK, blocks, FRAME, BLOCK * blocks // FRAME)
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
        self._ring = mmap.mmap(self.socket.fileno(), BLOCK * blocks)

    def read(self) -> Heard:
        """Tell what came, and end."""
        self._read()
        heard = Heard(missed=self.missed)
        found = {
            kind: {"tcp": set[int](), "udp": set[int]()}
            for kind in ("arrived", "answered", "returned")
        }
        kinds, protocols, flag_bytes = (
            self._columns(offset) for offset in (_TYPE, _IP + 9, _IP + 33)
        )
        # Both ports; and in an ICMP error the port that it is about.
        sources, destinations, about = (self._words(_IP + offset) for offset in (20, 22, 50))
        rows = zip(kinds, protocols, flag_bytes, sources, destinations, about, strict=True)
        for kind, protocol, flags, source, destination, told in rows:
            name = "tcp" if protocol == socket.IPPROTO_TCP else "udp"
            if protocol == socket.IPPROTO_ICMP and kind == OUTGOING:
                found["answered"][name].add(told)
            elif protocol == socket.IPPROTO_ICMP:
                heard.replies += 1
            elif source == self._port and (name == "udp" or flags == SYN):
                found["arrived"][name].add(destination)
            elif kind == OUTGOING:
                found["answered"][name].add(source)
            elif source != self._port:
                heard.replies += 1
                found["returned"][name].add(source)
        self._ring.close()
        self.socket.close()
        heard.arrived, heard.answered, heard.returned = (
            {name: find_runs(ports) for name, ports in by_protocol.items()}
            for by_protocol in found.values()
        )
        return heard

    def _columns(self, offset: int) -> bytes:
        """Give one byte of every frame."""
        return self._ring[offset : (self.packets - self.missed) * FRAME : FRAME]

    def _words(self, offset: int) -> "array[int]":
        """Give two bytes of every frame as a number."""
        pairs = bytearray(2 * (self.packets - self.missed))
        pairs[0::2], pairs[1::2] = self._columns(offset), self._columns(offset + 1)
        words = array("H", pairs)
        words.byteswap()
        return words


def passing(watch: Watch) -> Program:
    """Match probes on their way to another host, and not a tunnel's packets, which number on."""
    mark = [(_ID, watch.token, True), (_FROM_PORT, watch.port, True)]
    return [[_COMES, _IS_IP, *mark, (_TO, watch.own, False)]]


def arriving(watch: Watch) -> Program:
    """Match the source's probes to us."""
    return [[_COMES, *_probe(watch)]]


def leaving(watch: Watch) -> Program:
    """Match the source's probes to another, own of the watch, on their way on."""
    return [[_LEAVES, *_probe(watch)]]


def _probe(watch: Watch) -> list[Test]:
    ends = [(_TO, watch.own, True), (_FROM, watch.source, True)]
    return [_IS_IP, (_ID, watch.token, True), *ends]


def replying(watch: Watch) -> Program:
    """Match answers: ours, and those to us."""
    to_us = [_COMES, _IS_IP, (_TO, watch.own, True)]
    from_us = [_LEAVES, _IS_IP, (_FROM, watch.own, True)]
    tcp = [(_PROTOCOL, socket.IPPROTO_TCP, True), (_ACKNOWLEDGED, watch.token, True)]
    udp = [(_PROTOCOL, socket.IPPROTO_UDP, True), (_TO_PORT, watch.port, True)]
    icmp = [(_PROTOCOL, socket.IPPROTO_ICMP, True), (_ID_IN_ERROR, watch.token, True)]
    return [[*way, *kind] for way in (to_us, from_us) for kind in (tcp, udp, icmp)]


_WORD, _HALF, _BYTE, _JUMP, _RETURN = 0x20, 0x28, 0x30, 0x15, 0x06
_ETHER_TYPE: Field = (_WORD, 0xFFFFF000)
_TYPE_OF_PACKET: Field = (_WORD, 0xFFFFF004)
"""Where BPF finds them: SKF_AD_OFF + SKF_AD_PROTOCOL, and SKF_AD_PKTTYPE."""
_HEAD = 0xFFF00000
"""Where the IP header is, SKF_NET_OFF: on a tunnel's device no Ethernet header stands before it."""
_ID: Field = (_HALF, _HEAD + 4)
_PROTOCOL: Field = (_BYTE, _HEAD + 9)
_FROM: Field = (_WORD, _HEAD + 12)
_TO: Field = (_WORD, _HEAD + 16)
_FROM_PORT: Field = (_HALF, _HEAD + 20)
_TO_PORT: Field = (_HALF, _HEAD + 22)
_ACKNOWLEDGED: Field = (_HALF, _HEAD + 28)
_ID_IN_ERROR: Field = (_HALF, _HEAD + 32)
_COMES: Test = (_TYPE_OF_PACKET, OUTGOING, False)
_LEAVES: Test = (_TYPE_OF_PACKET, OUTGOING, True)
_IS_IP: Test = (_ETHER_TYPE, 0x0800, True)


def _compile(program: Program) -> bytes:
    """Compile to BPF."""
    steps = []
    for tests in program:
        for index, ((load, offset), value, is_wanted) in enumerate(tests):
            otherwise = 2 * (len(tests) - index) - 1
            steps.append((load, 0, 0, offset))
            jumps = (0, otherwise) if is_wanted else (otherwise, 0)
            steps.append((_JUMP, *jumps, value))
        steps.append((_RETURN, 0, 0, SNAP))
    steps.append((_RETURN, 0, 0, 0))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _attach(listening: socket.socket, program: bytes) -> None:
    code = ctypes.create_string_buffer(program)
    what = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, what)
