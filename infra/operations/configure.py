"""Configure the tenant's hosts: run a playbook over the management path.

Responsible for handing Ansible the inventory in memory and for telling what it does. Must not
decide anything about hosts: the plan did.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_mitogen
import ansible_runner

from infra.errors import TenantError
from infra.operations.inventory import build_inventory
from infra.operations.inventory_socket import ENVIRONMENT, serve_inventory
from infra.operations.last_run import fingerprint_hosts, read_remembered
from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs

PLAYBOOKS = ROOT / "playbooks"
FORKS = 10
TIMEOUT_S = 1800


class ConfigureError(TenantError, RuntimeError):
    """A host could not be configured: exit 4. One line per host and task."""

    exit_code = 4


@dataclass
class Progress:
    """Follow a run: say which task runs where, gather failures and changes.

    write: prints one line for the engineer.
    """

    write: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    changed: dict[str, list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _play: str = ""

    def handle(self, event: Mapping[str, Any]) -> bool:
        """Take one event of ansible-runner; returning False keeps it out of the artifacts."""
        data = event.get("event_data", {})
        host, task = data.get("host", ""), data.get("task", "")
        match event["event"]:
            case "playbook_on_play_start":
                self._say(data.get("name", ""))
            case "runner_on_ok" if data.get("res", {}).get("changed"):
                self.changed.setdefault(host, []).append(task)
                self._say(f"  {host}: changed: {task}")
            case "runner_on_unreachable":
                self.failures.append(f"{host}: unreachable: {_reason(data)}")
            case "runner_on_failed" if not data.get("ignore_errors"):
                self.failures.append(f"{host}: {task}: {_reason(data)}")
        return False

    def _say(self, text: str) -> None:
        self.write(f"{time.monotonic() - self.started:6.1f} s  {text}")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did. hosts: those it ran on; changed: names of changing tasks, by host."""

    hosts: tuple[str, ...]
    changed: dict[str, list[str]]


def configure(
    outputs: StackOutputs,
    path: ManagementPath,
    write: Callable[[str], None],
    *,
    is_all: bool = False,
    is_check: bool = False,
) -> Outcome:
    """Configure the hosts whose inputs changed since their last good run.

    Args:
        outputs: of the stack.
        path: an open management path.
        write: prints one line of progress.
        is_all: every host, whatever it remembers.
        is_check: only tell what would change (`--check`).

    Returns:
        The hosts it ran on and what changed there.

    Raises:
        ConfigureError: naming every host and task that failed.
    """
    inventory = build_inventory(outputs)
    variables = inventory["_meta"]["hostvars"]
    wanted = fingerprint_hosts(outputs, variables)
    known = read_remembered(outputs, path)
    hosts = tuple(key for key in wanted if is_all or wanted[key] != known[key])
    if not hosts:
        return Outcome(hosts=(), changed={})
    write(f"   {len(hosts)} of {len(wanted)} hosts: {', '.join(hosts)}")
    for key in wanted:
        variables[key] |= {"last_run_fingerprint": wanted[key], "last_run_known": known[key]}
    progress = Progress(write)
    private = path.folder / "runner"
    private.mkdir(exist_ok=True)
    with serve_inventory(inventory, path.folder) as socket:
        result = ansible_runner.run(
            private_data_dir=str(private),
            project_dir=str(ROOT),
            playbook=str(PLAYBOOKS / "site.yml"),
            inventory=str(PLAYBOOKS / "inventory"),
            envvars=_environment(path, socket),
            suppress_env_files=True,
            limit=",".join(hosts),
            forks=FORKS,
            cmdline="--check" if is_check else None,
            quiet=True,
            event_handler=progress.handle,
            settings={"job_timeout": TIMEOUT_S},
        )
    if result.status != "successful":
        failures = progress.failures or [f"ansible-playbook: {_tail(result)}"]
        message = "\n".join(
            f"playbooks/site.yml: {failure}. Mend it and run the same command again: hosts that"
            " are done stay as they are."
            for failure in failures
        )
        raise ConfigureError(message)
    return Outcome(hosts=hosts, changed=progress.changed)


def _environment(path: ManagementPath, socket: Path) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    return {
        "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SSH_ARGS": "",
        "ANSIBLE_SSH_EXECUTABLE": str(path.ssh),
        # ansible-runner would switch it off, and mitogen then trusts whoever answers.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_STRATEGY": "mitogen_linear",
        "ANSIBLE_STRATEGY_PLUGINS": str(Path(ansible_mitogen.__path__[0]) / "plugins/strategy"),
        "ANSIBLE_LOCAL_TEMP": str(path.folder / "ansible"),
        "SSH_AUTH_SOCK": path.agent_socket,
        ENVIRONMENT: str(socket),
    }


def _reason(data: Mapping[str, Any]) -> str:
    """Give the module's own words; of a loop those of every item that failed."""
    result = data.get("res", {})
    failed = [item for item in result.get("results", []) if item.get("failed")] or [result]
    return "; ".join(
        str(item.get("msg") or item.get("stderr") or item.get("censored") or item).strip()
        for item in failed
    )


def _tail(result: Any) -> str:
    with result.stdout as stdout:
        return " ".join(stdout.read().splitlines()[-5:])
