"""Give the tests of a scenario its hosts and its playbook. Molecule loads this as a plugin."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
import testinfra

from infra.operations.configure import Progress

CONVERGE = Path(__file__).parents[2] / ".config/molecule/converge.yml"


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run of the role did: names of changing tasks by host, a line for each failure."""

    changed: dict[str, list[str]]
    failures: list[str]


def play(variables: dict[str, Any] | None = None, *, is_check: bool = False) -> Run:
    """Run the role as the scenario does, in the environment that Molecule made.

    Args:
        variables: those that differ from the scenario's.
        is_check: only tell what would change (`--check`).
    """
    progress = Progress(write=lambda _line: None)
    with tempfile.TemporaryDirectory() as folder:
        result = ansible_runner.run(
            private_data_dir=folder,
            project_dir=folder,
            playbook=str(CONVERGE),
            inventory=str(Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent),
            suppress_env_files=True,
            extravars=variables or {},
            cmdline="--check" if is_check else None,
            quiet=True,
            event_handler=progress.handle,
        )
        assert result.status == "successful" or progress.faults, result.stdout.read()
    faults = progress.faults.values()
    failures = [f"{fault.host}: {fault.task}: {fault.words}" for fault in faults]
    return Run(changed=progress.changed, failures=failures)


def change(variables: dict[str, Any]) -> dict[str, list[str]]:
    """Run the role with other variables, first in check mode; return what changed, by host.

    Claims that check mode tells the truth about a change: all that it names then changes, and
    nothing else but what follows from files, which check mode does not write.
    """
    foretold = play(variables, is_check=True)
    done = play(variables)
    assert foretold.failures == done.failures == []
    for host in foretold.changed | done.changed:
        named, real = foretold.changed.get(host, []), done.changed.get(host, [])
        assert [task for task in real if task in named or not _follows(task)] == named, (
            f"{host}: check mode foretold {named}, but changed was {real}"
        )
    return done.changed


def _follows(task: str) -> bool:
    """Tell the tasks that restart, reload or load what has not read its files yet."""
    return task.startswith(("load | ", "replace | ")) or task in {
        "service | Run sshd by the present rules",
        "service | Run the unit, now and at boot",
    }


@pytest.fixture(scope="session")
def connect() -> Callable[[str], Any]:
    """Connect to a host of the scenario by its name, as root."""
    ssh_config = f"{os.environ['MOLECULE_EPHEMERAL_DIRECTORY']}/ssh_config"
    return lambda name: testinfra.get_host(f"ssh://{name}", ssh_config=ssh_config, sudo=True)
