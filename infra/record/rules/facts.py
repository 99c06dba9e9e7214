"""Collect once what several rules look up. References that lead nowhere are left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from infra.record.fault import Fault, Path
from infra.record.model import Partner, Segment, ServerRole, Tenant
from infra.record.source import Source
from infra.record.surroundings import Surroundings


@dataclass(frozen=True)
class Leg:
    """One address of one server in one segment.

    path: of the address in the record. owner: the same, but for what a pair of edges shares: the
    path at the first of them.
    """

    server: str
    segment: str
    address: IPv4Address
    path: Path
    owner: Path


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A record, what it must not collide with, and what follows from it at once.

    zone_of: zone by segment. site_of: site by zone, for zones outside the datacenter.
    members: servers by zone, by their primary segment. holders: servers by role.
    prefixes: of every segment and network outside. taken: every address there with an owner.
    partners: by their name. network_of: network outside by itself and by its partners. A name
    that a zone or server has too is that zone or server, in both.
    """

    tenant: Tenant
    source: Source
    surroundings: Surroundings
    segments: Mapping[str, Segment]
    zone_of: Mapping[str, str]
    site_of: Mapping[str, str]
    members: Mapping[str, Sequence[str]]
    holders: Mapping[ServerRole, Sequence[str]]
    legs: Sequence[Leg]
    prefixes: Mapping[str, IPv4Network]
    taken: Mapping[str, frozenset[IPv4Address]]
    partners: Mapping[str, Partner]
    network_of: Mapping[str, str]

    def fault(self, path: Path, what: str, allowed: str, remedy: str) -> Fault:
        """Make a fault of its three sentences, given without their dots."""
        return self.source.fault(path, f"{what}. Allowed: {allowed}. {end_sentence(remedy)}")

    def segment_path(self, segment: str) -> Path:
        """Give the place of a segment, or of a network outside, in the record."""
        if segment not in self.segments:
            return ("outside", segment)
        return ("zones", self.zone_of[segment], "segments", segment)

    def sole_holder(self, role: ServerRole) -> str | None:
        """Give the one server with this role; None when there are none or several."""
        holders = self.holders.get(role, ())
        return holders[0] if len(holders) == 1 else None

    def segments_at(self, site: str | None) -> dict[str, Segment]:
        """Give the segments at a site; those in the datacenter for None."""
        return {
            key: segment
            for key, segment in self.segments.items()
            if self.site_of.get(self.zone_of[key]) == site
        }

    def site_of_server(self, server: str) -> str | None:
        """Give the site where a server lives; None in the datacenter or in an unknown segment."""
        zone = self.zone_of.get(self.tenant.servers[server].segment)
        return self.site_of.get(zone) if zone else None

    def site_of_end(self, end: str) -> str | None:
        """Give the site of a flow's end, zone or server; None in the datacenter and outside."""
        return self.site_of_server(end) if end in self.tenant.servers else self.site_of.get(end)

    def servers_of(self, ends: Sequence[str]) -> Iterator[str]:
        """Give the servers that the ends of a flow stand for."""
        for end in ends:
            if end in self.tenant.servers:
                yield end
            else:
                yield from self.members.get(end, ())

    def next_free(self, segment: str) -> str:
        """Propose the next free address of a segment, after all that are taken if possible."""
        prefix, taken = self.prefixes[segment], self.taken[segment]
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
        for role in dict.fromkeys(server.roles):
            holders.setdefault(role, []).append(key)
        own: Path = ("servers", key, "address")
        legs.append(Leg(key, server.segment, server.address, own, own))
        for network, address in server.interfaces.items():
            path: Path = ("servers", key, "interfaces", network)
            is_shared = "edge" in server.roles and network in tenant.outside
            owner = ("servers", holders["edge"][0], *path[2:]) if is_shared else path
            legs.append(Leg(key, network, address, path, owner))
        if zone_name := zone_of.get(server.segment):
            members[zone_name].append(key)
    site_of: dict[str, str] = {}
    for site, place in tenant.sites.items():
        for zone in place.zones:
            site_of.setdefault(zone, site)
    prefixes = {key: segment.prefix for key, segment in segments.items()}
    prefixes |= {key: seen.prefix for key, seen in tenant.outside.items() if key not in segments}
    taken: dict[str, set[IPv4Address]] = {key: set() for key in prefixes}
    for key, segment in segments.items():
        taken[key].add(segment.gateway)
    for leg in legs:
        if leg.segment in prefixes:
            taken[leg.segment].add(leg.address)
    partners: dict[str, Partner] = {}
    network_of: dict[str, str] = {}
    inside = tenant.zones.keys() | tenant.servers.keys()
    for network, seen in tenant.outside.items():
        network_of |= {network: network} if network not in inside else {}
        for key, partner in seen.partners.items():
            taken[network].add(partner.address)
            if key not in inside | tenant.outside.keys():
                partners.setdefault(key, partner)
                network_of.setdefault(key, network)
    return Facts(
        tenant=tenant,
        source=source,
        surroundings=surroundings,
        segments=segments,
        zone_of=zone_of,
        site_of=site_of,
        members=members,
        holders=holders,
        legs=legs,
        prefixes=prefixes,
        taken={
            key: frozenset(address for address in addresses if address in prefixes[key])
            for key, addresses in taken.items()
        },
        partners=partners,
        network_of=network_of,
    )
