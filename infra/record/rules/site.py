"""Rules of sites: each hangs on a router of its own, which meets the edge in a network outside."""

from collections.abc import Iterator
from itertools import product

from infra.record.fault import Fault, Path
from infra.record.model import ServerRole
from infra.record.rules.facts import Facts
from infra.record.rules.server import refuse_surplus_nics
from infra.record.suggestion import suggest

GATES: tuple[ServerRole, ...] = ("edge", "router")
"""Roles of the servers that route and filter between segments."""

SHARED_OUTSIDE = "one address outside for both edges of a pair, because either can hold it"


def refuse_unknown_networks(facts: Facts) -> Iterator[Fault]:
    """Refuse a network outside that is not the provider's, or is called like something else."""
    tenant, networks = facts.tenant, facts.surroundings.provider.networks
    for key in tenant.outside:
        if key not in networks:
            yield facts.fault(
                ("outside", key),
                f'unknown network "{key}"',
                f"a network of the provider's file: {', '.join(networks)}",
                suggest(key, networks, "Ask the provider"),
            )
        for section, names in (("zones", tenant.zones), ("servers", tenant.servers)):
            if key in names:
                yield facts.fault(
                    ("outside", key),
                    f"is also {facts.source.cite((section, key))}",
                    "names that a flow can tell apart",
                    "Rename the other",
                )
        if key in facts.segments:
            yield facts.fault(
                ("outside", key),
                f"is also {facts.source.cite(facts.segment_path(key))}",
                "names that a server's interfaces can tell apart",
                "Rename the other",
            )


def refuse_addresses_of_neighbours(facts: Facts) -> Iterator[Fault]:
    """Refuse an address in a network outside that another tenant has: both are in it."""
    owners = {}
    for neighbour in facts.surroundings.neighbours:
        for key, server in neighbour.content.servers.items():
            for network in server.interfaces.keys() & neighbour.content.outside.keys():
                path = ("servers", key, "interfaces", network)
                owners[network, server.interfaces[network]] = neighbour.document.cite(path)
    for leg in facts.legs:
        if leg.segment in facts.tenant.outside and (
            owner := owners.get((leg.segment, leg.address))
        ):
            yield facts.fault(
                leg.path,
                f"{leg.address} is also {owner}",
                "one owner for each address",
                facts.next_free(leg.segment),
            )


def refuse_unknown_references(facts: Facts) -> Iterator[Fault]:
    """Refuse a site's uplink or zone that is not there, or a zone that is at two sites."""
    for key, site in facts.tenant.sites.items():
        if site.uplink not in facts.tenant.outside:
            yield facts.fault(
                ("sites", key, "uplink"),
                f'unknown network "{site.uplink}"',
                "a network of outside",
                suggest(site.uplink, facts.tenant.outside, "Add it to outside"),
            )
        for index, zone in enumerate(site.zones):
            path: Path = ("sites", key, "zones", index)
            if zone not in facts.tenant.zones:
                yield facts.fault(
                    path,
                    f'unknown zone "{zone}"',
                    "a zone of this record",
                    suggest(zone, facts.tenant.zones, "Add it or correct the name"),
                )
            elif facts.site_of[zone] != key or zone in site.zones[:index]:
                yield facts.fault(
                    path,
                    f"{zone} is also at {facts.source.cite(('sites', facts.site_of[zone]))}",
                    "each zone at one place",
                    "Remove it here or there",
                )


def refuse_sites_of_bastions(facts: Facts) -> Iterator[Fault]:
    """Refuse a bastion at a site: the site is configured from it."""
    for key in facts.holders.get("bastion", ()):
        if site := facts.site_of_server(key):
            yield facts.fault(
                ("servers", key, "segment"),
                f"is at {facts.source.cite(('sites', site))}",
                "a bastion in the datacenter, because sites are reached through it",
                "Choose a segment behind the edge",
            )


def require_routers(facts: Facts) -> Iterator[Fault]:
    """Require one router a site, which does nothing else."""
    owners: dict[str, str] = {}
    for key in facts.holders.get("router", ()):
        others = [role for role in facts.tenant.servers[key].roles if role != "router"]
        if others:
            yield facts.fault(
                ("servers", key, "roles"),
                f"router stands beside {', '.join(others)}",
                "router alone, because it guards the other servers",
                "Move the other roles to another server",
            )
        site = facts.site_of_server(key)
        if site is None:
            if facts.tenant.servers[key].segment in facts.segments:
                yield facts.fault(
                    ("servers", key, "segment"),
                    f"{facts.tenant.servers[key].segment} is at no site",
                    "a router's segment at the site that hangs on it",
                    "Choose a segment of a zone of a site",
                )
        elif site in owners:
            yield facts.fault(
                ("servers", key, "roles"),
                f"{site} also has {facts.source.cite(('servers', owners[site]))}",
                "one router a site",
                "Remove the role here or there",
            )
        else:
            owners[site] = key
            yield from _require_legs(facts, key, site)
    for key in facts.tenant.sites:
        if key not in owners:
            yield facts.fault(
                ("sites", key),
                "has no router",
                "one server with the role router in a segment of the site",
                "Add it, with a leg in every segment of the site and in its uplink",
            )


def _require_legs(facts: Facts, router: str, site: str) -> Iterator[Fault]:
    legs = {leg.segment: leg for leg in facts.legs if leg.server == router}
    segments, uplink = facts.segments_at(site), facts.tenant.sites[site].uplink
    for key, segment in segments.items():
        if key not in legs:
            yield facts.fault(
                ("servers", router, "interfaces"),
                f"has no leg in segment {key}",
                "a router with a leg in every segment of its site, because it routes between them",
                f'Add "{key}: {segment.gateway}"',
            )
        elif legs[key].address != segment.gateway:
            gateway = facts.source.cite((*facts.segment_path(key), "gateway"))
            yield facts.fault(
                legs[key].path,
                f"{legs[key].address} is not {segment.gateway} of {gateway}",
                "the gateway's address, because the router is the gateway",
                f"Write {segment.gateway} here, or the other there",
            )
    edges = facts.holders.get("edge", ())
    if any(uplink in facts.tenant.servers[edge].interfaces for edge in edges):
        edges = ()  # `require_shared_legs` sees to the other one
    for server in (router, *edges[:1]):
        if uplink in facts.tenant.outside and uplink not in facts.tenant.servers[server].interfaces:
            yield facts.fault(
                ("servers", server, "interfaces"),
                f"has no leg in {uplink}",
                f"legs of edge and router in the uplink of {site}, where they meet",
                f'Add "{uplink}" with an address of {facts.tenant.outside[uplink].prefix}',
            )
    yield from refuse_surplus_nics(facts, router, {*segments, *legs, uplink})


def refuse_legs_elsewhere(facts: Facts) -> Iterator[Fault]:
    """Refuse a leg of edge or router in a segment of another place, around the filter there."""
    for role in GATES:
        for key in facts.holders.get(role, ()):
            own = facts.site_of_server(key) if role == "router" else None
            if role == "router" and own is None:
                continue  # `require_routers` says so
            for leg in facts.legs:
                if leg.server != key or leg.segment not in facts.segments:
                    continue
                there = facts.site_of.get(facts.zone_of[leg.segment])
                if there != own:
                    place = f"at {facts.source.cite(('sites', there))}" if there else "at no site"
                    yield facts.fault(
                        leg.path,
                        f"{leg.segment} is {place}",
                        "legs in segments of one place and in networks outside",
                        "Remove it",
                    )


def require_legs_for_flows(facts: Facts) -> Iterator[Fault]:
    """Require that edge and routers are in the networks outside that flows lead to or from."""
    gates: dict[str | None, str] = {
        facts.site_of_server(router): router for router in facts.holders.get("router", ())
    }
    for edge in facts.holders.get("edge", ())[:1]:
        gates[None] = edge
    for key, flow in facts.tenant.flows.items():
        zones = [
            facts.zone_of.get(facts.tenant.servers[end].segment, "")
            if end in facts.tenant.servers
            else end
            for end in flow.sources
        ]
        passed = dict.fromkeys(gates.get(facts.site_of.get(zone)) for zone in zones)
        sides = (("to", flow.destinations, passed), ("from", flow.sources, (gates.get(None),)))
        for field, ends, leading in sides:
            for (index, end), gate in product(enumerate(ends), leading):
                network = facts.network_of.get(end)
                if gate and network and network not in facts.tenant.servers[gate].interfaces:
                    yield facts.fault(
                        ("flows", key, field, index),
                        f"{gate}, which leads there, has no leg in {network}",
                        "networks outside in which the edge, or the site's router, has a leg",
                        "Add the leg or remove the flow",
                    )


def require_shared_legs(facts: Facts) -> Iterator[Fault]:
    """Require that both edges of a pair have the same one address in a network outside."""
    edges = facts.holders.get("edge", ())
    legs = {(leg.server, leg.segment): leg for leg in facts.legs}
    for network in facts.tenant.outside:
        own = [legs.get((edge, network)) for edge in edges]
        first = next(filter(None, own), None)
        for edge, leg in zip(edges, own, strict=True):
            if first and leg is None:
                yield facts.fault(
                    ("servers", edge, "interfaces"),
                    f"has no leg in {network}, where {facts.source.cite(first.path)} is",
                    SHARED_OUTSIDE,
                    f'Add "{network}: {first.address}"',
                )
            elif first and leg and leg.address != first.address:
                yield facts.fault(
                    leg.path,
                    f"{leg.address} is not {first.address} of {facts.source.cite(first.path)}",
                    SHARED_OUTSIDE,
                    f"Write {first.address} here, or the other there",
                )


def refuse_flows_between_pair_and_site(facts: Facts) -> Iterator[Fault]:
    """Refuse flows between an edge of a pair and a site: the tunnel is where the gateways are."""
    edges = facts.holders.get("edge", ())
    if len(edges) < 2:
        return
    for key, flow in facts.tenant.flows.items():
        sides = (("from", flow.sources, flow.destinations), ("to", flow.destinations, flow.sources))
        for field, ends, others in sides:
            sites = dict.fromkeys(filter(None, map(facts.site_of_end, others)))
            for (index, end), site in product(enumerate(ends), sites):
                if met := [edge for edge in edges if edge in facts.servers_of((end,))]:
                    yield facts.fault(
                        ("flows", key, field, index),
                        f"{met[0]} is one of a pair, and the flow's other end is at"
                        f" {facts.source.cite(('sites', site))}",
                        "no flow between a site and an edge of a pair, because only the edge that"
                        " holds the gateways has the tunnel",
                        "Name another server or remove the flow",
                    )


RULES = (
    refuse_unknown_networks,
    refuse_addresses_of_neighbours,
    refuse_unknown_references,
    refuse_sites_of_bastions,
    require_routers,
    require_shared_legs,
    refuse_flows_between_pair_and_site,
    refuse_legs_elsewhere,
    require_legs_for_flows,
)
