"""Configure the tenant's hosts: run a playbook over the management path.

Responsible for handing Ansible the inventory in memory and for telling what it does. Must not
decide anything about hosts: the plan did.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible_mitogen
import ansible_runner

from infra.errors import TenantError
from infra.operations.host_fault import Fault, explain, find_question, tell
from infra.operations.inventory import build_inventory
from infra.operations.inventory_socket import ENVIRONMENT, serve_inventory
from infra.operations.last_run import fingerprint_hosts, leave_untried, read_memory
from infra.operations.management_path import ManagementPath, NoAnswerError
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs

PLAYBOOKS = ROOT / "playbooks"
FORKS = 10
EVERYBODY = "all"
"""Pattern of the playbook's last play, and of no other."""

WAITING = "wait for the other hosts"

RUN_S = 1800
"""Deadline of one run of the playbook."""

TASK_S = 600
"""Deadline of one task on one host; installing packages on a slow line takes minutes."""

CONNECT_S = 20
"""Deadline of one connection to a host. With it, a filter's confirmation ends before its way back
begins (role packet_filter)."""


class ConfigureError(TenantError, RuntimeError):
    """A host could not be configured: exit 4. One line a cause."""

    exit_code = 4


@dataclass
class Progress:
    """Follow a run: say what changes where, gather faults and changes.

    write: prints one line for the engineer. faults: by host the last one, because a rescue that
    fails as well knows more than what it was to rescue. running: by host the task that it is at.
    is_last_play: the play for all hosts has begun.
    """

    write: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    changed: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    running: dict[str, str] = field(default_factory=dict)
    is_last_play: bool = False

    def handle(self, event: Mapping[str, Any]) -> bool:
        """Take one event of ansible-runner; returning False keeps it out of the artifacts."""
        data = event.get("event_data", {})
        host, task = data.get("host", ""), data.get("task", "")
        kind = event["event"]
        if kind == "runner_on_start":
            self.running[host] = task
        elif kind.startswith("runner_on_"):
            self.running.pop(host, None)
        match kind:
            case "playbook_on_play_start":
                self.is_last_play = data.get("pattern") == EVERYBODY
                self._say(data.get("name", ""))
            case "runner_on_ok" if data.get("res", {}).get("changed"):
                self.changed.setdefault(host, []).append(task)
                self._say(f"  {host}: changed: {task}")
            case "runner_on_unreachable":
                self.faults[host] = Fault(host=host, task="", words=_reason(data))
            case "runner_on_failed" if not data.get("ignore_errors"):
                self.faults[host] = Fault(host=host, task=task, words=_reason(data))
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
        ConfigureError: one line for each cause, after all other hosts are done; before anything
            when the stack lacks a secret.
    """
    if lacking := outputs.lacking:
        tenant = outputs.plan.tenant
        message = (
            f"tenants/{tenant}: {', '.join(lacking)}: has no secret in the stack yet. Each needs"
            f" one, which `pulumi up` alone does not make. Run `tenant up {tenant}`."
        )
        raise ConfigureError(message)
    inventory = build_inventory(outputs)
    variables = inventory["_meta"]["hostvars"]
    wanted = fingerprint_hosts(outputs, variables)
    memory = read_memory(outputs, path, wanted)
    hosts = tuple(
        key
        for key in wanted
        if key not in memory.silent and (is_all or wanted[key] != memory.known[key])
    )
    for key in wanted:
        variables[key] |= {"last_run_fingerprint": wanted[key], "last_run_known": memory.known[key]}
    progress = Progress(write)
    left, untried = hosts, memory.silent
    while left:
        write(f"   {len(left)} of {len(wanted)} hosts: {', '.join(left)}")
        is_over = _run_playbook(inventory, left, path, progress, is_check=is_check)
        for host in progress.faults:
            if not memory.known[host]:
                untried |= leave_untried(host, outputs)
        faulty = {*progress.faults, *untried}
        left = tuple(host for host in left if host not in faulty and not is_over)
    faults = [progress.faults[host] for host in sorted(progress.faults)]
    explained = [*_explain(faults, outputs, path), *untried.items()]
    if explained:
        raise ConfigureError(_report(explained, len(wanted)))
    return Outcome(hosts=hosts, changed=progress.changed)


def _report(explained: list[tuple[str, str]], total: int) -> str:
    left = sorted({host for host, _ in explained})
    return "\n".join(
        [
            *tell(explained),
            f"{total - len(left)} of {total} hosts are done. Run the same command again then: it"
            f" goes on with {', '.join(left)}.",
        ]
    )


def _run_playbook(
    inventory: dict[str, Any],
    hosts: tuple[str, ...],
    path: ManagementPath,
    progress: Progress,
    *,
    is_check: bool,
) -> bool:
    """Run the playbook on some hosts; what goes wrong there is in the progress afterwards.

    Returns:
        Whether it came to its end. Ansible leaves out the rest of a playbook when a play fails on
        all of its hosts, however few.

    Raises:
        ConfigureError: when Ansible itself fails.
    """
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
            settings={"job_timeout": RUN_S},
        )
    if result.status == "timeout":
        words = f"Timed out after {RUN_S} s, the limit of the whole run"
        progress.faults |= {
            host: Fault(host=host, task=progress.running.get(host, WAITING), words=words)
            for host in hosts
        }
    if result.status != "successful" and not progress.faults:
        message = f"playbooks/site.yml: {_tail(result)}. Mend it and run the same command again."
        raise ConfigureError(message)
    return result.status != "failed" or progress.is_last_play


def _explain(
    faults: Iterable[Fault], outputs: StackOutputs, path: ManagementPath
) -> Iterator[tuple[str, str]]:
    """Explain every fault, with the host's help where it has something to say."""
    for fault in faults:
        answer = ""
        if question := find_question(fault, outputs):
            # A host that cannot even answer this has its fault all the same.
            with suppress(NoAnswerError):
                answer = path.ask(fault.host, question)
        yield fault.host, explain(fault, outputs, answer)


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
        "ANSIBLE_TASK_TIMEOUT": str(TASK_S),
        "ANSIBLE_TIMEOUT": str(CONNECT_S),
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
