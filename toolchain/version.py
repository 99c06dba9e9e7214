"""Versions as programs print them.

Responsible for reading them into numbers that compare; it must not run anything.
"""

import re
from typing import NamedTuple


class Version(NamedTuple):
    """Three numbers; they compare as versions do."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def parse_version(text: str) -> Version | None:
    """Return the first version in a text such as `go1.26.6` or `v3.274.1`, or None.

    A missing third number is 0. A pre-release (`1.27rc1`, `3.275.0-alpha.1`) is none: it may lack
    what the release of its number has. Other builds' marks (`3.275.0+dirty`) do not matter.
    """
    match = re.search(r"(?<![\d.])(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])(?!-|[a-z])", text)
    if match is None:
        return None
    major, minor, patch = match.groups(default="0")
    return Version(int(major), int(minor), int(patch))
