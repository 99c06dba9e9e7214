"""A `tenant up` that goes on while a test watches what it says."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

from infra.operations.stack import ROOT
from lab.layout import Layout
from lab.process import until
from tests.lab.remainder import machines
from tests.lab.site import Site
from tests.lab.tenant import PROGRAM

RUN_S = 900
"""How long a run may take on a slow machine; one whose host is gone waits long by itself."""


@dataclass(frozen=True)
class Run:
    """servers: names of the VMs that there were. said: its lines so far, both outputs."""

    process: "subprocess.Popen[str]"
    stack: str
    servers: tuple[str, ...]
    layout: Layout
    said: list[str] = field(default_factory=list)
    _has_said: Event = field(default_factory=Event)

    @property
    def text(self) -> str:
        """All that it has said so far."""
        return "".join(list(self.said))

    def listen(self) -> None:
        """Take its output until it ends."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            self._has_said.set()

    def await_line(self, pattern: str, skip: int = 0) -> bool:
        """Wait until it has said so `skip` times and once more; False when it has ended."""
        for _ in until(RUN_S, pause_s=0.02):
            if sum(bool(re.search(pattern, line)) for line in list(self.said)) > skip:
                return True
            if self.process.poll() is not None:
                return False
            self._has_said.wait(1)
            self._has_said.clear()
        message = f"{pattern}: not said within {RUN_S} s: {self.text}"
        raise AssertionError(message)


@contextmanager
def begin(site: Site, layout: Layout) -> Iterator[Run]:
    """Start `tenant up`; afterwards it has ended."""
    servers = tuple(machine.name for machine in machines(site.tenant, layout).values())
    process = subprocess.Popen(
        [PROGRAM, "up", site.tenant, "--stack", site.stack.name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    run = Run(process, site.stack.name, servers, layout)
    listener = Thread(target=run.listen, daemon=True)
    listener.start()
    try:
        yield run
    finally:
        process.wait(RUN_S)
        # What it started may hold its output a little longer.
        listener.join(10)
        if process.stdout is not None:
            process.stdout.close()
