"""Look for secrets where none may be: processes, files, the disks of hosts, Git.

A secret is looked for as it stands and in the shapes that programs give it. It knows no tenant.
"""

import base64
import contextlib
import os
import subprocess
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.operations.management_path import ManagementPath

PAUSE_S = 0.05
"""Between two looks, so that watching does not starve what is watched."""


def shapes(secret: str) -> set[bytes]:
    """Return a secret as it stands, in hex, as part of a URL and as part of a base64 text."""
    raw = secret.encode()
    found = {raw, raw.hex().encode(), urllib.parse.quote(secret, safe="").encode()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + raw).rstrip(b"=")
        # The ends also hold what stands before and after it.
        found.add(text[(before * 8 + 5) // 6 : len(raw) * 8 // 6])
    return found


@dataclass
class Watch:
    """Looks for secrets as often as possible, from its beginning to its end.

    secrets: may grow while it looks. places: folders whose new content is looked at. skipped:
    folders that are not entered. found: what holds a secret, in words that name none.
    """

    secrets: set[str]
    places: tuple[Path, ...]
    skipped: frozenset[Path]
    found: set[str] = field(default_factory=set)
    looks: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _seen: dict[Path, int] = field(default_factory=dict)

    def look(self) -> None:
        """Look once at every process of the machine, hosts included, and at what is new."""
        needles = {shape for secret in list(self.secrets) for shape in shapes(secret)}
        # Not by glob: of a process that ends during its look it makes an error of the whole.
        for process in Path("/proc").iterdir():
            for part in ("cmdline", "environ") if process.name.isdigit() else ():
                with contextlib.suppress(OSError):
                    if _holds((process / part).read_bytes(), needles):
                        program = (process / "cmdline").read_bytes()[:80].split(b"\0")[0]
                        self.found.add(f"{part} of {program.decode(errors='replace')}")
        for file, changed in files_below(self.places, self.skipped):
            if self._seen.get(file) != changed:
                self._seen[file] = changed
                with contextlib.suppress(OSError):
                    if _holds(file.read_bytes(), needles):
                        self.found.add(str(file))
        self.looks += 1

    @contextmanager
    def run(self) -> Iterator[None]:
        """Look in a thread until the context ends; what is there already is not new."""
        self._seen.update(files_below(self.places, self.skipped))
        looking = threading.Thread(target=self._repeat)
        looking.start()
        try:
            yield
        finally:
            self._over.set()
            looking.join()

    def _repeat(self) -> None:
        while not self._over.wait(PAUSE_S):
            self.look()


def files_below(places: Iterable[Path], skipped: frozenset[Path]) -> Iterator[tuple[Path, int]]:
    """Give every file with the time of its last change in ns; sockets and devices are none."""
    for place in places:
        for folder, names, files in os.walk(place):
            names[:] = [name for name in names if Path(folder, name) not in skipped]
            for name in files:
                file = Path(folder, name)
                with contextlib.suppress(OSError):
                    if file.is_file() and not file.is_symlink():
                        yield file, file.stat().st_ctime_ns


def files_that_hold(
    secrets: Iterable[str], places: Iterable[Path], skipped: frozenset[Path], since_ns: int
) -> set[str]:
    """Return the files changed since then that hold a secret."""
    needles = {shape for secret in secrets for shape in shapes(secret)}
    found = set()
    for file, changed in files_below(places, skipped):
        if changed >= since_ns:
            # Others work on the machine: what they remove meanwhile is not ours.
            with contextlib.suppress(OSError):
                if _holds(file.read_bytes(), needles):
                    found.add(str(file))
    return found


def objects_that_hold(secrets: Iterable[str], repository: Path) -> bool:
    """Tell whether any object of a Git repository holds a secret, reachable or not."""
    content = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
    return _holds(content, {shape for secret in secrets for shape in shapes(secret)})


def host_files_that_hold(secrets: Iterable[str], path: ManagementPath, server: str) -> set[str]:
    """Return the files on all disks and in all memory file systems of a host that hold one."""
    needles = b"\n".join({shape for secret in secrets for shape in shapes(secret)})
    # The needles on standard input: in an argument they would be in the process list.
    skip = "--exclude-dir=proc --exclude-dir=sys --exclude-dir=dev"
    said = _ask(path, server, f"grep -rlaF {skip} -D skip -f - / || test $? = 1", needles)
    return set(said.decode().splitlines())


def journal_holds(secrets: Iterable[str], path: ManagementPath, server: str) -> bool:
    """Tell whether a host's journal holds a secret: its files are partly compressed."""
    journal = _ask(path, server, "journalctl --all --no-pager --output=export", b"")
    return _holds(journal, {shape for secret in secrets for shape in shapes(secret)})


def _ask(path: ManagementPath, server: str, command: str, given: bytes) -> bytes:
    done = subprocess.run(
        [path.ssh, server, f"sudo sh -c '{command}'"],
        env=path.environment,
        input=given,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"{server}: {command}: {done.stderr.decode()}"
    return done.stdout


def _holds(content: bytes, needles: set[bytes]) -> bool:
    return any(needle in content for needle in needles)
