"""A run that is killed leaves no key behind, and no folder for long. Opens no connection."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from infra.operations.management_path import FOLDER_PREFIX, MEMORY_FOLDER
from infra.operations.stack import ROOT
from lab.process import until

RUN = """
import sys
from infra.operations.management_path import open_management_path
from infra.operations.picture import EXAMPLE
from infra.operations.secret import generate_key
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.record import load
from tests.unit.operations.conftest import MANAGEMENT

plan = compile_plan(load(EXAMPLE))
secrets = {"management_key": generate_key(), "databases": {}}
contract = export(plan, MANAGEMENT, dict.fromkeys(plan.servers, "uuid"), secrets)
with open_management_path(StackOutputs.model_validate_json(contract), "example") as path:
    print(path.agent_socket, flush=True)
    sys.stdin.read()
"""


def _start(state: Path) -> tuple["subprocess.Popen[str]", str]:
    """Open a management path in a process of its own; return it and the agent's socket."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    return run, run.stdout.readline().strip()


def _keys(socket: str) -> str:
    listed = subprocess.run(
        ["ssh-add", "-l"],
        env={**os.environ, "SSH_AUTH_SOCK": socket},
        capture_output=True,
        text=True,
        check=False,
    )
    return listed.stdout


def test_killed_run_leaves_no_key_and_its_folder_until_the_next(tmp_path: Path) -> None:
    killed, socket = _start(tmp_path)
    folder = Path(socket).parent
    assert folder.name.startswith(f"{FOLDER_PREFIX}{killed.pid}-")
    assert folder.parent == MEMORY_FOLDER
    assert "ED25519" in _keys(socket)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    for _ in until(60, pause_s=0.5):
        if "ED25519" not in _keys(socket):
            break
    else:
        message = f"{socket}: the agent of a killed run still holds the key"
        raise AssertionError(message)
    following, _ = _start(tmp_path)
    assert not folder.exists()
    following.communicate()
    assert following.returncode == 0
