"""Tell by which links and over whom a packet goes from one server to another, now.

What `topology.py` says of segments and both edges, said of servers and the edge that forwards.
"""

from dataclasses import dataclass
from itertools import pairwise

from infra.plan.model import Nic, Plan, Server
from infra.plan.topology import TUNNEL_DEVICE


@dataclass(frozen=True, kw_only=True)
class Link:
    """How a packet goes from one server to the next: out by a device, in by a device.

    from_mac, to_mac: those of its frame; empty in a tunnel, where packets have none.
    """

    sender: str
    out_device: str
    from_mac: str
    receiver: str
    in_device: str
    to_mac: str

    @property
    def is_tunnel(self) -> bool:
        """Say whether it is a tunnel between edge and router."""
        return not self.from_mac


def find_edges(plan: Plan) -> tuple[str, ...]:
    """Give the edges, one or two, in the order of the plan."""
    return tuple(key for key, server in plan.servers.items() if "edge" in server.roles)


def inner_segments(plan: Plan, server: str) -> set[str]:
    """Give the tenant's own segments in which a server is."""
    return {
        nic.segment
        for nic in plan.servers[server].nics
        if nic.segment and nic.segment not in plan.outside
    }


def find_path(plan: Plan, source: str, destination: str, edge: str) -> tuple[Link, ...]:
    """List the links between two servers.

    Args:
        plan: of a tenant.
        source: server key.
        destination: server key.
        edge: the one that forwards.

    Returns:
        In order; one when nobody is between. Whoever sends the second and further is an edge or
        a site's router.
    """
    passed = [source, destination]
    if not inner_segments(plan, source) & inner_segments(plan, destination):
        first, last = _gate(plan, source, edge), _gate(plan, destination, edge)
        passed[1:1] = [first] if first == last else [first, edge, last]
    return tuple(
        _link(plan, sender, receiver) for sender, receiver in pairwise(dict.fromkeys(passed))
    )


def is_at_edge(plan: Plan, server: str) -> bool:
    """Say whether a server hangs on the edge, not on a site's router."""
    return bool(inner_segments(plan, server) & inner_segments(plan, find_edges(plan)[0]))


def _gate(plan: Plan, server: str, edge: str) -> str:
    """Find who forwards for a server: an edge or a router does so for itself."""
    if is_at_edge(plan, server):
        return edge
    return next(
        key
        for key, other in plan.servers.items()
        if "router" in other.roles and inner_segments(plan, key) & inner_segments(plan, server)
    )


def _link(plan: Plan, sender: str, receiver: str) -> Link:
    shared = inner_segments(plan, sender) & inner_segments(plan, receiver)
    if not shared:
        return Link(
            sender=sender,
            out_device=TUNNEL_DEVICE,
            from_mac="",
            receiver=receiver,
            in_device=TUNNEL_DEVICE,
            to_mac="",
        )
    out = _nic(plan.servers[sender], shared)
    into = next(nic for nic in plan.servers[receiver].nics if nic.segment == out.segment)
    return Link(
        sender=sender,
        out_device=out.device,
        from_mac=out.mac,
        receiver=receiver,
        in_device=into.device,
        to_mac=into.mac,
    )


def _nic(server: Server, segments: set[str]) -> Nic:
    return next(nic for nic in server.nics if nic.segment in segments)
