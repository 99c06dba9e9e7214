"""Case I11: a host takes another MAC for a moment, and a peer sends frames to it there.

Responsible for who does so, with whom, and when. Must not send anything, nor judge.
Source: DOMAIN.md section 3; docs/adr/0016.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scapy.layers.l2 import ARP

from infra.isolation.clock import Span
from infra.isolation.frame import BROADCAST, on_wire, plain
from infra.isolation.ground import Ground, Leg

HELD_S = 1.1
"""How long a host has the other MAC, from moment 0 of its round."""

TO_OTHER_S = tuple(0.5 + 0.05 * number for number in range(10))
"""When frames go to the other MAC: a switch has had time to act on it, either way."""

TO_OWN_S = tuple(1.3 + 0.2 * number for number in range(10))
"""When frames go to the own MAC again: several, as a switch may take a moment to act on it."""


@dataclass(frozen=True, kw_only=True)
class MacChange:
    """One leg takes another MAC. peer: sends to that, and then to the leg's own again.

    token: of the frames to the other MAC. control: of those to the own one.
    """

    leg: Leg
    peer: Leg
    mac: str
    token: str
    control: str

    @property
    def to_other(self) -> bytes:
        """What must not be heard."""
        return plain(self.token.encode(), self.peer.mac, self.mac)

    @property
    def to_own(self) -> bytes:
        """What must be heard afterwards."""
        return plain(self.control.encode(), self.peer.mac, self.leg.mac)

    @property
    def under_other(self) -> bytes:
        """What the leg sends itself, so that a switch that learns knows where its other MAC is."""
        return plain(b"", self.mac)

    @property
    def announcement(self) -> bytes:
        """What undoes that, with switches and with whoever has learnt the other MAC by ARP."""
        address = str(self.leg.address.ip)
        return on_wire(
            self.leg.mac, BROADCAST, ARP(op=1, hwsrc=self.leg.mac, psrc=address, pdst=address)
        )


@dataclass(frozen=True, kw_only=True)
class MacChangeSeen:
    """What happened. had, has: the leg's MAC meanwhile and afterwards, as its host reads it.

    taken, restored: when it took either. sent: when each frame to the other MAC was sent.
    """

    had: str
    has: str
    taken: Span
    restored: Span
    sent: tuple[Span, ...]

    def count_within(self) -> int:
        """Count the frames that were sent, for sure, while the leg had the other MAC."""
        return sum(
            self.taken.is_before(moment) and moment.is_before(self.restored) for moment in self.sent
        )


def pairs(ground: Ground) -> Iterator[tuple[Leg, Leg]]:
    """Give each leg that takes another MAC, and the peer that sends to it.

    Sources do, of which none is a gateway: without that, its whole zone would be cut off. A leg
    without a peer has nobody to send to it.
    """
    for leg in ground.sources:
        if peers := ground.peers(leg):
            yield leg, peers[0]


def other_mac(run: str, number: int) -> str:
    """Give a locally administered MAC that no other run has."""
    digest = hashlib.sha256(f"{run} {number}".encode()).digest()
    return bytes([0x02, *digest[:5]]).hex(":")


def rounds(changes: Sequence[MacChange]) -> list[list[MacChange]]:
    """Put changes together that go at once: in none is a host changed that also sends, or twice."""
    found: list[list[MacChange]] = []
    for change in changes:
        for others in found:
            changed = {other.leg.host for other in others}
            sending = {other.peer.host for other in others}
            if change.leg.host not in changed | sending and change.peer.host not in changed:
                others.append(change)
                break
        else:
            found.append([change])
    return found
