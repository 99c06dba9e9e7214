"""Attacks by VLAN tags from a port that must have none."""

from collections.abc import Callable, Iterator

from scapy.layers.l2 import Dot1AD, Dot1Q
from scapy.packet import Packet, Raw

from infra.isolation.attempt import Attempt, Build
from infra.isolation.frame import BROADCAST, EXPERIMENT, on_wire, plain
from infra.isolation.ground import Ground, Leg

NATIVE_VLAN = 1
"""What a switch's trunk takes untagged frames for, unless it is told otherwise."""


def tagged(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I04: a tag, 802.1Q or 802.1ad, of each network of the target."""
    yield from _tagging(
        ground,
        source,
        case="I04",
        attack="broadcasts with a tag of the target's VLAN",
        tags=lambda vlan: (Dot1Q(vlan=vlan), Dot1AD(vlan=vlan)),
    )


def tagged_twice(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I05: an outer tag that a switch may strip, and the target's VLAN inside."""
    yield from _tagging(
        ground,
        source,
        case="I05",
        attack="broadcasts with two tags, the native or own VLAN outside, the target's inside",
        tags=lambda vlan: (
            Dot1Q(vlan=NATIVE_VLAN) / Dot1Q(vlan=vlan),
            Dot1Q(vlan=source.vlan) / Dot1Q(vlan=vlan),
            Dot1AD(vlan=source.vlan) / Dot1Q(vlan=vlan),
        ),
    )


def _tagging(
    ground: Ground,
    source: Leg,
    *,
    case: str,
    attack: str,
    tags: Callable[[int], tuple[Packet, ...]],
) -> Iterator[Attempt]:
    peers = ground.peers(source)
    for target in ground.targets(source):
        vlans = tuple(dict.fromkeys(leg.vlan for leg in target.legs))
        yield Attempt(
            case=case,
            attack=attack,
            family="ethernet",
            layer="lab model",
            source=source,
            targets=(target,),
            build=_broadcasts(source, tuple(tag for vlan in vlans for tag in tags(vlan))),
            witness=peers[0] if peers else None,
            control=lambda token: (plain(token, source.mac),),
        )


def _broadcasts(source: Leg, tags: tuple[Packet, ...]) -> Build:
    def build(token: bytes) -> tuple[bytes, ...]:
        frames = []
        for tag in tags:
            tag.lastlayer().type = EXPERIMENT
            frames.append(on_wire(source.mac, BROADCAST, tag / Raw(token)))
        return tuple(frames)

    return build
