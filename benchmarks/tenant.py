"""The example tenant in a lab of the benchmarks' own.

It stays up for the next benchmark; `LAB_NAME=labbench lab down` ends it, as `make bench` does.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.operations.management_path import ManagementPath, open_management_path
from infra.operations.stack import ROOT, find_stack
from infra.outputs import StackOutputs
from lab.layout import Layout

LAYOUT = Layout("labbench")
TENANT = "werkendam"
STACK = f"{TENANT}-{LAYOUT.name}"
BASTION = "10.255.0.11"


def bring_up_lab() -> None:
    """Make sure that the lab is up."""
    run("lab", "up")


def take_down_lab() -> None:
    """End the lab and the stack that lived in it."""
    run("lab", "down")
    for file in ROOT.glob(f"Pulumi.{STACK}.*"):
        file.unlink()


def initialise() -> None:
    """Make sure that the tenant has its stack."""
    datacenter = ("--datacenter", str(LAYOUT.description_file))
    run("tenant", "init", TENANT, *datacenter, "--bastion-address", BASTION)


@contextmanager
def deployed_tenant() -> Iterator[tuple[StackOutputs, ManagementPath]]:
    """Make sure that the tenant is up and verified; yield its outputs and the way in."""
    bring_up_lab()
    initialise()
    run("tenant", "up", TENANT, "--stack", STACK)
    stack = find_stack(TENANT, STACK)
    outputs = stack.outputs()
    with open_management_path(outputs, stack.name) as path:
        yield outputs, path


def run(program: str, *arguments: str) -> None:
    """Run one of the project's programs; its own words tell what is wrong."""
    binaries = Path(sys.executable).parent
    done = subprocess.run(
        [binaries / program, *arguments],
        cwd=ROOT,
        env={**os.environ, "LAB_NAME": LAYOUT.name},
        check=False,
    )
    if done.returncode != 0:
        sys.exit(done.returncode)
