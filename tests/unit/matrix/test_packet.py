"""Probes are valid packets that carry their token; each sum is computed anew here."""

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infra.matrix.packet import (
    LENGTH,
    PORTS,
    RST,
    Track,
    find_runs,
    tcp_frame,
    tcp_frames,
    udp_frames,
)

ENDS = {
    "from_mac": "00:50:56:00:00:01",
    "to_mac": "00:50:56:00:00:02",
    "source": "10.21.20.11",
    "destination": "10.21.30.11",
}
tracks = st.builds(
    lambda port, token: Track(ENDS, port, token), st.integers(1, 65535), st.integers(1, 65535)
)


def _sum(content: bytes) -> int:
    """Add up as RFC 1071 says, plainly; 0xFFFF when the checksum within is right."""
    content += bytes(len(content) % 2)
    total = 0
    for (word,) in struct.iter_unpack(">H", content):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def _is_valid(frame: bytes) -> bool:
    head, segment = frame[14:34], frame[34:]
    pseudo = head[12:20] + struct.pack(">2H", head[9], len(segment))
    return _sum(head) == _sum(pseudo + segment) == 0xFFFF


@given(tracks, st.integers(1, PORTS), st.binary(max_size=50))
def test_every_syn_is_valid_and_carries_token_and_port(
    track: Track, port: int, head: bytes
) -> None:
    frames, step = tcp_frames(track, head), len(head) + LENGTH
    assert len(frames) == step * PORTS
    slot = bytes(frames[step * (port - 1) : step * port])
    frame = slot.removeprefix(head)
    assert slot == head + frame
    assert _is_valid(frame)
    source, destination, sequence = struct.unpack(">2HI", frame[34:42])
    assert (source, destination, sequence >> 16) == (track.port, port, track.token)
    assert struct.unpack(">H", frame[18:20]) == (track.token,)
    assert frame == tcp_frame(track, port, 0x02)


@given(tracks, st.integers(1, PORTS))
def test_reset_follows_its_syn(track: Track, port: int) -> None:
    begun, ended = tcp_frame(track, port, 0x02), tcp_frame(track, port, RST)
    assert _is_valid(ended)
    first, after = (struct.unpack(">I", frame[38:42])[0] for frame in (begun, ended))
    assert after == first + 1


@given(tracks, st.lists(st.integers(1, PORTS), min_size=1))
def test_every_datagram_is_valid_and_carries_its_token(track: Track, ports: list[int]) -> None:
    for port, frame in zip(ports, udp_frames(track, [*ports, 53, 123]), strict=False):
        assert _is_valid(frame)
        assert struct.unpack(">2H", frame[34:38]) == (track.port, port)
        assert struct.unpack(">H", frame[18:20]) == (track.token,)


@given(st.sets(st.integers(1, 300)))
def test_runs_hold_exactly_the_ports_they_were_made_of(ports: set[int]) -> None:
    runs = find_runs(ports)
    assert {port for first, last in runs for port in range(first, last + 1)} == ports
    assert all(late[0] > early[1] + 1 for early, late in pairwise(runs))
