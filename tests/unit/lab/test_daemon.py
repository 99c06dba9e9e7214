"""Programs in the background, real ones: started, found, ended."""

import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.daemon import Daemon, stop_all
from lab.error import LabError
from lab.layout import Layout

SERVE = "print('serving', flush=True); import signal; signal.pause()"


@dataclasses.dataclass(frozen=True)
class TemporaryLayout(Layout):
    """A lab whose files lie in a temporary directory."""

    directory: Path = Path()

    @property
    def run(self) -> Path:
        """The temporary directory."""
        return self.directory


Start = Callable[[Layout, str, str], Daemon]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a lab of our own."""
    return TemporaryLayout(f"unit{os.getpid()}", tmp_path)


@pytest.fixture
def start() -> Iterator[Start]:
    """Return what starts a Python program; nothing of it runs afterwards."""
    started = []

    def start_one(layout: Layout, role: str, program: str) -> Daemon:
        daemon = Daemon(layout, role)
        daemon.start([sys.executable, "-c", program])
        started.append(daemon)
        return daemon

    yield start_one
    for daemon in started:
        daemon.stop(grace_s=1)


def test_daemon_is_found_by_whoever_looks(layout: Layout, start: Start) -> None:
    assert start(layout, "agent", SERVE).await_announcement() == "serving"
    found = Daemon(layout, "agent")
    assert found.pid() is not None
    assert found.runs_as([sys.executable, "-c", SERVE])
    assert not found.runs_as([sys.executable, "-c", "another program"])
    assert Daemon(layout, "vcenter").pid() is None


def test_daemon_that_ends_before_it_serves_is_told_with_its_log(
    layout: Layout, start: Start
) -> None:
    daemon = start(layout, "agent", "import sys; sys.exit('port 8989: in use')")
    with pytest.raises(LabError) as caught:
        daemon.await_announcement()
    assert str(caught.value) == (
        f"agent: ended before it served. The end of {layout.run}/agent.log: port 8989: in use"
    )


def test_all_daemons_of_one_lab_are_ended_and_those_of_another_are_not(
    layout: Layout, start: Start, tmp_path: Path
) -> None:
    # Names that begin alike.
    other = TemporaryLayout(f"{layout.name}0", tmp_path)
    start(layout, "packages", SERVE).await_announcement()
    start(other, "agent", SERVE).await_announcement()
    assert stop_all(layout) == ["packages"]
    assert Daemon(layout, "packages").pid() is None
    assert Daemon(other, "agent").pid() is not None


def test_daemon_that_does_not_want_to_go_is_killed(layout: Layout, start: Start) -> None:
    ignore = f"import signal; signal.signal({signal.SIGTERM:d}, signal.SIG_IGN); "
    daemon = start(layout, "agent", ignore + SERVE)
    daemon.await_announcement()
    daemon.stop(grace_s=0.2)
    assert daemon.pid() is None
