"""Send probes: past the own filter by a packet socket, or through it by a raw IP socket.

Runs on the tenant's hosts: standard library only. Must not judge what becomes of a probe.
"""

import ctypes
import os
import socket
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import repeat

from infra.matrix.packet import (
    IP_START,
    LENGTH,
    PORTS,
    RST,
    Run,
    Track,
    find_runs,
    tcp_frame,
    tcp_frames,
    udp_frames,
)

BATCH = 1024
"""Messages that sendmmsg(2) takes at once (UIO_MAXIOV)."""

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
_HEADER_WORDS = 8
"""A struct mmsghdr on 64 bits, in words of 8 bytes: iovec pointer in word 2, count in word 3."""

_shared = ctypes.CDLL(None, use_errno=True)
_held = ctypes.PyDLL(None)
"""Keeps the interpreter's lock: its calls are shorter than giving it up."""


@contextmanager
def wire(device: str) -> Iterator[socket.socket]:
    """Open a device for frames of ours, which nothing on this host sees or filters."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as opened:
        opened.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        opened.bind((device, 0))
        yield opened


def send_past_own_filter(device: str, track: Track, udp_ports: Sequence[int]) -> int:
    """Send all probes as frames.

    Returns:
        How many the device took.

    Raises:
        OSError: when it refuses one.
    """
    frames = tcp_frames(track)
    start = ctypes.addressof(ctypes.c_char.from_buffer(frames))
    vectors = array("Q", bytes(16 * PORTS))
    vectors[0::2] = array("Q", range(start, start + LENGTH * PORTS, LENGTH))
    vectors[1::2] = array("Q", [LENGTH]) * PORTS
    first = vectors.buffer_info()[0]
    headers = array("Q", bytes(8 * _HEADER_WORDS * PORTS))
    headers[2::_HEADER_WORDS] = array("Q", range(first, first + 16 * PORTS, 16))
    headers[3::_HEADER_WORDS] = array("Q", [1]) * PORTS
    messages = headers.buffer_info()[0]
    sent = 0
    with wire(device) as opened:
        while sent < PORTS:
            at = ctypes.c_void_p(messages + 8 * _HEADER_WORDS * sent)
            done = _shared.sendmmsg(opened.fileno(), at, min(BATCH, PORTS - sent), 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), device)
            sent += done
        for frame in udp_frames(track, udp_ports):
            opened.send(frame)
    return sent + len(udp_ports)


def send_through_own_filter(track: Track, udp_ports: Sequence[int]) -> dict[str, list[Run]]:
    """Send all probes as packets of this host's own.

    Returns:
        Runs of the ports whose probe was let out, by protocol.
    """
    frames = tcp_frames(track)
    start = ctypes.addressof(ctypes.c_char.from_buffer(frames)) + IP_START
    places = map(ctypes.c_void_p, range(start, start + LENGTH * PORTS, LENGTH))
    end = struct.pack("=HH4s8x", socket.AF_INET, 0, track.destination)
    length = LENGTH - IP_START
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as own:
        send = partial(_held.sendto, own.fileno())
        outcomes = map(send, places, repeat(length), repeat(0), repeat(end), repeat(len(end)))
        tcp = [port for port, outcome in enumerate(outcomes, start=1) if outcome == length]
        udp = []
        for port, frame in zip(udp_ports, udp_frames(track, udp_ports), strict=True):
            try:
                own.sendto(frame[IP_START:], (socket.inet_ntoa(track.destination), 0))
            except PermissionError:
                continue
            udp.append(port)
        # What was let out is remembered here, and its answers would be let in for minutes.
        for port in tcp:
            ended = tcp_frame(track, port, RST)[IP_START:]
            send(ended, length, 0, end, len(end))
    return {"tcp": find_runs(tcp), "udp": find_runs(udp)}
