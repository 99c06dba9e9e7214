"""Tabulate a plan's flows: what may go from which zone to which.

Pure. Must not draw (`page.py` does).
"""

from dataclasses import dataclass

from infra.plan.model import Plan

EDGE = "(router)"
"""The edge's own traffic; no zone can have this name."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """places: zones, and the edge. ports: by source and destination, such as 443 or 53/udp."""

    places: tuple[str, ...]
    ports: dict[tuple[str, str], tuple[str, ...]]


def tabulate(plan: Plan) -> Traffic:
    """Give the ports that flows open between zones, sorted by number."""
    place = {
        key: EDGE if "edge" in server.roles else server.zone for key, server in plan.servers.items()
    }
    found: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for flow in plan.flows.values():
        for source in flow.source_servers:
            for destination in flow.destination_servers:
                cell = found.setdefault((place[source], place[destination]), set())
                cell.add((flow.port, flow.protocol))
    zones = dict.fromkeys(segment.zone for segment in plan.segments.values())
    return Traffic(
        places=(*zones, EDGE),
        ports={
            ends: tuple(
                f"{port}" if protocol == "tcp" else f"{port}/{protocol}"
                for port, protocol in sorted(cell)
            )
            for ends, cell in found.items()
        },
    )
