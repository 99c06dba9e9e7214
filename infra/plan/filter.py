"""Derive the packet filters: two independent ones from one set of flows.

Every server accepts only the flows that end or start at it, and the edge forwards only the
flows between segments, each from and to the right device.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.plan.flow import Ends
from infra.plan.model import Filter, Flow, Nic, Rule
from infra.plan.pair import pair_rules


@dataclass
class _Draft:
    incoming: list[Rule] = field(default_factory=list)
    outgoing: list[Rule] = field(default_factory=list)


def plan_filters(
    flows: Mapping[str, Flow],
    ends: Ends,
    addresses: Mapping[str, str],
    edges: Mapping[str, tuple[Nic, ...]],
) -> dict[str, Filter]:
    """Derive every server's filter.

    Args:
        flows: resolved, by key.
        ends: what the names in flows stand for.
        addresses: primary IPv4 address by server key.
        edges: NICs by key of the edge, one a segment.

    Returns:
        Filters by server key; only an edge's has forward rules.
    """
    drafts = {key: _Draft() for key in addresses}
    forward: list[Rule] = []
    # Edges of a pair have the same segments by the same devices.
    nics = next(iter(edges.values()))
    device_of = {nic.segment: nic.device for nic in nics if nic.segment}
    edge_prefixes = frozenset(f"{addresses[edge]}/32" for edge in edges)
    for name, flow in flows.items():
        sources, destinations = ends.prefixes(flow.sources), ends.prefixes(flow.destinations)
        for server in flow.destination_servers:
            own = (f"{addresses[server]}/32",)
            drafts[server].incoming.append(_rule(name, flow, _all(sources), own))
        for server in flow.source_servers:
            own = (f"{addresses[server]}/32",)
            drafts[server].outgoing.append(_rule(name, flow, own, _all(destinations)))
        forward += _forward(name, flow, sources, destinations, device_of, edge_prefixes)
    for key in edges:
        incoming, outgoing = pair_rules(key, edges)
        drafts[key].incoming += incoming
        drafts[key].outgoing += outgoing
    return {
        key: Filter(
            incoming=tuple(draft.incoming),
            outgoing=tuple(draft.outgoing),
            forward=tuple(forward) if key in edges else (),
        )
        for key, draft in drafts.items()
    }


def _forward(
    name: str,
    flow: Flow,
    sources: Mapping[str, tuple[str, ...]],
    destinations: Mapping[str, tuple[str, ...]],
    device_of: Mapping[str, str],
    edge_prefixes: frozenset[str],
) -> Iterator[Rule]:
    """Give one rule per pair of different segments. An edge's own traffic is not forwarded."""
    for came, source_prefixes in sources.items():
        for goes, destination_prefixes in destinations.items():
            source = tuple(p for p in source_prefixes if p not in edge_prefixes)
            destination = tuple(p for p in destination_prefixes if p not in edge_prefixes)
            if came != goes and source and destination:
                yield _rule(name, flow, source, destination).model_copy(
                    update={"in_device": device_of[came], "out_device": device_of[goes]}
                )


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
