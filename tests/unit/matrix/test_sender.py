"""All probes are handed to the device, or it is told."""

import errno
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import pytest

from infra.matrix import sender
from infra.matrix.packet import LENGTH, PORTS, Track, tcp_frame, udp_frames

TRACK = Track(
    {
        "from_mac": "00:50:56:00:00:01",
        "to_mac": "00:50:56:00:00:02",
        "source": "10.21.20.11",
        "destination": "10.21.30.11",
    },
    20007,
    77,
)


class Wire:
    """A packet socket whose ring is a file, and which sends so many frames of it."""

    def __init__(self, ring: BinaryIO, takes: int) -> None:
        self._ring, self._takes = ring, takes
        self.datagrams: list[bytes] = []

    def setsockopt(self, *_option: object) -> None:
        """Be as told."""

    def fileno(self) -> int:
        """Give the file."""
        return self._ring.fileno()

    def send(self, content: bytes) -> int:
        """Send a datagram, or what is in the ring."""
        if content:
            self.datagrams.append(content)
            return len(content)
        return LENGTH * self._takes


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """Return a file as long as the ring."""
    file = tmp_path / "ring"
    file.write_bytes(bytes(sender.BLOCK * sender.BLOCKS))
    return file


def _send(monkeypatch: pytest.MonkeyPatch, ring: Path, takes: int) -> tuple[int, list[bytes]]:
    with ring.open("r+b") as file:
        wire = Wire(file, takes)
        monkeypatch.setattr(sender, "open_wire", lambda _device: nullcontext(wire))
        return sender.send_past_own_filter("eth0", TRACK, (53, 161)), wire.datagrams


def test_ring_holds_a_frame_to_every_port(monkeypatch: pytest.MonkeyPatch, ring: Path) -> None:
    sent, datagrams = _send(monkeypatch, ring, PORTS)
    assert (sent, len(datagrams)) == (PORTS + 2, 2)
    content = ring.read_bytes()
    for port in (1, 80, PORTS):
        slot = content[sender.SLOT * (port - 1) : sender.SLOT * port]
        assert slot[-LENGTH:] == tcp_frame(TRACK, port, 0x02)
    assert content[:: sender.SLOT] == bytes([sender.TP_STATUS_SEND_REQUEST]) * PORTS + b"\0"


def test_frames_that_the_device_was_not_given_are_told(
    monkeypatch: pytest.MonkeyPatch, ring: Path
) -> None:
    with pytest.raises(OSError, match="eth0: took 65534 of 65535 frames"):
        _send(monkeypatch, ring, PORTS - 1)


class Tunnel(Wire):
    """A tunnel's device that is full at every tenth packet."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self._count = 0

    def send(self, content: bytes) -> int:
        """Take a packet, or say that there is no room."""
        self._count += 1
        if self._count % 10 == 0:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        self.came.append(bytes(content))
        return len(content)


def test_tunnel_gets_all_in_parts_also_when_its_device_has_no_room_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tunnel = Tunnel()
    monkeypatch.setattr(sender, "open_wire", lambda _device: tunnel)
    parts = sender.TunnelSender("wg0", TRACK, (53, 161))
    assert (parts.send(0, 5), parts.send(6, 11)) == (6, 6)
    probes = [frame[14:] for frame in udp_frames(TRACK, (53, 161))]
    probes += [tcp_frame(TRACK, port, 0x02)[14:] for port in range(1, 11)]
    assert tunnel.came == probes
