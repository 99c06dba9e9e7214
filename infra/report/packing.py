"""Pack named boxes into rows: the geometry under the topology's drawing.

Pure, in user units. All names are set in a fixed-width type, so that what fits here fits in
every browser. Must not know what a box stands for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ADVANCE_EM = 0.61
"""Width of one character. The widest common fixed-width type, DejaVu Sans Mono, has 0.602."""
TITLE_PX, NAME_PX, NOTE_PX = 15, 13, 11
NOTE_LINE = 15
PAD = 12
GAP = 14
CHIP_HEIGHT = 40
CHIP_GAP = 8
DROP = 16
"""Room above each row for the wire from which its groups hang."""
GROWTH = 1.4
"""How much wider than needed a group may become to fill its row."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle; x and y are its left and top."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height


@dataclass(frozen=True, kw_only=True)
class Label:
    """A name over a smaller line. is_marked: meets the provider's management."""

    name: str
    note: str
    is_marked: bool = False


@dataclass(frozen=True, kw_only=True)
class Content:
    """A group before it has a place."""

    title: str
    notes: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()

    @property
    def chip_width(self) -> float:
        """What the widest label needs."""
        words = (max(measure(x.name, NAME_PX), measure(x.note, NOTE_PX)) for x in self.labels)
        return max(words, default=0) + 2 * PAD

    @property
    def width(self) -> float:
        """What the group wants: somewhat fewer columns than rows, and room for its own words."""
        columns = max(1, round(0.8 * math.sqrt(len(self.labels))))
        chips = columns * (self.chip_width + CHIP_GAP) - CHIP_GAP
        notes = max((measure(note, NOTE_PX) for note in self.notes), default=0)
        return max(chips, notes, measure(self.title, TITLE_PX)) + 2 * PAD


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One label in its place."""

    box: Box
    label: Label


@dataclass(frozen=True, kw_only=True)
class Group:
    """A titled box of chips in its place."""

    box: Box
    content: Content
    chips: tuple[Chip, ...]


def measure(text: str, size_px: float) -> float:
    """Give the width of text in fixed-width type."""
    return len(text) * size_px * ADVANCE_EM


def pack(content: Content, *, x: float, y: float, width: float, height: float = 0) -> Group:
    """Put a group's chips into as many columns as fit, all equally wide.

    Args:
        content: what goes into the group.
        x: left edge.
        y: top edge.
        width: of the group; at least the content's own.
        height: at least this.
    """
    room = width - 2 * PAD + CHIP_GAP
    columns = min(int(room // (content.chip_width + CHIP_GAP)), len(content.labels)) or 1
    chip_width = min(room / columns - CHIP_GAP, content.chip_width * GROWTH)
    top = y + PAD + TITLE_PX + len(content.notes) * NOTE_LINE + PAD
    chips = tuple(
        Chip(
            box=Box(
                x=x + PAD + index % columns * (chip_width + CHIP_GAP),
                y=top + index // columns * (CHIP_HEIGHT + CHIP_GAP),
                width=chip_width,
                height=CHIP_HEIGHT,
            ),
            label=label,
        )
        for index, label in enumerate(content.labels)
    )
    bottom = max((chip.box.bottom for chip in chips), default=top - PAD) + PAD
    box = Box(x=x, y=y, width=width, height=max(bottom - y, height))
    return Group(box=box, content=content, chips=chips)


def pack_rows(
    contents: Sequence[Content], *, x: float, y: float, width: float
) -> list[list[Group]]:
    """Put groups side by side, in as few rows as fit; those of one row are equally high.

    Args:
        contents: one that is wider than a row gets a row of its own and more rows of chips.
        x: left edge.
        y: top edge; the first row is `DROP` below it.
        width: of a row.

    Returns:
        The rows, top down.
    """
    rows: list[list[Content]] = []
    room = 0.0
    for content in contents:
        if not rows or room < content.width:
            rows.append([])
            room = width
        rows[-1].append(content)
        room -= content.width + GAP
    placed: list[list[Group]] = []
    for row in rows:
        placed.append(_pack_row(row, x=x, y=y + DROP, width=width))
        y = placed[-1][0].box.bottom + GAP
    return placed


def _pack_row(row: Sequence[Content], *, x: float, y: float, width: float) -> list[Group]:
    used = sum(content.width for content in row)
    growth = min((width - GAP * (len(row) - 1)) / used, GROWTH)
    groups: list[Group] = []
    for content in row:
        groups.append(pack(content, x=x, y=y, width=content.width * growth))
        x = groups[-1].box.right + GAP
    height = max(group.box.height for group in groups)
    return [
        pack(group.content, x=group.box.x, y=y, width=group.box.width, height=height)
        for group in groups
    ]
