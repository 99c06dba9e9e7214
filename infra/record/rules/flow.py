"""Rules of flows: both ends exist, each opening stands once, management reaches everything."""

from collections.abc import Iterator

from infra.record.fault import Fault, Path
from infra.record.model import Flow, Protocol
from infra.record.repetition import find_repeats
from infra.record.rules.facts import Facts
from infra.record.service import NAMES_PORT, PACKAGE_RELAY_PORT, SSH_PORT, TIME_PORT
from infra.record.suggestion import suggest

BASTION_SERVICES: tuple[tuple[str, Protocol, int], ...] = (
    ("names", "udp", NAMES_PORT),
    ("long names", "tcp", NAMES_PORT),
    ("time", "udp", TIME_PORT),
    ("packages", "tcp", PACKAGE_RELAY_PORT),
)
"""What the bastion serves to every server, and no server runs without."""


def _ends(key: str, flow: Flow) -> Iterator[tuple[Path, str]]:
    for field, ends in (("from", flow.sources), ("to", flow.destinations)):
        for index, end in enumerate(ends):
            yield ("flows", key, field, index), end


def refuse_unknown_ends(facts: Facts) -> Iterator[Fault]:
    """Refuse an end that is no server, zone, network outside or partner."""
    servers, zones = facts.tenant.servers, facts.tenant.zones
    for key, flow in facts.tenant.flows.items():
        for path, end in _ends(key, flow):
            if end in servers or end in zones or end in facts.network_of:
                continue
            if zone := facts.zone_of.get(end):
                remedy = f"It is a segment: name its zone {zone}, or servers in it"
            else:
                known = [*servers, *zones, *facts.network_of]
                remedy = suggest(end, known, "Add it or correct the name")
            yield facts.fault(
                path,
                f'unknown end "{end}"',
                "a server, zone, network outside or partner of this record",
                remedy,
            )


def refuse_repeated_ends(facts: Facts) -> Iterator[Fault]:
    """Refuse an end that stands twice on one side."""
    for key, flow in facts.tenant.flows.items():
        seen: set[tuple[object, str]] = set()
        for path, end in _ends(key, flow):
            side = (path[2], end)
            if side in seen:
                yield facts.fault(path, f'"{end}" stands twice', "each end once", "Remove one")
            seen.add(side)


def refuse_flows_to_itself(facts: Facts) -> Iterator[Fault]:
    """Refuse a flow that never leaves its server."""
    for key, flow in facts.tenant.flows.items():
        ends = {*flow.sources, *flow.destinations}
        if len(ends) == 1 and ends <= facts.tenant.servers.keys():
            yield facts.fault(
                ("flows", key),
                f"leads from {flow.sources[0]} to itself",
                "flows between servers; what stays on one server needs none",
                "Remove it or correct an end",
            )


def refuse_repeated_openings(facts: Facts) -> Iterator[Fault]:
    """Refuse two flows that allow the same: closing one would close nothing."""
    openings = (
        ((frozenset(flow.sources), frozenset(flow.destinations), flow.protocol, port), key)
        for key, flow in facts.tenant.flows.items()
        for port in flow.ports
    )
    for (*_, protocol, port), key, first in find_repeats(openings):
        yield facts.fault(
            ("flows", key),
            f"allows {protocol}/{port} as {facts.source.cite(('flows', first))} does",
            "each opening once, with one owner",
            "Remove one of the two",
        )


def refuse_flows_with_one_name(facts: Facts) -> Iterator[Fault]:
    """Refuse a flow that is called as the plan calls a further port of another."""
    for key, flow in facts.tenant.flows.items():
        for index, port in enumerate(flow.further_ports):
            if f"{key}-{port}" in facts.tenant.flows:
                yield facts.fault(
                    ("flows", key, "further_ports", index),
                    f"{port} would be flow {key}-{port}, which there is already",
                    "ports whose flows have names of their own",
                    f"Rename flows.{key}-{port}",
                )


def require_management_path(facts: Facts) -> Iterator[Fault]:
    """Require that configuration and checks reach every server through the bastion."""
    bastion = facts.sole_holder("bastion")
    if bastion is None:
        return
    zone = facts.zone_of.get(facts.tenant.servers[bastion].segment)
    ways = {
        key: flow
        for key, flow in facts.tenant.flows.items()
        if flow.protocol == "tcp"
        and SSH_PORT in flow.ports
        and (bastion in flow.sources or zone in flow.sources)
    }
    reached = {bastion}
    for flow in ways.values():
        reached.update(facts.servers_of(flow.destinations))
    for key, server in facts.tenant.servers.items():
        # A server in an unknown segment is in no zone that a flow could name.
        if key not in reached and server.segment in facts.segments:
            way = next(iter(ways), None)
            yield facts.fault(
                ("servers", key),
                f"the bastion {bastion} cannot reach it on tcp/{SSH_PORT}",
                "servers that configuration and checks can reach",
                f"Add {key} or its zone to flows.{way}.to"
                if way
                else f"Add a flow from {bastion} to {key}, protocol tcp, port {SSH_PORT}",
            )


def require_bastion_services(facts: Facts) -> Iterator[Fault]:
    """Require that every server reaches what the bastion serves: names, time, packages."""
    bastion = facts.sole_holder("bastion")
    if bastion is None:
        return
    served: dict[tuple[Protocol, int], set[str]] = {}
    for flow in facts.tenant.flows.values():
        if bastion in facts.servers_of(flow.destinations):
            for port in flow.ports:
                clients = served.setdefault((flow.protocol, port), set())
                clients.update(facts.servers_of(flow.sources))
    for key, server in facts.tenant.servers.items():
        missing = [
            f"{protocol}/{port} ({service})"
            for service, protocol, port in BASTION_SERVICES
            if key not in served.get((protocol, port), ())
        ]
        if missing and key != bastion and server.segment in facts.segments:
            yield facts.fault(
                ("servers", key),
                f"cannot reach the bastion {bastion} on {', '.join(missing)}",
                "servers that have the bastion's names, time and packages",
                f"Add {key} or its zone to the from of the flows to {bastion}",
            )


RULES = (
    refuse_unknown_ends,
    refuse_repeated_ends,
    refuse_flows_to_itself,
    refuse_repeated_openings,
    refuse_flows_with_one_name,
    require_management_path,
    require_bastion_services,
)
