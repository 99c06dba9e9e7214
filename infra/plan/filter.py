"""Derive the packet filters: two independent ones from one set of flows.

Every server accepts only the flows that end or start at it, and edge and routers forward only the
flows between segments, each from and to the right device.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.plan.flow import Ends
from infra.plan.model import Filter, Flow, Nic, Peer, Rule
from infra.plan.pair import pair_rules
from infra.plan.topology import Hop, Topology
from infra.plan.tunnel import reverse, tunnel_rules, way_rules
from infra.record.model import Tenant


@dataclass
class _Draft:
    incoming: list[Rule] = field(default_factory=list)
    outgoing: list[Rule] = field(default_factory=list)
    forward: list[Rule] = field(default_factory=list)


def plan_filters(
    tenant: Tenant,
    flows: Mapping[str, Flow],
    ends: Ends,
    topology: Topology,
    tunnels: Mapping[str, Mapping[str, Peer]],
    edges: Mapping[str, tuple[Nic, ...]],
) -> dict[str, Filter]:
    """Derive every server's filter.

    Args:
        tenant: a record that passed all rules.
        flows: resolved, by key.
        ends: what the names in flows stand for.
        topology: which routers are between two segments.
        tunnels: peers by server key.
        edges: NICs by key of the edge.

    Returns:
        Filters by server key; only those of edges and routers have forward rules.
    """
    own = {key: f"{server.address}/32" for key, server in sorted(tenant.servers.items())}
    drafts = {key: _Draft() for key in own}
    for name, flow in flows.items():
        sources, destinations = ends.prefixes(flow.sources), ends.prefixes(flow.destinations)
        for server in flow.destination_servers:
            drafts[server].incoming.append(_rule(name, flow, _all(sources), (own[server],)))
        for server in flow.source_servers:
            drafts[server].outgoing.append(_rule(name, flow, (own[server],), _all(destinations)))
        for hop, source, destination in _forward(sources, destinations, topology, own):
            rule = _rule(name, flow, source, destination)
            devices = {"in_device": hop.in_device, "out_device": hop.out_device}
            drafts[hop.router].forward.append(rule.model_copy(update=devices))
    for key in edges:
        incoming, outgoing = pair_rules(key, edges)
        drafts[key].incoming += incoming
        drafts[key].outgoing += outgoing
    for server, draft in drafts.items():
        accepted = tuple(tunnel_rules(tunnels, server))
        draft.incoming += accepted
        draft.outgoing += (reverse(rule) for rule in accepted)
    bastion = next(key for key, server in tenant.servers.items() if "bastion" in server.roles)
    for router, sent, arriving in way_rules(tenant, topology, tunnels):
        anywhere = sent.model_copy(update={"in_device": None, "out_device": None})
        drafts[bastion].outgoing.append(anywhere)
        for edge in topology.edges:
            drafts[edge].forward.append(sent)
        drafts[router].incoming.append(arriving)
    return {
        key: Filter(
            incoming=tuple(draft.incoming),
            outgoing=tuple(draft.outgoing),
            forward=tuple(draft.forward),
        )
        for key, draft in drafts.items()
    }


def _forward(
    sources: Mapping[str, tuple[str, ...]],
    destinations: Mapping[str, tuple[str, ...]],
    topology: Topology,
    own: Mapping[str, str],
) -> Iterator[tuple[Hop, tuple[str, ...], tuple[str, ...]]]:
    """Give what each router on a path forwards, but not what it or its partner sends or takes."""
    for came, source_prefixes in sources.items():
        for goes, destination_prefixes in destinations.items():
            for hop in topology.path(came, goes):
                gate = {own[router] for router in topology.stand_ins(hop.router)}
                source = tuple(p for p in source_prefixes if p not in gate)
                destination = tuple(p for p in destination_prefixes if p not in gate)
                if source and destination:
                    yield hop, source, destination


def _all(by_segment: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sorted({prefix for prefixes in by_segment.values() for prefix in prefixes}))


def _rule(name: str, flow: Flow, sources: tuple[str, ...], destinations: tuple[str, ...]) -> Rule:
    return Rule(
        flow=name,
        sources=sources,
        destinations=destinations,
        protocol=flow.protocol,
        port=flow.port,
    )
