"""Parse one YAML file of a record into plain data that knows the line of every value.

Responsible for what is YAML and what of YAML a record may use: mappings with text keys, lists,
and scalars as YAML 1.2 reads them. No tags, anchors or aliases: what a reviewer reads is what
is meant. Must not know what a record contains.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from infra.record.fault import Fault, Path, RecordError, show_path

SIZE_LIMIT_BYTES = 4 * 1024 * 1024
"""Several times a record of 1,000 servers and 5,000 flows, which is about 1 MiB."""
DEPTH_LIMIT = 16

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER_DIGITS_LIMIT = 18
_HIDDEN = re.compile("[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that make a reviewer see something else than what is there."""


@dataclass(frozen=True)
class Document:
    """One parsed file. name: for messages. lines: of keys and list items, by path."""

    name: str
    content: dict[str, Any]
    lines: dict[Path, int] = field(repr=False)

    def line(self, path: Path) -> int:
        """Find the line of a value; of the nearest value around it when it is missing."""
        for length in range(len(path), 0, -1):
            if found := self.lines.get(path[:length]):
                return found
        return 1

    def fault(self, path: Path, message: str) -> Fault:
        """Say that the value at this path is wrong."""
        return Fault(self.name, self.line(path), show_path(path), message)

    def cite(self, path: Path) -> str:
        """Name a value for the messages of another file."""
        return f"{show_path(path)} ({self.name} line {self.line(path)})"


def read_document(file: FilePath, name: str) -> Document:
    """Read and parse one file.

    Args:
        file: a regular file.
        name: how messages call it.

    Raises:
        RecordError: when it is not UTF-8, too large, not YAML, or uses what a record may not.
    """
    with file.open("rb") as stream:
        raw = stream.read(SIZE_LIMIT_BYTES + 1)
    if len(raw) > SIZE_LIMIT_BYTES:
        message = (
            f"is larger than {SIZE_LIMIT_BYTES} bytes. A record's file is what people review."
            " Check that this is the right file."
        )
        raise RecordError([Fault(name, 0, "", message)])
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = (
            f"byte 0x{raw[error.start]:02x} is not UTF-8. A record is UTF-8 text."
            " Save the file as UTF-8."
        )
        raise RecordError([Fault(name, line, "", message)]) from error
    return parse_document(text, name)


def parse_document(text: str, name: str) -> Document:
    """Parse the text of one file.

    Raises:
        RecordError: see `read_document`.
    """
    _refuse_hidden_characters(text, name)
    builder = _Builder(name)
    try:
        # libyaml: 65 times faster than the parsers in Python, on a record of 1,000 servers.
        content = builder.build(iter(yaml.parse(text, Loader=yaml.CSafeLoader)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = ": ".join(part for part in (error.context, error.problem) if part)
        message = f"is not YAML: {what}. A record is YAML 1.2. Correct the text here."
        raise RecordError([Fault(name, line, "", message)]) from error
    except yaml.YAMLError as error:
        what = str(error).splitlines()[0]
        message = f"is not YAML: {what}. A record is YAML 1.2. Correct the text."
        raise RecordError([Fault(name, 0, "", message)]) from error
    if builder.faults:
        raise RecordError(builder.faults)
    if not isinstance(content, dict):
        message = (
            "does not contain a mapping. A record's file is a mapping of keys to values."
            " See the schema that its first line names."
        )
        raise RecordError([Fault(name, 1, "", message)])
    return Document(name, content, builder.lines)


def _line(event: Event) -> int:
    # The type allows events that a program made; those of a text have a place in it.
    return event.start_mark.line + 1 if event.start_mark else 1


def _refuse_hidden_characters(text: str, name: str) -> None:
    faults = [
        Fault(
            name,
            text.count("\n", 0, found.start()) + 1,
            "",
            f"contains the invisible character U+{ord(found.group()):04X}. A record contains"
            " only what its reader sees. Delete the character.",
        )
        for found in _HIDDEN.finditer(text)
    ]
    if faults:
        raise RecordError(faults)


class _Builder:
    """Build plain data from the parser's events, which still know lines, tags and anchors."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.faults: list[Fault] = []
        self.lines: dict[Path, int] = {}

    def build(self, events: Iterator[Event]) -> Any:
        """Build the one document of a stream; None when there is none."""
        content: Any = None
        documents = 0
        for event in events:
            if not isinstance(event, DocumentStartEvent):
                continue
            documents += 1
            value = self._value(next(events), events, ())
            if documents == 1:
                content = value
            else:
                self._fault(
                    event,
                    (),
                    "starts a second document. A record's file is one document."
                    " Remove the line `---` or move the rest to a file of its own.",
                )
        return content

    def _value(self, event: Event, events: Iterator[Event], path: Path) -> Any:
        self._refuse_references(event, path)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if isinstance(event, CollectionStartEvent) and len(path) >= DEPTH_LIMIT:
            message = (
                f"is nested more than {DEPTH_LIMIT} deep. No part of a record is."
                " Check brackets and indentation."
            )
            # Nothing after it can be understood, and the stack must not follow the nesting.
            raise RecordError([*self.faults, self._place(event, path, message)])
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, path)
        return None  # an alias: refused above

    def _mapping(self, events: Iterator[Event], path: Path) -> dict[str, Any]:
        content: dict[str, Any] = {}
        while isinstance(event := next(events), ScalarEvent | CollectionStartEvent | AliasEvent):
            if not isinstance(event, ScalarEvent):
                self._fault(
                    event, path, "has a key that is not text. Keys are names. Write a name."
                )
                self._value(event, events, (*path, "?"))
                self._value(next(events), events, (*path, "?"))
                continue
            self._refuse_references(event, path)
            key = str(event.value)
            here = (*path, key)
            is_repeated = here in self.lines
            if is_repeated:
                self._fault(
                    event,
                    here,
                    f"is here a second time, first on line {self.lines[here]}. A key stands once"
                    " in its mapping. Remove or rename one of the two.",
                )
            else:
                self.lines[here] = _line(event)
            value = self._value(next(events), events, here)
            if not is_repeated:
                content[key] = value
        return content

    def _sequence(self, events: Iterator[Event], path: Path) -> tuple[Any, ...]:
        content: list[Any] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            here = (*path, len(content))
            self.lines[here] = _line(event)
            content.append(self._value(event, events, here))
        return tuple(content)

    def _scalar(self, event: ScalarEvent, path: Path) -> str | int | float | bool | None:
        text = str(event.value)
        if event.style:  # quoted or a block: always text
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        if _INTEGER.fullmatch(text):
            if len(text) > _INTEGER_DIGITS_LIMIT:
                self._fault(
                    event,
                    path,
                    f"is a number of {len(text)} digits. No number of a record has more than"
                    f" {_INTEGER_DIGITS_LIMIT}. Correct it.",
                )
                return 0
            return int(text)
        # Text such as 010, 0x1f or 1_000 is a number to some readers only: it stays text.
        return float(text) if _FLOAT.fullmatch(text) else text

    def _refuse_references(self, event: Event, path: Path) -> None:
        if isinstance(event, AliasEvent):
            self._fault(
                event,
                path,
                f"uses the alias *{event.anchor}. A record has no aliases: every value stands"
                " where it is read. Write the value itself.",
            )
        elif isinstance(event, ScalarEvent | CollectionStartEvent):
            if event.anchor:
                self._fault(
                    event,
                    path,
                    f"has the anchor &{event.anchor}. A record has no anchors: every value stands"
                    " where it is read. Remove it.",
                )
            if event.tag is not None:
                self._fault(
                    event,
                    path,
                    f"has the tag {event.tag}. A record has no tags: its types are fixed."
                    " Remove it.",
                )

    def _fault(self, event: Event, path: Path, message: str) -> None:
        self.faults.append(self._place(event, path, message))

    def _place(self, event: Event, path: Path, message: str) -> Fault:
        return Fault(self._name, _line(event), show_path(path), message)
