"""Derive the tunnels between the edge and the routers of sites, and the way to a router.

A router is configured before its tunnel exists and mended when it is down, so the bastion reaches
it outside of the tunnel: by the edge's leg in the uplink, whose address it bears there (ADR 0021).
"""

from collections.abc import Iterator, Mapping

from infra.plan.model import Peer, Plan, Rule
from infra.plan.topology import Topology
from infra.record.model import Protocol, Tenant
from infra.record.service import SSH_PORT, TUNNEL_PORT


def plan_tunnels(tenant: Tenant, topology: Topology) -> dict[str, dict[str, Peer]]:
    """Derive both ends of every tunnel.

    Args:
        tenant: a record that passed all rules.
        topology: how its segments hang together.

    Returns:
        Peers by server key: of an edge every router, of a router the edge. Both of a pair have the
        same, and are one end: who holds the address outside has the tunnel.
    """
    prefixes = {
        name: str(segment.prefix)
        for zone in tenant.zones.values()
        for name, segment in zone.segments.items()
    }
    tunnels: dict[str, dict[str, Peer]] = {}
    for site, router in sorted(topology.routers.items()):
        uplink = tenant.sites[site].uplink
        near = str(tenant.servers[topology.edge].interfaces[uplink])
        far = str(tenant.servers[router].interfaces[uplink])
        behind = set(topology.segments_of(router))
        for edge in topology.edges:
            tunnels.setdefault(edge, {})[router] = Peer(
                own=near, endpoint=far, prefixes=tuple(sorted(prefixes[name] for name in behind))
            )
        tunnels[router] = {
            topology.edge: Peer(
                own=far,
                endpoint=near,
                prefixes=tuple(sorted(prefixes[name] for name in prefixes.keys() - behind)),
            )
        }
    return dict(sorted(tunnels.items()))


def find_ends(tunnels: Mapping[str, Mapping[str, Peer]]) -> list[str]:
    """Give the names of all ends of tunnels, each with a key of its own, sorted."""
    return sorted({find_end(tunnels, server) for server in tunnels})


def find_end(tunnels: Mapping[str, Mapping[str, Peer]], server: str) -> str:
    """Give the name by which its peers know a server: both of a pair are called by the first."""
    known = {name for peer in tunnels[server] for name in tunnels[peer]}
    return server if server in known else min(known)


def tunnel_rules(tunnels: Mapping[str, Mapping[str, Peer]], server: str) -> Iterator[Rule]:
    """Give the rules by which a server accepts its peers' packets; sent ones are the reverse."""
    for name, peer in tunnels.get(server, {}).items():
        yield _rule(f"tunnel-{name}", peer.endpoint, peer.own, "udp", TUNNEL_PORT)


def reverse(rule: Rule) -> Rule:
    """Give the rule for packets of the opposite direction, to the same port."""
    return rule.model_copy(update={"sources": rule.destinations, "destinations": rule.sources})


def way_rules(
    tenant: Tenant, topology: Topology, tunnels: Mapping[str, Mapping[str, Peer]]
) -> Iterator[tuple[str, Rule, Rule]]:
    """Give for each router the rules of the bastion's way to it.

    Yields:
        The router, the rule of bastion and edges, and the router's own, which sees the edge.
    """
    bastion = next(server for server in tenant.servers.values() if "bastion" in server.roles)
    for site, router in sorted(topology.routers.items()):
        peer = tunnels[router][topology.edge]
        name, uplink = f"way-to-{router}", tenant.sites[site].uplink
        devices = topology.devices[topology.edge]
        sent = _rule(name, str(bastion.address), peer.own, "tcp", SSH_PORT).model_copy(
            update={"in_device": devices[bastion.segment], "out_device": devices[uplink]}
        )
        yield router, sent, _rule(name, peer.endpoint, peer.own, "tcp", SSH_PORT)


def find_way_in(plan: Plan, server: str) -> str:
    """Give the IPv4 address from which management reaches a server: a router sees the edge's."""
    if "router" not in plan.servers[server].roles:
        return plan.resolver
    (edge,) = plan.tunnels[server].values()
    return edge.endpoint


def find_management_address(plan: Plan, server: str) -> str:
    """Give the IPv4 address at which the bastion reaches a server: a router's is outside."""
    if "router" not in plan.servers[server].roles:
        return plan.servers[server].address
    (edge,) = plan.tunnels[server].values()
    return edge.own


def _rule(flow: str, source: str, destination: str, protocol: Protocol, port: int) -> Rule:
    return Rule(
        flow=flow,
        sources=(f"{source}/32",),
        destinations=(f"{destination}/32",),
        protocol=protocol,
        port=port,
    )
