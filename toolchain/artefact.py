"""What an artefact is, and the key that names one build of it.

Responsible for the definition of an artefact; it must not build, store or print anything.
"""

import hashlib
import platform
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from toolchain.error import ToolchainError


class Log(Protocol):
    """Runs the programs of one build and keeps what they say."""

    def run(
        self, argv: Sequence[str], *, directory: Path, environment: dict[str, str] | None = None
    ) -> None:
        """Run a program to its end. Raises ToolchainError when it fails."""


class Artefact(ABC):
    """Something that is built once from content and then used by that content's key.

    Attributes:
        name: Name of the artefact, and of its directory in the cache.
    """

    name: str

    @abstractmethod
    def inputs(self) -> Sequence[Path]:
        """Return the files and directories whose content defines the artefact."""

    @abstractmethod
    def recipe(self) -> Sequence[str]:
        """Return what else defines it: versions, flags."""

    @abstractmethod
    def build(self, destination: Path, log: Log) -> None:
        """Build the artefact into an empty directory."""

    def provided(self) -> Path | None:
        """Return the directory in which the machine has a suitable one of its own, if it has."""
        return None

    def publish(self, directory: Path, key: str) -> None:  # noqa: B027 - most have nothing to do
        """Make the artefact known outside the cache. Called at every run: quick when done.

        Args:
            directory: Where the artefact is: the cache's, or the machine's own.
            key: Key of the artefact as it is defined now.
        """

    def key(self) -> str:
        """Return the first 16 hexadecimal digits of the SHA-256 of all that defines the artefact.

        Raises:
            ToolchainError: An input is missing.
        """
        digest = hashlib.sha256()
        for text in (self.name, platform.machine(), *self.recipe()):
            _add(digest, text.encode())
        for path in self.inputs():
            for file, relative in _files(path):
                _add(digest, relative.encode())
                _add(digest, b"x" if file.stat().st_mode & 0o111 else b"-")
                _add(digest, file.read_bytes())
        return digest.hexdigest()[:16]


def _add(digest: "hashlib._Hash", value: bytes) -> None:
    """Add a value with its length, so that no two lists of values look the same."""
    digest.update(len(value).to_bytes(8, "big"))
    digest.update(value)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files below a path with the name each has there, sorted.

    Go's tests do not define a binary: changing one rebuilds nothing.
    """
    if path.is_file():
        yield path, path.name
        return
    if not path.is_dir():
        message = f"{path}: missing, though an artefact is built from it. Restore it from Git."
        raise ToolchainError(message)
    for file in sorted(path.rglob("*")):
        if file.is_file() and not file.name.endswith(("_test.go", ".pyc")):
            yield file, file.relative_to(path.parent).as_posix()
