"""Lay out a plan as a drawing: zones by level, servers, the edge, and the networks around it.

Pure geometry; a template draws it. Every zone hangs from a wire to the edge, because layer 3
exists only there; what has no wire, has no connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.plan.model import Plan
from infra.record.model import Level
from infra.report.dutch import LEVELS
from infra.report.packing import (
    DROP,
    GAP,
    PAD,
    Box,
    Content,
    Group,
    Label,
    pack,
    pack_rows,
)

WIDTH = 1000
SPINE_X = 26
"""Where the wire from the edge to the levels runs: inside the frame, left of the bands."""
BAND_X = 44
HEAD = 30
"""Room for the title of a frame or band."""
TICK_X = 20
"""Where a group's own wire meets it, from its left edge."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A straight wire."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, kw_only=True)
class Band:
    """All zones of one level."""

    box: Box
    level: Level
    zones: tuple[Group, ...]


@dataclass(frozen=True, kw_only=True)
class Surrounding:
    """Somebody else's networks in the same datacenter."""

    title: str
    networks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole drawing. frame: what is the tenant's."""

    height: float
    name: str
    frame: Box
    edge: Group
    bands: tuple[Band, ...]
    surroundings: tuple[Group, ...]
    wires: tuple[Line, ...]


def lay_out(plan: Plan, surroundings: Sequence[Surrounding] = ()) -> Topology:
    """Lay out a plan.

    Args:
        plan: any.
        surroundings: drawn below the tenant's frame, without a wire.

    Returns:
        A drawing `WIDTH` wide.
    """
    edge = pack(_edge(plan), x=PAD, y=HEAD + PAD, width=WIDTH - 2 * PAD)
    y = edge.box.bottom + GAP
    bands: list[Band] = []
    wires: list[Line] = []
    for level in reversed(LEVELS):
        zones = [_zone(plan, zone) for zone in _zones_of(plan, level)]
        if not zones:
            continue
        rows = pack_rows(zones, x=BAND_X + PAD, y=y + HEAD, width=WIDTH - BAND_X - 3 * PAD)
        box = Box(
            x=BAND_X, y=y, width=WIDTH - BAND_X - PAD, height=rows[-1][0].box.bottom + PAD - y
        )
        bands.append(Band(box=box, level=level, zones=tuple(z for row in rows for z in row)))
        wires += [wire for row in rows for wire in _wire(row)]
        y = box.bottom + GAP
    lowest = max((wire.y2 for wire in wires if wire.x1 == SPINE_X), default=edge.box.bottom)
    wires.append(Line(x1=SPINE_X, y1=edge.box.bottom, x2=SPINE_X, y2=lowest))
    frame = Box(x=0, y=0, width=WIDTH, height=y)
    others = [
        Content(title=each.title, labels=tuple(Label(name=name, note="") for name in each.networks))
        for each in surroundings
    ]
    around = [group for row in pack_rows(others, x=0, y=y + HEAD, width=WIDTH) for group in row]
    return Topology(
        height=around[-1].box.bottom if around else frame.bottom,
        name=plan.name,
        frame=frame,
        edge=edge,
        bands=tuple(bands),
        surroundings=tuple(around),
        wires=tuple(wires),
    )


def _edge(plan: Plan) -> Content:
    return Content(
        title="router en firewall",
        labels=tuple(_server(plan, key) for key, s in plan.servers.items() if "edge" in s.roles),
    )


def _zones_of(plan: Plan, level: Level) -> list[str]:
    return list(dict.fromkeys(s.zone for s in plan.segments.values() if s.level == level))


def _zone(plan: Plan, zone: str) -> Content:
    segments = [segment for segment in plan.segments.values() if segment.zone == zone]
    return Content(
        title=zone,
        notes=tuple(f"{segment.prefix} VLAN {segment.vlan}" for segment in segments),
        labels=tuple(
            _server(plan, key)
            for key, server in plan.servers.items()
            if server.zone == zone and "edge" not in server.roles
        ),
    )


def _server(plan: Plan, key: str) -> Label:
    server = plan.servers[key]
    return Label(name=key, note=server.address, is_marked="bastion" in server.roles)


def _wire(row: Sequence[Group]) -> list[Line]:
    """Hang a row of groups from one wire that starts at the spine."""
    ticks = [group.box.x + TICK_X for group in row]
    bottom = row[0].box.y
    top = bottom - DROP
    return [
        Line(x1=SPINE_X, y1=top, x2=ticks[-1], y2=top),
        *(Line(x1=tick, y1=top, x2=tick, y2=bottom) for tick in ticks),
    ]
