"""The switch that follows tags follows exactly those it should: pure bytes, no packets."""

import struct

import pytest
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.lab.hop import restore, strip

OWN, OTHER = 1402, 1503
MACS = {"src": "02:00:00:00:00:01", "dst": "ff:ff:ff:ff:ff:ff"}


def _frame(*tags: Packet) -> bytes:
    packet: Packet = Ether(**MACS)
    for tag in tags:
        packet /= tag
    packet.lastlayer().type = 0x88B5
    return bytes(packet / Raw(b"token"))


BARE = _frame()
ONE = _frame(Dot1Q(vlan=OTHER))
BEHIND_OWN = _frame(Dot1Q(vlan=OWN), Dot1Q(vlan=OTHER))


@pytest.mark.parametrize(("whole", "tags"), [(ONE, (OTHER,)), (BEHIND_OWN, (OWN, OTHER))])
def test_frame_loses_exactly_the_tags_that_are_followed(whole: bytes, tags: list[int]) -> None:
    assert strip(whole, tags) == BARE


@pytest.mark.parametrize(
    ("whole", "tags"),
    [
        (BARE, (OTHER,)),
        (BEHIND_OWN, (OTHER,)),
        (BEHIND_OWN, (OWN,)),
        (ONE, (OWN, OTHER)),
        (_frame(Dot1Q(vlan=1), Dot1Q(vlan=OTHER)), (OWN, OTHER)),
        (_frame(Dot1AD(vlan=OTHER)), (OTHER,)),
        (_frame(Dot1AD(vlan=OWN), Dot1Q(vlan=OTHER)), (OWN, OTHER)),
    ],
)
def test_other_frames_stay_where_they_are(whole: bytes, tags: list[int]) -> None:
    assert strip(whole, tags) is None


def test_tag_that_the_kernel_took_off_is_put_back() -> None:
    def told(status: int, control: int, kind: int) -> bytes:
        return struct.pack("=IIIHHHH", status, 60, 60, 0, 14, control, kind)

    inner = _frame(Dot1Q(vlan=OTHER))
    assert restore(BARE, told(0x10, OTHER, 0x8100)) == ONE
    assert restore(inner, told(0x10, OWN, 0x8100)) == BEHIND_OWN
    assert restore(BARE, told(0, 0, 0)) == BARE
