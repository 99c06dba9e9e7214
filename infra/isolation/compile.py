"""Compile the ground into everything that one run tries, each with its token.

Responsible for completeness and for refusing what would leave the ground. Must not send anything.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from infra.isolation.attempt import Attempt, Question
from infra.isolation.border import BORDER_UNTESTED, crosses_border
from infra.isolation.cases import (
    announcing,
    ipv6,
    monitoring,
    outside,
    routing,
    services,
    spoofing,
    tagging,
)
from infra.isolation.frame import destinations
from infra.isolation.ground import Ground, Leg
from infra.isolation.mac_change import MacChange, other_mac, pairs
from infra.isolation.outcome import End, Untested

MARK = "isolation {run} "
"""What every token begins with; run: eight characters that no other run has."""

NUMBER_DIGITS = 5
"""The rest of a token."""

BY_SOURCE: tuple[Callable[[Ground, Leg], Iterator[Attempt]], ...] = (
    routing.sweep,
    routing.foreign_next_hop,
    routing.false_source,
    routing.overlap,
    tagging.tagged,
    tagging.tagged_twice,
    announcing.announce,
    spoofing.forged,
    spoofing.flood,
    spoofing.listen,
    ipv6.forgotten,
    services.provider,
    monitoring.shared,
    outside.leave,
)
"""From every leg of ours that attacks."""

BY_STRANGER = (announcing.overhear, spoofing.overhear)
"""From one leg in each network of the others: what ours must not hear."""

BY_OUTSIDER: tuple[Callable[[Ground, Leg], Iterator[Attempt]], ...] = (outside.enter,)
"""From one leg of each address in the networks outside where our edges and routers are."""

BY_HOST = (services.names, services.relay, monitoring.clock)

_LOCAL_IPV6 = (IPv6Network("fe80::/10"), IPv6Network("ff00::/8"), IPv6Network("fc00::/7"))


class StrangerError(ValueError):
    """A packet would go to what stands in no contract: our bug."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """Frames to send from one leg under one token."""

    token: str
    leg: Leg
    frames: tuple[bytes, ...]
    is_late: bool = False


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An attempt with its tokens. heard: the token that the witness must hear."""

    attempt: Attempt
    token: str
    heard: str
    sent: int


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """A question with its token. ask, control: bytes to send; control None when not needed."""

    question: Question
    token: str
    ask: bytes
    control: bytes | None


@dataclass(frozen=True, kw_only=True)
class Beacon:
    """What a leg sends to its peers so that they prove to hear, early and late."""

    leg: Leg
    tokens: tuple[str, str]


@dataclass(frozen=True)
class Campaign:
    """Everything that one run tries. shots: of trials and beacons, in order."""

    trials: tuple[Trial, ...]
    inquiries: tuple[Inquiry, ...]
    mac_changes: tuple[MacChange, ...]
    beacons: tuple[Beacon, ...]
    shots: tuple[Shot, ...]
    untested: tuple[Untested, ...]


def compile_campaign(ground: Ground, run: str) -> Campaign:
    """Compile everything that one run tries.

    Args:
        ground: all hosts of the datacenter.
        run: eight characters that no other run has.

    Raises:
        StrangerError: something would go to what stands in no contract.
    """
    mint = _Mint(run)
    shots: list[Shot] = []
    trials = []
    for attempt in _attempts(ground):
        token = mint.make()
        frames = attempt.build(token.encode())
        shots.append(Shot(token=token, leg=attempt.source, frames=frames, is_late=attempt.is_late))
        heard = token
        if attempt.control:
            heard = mint.make()
            control = attempt.control(heard.encode())
            shots.append(
                Shot(token=heard, leg=attempt.source, frames=control, is_late=attempt.is_late)
            )
        trials.append(Trial(attempt=attempt, token=token, heard=heard, sent=len(frames)))
    beacons = [
        Beacon(leg=leg, tokens=(mint.make(), mint.make()))
        for host in ground.hosts.values()
        for leg in host.every_leg
        if ground.peers(leg)
    ]
    inquiries = tuple(_inquiries(ground, mint))
    mac_changes = tuple(
        MacChange(
            leg=leg,
            peer=peer,
            mac=other_mac(run, number),
            token=mint.make(),
            control=mint.make(),
        )
        for number, (leg, peer) in enumerate(pairs(ground))
    )
    refuse_strangers(ground, [*shots, *_shots(mac_changes)], inquiries)
    return Campaign(
        trials=tuple(trials),
        inquiries=inquiries,
        mac_changes=mac_changes,
        beacons=tuple(beacons),
        shots=tuple(shots),
        untested=tuple(_untested(ground, trials, inquiries)),
    )


def refuse_strangers(
    ground: Ground, shots: Sequence[Shot], inquiries: Sequence[Inquiry] = ()
) -> None:
    """Refuse frames and questions to addresses that no contract of the ground has.

    Raises:
        StrangerError: naming the address.
    """
    legs = [leg for host in ground.hosts.values() for leg in host.every_leg]
    known = {leg.address.ip for leg in legs} | {
        leg.address.network.broadcast_address for leg in legs
    }

    def refuse(token: str, address: IPv4Address | IPv6Address) -> None:
        if address not in known and not _is_local(address):
            message = f"{token}: {address} stands in no contract of this datacenter."
            raise StrangerError(message)

    for shot in shots:
        if shot.leg not in ground.hosts[shot.leg.host].every_leg:
            message = f"{shot.leg.tenant}/{shot.leg.server}: {shot.leg.device} is in no contract."
            raise StrangerError(message)
        for frame in shot.frames:
            for address in destinations(frame):
                refuse(shot.token, address)
    for inquiry in inquiries:
        refuse(inquiry.token, ip_address(inquiry.question.address))


def _shots(changes: Sequence[MacChange]) -> Iterator[Shot]:
    """Give every frame that goes with a change of MAC."""
    for change in changes:
        yield Shot(token=change.token, leg=change.peer, frames=(change.to_other,))
        yield Shot(token=change.control, leg=change.peer, frames=(change.to_own,))
        frames = (change.under_other, change.announcement)
        yield Shot(token=change.token, leg=change.leg, frames=frames)


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address never leaves the private networks: groups, link-local, private."""
    if isinstance(address, IPv4Address):
        return address.is_multicast or address == IPv4Address(0xFFFFFFFF)
    return any(address in network for network in _LOCAL_IPV6)


class _Mint:
    def __init__(self, run: str) -> None:
        self._run, self._number = run, 0

    def make(self) -> str:
        self._number += 1
        return f"{MARK.format(run=self._run)}{self._number:0{NUMBER_DIGITS}}"


def _attempts(ground: Ground) -> Iterator[Attempt]:
    for make in BY_SOURCE:
        for source in ground.sources:
            yield from make(ground, source)
    strangers: dict[str, Leg] = {}
    for host in ground.neighbours:
        for leg in host.legs:
            # Nobody would witness that one who is alone in its network has sent.
            if not leg.is_shared and leg not in ground.lone_legs:
                strangers.setdefault(leg.network, leg)
    for overhear in BY_STRANGER:
        for stranger in strangers.values():
            yield from overhear(ground, stranger)
    for attack in BY_OUTSIDER:
        for network, legs in ground.outside.items():
            if ground.gates(network):
                for outsider in {leg.address.ip: leg for leg in reversed(legs)}.values():
                    yield from attack(ground, outsider)


def _inquiries(ground: Ground, mint: _Mint) -> Iterator[Inquiry]:
    for make in BY_HOST:
        for source in ground.source_hosts:
            for question in make(ground, source):
                token = mint.make()
                yield Inquiry(
                    question=question,
                    token=token,
                    ask=question.build(token.encode()),
                    control=question.control(token.encode()) if question.control else None,
                )


def _ways(trials: Sequence[Trial], inquiries: Sequence[Inquiry]) -> Iterator[tuple[End, End]]:
    """Give whence and where each thing goes that is tried."""
    for attempt in (trial.attempt for trial in trials):
        yield from ((attempt.source.end, target.end) for target in attempt.targets)
        yield from ((attempt.source.end, leg.end) for leg in attempt.outside)
    for question in (inquiry.question for inquiry in inquiries):
        yield question.source.end, question.about.end


def _untested(
    ground: Ground, trials: Sequence[Trial], inquiries: Sequence[Inquiry]
) -> Iterator[Untested]:
    tried = {trial.attempt.case for trial in trials}
    if not any(crosses_border(ground.own, *way) for way in _ways(trials, inquiries)):
        yield BORDER_UNTESTED
    if not ground.neighbours:
        reason = "no other tenant is deployed on this datacenter"
        for case in ("I08", "I21", "I22", "I23", "I27"):
            yield Untested(case=case, reason=reason)
    for case, network in (("I19", "vMotion and storage"), ("I20", "back-up")):
        if case not in tried:
            yield Untested(
                case=case, reason=f"no host of the provider answers in its {network} networks"
            )
    if networks := ", ".join(dict.fromkeys(leg.network for leg in ground.lone_legs)):
        yield Untested(
            case="I01",
            reason=f"one host is alone, so that it is not shown to hear there, in {networks}",
        )
    tried_outside = {leg.network for trial in trials for leg in trial.attempt.outside}
    if empty := ", ".join(sorted(ground.plan.outside.keys() - tried_outside)):
        yield Untested(
            case="I03",
            reason=f"no other host has an address there, so that nothing was sent to {empty}",
        )
    yield from PARTS_UNTESTED


PARTS_UNTESTED = (
    Untested(case="I02", reason="the provider's own gateway is in no contract, so it gets nothing"),
    Untested(case="I03", reason="there is no uplink to the internet behind which to listen"),
    Untested(case="I05", reason="no sensor stands behind the physical trunk"),
    Untested(case="I08", reason="listened for the length of the run, not for three minutes"),
    Untested(case="I09", reason="listened for the length of the run, not for ten minutes"),
    Untested(
        case="I11",
        reason="gateways take no other MAC, which would cut off their zone, nor legs of the"
        " management network, where nobody may send to them; the setting is looked at (I28)",
    ),
    Untested(case="I12", reason="the own gateway is not impersonated: it would hurt the tenant"),
    Untested(
        case="I18",
        reason="vCenter, ESXi and switches stand in no contract; tried were"
        " the neighbours' legs in the management network",
    ),
    Untested(case="I20", reason="tenants share no back-up repository whose listing could be tried"),
    Untested(
        case="I22",
        reason="tenants share no log in which to read on whose account a forged line stands",
    ),
)
"""What no run of this suite tries."""
