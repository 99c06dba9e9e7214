"""The cache: one directory for each build of each artefact, complete or not there.

Responsible for building an artefact once and for finding it again; it must not know any by name.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from toolchain.artefact import Artefact
from toolchain.error import ToolchainError
from toolchain.progress import BuildLog, say


def default_root() -> Path:
    """Return the cache's directory: in XDG_CACHE_HOME, which is ~/.cache unless set.

    Source: XDG Base Directory Specification; a relative value is to be ignored.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "municipal-cloud"


class Cache:
    """Artefacts in `<root>/<name>/<key>/`, with the log of the last build in `<name>/build.log`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def directory(self, artefact: Artefact) -> Path:
        """Return the directory of an artefact as it is defined now, built or not."""
        return self._root / artefact.name / artefact.key()

    def find(self, artefact: Artefact) -> Path | None:
        """Return the directory with the artefact: the machine's own, the cache's, or none."""
        provided = artefact.provided()
        if provided is not None:
            return provided
        directory = self.directory(artefact)
        return directory if directory.is_dir() else None

    def ensure(self, artefact: Artefact) -> Path:
        """Return the directory with the artefact, built now if it must be, and publish it.

        Raises:
            ToolchainError: The build fails, or its inputs changed while it ran.
        """
        provided = artefact.provided()
        if provided is not None:
            say(artefact.name, f"the machine's own: {provided}")
            artefact.publish(provided, artefact.key())
            return provided
        directory = self.directory(artefact)
        if directory.is_dir():
            say(artefact.name, f"cached: {directory}")
        else:
            directory.parent.mkdir(parents=True, exist_ok=True)
            with _locked(artefact.name, directory.parent / "lock") as lock:
                if directory.is_dir():
                    say(artefact.name, f"built meanwhile by another: {directory}")
                else:
                    _build(artefact, directory, lock)
        artefact.publish(directory, directory.name)
        return directory


def _build(artefact: Artefact, directory: Path, lock: int) -> None:
    """Build into a temporary sibling and rename it; whatever is there under the lock is left over.

    A build that changes its own inputs' key is thrown away: the key would promise other content.
    """
    for leftover in directory.parent.glob(".building-*"):
        _remove(leftover)
    say(artefact.name, "building")
    log = BuildLog(artefact.name, directory.parent / "build.log", lock)
    destination = Path(tempfile.mkdtemp(prefix=".building-", dir=directory.parent))
    try:
        destination.chmod(0o755)
        artefact.build(destination, log)
        if artefact.key() != directory.name:
            message = (
                f"{artefact.name}: what it is built from changed during the build. Nothing was "
                "kept. Run make toolchain again."
            )
            raise ToolchainError(message)
        destination.rename(directory)
    finally:
        if destination.exists():
            _remove(destination)
    say(artefact.name, f"built in {log.elapsed_s:.0f} s: {directory}")


@contextlib.contextmanager
def _locked(name: str, path: Path) -> Iterator[int]:
    """Hold an artefact's lock against other processes; yields its descriptor."""
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(name, f"waits for another build of it (lock {path})")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _remove(directory: Path) -> None:
    """Remove a half-made directory, but never what is mounted below it.

    Raises:
        ToolchainError: Something is mounted there.
    """
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    # proc(5): the fifth field is the mount point.
    mounted = [line.split()[4] for line in mounts]
    below = [point for point in mounted if Path(point).is_relative_to(directory)]
    if below:
        message = f"{directory}: half-made, and {below[0]} is mounted below it. Unmount it first."
        raise ToolchainError(message)
    shutil.rmtree(directory)
