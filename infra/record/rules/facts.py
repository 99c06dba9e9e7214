"""Collect once what several rules look up. References that lead nowhere are left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from infra.record.fault import Fault, Path
from infra.record.model import Segment, ServerRole, Tenant
from infra.record.source import Source
from infra.record.surroundings import Surroundings


@dataclass(frozen=True)
class Leg:
    """One address of one server in one segment. path: of the address in the record."""

    server: str
    segment: str
    address: IPv4Address
    path: Path


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A record, what it must not collide with, and what follows from it at once.

    zone_of: zone by segment. members: servers by zone, by their primary segment.
    holders: servers by role. taken: every address of a segment that has an owner.
    """

    tenant: Tenant
    source: Source
    surroundings: Surroundings
    segments: Mapping[str, Segment]
    zone_of: Mapping[str, str]
    members: Mapping[str, Sequence[str]]
    holders: Mapping[ServerRole, Sequence[str]]
    legs: Sequence[Leg]
    taken: Mapping[str, frozenset[IPv4Address]]

    def fault(self, path: Path, what: str, allowed: str, remedy: str) -> Fault:
        """Make a fault of its three sentences, given without their dots."""
        return self.source.fault(path, f"{what}. Allowed: {allowed}. {end_sentence(remedy)}")

    def segment_path(self, segment: str) -> Path:
        """Give the place of a segment in the record."""
        return ("zones", self.zone_of[segment], "segments", segment)

    def sole_holder(self, role: ServerRole) -> str | None:
        """Give the one server with this role; None when there are none or several."""
        holders = self.holders.get(role, ())
        return holders[0] if len(holders) == 1 else None

    def servers_of(self, ends: Sequence[str]) -> Iterator[str]:
        """Give the servers that the ends of a flow stand for."""
        for end in ends:
            if end in self.tenant.servers:
                yield end
            else:
                yield from self.members.get(end, ())

    def next_free(self, segment: str) -> str:
        """Propose the next free address of a segment, after all that are taken if possible."""
        prefix, taken = self.segments[segment].prefix, self.taken[segment]
        last = max(taken, default=prefix.network_address)
        if last + 1 < prefix.broadcast_address:
            return f"Next free address: {last + 1}"
        free = next((address for address in prefix.hosts() if address not in taken), None)
        return f"Next free address: {free}" if free else "The segment is full: use another"


def end_sentence(sentence: str) -> str:
    """End a sentence with a dot, unless it is a question."""
    return sentence if sentence.endswith("?") else f"{sentence}."


def collect_facts(tenant: Tenant, source: Source, surroundings: Surroundings) -> Facts:
    """Collect the facts of a record whose shape is right."""
    segments: dict[str, Segment] = {}
    zone_of: dict[str, str] = {}
    for zone, content in tenant.zones.items():
        for key, segment in content.segments.items():
            segments.setdefault(key, segment)
            zone_of.setdefault(key, zone)
    members: dict[str, list[str]] = {zone: [] for zone in tenant.zones}
    holders: dict[ServerRole, list[str]] = {}
    legs: list[Leg] = []
    for key, server in tenant.servers.items():
        legs.append(Leg(key, server.segment, server.address, ("servers", key, "address")))
        legs += [
            Leg(key, segment, address, ("servers", key, "interfaces", segment))
            for segment, address in server.interfaces.items()
        ]
        if zone_name := zone_of.get(server.segment):
            members[zone_name].append(key)
        for role in dict.fromkeys(server.roles):
            holders.setdefault(role, []).append(key)
    taken = {key: {segment.gateway} for key, segment in segments.items()}
    for leg in legs:
        if leg.segment in segments and leg.address in segments[leg.segment].prefix:
            taken[leg.segment].add(leg.address)
    return Facts(
        tenant=tenant,
        source=source,
        surroundings=surroundings,
        segments=segments,
        zone_of=zone_of,
        members=members,
        holders=holders,
        legs=legs,
        taken={
            key: frozenset(address for address in addresses if address in segments[key].prefix)
            for key, addresses in taken.items()
        },
    )
