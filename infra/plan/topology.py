"""Tell which routers a packet passes from one segment to another, and by which devices.

The one notion of a path: every filter and every route follows from it. Segments hang on the edge
or on the router of their site; edge and routers meet in tunnels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.plan.model import Nic
from infra.record.model import Tenant

TUNNEL_DEVICE = "wg0"
"""A router's device for all of its tunnels."""


@dataclass(frozen=True, kw_only=True)
class Hop:
    """One router that forwards a packet, with the devices by which it comes in and goes out."""

    router: str
    in_device: str
    out_device: str


@dataclass(frozen=True, kw_only=True)
class Topology:
    """How segments hang together.

    edges: one, or a pair of which either forwards. routers: of sites, by
    site. gates: first edge or router by segment. devices: by edge or router, then by segment or
    network outside. outside: names of those networks.
    """

    edges: tuple[str, ...]
    routers: Mapping[str, str]
    gates: Mapping[str, str]
    devices: Mapping[str, Mapping[str, str]]
    outside: frozenset[str]

    @property
    def edge(self) -> str:
        """The only edge, or the first of a pair."""
        return self.edges[0]

    def stand_ins(self, gate: str) -> tuple[str, ...]:
        """Give all that forward what this edge or router does, with itself."""
        return self.edges if gate in self.edges else (gate,)

    def path(self, came: str, goes: str) -> tuple[Hop, ...]:
        """List the routers between two segments.

        Args:
            came: segment, or network outside, where the packet starts; one of the two is inside.
            goes: segment, or network outside, where it ends.

        Returns:
            The hops in order, of a pair of edges one for each; none within one segment.
        """
        if came == goes:
            return ()
        ends = [self.edge if came in self.outside else self.gates[came]]
        if goes not in self.outside:
            ends += [self.edge, self.gates[goes]]
            if ends[0] == ends[-1]:
                ends = ends[:1]
        passed = list(dict.fromkeys(ends))
        return tuple(
            Hop(
                router=router,
                in_device=self.devices[router][came] if index == 0 else TUNNEL_DEVICE,
                out_device=self.devices[router][goes] if gate == passed[-1] else TUNNEL_DEVICE,
            )
            for index, gate in enumerate(passed)
            for router in self.stand_ins(gate)
        )

    def segments_of(self, gate: str) -> list[str]:
        """Give the segments that hang on the edge or on a router, sorted."""
        return sorted(segment for segment, own in self.gates.items() if own == gate)


def plan_topology(tenant: Tenant, nics: Mapping[str, tuple[Nic, ...]]) -> Topology:
    """Derive how a record's segments hang together.

    Args:
        tenant: a record that passed all rules.
        nics: of every server, by key.
    """
    edges = tuple(key for key in sorted(tenant.servers) if "edge" in tenant.servers[key].roles)
    site_of = {zone: site for site, place in tenant.sites.items() for zone in place.zones}
    at = {
        segment: site_of.get(zone)
        for zone, content in tenant.zones.items()
        for segment in content.segments
    }
    routers = {
        site: key
        for key, server in sorted(tenant.servers.items())
        if "router" in server.roles and (site := at[server.segment])
    }
    return Topology(
        edges=edges,
        routers=routers,
        gates={
            segment: routers[site] if site else edges[0] for segment, site in sorted(at.items())
        },
        devices={
            key: {nic.segment: nic.device for nic in nics[key] if nic.segment}
            for key in (*edges, *routers.values())
        },
        outside=frozenset(tenant.outside),
    )
