"""Run the console script `tenant`, and commands on a tenant's servers, for the tests here."""

import shlex
import subprocess
import sys
from pathlib import Path

from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT

PROGRAM = Path(sys.executable).parent / "tenant"


def run_tenant(*arguments: str) -> str:
    """Run the console script; fail with what it said."""
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def fail_tenant(*arguments: str, code: int = 4) -> tuple[str, list[str]]:
    """Run the console script, which must end with a code; return its output and its errors."""
    done = subprocess.run(
        [PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, done.stderr.splitlines()


def run_as_root(path: ManagementPath, server: str, command: str) -> str:
    """Run a shell command as root on a server; fail with what it said."""
    done = subprocess.run(
        [path.ssh, server, f"sudo sh -c {shlex.quote(command)}"],
        env=path.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{server}: {command}: {done.stderr}"
    return done.stdout.strip()
