"""Send probes: past the own filter by a packet socket, or through it by a raw IP socket.

Runs on the tenant's hosts: standard library only. Must not judge what becomes of a probe.
"""

import errno
import mmap
import socket
import struct
import time
from collections.abc import Iterable, Sequence

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
from infra.matrix.submission import write_each

SOL_PACKET = 263
PACKET_VERSION, PACKET_TX_RING, PACKET_VNET_HDR, PACKET_QDISC_BYPASS = 10, 13, 15, 20
TPACKET_V2, TP_STATUS_SEND_REQUEST = 1, 1
"""Source for all of these: packet(7) and linux/if_packet.h."""

_VIRTIO = struct.pack("=2B4H", 0, 0, LENGTH, 0, 0, 0)
"""Has the kernel copy a whole frame instead of pointing at it (struct virtio_net_hdr)."""

_HEAD = struct.pack("=2I24x", TP_STATUS_SEND_REQUEST, len(_VIRTIO) + LENGTH) + _VIRTIO
"""What stands before a frame in the ring: a struct tpacket2_hdr, and the above."""

SLOT = len(_HEAD) + LENGTH
BLOCK = 128 * SLOT
"""A whole number of frames and of pages, so that frames stand at equal distances in the ring."""

BLOCKS = 512
SIZE = BLOCK * BLOCKS
"""Room for a frame to each TCP port, and one more."""

ROOM_S = 0.001
"""How long to wait for a device that takes no more."""


class Wire:
    """Gives devices what nothing on this host sees or filters: frames, or packets to a tunnel.

    Kept open: to close a packet socket takes the kernel longer than to send a few hundred frames.
    """

    def __init__(self) -> None:
        self._opened = _open_packet_socket()

    def send(self, device: str, packets: Iterable[bytes | memoryview]) -> None:
        """Send one by one, and wait where a tunnel's device has no room."""
        for packet in packets:
            while not self._is_taken(device, packet):
                time.sleep(ROOM_S)

    def _is_taken(self, device: str, packet: bytes | memoryview) -> bool:
        try:
            self._opened.sendto(packet, (device, 0))
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return False
        return True


class ProbeSender:
    """Sends all probes of a pair past the own filter: the TCP ones by one system call.

    Kept, with the ring that it sends from: to make one takes half as long as to send what is in it.
    """

    def __init__(self) -> None:
        self._wire = Wire()
        self._opened = _open_packet_socket()
        self._opened.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self._opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        ring = struct.pack("=4I", BLOCK, BLOCKS, SLOT, SIZE // SLOT)
        self._opened.setsockopt(SOL_PACKET, PACKET_TX_RING, ring)
        self._ring = mmap.mmap(self._opened.fileno(), SIZE)
        self._next = 0

    def send(self, device: str, track: Track, udp_ports: Sequence[int]) -> int:
        """Send all probes as frames.

        Returns:
            How many the device was given: what it then loses does not arrive, and is missed there.

        Raises:
            OSError: when it was not given all.
        """
        self._wire.send(device, udp_frames(track, udp_ports))
        frames = memoryview(tcp_frames(track, _HEAD))
        # The kernel goes on in the ring where it stopped.
        until_end = SIZE - self._next
        self._ring[self._next : self._next + len(frames)] = frames[:until_end]
        self._ring[: len(frames[until_end:])] = frames[until_end:]
        self._next = (self._next + len(frames)) % SIZE
        given = self._opened.sendto(b"", (device, 0)) // LENGTH
        if given != PORTS:
            message = f"{device}: took {given} of {PORTS} frames"
            raise OSError(message)
        return PORTS + len(udp_ports)


def _open_packet_socket() -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    return opened


class TunnelSender:
    """Sends all probes of a pair into a tunnel, as packets without a frame, a part at a time."""

    def __init__(self, wire: Wire, device: str, track: Track, udp_ports: Sequence[int]) -> None:
        frames = memoryview(tcp_frames(track))
        self._wire, self._device = wire, device
        self._packets: list[bytes | memoryview] = [
            *(frame[IP_START:] for frame in udp_frames(track, udp_ports)),
            *(frames[start + IP_START : start + LENGTH] for start in range(0, len(frames), LENGTH)),
        ]

    def send(self, first: int, last: int) -> int:
        """Send some, counted from 0.

        Returns:
            How many: what the tunnel then loses does not arrive, and is missed there.
        """
        self._wire.send(self._device, self._packets[first : last + 1])
        return last + 1 - first


def send_through_own_filter(track: Track, udp_ports: Sequence[int]) -> dict[str, list[Run]]:
    """Send all probes as packets of this host's own.

    Returns:
        Runs of the ports whose probe was let out, by protocol.

    Raises:
        OSError: when this host has no way to the destination.
    """
    packets = memoryview(tcp_frames(track))[IP_START:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as own:
        own.connect((socket.inet_ntoa(track.destination), 0))
        taken = write_each(own.fileno(), packets, LENGTH, LENGTH - IP_START)
        tcp = [number + 1 for number in taken]
        udp = [
            port
            for port, frame in zip(udp_ports, udp_frames(track, udp_ports), strict=True)
            if _is_let_out(own, frame)
        ]
        # What was let out is remembered here, and its answers would be let in for minutes.
        for port in tcp:
            _is_let_out(own, tcp_frame(track, port, RST))
    return {"tcp": find_runs(tcp), "udp": find_runs(udp)}


def _is_let_out(own: socket.socket, frame: bytes) -> bool:
    try:
        own.send(frame[IP_START:])
    except PermissionError:
        return False
    return True
