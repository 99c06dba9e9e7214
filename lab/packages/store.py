"""Keep fetched files on disk, each under the host and path of its URL.

Responsible for what is stored and how old it is; it must not fetch. Two proxies may share a
directory: a file appears complete and at once, or not at all.
"""

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from yarl import URL

from lab.packages.archive import archive_name

# An index is asked for again after this time, so that `make up` twice a day downloads nothing.
FRESH_S = 24 * 60 * 60
_NOTE_SUFFIX = "@checked"


class UnstorableURLError(ValueError):
    """A URL that names no file of an archive."""


@dataclass(frozen=True)
class Validators:
    """What upstream calls this version of a file, word for word (RFC 9110, section 8.8)."""

    etag: str | None
    last_modified: str | None

    def conditions(self) -> dict[str, str]:
        """Return the request headers that ask for the file only if it has changed."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in conditions.items() if value is not None}


class Store:
    """The files below one directory.

    An index file has a note beside it, `<name>@checked`: its validators as JSON, and as time of
    modification when upstream was last asked. Files that never change need none.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, url: URL) -> Path:
        """Return where the file of `url` is or would be.

        Raises:
            UnstorableURLError: the path is not that of a file, or would lead out of the store.
        """
        segments = url.path.split("/")[1:]
        if url.query_string or any(part in {"", ".", ".."} or "\0" in part for part in segments):
            raise UnstorableURLError(str(url))
        return self._directory.joinpath(archive_name(url), *segments)

    def is_fresh(self, path: Path) -> bool:
        """Say whether the stored file may be served without asking upstream."""
        if not path.is_file():
            return False
        if _is_immutable(path):
            return True
        note = _note(path)
        return note.is_file() and time.time() - note.stat().st_mtime < FRESH_S

    def validators(self, path: Path) -> Validators:
        """Return what to compare the stored file by; empty when nothing is known of it."""
        note = _note(path)
        if not (path.is_file() and note.is_file()):
            return Validators(etag=None, last_modified=None)
        return Validators(**json.loads(note.read_text(encoding="utf-8")))

    def confirm(self, path: Path) -> None:
        """Remember that upstream said just now that the stored file is current."""
        _note(path).touch()

    def distrust_indexes(self, url: URL) -> None:
        """Have upstream asked for every index of the archive of `url` at the next request."""
        for note in (self._directory / archive_name(url)).rglob(f"*{_NOTE_SUFFIX}"):
            os.utime(note, (0, 0))

    @contextmanager
    def draft(self, path: Path) -> Iterator[BinaryIO]:
        """Give a file without a name to write into.

        It vanishes unless `publish` gives it its name, also when this process is killed.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o644), "wb") as file:
            yield file

    def publish(self, draft: BinaryIO, path: Path, validators: Validators) -> None:
        """Make a complete draft the stored file of `path`."""
        draft.flush()
        _give_name(draft, path)
        # In this order: killed in between, a new file with an old note is merely asked for again.
        if not _is_immutable(path):
            with self.draft(path) as note:
                note.write(json.dumps(asdict(validators)).encode())
                note.flush()
                _give_name(note, _note(path))


def _is_immutable(path: Path) -> bool:
    """Say whether the name of a file pins its content: Debian never reuses one of these."""
    return path.suffix == ".deb" or "by-hash" in path.parts


def _note(path: Path) -> Path:
    return path.with_name(path.name + _NOTE_SUFFIX)


def _give_name(file: BinaryIO, path: Path) -> None:
    # link(2) does not replace, rename(2) needs a name to rename.
    unique = path.with_name(f"{path.name}@{secrets.token_hex(8)}")
    directory = os.open(path.parent, os.O_PATH)
    try:
        # Only with a directory does Python call linkat(2), which alone follows the link in /proc
        # (https://github.com/python/cpython/issues/81793).
        os.link(f"/proc/self/fd/{file.fileno()}", unique.name, dst_dir_fd=directory)
    finally:
        os.close(directory)
    unique.replace(path)
