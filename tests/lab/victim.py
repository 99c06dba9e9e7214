"""What is killed while a tenant is brought up: found as the kernel shows it, ended by SIGKILL."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from lab.daemon import Daemon
from lab.error import LabError
from lab.process import environment
from lab.status import find_host
from tests.lab.conftest import run_lab
from tests.lab.ongoing import Run

PULUMI = ("pulumi", "pulumi-resource")
"""Names of its processes, cut at 15 letters: the CLI, the provider."""


@dataclass(frozen=True)
class Victim:
    """stages: in which it has work. strike: kills it, returns whether there was anything."""

    stages: tuple[str, ...]
    strike: Callable[[Run, Random], bool]


def _kill(pids: list[int]) -> bool:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(pids)


def descendants(pid: int) -> Iterator[int]:
    """Give the processes below one, the nearest first."""
    threads: list[Path] = []
    # It or one of its threads may end at any moment. Not by glob, which such an end stops.
    with suppress(OSError):
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    for thread in threads:
        with suppress(OSError):
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _command(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def pulumi_pids(run: Run, names: tuple[str, ...] = PULUMI) -> list[int]:
    """Give the processes of the run's Pulumi that have one of these names."""
    return [
        pid
        for pid in descendants(run.process.pid)
        if _name(pid) in names and environment(pid).get("PULUMI_STACK") == run.stack
    ]


def _strike_pulumi(*names: str) -> Callable[[Run, Random], bool]:
    return lambda run, _: _kill(pulumi_pids(run, names))


def _strike_program(run: Run, _: Random) -> bool:
    return _kill([pid for pid in descendants(run.process.pid) if "infra.serve" in _command(pid)])


def _strike_ansible(run: Run, _: Random) -> bool:
    below = [pid for pid in descendants(run.process.pid) if _name(pid) == "ansible-playboo"]
    return _kill(below)


def _strike_tenant(run: Run, _: Random) -> bool:
    is_there = run.process.poll() is None
    run.process.kill()
    return is_there


def strike_agent(run: Run, _: Random) -> bool:
    """Kill the agent, and let `lab up` start another."""
    pid = Daemon(run.layout, "agent").pid()
    assert pid is not None, "the lab has no agent"
    os.kill(pid, signal.SIGKILL)
    run_lab(run.layout, "up")
    return True


def _strike_host(run: Run, random: Random) -> bool:
    """Kill a host's systemd, and so all of it, or only what started it.

    The run creates hosts, restarts and removes them: the one chosen may not run at this moment.
    """
    name = random.choice(run.servers)
    is_leader = random.random() < 1 / 2
    try:
        _, leader = find_host(run.layout, name)
        status = Path(f"/proc/{leader}/status").read_text()
    except (LabError, FileNotFoundError, ProcessLookupError):
        return False
    parent = int(status.partition("\nPPid:\t")[2].partition("\n")[0])
    return _kill([leader if is_leader else parent])


def _strike_connections(run: Run, _: Random) -> bool:
    """Cut the connections of all clients of the vCenter: the provider's and the agent's."""
    port = run.layout.port_file.read_text()
    cut = subprocess.run(
        ["ss", "--kill", "--tcp", "--no-header", f"dport = :{port}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return bool(cut.stdout)


VICTIMS = {
    "pulumi": Victim(("deploy",), _strike_pulumi("pulumi")),
    "program": Victim(("deploy",), _strike_program),
    "provider": Victim(("deploy",), _strike_pulumi("pulumi-resource")),
    "all of pulumi": Victim(("deploy",), _strike_pulumi(*PULUMI)),
    "ansible": Victim(("configure",), _strike_ansible),
    "tenant": Victim(("deploy", "configure", "verify"), _strike_tenant),
    "agent": Victim(("deploy", "configure"), strike_agent),
    "host": Victim(("deploy", "configure", "verify"), _strike_host),
    "connections": Victim(("deploy",), _strike_connections),
}
