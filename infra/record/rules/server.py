"""Rules of servers: names, roles, segments, and the edge that joins them."""

from collections.abc import Collection, Iterator
from typing import get_args

from infra.record.fault import Fault, Path
from infra.record.model import ServerRole
from infra.record.rules.facts import Facts
from infra.record.suggestion import suggest

NICS_LIMIT = 10
"""Virtual NICs of one VM. Source: vSphere Configuration Maximums, "Networking Virtual Devices"."""

ROLES: tuple[ServerRole, ...] = get_args(get_args(ServerRole)[0])
RESERVED_NAMES = frozenset({"localhost", "all", "ungrouped", *ROLES})
"""Names that already mean something to resolvers or to the inventory, whose groups are roles."""

LONE_ROLES: dict[ServerRole, tuple[int, str]] = {
    "edge": (2, "one, or two that stand in for each other"),
    "bastion": (1, "exactly one server with this role"),
}
"""Roles that guard the others, with nothing beside them: how many servers may have each."""


def refuse_reserved_names(facts: Facts) -> Iterator[Fault]:
    """Refuse a server's name that means something else to the tools."""
    for key in facts.tenant.servers:
        if key in RESERVED_NAMES:
            yield facts.fault(
                ("servers", key),
                f'"{key}" is a reserved name',
                f"any name but {', '.join(sorted(RESERVED_NAMES))}",
                f"Rename it, for example {key}01",
            )


def refuse_names_of_zones(facts: Facts) -> Iterator[Fault]:
    """Refuse a server that is called like a zone: a flow could not tell them apart."""
    for key in facts.tenant.servers:
        if key in facts.tenant.zones:
            yield facts.fault(
                ("servers", key),
                f"is also {facts.source.cite(('zones', key))}",
                "names that a flow can tell apart",
                "Rename one of the two",
            )


def refuse_unknown_segments(facts: Facts) -> Iterator[Fault]:
    """Refuse a leg in a segment that no zone has."""
    for leg in facts.legs:
        is_primary = leg.path[-1] == "address"
        if leg.segment in (facts.segments if is_primary else facts.prefixes):
            continue
        path: Path = ("servers", leg.server, "segment") if is_primary else leg.path
        yield facts.fault(
            path,
            f'unknown segment "{leg.segment}"',
            "a segment of a zone of this record",
            suggest(leg.segment, facts.segments, "Add it to a zone or correct the name"),
        )


def refuse_repeated_roles(facts: Facts) -> Iterator[Fault]:
    """Refuse a role that stands twice at one server."""
    for key, server in facts.tenant.servers.items():
        for index, role in enumerate(server.roles):
            if role in server.roles[:index]:
                yield facts.fault(
                    ("servers", key, "roles", index),
                    f'"{role}" stands twice',
                    "each role once",
                    "Remove one",
                )


def require_lone_roles(facts: Facts) -> Iterator[Fault]:
    """Require one edge or a pair, and one bastion, on servers that do nothing else."""
    for role, (limit, allowed) in LONE_ROLES.items():
        holders = facts.holders.get(role, ())
        if not holders:
            yield facts.fault(
                ("servers",),
                f"no server has the role {role}",
                "exactly one",
                f"Add a server with roles: [{role}]",
            )
            continue
        for key in holders[limit:]:
            yield facts.fault(
                ("servers", key, "roles"),
                f"{role} is also the role of {facts.source.cite(('servers', holders[0]))}",
                allowed,
                "Remove it here or there",
            )
        for key in holders:
            others = [other for other in facts.tenant.servers[key].roles if other != role]
            if others:
                yield facts.fault(
                    ("servers", key, "roles"),
                    f"{role} stands beside {', '.join(others)}",
                    f"{role} alone, because it guards the other servers",
                    "Move the other roles to another server",
                )


def refuse_interfaces_without_edge(facts: Facts) -> Iterator[Fault]:
    """Refuse a second leg anywhere but on edge and routers: it would go around the filters."""
    for key, server in facts.tenant.servers.items():
        if server.interfaces and not {"edge", "router"} & {*server.roles}:
            yield facts.fault(
                ("servers", key, "interfaces"),
                f"has legs in {', '.join(server.interfaces)}",
                "further legs of edge and routers alone, or traffic goes around their filters",
                "Remove it and add flows",
            )


def require_edge_legs(facts: Facts) -> Iterator[Fault]:
    """Require that every edge has one leg in each segment of the datacenter.

    The gateway's address is the only edge's own, and that of neither of a pair: both can hold it.
    """
    edges = facts.holders.get("edge", ())
    for edge in edges:
        yield from _require_legs(facts, edge, is_alone=len(edges) == 1)
        if facts.tenant.servers[edge].segment != facts.tenant.servers[edges[0]].segment:
            yield facts.fault(
                ("servers", edge, "segment"),
                f"is not that of {facts.source.cite(('servers', edges[0], 'segment'))}",
                "edges that live in one segment, over which they tell each other connections",
                "Swap segment and address with one of interfaces",
            )


def _require_legs(facts: Facts, edge: str, *, is_alone: bool) -> Iterator[Fault]:
    legs = {leg.segment: leg for leg in facts.legs if leg.server == edge}
    primary = facts.tenant.servers[edge].segment
    if primary in facts.tenant.servers[edge].interfaces:
        yield facts.fault(
            ("servers", edge, "interfaces", primary),
            f"is also {facts.source.cite(('servers', edge, 'segment'))}",
            "one leg in each segment",
            "Remove it here",
        )
    for key, segment in facts.segments_at(None).items():
        gateway = (*facts.segment_path(key), "gateway")
        if key not in legs:
            yield facts.fault(
                ("servers", edge, "interfaces"),
                f"has no leg in segment {key}",
                "an edge with a leg in every segment, because it routes between them",
                f'Add "{key}: {segment.gateway}"' if is_alone else facts.next_free(key),
            )
        elif is_alone and legs[key].address != segment.gateway:
            yield facts.fault(
                legs[key].path,
                f"{legs[key].address} is not {segment.gateway} of {facts.source.cite(gateway)}",
                "the gateway's address, because the edge is the gateway",
                f"Write {segment.gateway} here, or the other there",
            )
    yield from refuse_surplus_nics(facts, edge, {*facts.segments_at(None), *legs})


def refuse_surplus_nics(facts: Facts, server: str, places: Collection[str]) -> Iterator[Fault]:
    """Refuse more legs than a virtual machine has NICs."""
    if len(places) > NICS_LIMIT:
        yield facts.fault(
            ("servers", server),
            f"needs {len(places)} NICs, one for each segment",
            f"{NICS_LIMIT} NICs on one virtual machine (vSphere Configuration Maximums)",
            f"Join segments until there are {NICS_LIMIT}",
        )


def refuse_shared_addresses(facts: Facts) -> Iterator[Fault]:
    """Refuse a gateway's address as anybody's own where a pair of edges shares it."""
    if len(facts.holders.get("edge", ())) < 2:
        return
    for leg in facts.legs:
        segment = facts.segments_at(None).get(leg.segment)
        if segment and leg.address == segment.gateway:
            cited = facts.source.cite((*facts.segment_path(leg.segment), "gateway"))
            yield facts.fault(
                leg.path,
                f"{leg.address} is also {cited}",
                "an address of its own for each server, because either edge can hold the gateway's",
                facts.next_free(leg.segment),
            )


def require_memory_limit(facts: Facts) -> Iterator[Fault]:
    """Require that all servers fit in the tenant's share at once."""
    memory_mib = sum(server.memory_mib for server in facts.tenant.servers.values())
    if memory_mib > facts.tenant.limits.memory_mib:
        yield facts.fault(
            ("limits", "memory_mib"),
            f"{facts.tenant.limits.memory_mib} is less than the {memory_mib} MiB of all servers",
            "a limit that all servers fit in at once",
            f"Choose at least {memory_mib}, or make servers smaller",
        )


RULES = (
    refuse_reserved_names,
    refuse_names_of_zones,
    refuse_unknown_segments,
    refuse_repeated_roles,
    require_lone_roles,
    refuse_interfaces_without_edge,
    require_edge_legs,
    refuse_shared_addresses,
    require_memory_limit,
)
