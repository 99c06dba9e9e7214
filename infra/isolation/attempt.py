"""Give the shape of what is tried: frames with a token, who must hear them and who must not.

Must not choose what is tried (`cases/` does), nor carry it out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from infra.isolation.ground import Host, Leg
from infra.isolation.outcome import Family, Layer

Build = Callable[[bytes], tuple[bytes, ...]]
"""Makes whole Ethernet frames that carry a token."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attack by frames from one leg, of which no target may hear the token.

    outside: legs in networks outside by which the token may pass neither in nor out. witness: a
    leg that must hear the same, or the silence of the targets proves nothing; None in a network
    where we have no second leg. control: frames under a token of their own that the witness must
    hear; None when it must hear those of the attempt itself. is_late: to be sent when all others
    are out.
    """

    case: str
    attack: str
    family: Family
    layer: Layer
    source: Leg
    targets: tuple[Host, ...]
    build: Build
    witness: Leg | None
    control: Build | None = None
    is_late: bool = False
    outside: tuple[Leg, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Question:
    """One attack by asking a service, which the plan allows, for what it must not give.

    about: whom the answer would betray. build: from a token, which not every protocol can carry.
    control: what must be answered with something; None when any answer at all will do. betrayed:
    how much a reply gives away; None when it is no reply of that service. witness: the host of a
    service that refuses by silence (UDP): it must hear the token, and answer the control; None when
    the service must answer.
    """

    case: str
    attack: str
    source: Host
    about: Host
    protocol: Literal["udp", "tcp"]
    address: str
    port: int
    build: Callable[[bytes], bytes]
    control: Callable[[bytes], bytes] | None
    betrayed: Callable[[bytes], int | None]
    witness: Host | None = None
