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
"""Room for a frame to each TCP port."""

ROOM_S = 0.001
"""How long to wait for a device that takes no more."""


def open_wire(device: str) -> socket.socket:
    """Open a device for frames of ours, which nothing on this host sees or filters."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
    opened.bind((device, 0))
    return opened


def send_all(opened: socket.socket, packets: Iterable[bytes | memoryview]) -> None:
    """Send packets or frames one by one, and wait where a tunnel's device has no room."""
    for packet in packets:
        while not _is_taken(opened, packet):
            time.sleep(ROOM_S)


def _is_taken(opened: socket.socket, packet: bytes | memoryview) -> bool:
    try:
        opened.send(packet)
    except OSError as error:
        if error.errno != errno.ENOBUFS:
            raise
        return False
    return True


def send_past_own_filter(device: str, track: Track, udp_ports: Sequence[int]) -> int:
    """Send all probes as frames.

    Returns:
        How many the device was given: what it then loses does not arrive, and is missed there.

    Raises:
        OSError: when it was not given all.
    """
    with open_wire(device) as opened:
        for frame in udp_frames(track, udp_ports):
            opened.send(frame)
        opened.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        opened.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        ring = struct.pack("=4I", BLOCK, BLOCKS, SLOT, BLOCK * BLOCKS // SLOT)
        opened.setsockopt(SOL_PACKET, PACKET_TX_RING, ring)
        with mmap.mmap(opened.fileno(), BLOCK * BLOCKS) as slots:
            slots[: SLOT * PORTS] = tcp_frames(track, _HEAD)
            given = opened.send(b"") // LENGTH
    if given != PORTS:
        message = f"{device}: took {given} of {PORTS} frames"
        raise OSError(message)
    return PORTS + len(udp_ports)


class TunnelSender:
    """Sends all probes of a pair into a tunnel, as packets without a frame, a part at a time."""

    def __init__(self, device: str, track: Track, udp_ports: Sequence[int]) -> None:
        frames = memoryview(tcp_frames(track))
        # Kept open: to close one takes the kernel longer than to send a part.
        self._opened = open_wire(device)
        self._packets: list[bytes | memoryview] = [
            *(frame[IP_START:] for frame in udp_frames(track, udp_ports)),
            *(frames[start + IP_START : start + LENGTH] for start in range(0, len(frames), LENGTH)),
        ]

    def send(self, first: int, last: int) -> int:
        """Send some, counted from 0.

        Returns:
            How many: what the tunnel then loses does not arrive, and is missed there.
        """
        send_all(self._opened, self._packets[first : last + 1])
        return last + 1 - first

    def close(self) -> None:
        """Send no more."""
        self._opened.close()


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
