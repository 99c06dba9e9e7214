"""Attacks on the switch itself: listen to what is others', send under addresses not one's own."""

from collections.abc import Iterator

from infra.isolation.attempt import Attempt, Build
from infra.isolation.frame import BROADCAST, plain
from infra.isolation.ground import Ground, Leg

STRANGE = "02:00:5e:{:02x}:{:02x}:{:02x}"
"""Locally administered MACs, of nobody."""

FLOOD = 512
"""Source addresses in one flood: enough to show that they are refused, not to fill a real table."""


def forged(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I10: send under a MAC that the port does not have: not even the own network may hear it."""
    peers = ground.peers(source)
    hearers = {peer.host: ground.hosts[peer.host] for peer in peers}
    hearers |= {host.key: host for host in ground.targets(source)}
    yield Attempt(
        case="I10",
        attack="broadcasts under the MAC of nobody, and under those of the own network's others",
        family="ethernet",
        layer="lab model",
        source=source,
        targets=tuple(hearers.values()),
        build=_under((STRANGE.format(0, 0, 1), *(peer.mac for peer in peers))),
        witness=peers[0] if peers else None,
        control=_under((source.mac,)),
    )


def _under(macs: tuple[str, ...]) -> Build:
    return lambda token: tuple(plain(token, mac) for mac in macs)


def flood(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I13: fill the switch's table of addresses; it must not become a hub."""
    peers = ground.peers(source)
    yield Attempt(
        case="I13",
        attack=f"frames under {FLOOD} different MACs",
        family="ethernet",
        layer="real packets",
        source=source,
        targets=ground.targets(source),
        build=_under(tuple(STRANGE.format(1, n >> 8, n & 255) for n in range(FLOOD))),
        witness=peers[0] if peers else None,
        control=_under((source.mac,)),
    )


def listen(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I09, I13: what the own network's others send to each other must not reach the source.

    For I13 the same once more, when all floods are out.
    """
    peers = ground.peers(source)
    if not peers:
        return
    speaker = peers[0]
    others = [peer.mac for peer in peers[1:]]
    for case in ("I09", "I13"):
        yield Attempt(
            case=case,
            attack="unicast in the own network to somebody else"
            + ("" if case == "I09" else ", after the flood"),
            family="ethernet",
            layer="real packets",
            source=speaker,
            targets=(ground.hosts[source.host],),
            build=_to(speaker, (STRANGE.format(2, 0, 1), *others)),
            witness=source,
            control=_to(speaker, (source.mac,)),
            is_late=case == "I13",
        )


def _to(speaker: Leg, macs: tuple[str, ...]) -> Build:
    return lambda token: tuple(plain(token, speaker.mac, mac) for mac in macs)


def overhear(ground: Ground, source: Leg) -> Iterator[Attempt]:
    """I09: unicast and broadcasts in a network that is not ours; none of our sources may hear."""
    peers = ground.peers(source)
    listeners = tuple(
        host
        for host in ground.source_hosts
        if all(leg.network != source.network for leg in host.legs)
    )
    if peers and listeners:
        yield Attempt(
            case="I09",
            attack="unicast and broadcasts in a network that is not ours",
            family="ethernet",
            layer="real packets",
            source=source,
            targets=listeners,
            build=_to(source, (peers[0].mac, BROADCAST)),
            witness=peers[0],
        )
