"""Resolve the ends of flows: a zone stands for its segments, a server for its address."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from infra.plan.model import Flow
from infra.record.model import Tenant


@dataclass(frozen=True, kw_only=True)
class End:
    """One named end of a flow. prefixes: CIDR by segment key; servers: record keys, sorted."""

    prefixes: Mapping[str, str]
    servers: tuple[str, ...]


@dataclass(frozen=True)
class Ends:
    """All names that a flow may use, resolved once."""

    by_name: Mapping[str, End] = field(default_factory=dict)

    def prefixes(self, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Give the CIDR prefixes that these names stand for, by segment, sorted."""
        found: dict[str, set[str]] = {}
        for name in names:
            for segment, prefix in self.by_name[name].prefixes.items():
                found.setdefault(segment, set()).add(prefix)
        return {segment: tuple(sorted(found[segment])) for segment in sorted(found)}

    def servers(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give the servers that these names stand for, sorted."""
        return tuple(sorted({key for name in names for key in self.by_name[name].servers}))


def resolve_ends(tenant: Tenant) -> Ends:
    """Resolve every zone, server, network outside and partner of a record.

    A zone's servers are those that live in it; an edge's further legs do not make it a member.
    Networks outside and partners have addresses and no servers.
    """
    zone_of = {
        segment: zone for zone, content in tenant.zones.items() for segment in content.segments
    }
    members: dict[str, list[str]] = {zone: [] for zone in tenant.zones}
    ends: dict[str, End] = {}
    for key, server in sorted(tenant.servers.items()):
        members[zone_of[server.segment]].append(key)
        ends[key] = End(prefixes={server.segment: f"{server.address}/32"}, servers=(key,))
    for zone, content in tenant.zones.items():
        ends[zone] = End(
            prefixes={name: str(segment.prefix) for name, segment in content.segments.items()},
            servers=tuple(members[zone]),
        )
    for name, seen in tenant.outside.items():
        ends[name] = End(prefixes={name: str(seen.prefix)}, servers=())
        for key, partner in seen.partners.items():
            ends[key] = End(prefixes={name: f"{partner.address}/32"}, servers=())
    return Ends(ends)


def plan_flows(tenant: Tenant, ends: Ends) -> dict[str, Flow]:
    """Resolve every flow, sorted by key: one for each port, `<key>-<port>` from the second on."""
    flows = {
        key if port == flow.port else f"{key}-{port}": Flow(
            sources=tuple(sorted(flow.sources)),
            destinations=tuple(sorted(flow.destinations)),
            source_servers=ends.servers(flow.sources),
            destination_servers=ends.servers(flow.destinations),
            protocol=flow.protocol,
            port=port,
            purpose=flow.purpose,
            owner=flow.owner,
        )
        for key, flow in tenant.flows.items()
        for port in flow.ports
    }
    return dict(sorted(flows.items()))
