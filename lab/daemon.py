"""A program that serves in the background, found again by a mark in its environment.

Responsible for start, readiness and end. It must not know what is served.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.error import LabError
from lab.layout import Layout
from lab.process import end, find_marked, until

MARK = "LAB_DAEMON"
_START_S = 60.0
_END_S = 10.0


class Daemon:
    """One program of one lab. role: what it is in the lab, also the name of its log."""

    def __init__(self, layout: Layout, role: str) -> None:
        """Take the lab and the role."""
        self._layout = layout
        self._role = role
        self._mark = f"{layout.name}/{role}"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it writes to standard error."""
        return self._layout.run / f"{self._role}.log"

    @property
    def announcement(self) -> Path:
        """What it writes to standard output: one line when it serves."""
        return self._layout.run / f"{self._role}.ready"

    def pid(self) -> int | None:
        """Return the process, or None when it does not run."""
        return find_marked(MARK).get(self._mark)

    def runs_as(self, argv: Sequence[str]) -> bool:
        """Say whether it runs, with exactly this command."""
        pid = self.pid()
        if pid is None:
            return False
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return command.rstrip(b"\0").split(b"\0") == [argument.encode() for argument in argv]

    def start(
        self,
        argv: Sequence[str],
        *,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it in a session of its own; do not wait for it to serve."""
        variables = {
            **os.environ,
            **(environment or {}),
            "LAB_NAME": self._layout.name,
            MARK: self._mark,
        }
        with self.log.open("ab") as log, self.announcement.open("wb") as announcement:
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=announcement,
                stderr=log,
                start_new_session=True,
                pass_fds=pass_fds,
                env=variables,
            )

    def has_ended(self) -> bool:
        """Say whether it no longer runs.

        Of one that was just started its parent knows best: for a moment the kernel shows no
        environment of a new program, and so no mark.
        """
        return self._child.poll() is not None if self._child else self.pid() is None

    def await_announcement(self) -> str:
        """Return its first line on standard output, as soon as it is there.

        Raises:
            LabError: it ended before, or said nothing within a minute.
        """
        for _ in until(_START_S):
            text = self.announcement.read_text(encoding="utf-8")
            if "\n" in text:
                return text.partition("\n")[0]
            if self.has_ended():
                message = f"{self._role}: ended before it served. {self.tail()}"
                raise LabError(message)
        message = f"{self._role}: does not serve after {_START_S:g} s. {self.tail()}"
        raise LabError(message)

    def stop(self, *, grace_s: float = _END_S) -> None:
        """End it, if it runs; after `grace_s` seconds by force."""
        pid = self.pid()
        while pid is not None:
            end(pid, grace_s=grace_s)
            pid = self.pid()
        if self._child is not None:
            self._child.wait()
            self._child = None

    def tail(self) -> str:
        """Return the end of its log, for a message."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
        except FileNotFoundError:
            lines = []
        return f"The end of {self.log}: {' | '.join(lines) or '(empty)'}"


def stop_all(layout: Layout) -> list[str]:
    """End every daemon of a lab, whoever started it; return their roles."""
    prefix = f"{layout.name}/"
    stopped = []
    found = find_marked(MARK)
    while marks := sorted(mark for mark in found if mark.startswith(prefix)):
        for mark in marks:
            end(found[mark], grace_s=_END_S)
            stopped.append(mark.removeprefix(prefix))
        found = find_marked(MARK)
    return sorted(set(stopped))
