"""Configure hosts on which nothing is to change: what an engineer waits for most often.

`python -m benchmarks.converge`. The same playbook on the same hosts, through ansible-playbook as it
comes and with mitogen, and `tenant configure`, which first asks the hosts whether they need it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import ansible_mitogen

from benchmarks.measurement import Comparison, Result, keep, seconds, take_turns
from benchmarks.tenant import deployed_tenant
from infra.operations.configure import FORKS, PLAYBOOKS, configure
from infra.operations.inventory import build_inventory
from infra.operations.inventory_socket import ENVIRONMENT, serve_inventory
from infra.operations.last_run import fingerprint_hosts
from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs

ROUNDS = 2
PLAIN: Mapping[str, str] = {}
MITOGEN: Mapping[str, str] = {
    "ANSIBLE_STRATEGY": "mitogen_linear",
    "ANSIBLE_STRATEGY_PLUGINS": str(Path(ansible_mitogen.__path__[0]) / "plugins" / "strategy"),
}


def main() -> None:
    """Measure and keep the result."""
    with deployed_tenant() as (outputs, path):
        contenders = {
            "ansible-playbook": _playbook(outputs, path, PLAIN),
            "ansible-playbook with mitogen": _playbook(outputs, path, MITOGEN),
            "tenant configure --all": _configuration(outputs, path, is_all=True),
            "tenant configure": _configuration(outputs, path, is_all=False),
        }
        series = take_turns(ROUNDS, contenders)
        hosts = len(outputs.plan.servers)
    plain, *others = contenders
    keep(
        "converge",
        Result(
            title=f"Configure {hosts} hosts on which nothing is to change",
            series=series,
            comparisons=tuple(
                Comparison(what=f"{name} against {plain}", subject=name, peer=plain)
                for name in others
            ),
            notes=(
                "Pipelining, shared connections and 10 forks in all of them. `tenant configure`"
                " runs the playbook only where a host's inputs changed since its last good run;"
                " here it finds its connections open.",
            ),
        ),
    )


def _configuration(
    outputs: StackOutputs, path: ManagementPath, *, is_all: bool
) -> Callable[[], float]:
    def work() -> None:
        outcome = configure(outputs, path, lambda _: None, is_all=is_all)
        if outcome.changed or bool(outcome.hosts) != is_all:
            sys.exit(f"benchmarks/converge.py: not a run without changes: {outcome}.")

    return lambda: seconds(work)


def _playbook(
    outputs: StackOutputs, path: ManagementPath, strategy: Mapping[str, str]
) -> Callable[[], float]:
    inventory = build_inventory(outputs)
    variables = inventory["_meta"]["hostvars"]
    for key, digest in fingerprint_hosts(outputs, variables).items():
        variables[key] |= {"last_run_fingerprint": digest, "last_run_known": digest}

    def work() -> None:
        with serve_inventory(inventory, path.folder) as socket:
            done = subprocess.run(
                [
                    Path(sys.executable).parent / "ansible-playbook",
                    "--forks", str(FORKS),
                    "--inventory", PLAYBOOKS / "inventory",
                    PLAYBOOKS / "site.yml",
                ],
                env={
                    **path.environment,
                    **strategy,
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                    "ANSIBLE_NOCOLOR": "1",
                    "ANSIBLE_SSH_ARGS": "",
                    "ANSIBLE_SSH_EXECUTABLE": str(path.ssh),
                    "ANSIBLE_HOST_KEY_CHECKING": "True",
                    "ANSIBLE_LOCAL_TEMP": str(path.folder / "ansible"),
                    ENVIRONMENT: str(socket),
                },
                capture_output=True,
                text=True,
                check=False,
            )  # fmt: skip
        changes = re.findall(r"changed=([0-9]+)", done.stdout)
        if done.returncode != 0 or len(changes) != len(variables) or set(changes) != {"0"}:
            sys.exit(f"benchmarks/converge.py: not a run without changes.\n{done.stdout[-3000:]}")

    return lambda: seconds(work)


if __name__ == "__main__":
    main()
