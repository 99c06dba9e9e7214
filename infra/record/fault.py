"""Give every fault of a record one form, and report all of them together.

Responsible for the form of messages. Must not know any rule.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from infra.errors import TenantError

Path = tuple[str | int, ...]
"""Steps from the top of a file to a value: keys, and indices of lists."""


_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong in one place.

    file: as the engineer may type it. line: from 1; 0 when the file as a whole is meant.
    path: dotted, empty when the file as a whole is meant. message: `<what is wrong, with the
    value>. <What is allowed>. <What to do>.`
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class RecordError(TenantError, ValueError):
    """The record is not good: exit 2. faults: all of them, sorted by file and line."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(str(fault) for fault in self.faults))


def show_path(path: Path) -> str:
    """Show a path as `zones.dmz.segments.web.prefix` or `flows.names.from[0]`."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            plain = step if _PLAIN.fullmatch(step) else json.dumps(step)
            shown += f".{plain}" if shown else plain
    return shown
