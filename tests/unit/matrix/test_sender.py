"""All probes are handed to the device, or it is told."""

import errno
from pathlib import Path
from typing import BinaryIO

import pytest

from infra.matrix import sender
from infra.matrix.packet import LENGTH, PORTS, SYN, Track, tcp_frame, udp_frames

ENDS = {
    "from_mac": "00:50:56:00:00:01",
    "to_mac": "00:50:56:00:00:02",
    "source": "10.21.20.11",
    "destination": "10.21.30.11",
}
TRACK, OTHER = Track(ENDS, 20007, 77), Track(ENDS, 20008, 78)


class PacketSocket:
    """A packet socket whose ring is a file, and which sends so many frames of it at a time."""

    def __init__(self, ring: BinaryIO, takes: int) -> None:
        self._ring, self._takes = ring, takes
        self.datagrams: list[bytes] = []

    def setsockopt(self, *_option: object) -> None:
        """Be as told."""

    def fileno(self) -> int:
        """Give the file."""
        return self._ring.fileno()

    def sendto(self, content: bytes, address: tuple[str, int]) -> int:
        """Send a datagram, or what is in the ring."""
        assert address == ("eth0", 0)
        if content:
            self.datagrams.append(content)
            return len(content)
        return LENGTH * self._takes


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """Return a file as long as the ring."""
    file = tmp_path / "ring"
    file.write_bytes(bytes(sender.SIZE))
    return file


def _send(
    monkeypatch: pytest.MonkeyPatch, ring: Path, takes: int, *tracks: Track
) -> tuple[list[int], list[bytes]]:
    with ring.open("r+b") as file:
        opened = PacketSocket(file, takes)
        monkeypatch.setattr(sender, "_open_packet_socket", lambda: opened)
        probes = sender.ProbeSender()
        return [probes.send("eth0", track, (53, 161)) for track in tracks], opened.datagrams


def _slots(ring: Path) -> list[bytes]:
    content = ring.read_bytes()
    return [content[start : start + sender.SLOT] for start in range(0, sender.SIZE, sender.SLOT)]


def test_ring_holds_a_frame_to_every_port(monkeypatch: pytest.MonkeyPatch, ring: Path) -> None:
    sent, datagrams = _send(monkeypatch, ring, PORTS, TRACK)
    assert (sent, len(datagrams)) == ([PORTS + 2], 2)
    slots = _slots(ring)
    for port in (1, 80, PORTS):
        assert slots[port - 1][-LENGTH:] == tcp_frame(TRACK, port, SYN)
    marks = bytes(slot[0] for slot in slots)
    assert marks == bytes([sender.TP_STATUS_SEND_REQUEST]) * PORTS + b"\0"


def test_next_frames_stand_in_the_ring_behind_those_before(
    monkeypatch: pytest.MonkeyPatch, ring: Path
) -> None:
    sent, _ = _send(monkeypatch, ring, PORTS, TRACK, OTHER)
    assert sent == [PORTS + 2] * 2
    slots = _slots(ring)
    assert slots[PORTS][-LENGTH:] == tcp_frame(OTHER, 1, SYN)
    for port in (2, 80, PORTS):
        assert slots[port - 2][-LENGTH:] == tcp_frame(OTHER, port, SYN)


def test_frames_that_the_device_was_not_given_are_told(
    monkeypatch: pytest.MonkeyPatch, ring: Path
) -> None:
    with pytest.raises(OSError, match="eth0: took 65534 of 65535 frames"):
        _send(monkeypatch, ring, PORTS - 1, TRACK)


class Tunnel(PacketSocket):
    """A tunnel's device that is full at every tenth packet."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self._count = 0

    def sendto(self, content: bytes, address: tuple[str, int]) -> int:
        """Take a packet, or say that there is no room."""
        assert address == ("wg0", 0)
        self._count += 1
        if self._count % 10 == 0:
            raise OSError(errno.ENOBUFS, "No buffer space available")
        self.came.append(bytes(content))
        return len(content)


def test_tunnel_gets_all_in_parts_also_when_its_device_has_no_room_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tunnel = Tunnel()
    monkeypatch.setattr(sender, "_open_packet_socket", lambda: tunnel)
    parts = sender.TunnelSender(sender.Wire(), "wg0", TRACK, (53, 161))
    assert (parts.send(0, 5), parts.send(6, 11)) == (6, 6)
    probes = [frame[14:] for frame in udp_frames(TRACK, (53, 161))]
    probes += [tcp_frame(TRACK, port, SYN)[14:] for port in range(1, 11)]
    assert tunnel.came == probes
