"""Lay out a plan as a drawing: zones by level, servers, edge and sites, and what is around them.

Pure geometry; a template draws it. Every zone hangs from a wire to the edge or to its site's
router, because layer 3 exists only there; what has no wire, has no connection.
"""

from collections.abc import Iterator, Sequence
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
TUNNEL_X = 10
"""Where the wire between edge and sites runs: left of all else."""
GATE_X = 20
BAND_X = 44
HEAD = 30
"""Room for the title of a frame or band."""
TICK_X = 20
"""Where a group's own wire meets it, from its left edge."""
GATE = "router en firewall"


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
class Place:
    """What hangs together by one router: the datacenter's part of the tenant, or a site."""

    heading: str
    frame: Box
    gate: Group
    bands: tuple[Band, ...]
    wires: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole drawing. places: the datacenter first, then sites, joined to it by tunnels.

    outside: networks that a router has a leg in. surroundings: those of others.
    """

    height: float
    name: str
    places: tuple[Place, ...]
    tunnels: tuple[Line, ...]
    outside: tuple[Group, ...]
    surroundings: tuple[Group, ...]


def lay_out(plan: Plan, surroundings: Sequence[Surrounding] = ()) -> Topology:
    """Lay out a plan.

    Args:
        plan: any.
        surroundings: drawn below the tenant's frames, without a wire.

    Returns:
        A drawing `WIDTH` wide.
    """
    edges = [key for key, server in plan.servers.items() if "edge" in server.roles]
    places = [_place(plan, plan.name, edges, y=0)]
    for site, router in plan.sites.items():
        heading = f"{site}, verbonden via een versleutelde tunnel"
        places.append(_place(plan, heading, [router], y=places[-1].frame.bottom + GAP))
    y = places[-1].frame.bottom
    outside = _pack_below([_outside(plan, network) for network in plan.outside], y)
    y = outside[-1].box.bottom if outside else y
    around = _pack_below([_surrounding(each) for each in surroundings], y)
    return Topology(
        height=around[-1].box.bottom if around else y,
        name=plan.name,
        places=tuple(places),
        tunnels=tuple(_tunnels(places)),
        outside=outside,
        surroundings=around,
    )


def _place(plan: Plan, heading: str, gates: Sequence[str], *, y: float) -> Place:
    """Lay out the zones that hang on an edge, a pair of them, or a site's router."""
    top = y
    content = Content(title=GATE, labels=tuple(_server(plan, key) for key in gates))
    gate = pack(content, x=GATE_X, y=top + HEAD + PAD, width=WIDTH - GATE_X - PAD)
    y = gate.box.bottom + GAP
    bands: list[Band] = []
    wires: list[Line] = []
    for level in reversed(LEVELS):
        zones = [_zone(plan, zone) for zone in _zones_of(plan, level, gates[0])]
        if not zones:
            continue
        rows = pack_rows(zones, x=BAND_X + PAD, y=y + HEAD, width=WIDTH - BAND_X - 3 * PAD)
        box = Box(
            x=BAND_X, y=y, width=WIDTH - BAND_X - PAD, height=rows[-1][0].box.bottom + PAD - y
        )
        bands.append(Band(box=box, level=level, zones=tuple(z for row in rows for z in row)))
        wires += [wire for row in rows for wire in _wire(row)]
        y = box.bottom + GAP
    lowest = max((wire.y2 for wire in wires if wire.x1 == SPINE_X), default=gate.box.bottom)
    wires.append(Line(x1=SPINE_X, y1=gate.box.bottom, x2=SPINE_X, y2=lowest))
    return Place(
        heading=heading,
        frame=Box(x=0, y=top, width=WIDTH, height=y - top),
        gate=gate,
        bands=tuple(bands),
        wires=tuple(wires),
    )


def _tunnels(places: Sequence[Place]) -> Iterator[Line]:
    """Join the gates by a wire left of everything."""
    ends = [place.gate.box.y + PAD for place in places]
    if len(ends) > 1:
        yield Line(x1=TUNNEL_X, y1=ends[0], x2=TUNNEL_X, y2=ends[-1])
        yield from (Line(x1=TUNNEL_X, y1=end, x2=GATE_X, y2=end) for end in ends)


def _pack_below(contents: Sequence[Content], y: float) -> tuple[Group, ...]:
    """Lay out what is no part of the tenant, with room for a title above."""
    rows = pack_rows(contents, x=0, y=y + HEAD, width=WIDTH)
    return tuple(group for row in rows for group in row)


def _surrounding(found: Surrounding) -> Content:
    return Content(
        title=found.title, labels=tuple(Label(name=name, note="") for name in found.networks)
    )


def _outside(plan: Plan, network: str) -> Content:
    """Show a network outside with its partners, and who leads there."""
    through = [
        key
        for key, server in plan.servers.items()
        if any(nic.segment == network for nic in server.nics)
    ]
    return Content(
        title=network,
        notes=(plan.outside[network], f"via {', '.join(through)}"),
        labels=tuple(
            Label(name=key, note=partner.address)
            for key, partner in plan.partners.items()
            if partner.network == network
        ),
    )


def _zones_of(plan: Plan, level: Level, gate: str) -> list[str]:
    """Give the zones of a level that hang on this edge or router."""
    own = (plan.segments.get(nic.segment or "") for nic in plan.servers[gate].nics)
    found = {segment.zone for segment in own if segment and segment.level == level}
    return [zone for zone in dict.fromkeys(s.zone for s in plan.segments.values()) if zone in found]


def _zone(plan: Plan, zone: str) -> Content:
    segments = [segment for segment in plan.segments.values() if segment.zone == zone]
    return Content(
        title=zone,
        notes=tuple(f"{segment.prefix} VLAN {segment.vlan}" for segment in segments),
        labels=tuple(
            _server(plan, key)
            for key, server in plan.servers.items()
            if server.zone == zone and {"edge", "router"}.isdisjoint(server.roles)
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
