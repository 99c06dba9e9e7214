"""The drawing shows everything of the plan, nothing overlaps, and every text fits its box.

Geometry in the drawing's own units; that a browser draws them so is not tested here.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.plan.model import Plan
from infra.report.packing import NAME_PX, NOTE_PX, PAD, TITLE_PX, Box, Group, measure
from infra.report.topology import GATE, WIDTH, Line, Place, Surrounding, Topology, lay_out
from tests.unit.report.made import make_plan

SURROUNDINGS = (
    Surrounding(title="aalburg", networks=("app", "data", "office")),
    Surrounding(title="provider", networks=("provider-management", "storage", "vmotion")),
)
PLANS = st.builds(
    make_plan,
    st.integers(1, 12),
    st.integers(2, 40),
    longest=st.sampled_from(["", "-" + "m" * 17]),
    sites=st.integers(0, 3),
)


def _groups(drawing: Topology) -> list[Group]:
    own = [group for place in drawing.places for group in (place.gate, *_zones(place))]
    return [*own, *drawing.outside, *drawing.surroundings]


def _zones(place: Place) -> list[Group]:
    return [zone for band in place.bands for zone in band.zones]


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.right
        and other.x < one.right
        and one.y < other.bottom
        and other.y < one.bottom
    )


def _holds(outer: Box, inner: Box) -> bool:
    rounding = 0.001
    return (
        outer.x <= inner.x + rounding
        and outer.y <= inner.y + rounding
        and inner.right <= outer.right + rounding
        and inner.bottom <= outer.bottom + rounding
    )


def _crossings(wires: Iterable[Line], boxes: Sequence[Box]) -> list[Line]:
    return [wire for wire in wires if any(_overlap(_extent(wire), box) for box in boxes)]


def _extent(wire: Line) -> Box:
    left, right = sorted((wire.x1, wire.x2))
    top, bottom = sorted((wire.y1, wire.y2))
    return Box(x=left, y=top, width=right - left, height=bottom - top)


@settings(deadline=None, max_examples=25)
@given(PLANS)
def test_nothing_overlaps(plan: Plan) -> None:
    drawing = lay_out(plan, SURROUNDINGS)
    groups = _groups(drawing)
    for one, other in combinations(groups, 2):
        assert not _overlap(one.box, other.box), (one.content.title, other.content.title)
    for group in groups:
        for chip, other_chip in combinations(group.chips, 2):
            assert not _overlap(chip.box, other_chip.box), (chip.label, other_chip.label)
    for place in drawing.places:
        bands = [place.gate.box, *(band.box for band in place.bands)]
        for box, other_box in combinations(bands, 2):
            assert not _overlap(box, other_box)
    for place, other_place in combinations(drawing.places, 2):
        assert not _overlap(place.frame, other_place.frame)


@settings(deadline=None, max_examples=25)
@given(PLANS)
def test_everything_is_inside_what_holds_it(plan: Plan) -> None:
    drawing = lay_out(plan, SURROUNDINGS)
    sheet = Box(x=0, y=0, width=WIDTH, height=drawing.height)
    for group in _groups(drawing):
        assert _holds(sheet, group.box)
        assert all(_holds(group.box, chip.box) for chip in group.chips), group.content.title
    for place in drawing.places:
        assert _holds(sheet, place.frame)
        assert _holds(place.frame, place.gate.box)
        for band in place.bands:
            assert _holds(place.frame, band.box)
            assert all(_holds(band.box, zone.box) for zone in band.zones), band.level


@settings(deadline=None, max_examples=25)
@given(PLANS)
def test_every_text_fits_its_box(plan: Plan) -> None:
    for group in _groups(lay_out(plan, SURROUNDINGS)):
        room = group.box.width - 2 * PAD
        assert measure(group.content.title, TITLE_PX) <= room + 0.001
        assert all(measure(note, NOTE_PX) <= room + 0.001 for note in group.content.notes)
        for chip in group.chips:
            assert measure(chip.label.name, NAME_PX) <= chip.box.width - 2 * PAD + 0.001
            assert measure(chip.label.note, NOTE_PX) <= chip.box.width - 2 * PAD + 0.001


@settings(deadline=None, max_examples=25)
@given(PLANS)
def test_no_wire_crosses_a_box_or_reaches_somebody_else(plan: Plan) -> None:
    drawing = lay_out(plan, SURROUNDINGS)
    boxes = [group.box for group in _groups(drawing)]
    wires = [wire for place in drawing.places for wire in place.wires]
    assert not _crossings((*wires, *drawing.tunnels), boxes)


@settings(deadline=None, max_examples=25)
@given(PLANS)
def test_every_zone_and_server_is_drawn_once_where_it_belongs(plan: Plan) -> None:
    drawing = lay_out(plan)
    zones = [zone.content.title for place in drawing.places for zone in _zones(place)]
    assert sorted(zones) == sorted({segment.zone for segment in plan.segments.values()})
    drawn = {
        chip.label.name: group.content.title
        for place in drawing.places
        for group in (place.gate, *_zones(place))
        for chip in group.chips
    }
    assert drawn == {
        key: server.zone if {"edge", "router"}.isdisjoint(server.roles) else GATE
        for key, server in plan.servers.items()
    }
    levels = {
        zone.content.title: band.level
        for place in drawing.places
        for band in place.bands
        for zone in band.zones
    }
    assert levels == {segment.zone: segment.level for segment in plan.segments.values()}


def test_sites_have_a_frame_each_and_a_tunnel_joins_their_routers_to_the_edge() -> None:
    drawing = lay_out(make_plan(6, 12, sites=2))
    zones = [sorted(zone.content.title for zone in _zones(place)) for place in drawing.places]
    assert zones == [["app", "beheer", "data", "records"], ["dmz"], ["kantoor"]]
    gates = [[chip.label.name for chip in place.gate.chips] for place in drawing.places]
    assert gates == [["edge01"], ["router12"], ["router13"]]
    trunk, *branches = drawing.tunnels
    for place, branch in zip(drawing.places, branches, strict=True):
        assert (branch.x1, branch.x2) == (trunk.x1, place.gate.box.x)
        assert trunk.y1 <= branch.y1 <= trunk.y2
        assert place.gate.box.y < branch.y1 < place.gate.box.bottom
    (internet,) = drawing.outside
    assert internet.content.notes == ("203.0.113.0/24", "via edge01, router12, router13")
    assert [chip.label.name for chip in internet.chips] == ["rvig"]


def test_a_plan_without_sites_has_one_frame_and_no_tunnel() -> None:
    drawing = lay_out(make_plan(3, 6))
    assert (len(drawing.places), drawing.tunnels, drawing.outside) == (1, (), ())


def test_a_zone_that_is_wider_than_the_sheet_gets_more_rows_of_servers() -> None:
    (zone,) = lay_out(make_plan(1, 60, longest="-" + "m" * 17)).places[0].bands[0].zones
    assert len({chip.box.x for chip in zone.chips}) == 3
    assert zone.box.right < WIDTH


def test_only_the_bastion_is_marked() -> None:
    chips = [chip for group in _groups(lay_out(make_plan(4, 9))) for chip in group.chips]
    assert [chip.label.name for chip in chips if chip.label.is_marked] == ["bastion01"]


def test_the_rules_tell_a_fault() -> None:
    box = Box(x=10, y=10, width=10, height=10)
    assert _overlap(box, Box(x=19, y=19, width=10, height=10))
    assert not _overlap(box, Box(x=20, y=10, width=10, height=10))
    assert not _holds(box, Box(x=15, y=15, width=10, height=2))
    assert _crossings((Line(x1=0, y1=15, x2=30, y2=15),), [box])
    assert _crossings((Line(x1=15, y1=0, x2=15, y2=30),), [box])
    assert not _crossings((Line(x1=15, y1=0, x2=15, y2=10),), [box])
