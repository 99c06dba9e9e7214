"""The inventory reaches Ansible's script over a socket and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.operations.configure import PLAYBOOKS
from infra.operations.inventory_socket import ENVIRONMENT, serve_inventory

SCRIPT = PLAYBOOKS / "inventory"


def test_script_prints_what_is_served(tmp_path: Path) -> None:
    variables = {"db01": {"large": "x" * 9**6}}
    inventory = {"all": {"hosts": ["db01"]}, "_meta": {"hostvars": variables}}
    with serve_inventory(inventory, tmp_path) as socket:
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, str(SCRIPT), "--list"],
                env={**os.environ, ENVIRONMENT: str(socket)},
                capture_output=True,
                check=True,
            )
            assert json.loads(done.stdout) == inventory
        assert list(tmp_path.iterdir()) == [socket], "nothing but the socket may be a file"
    assert list(tmp_path.iterdir()) == [], "the next run of the same way in makes its own"


def test_script_alone_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--list"],
        env={key: value for key, value in os.environ.items() if key != ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Run that instead of ansible-playbook" in done.stderr
    assert "Traceback" not in done.stderr
