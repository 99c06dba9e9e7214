"""A lab of its own for these tests, up once, taken down at the end; never the user's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from lab.down import remains
from lab.layout import Layout
from tests.lab.estate import Estate, NicWish, make_key, wait
from tests.lab.machine import Make, leg

LAB = Path(sys.executable).parent / "lab"


def run_lab(layout: Layout, *arguments: str) -> str:
    """Run the console script for a lab; fail with what it said."""
    completed = subprocess.run(
        [LAB, *arguments],
        env={**os.environ, "LAB_NAME": layout.name, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="session")
def layout(worker_id: str) -> Iterator[Layout]:
    """Return the layout of a lab that is up; each of pytest's workers has its own.

    LABTEST_NAME lets whole runs go on side by side.
    """
    name = os.environ.get("LABTEST_NAME") or "labtest"
    layout = Layout(name if worker_id == "master" else f"{name}{worker_id}")
    run_lab(layout, "up")
    yield layout
    run_lab(layout, "down")
    assert remains(layout) == []


@pytest.fixture(scope="module")
def estate(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Return a client of the lab's vCenter; not for longer: other files cut its connections."""
    estate = Estate(layout, make_key(tmp_path_factory.mktemp("key")))
    yield estate
    estate.close()


@pytest.fixture(scope="module")
def management(estate: Estate) -> Any:
    """Return the provider-management port group."""
    return estate.find(vim.dvs.DistributedVirtualPortgroup, "provider-management")


@pytest.fixture
def make(estate: Estate, management: Any) -> Iterator[Make]:
    """Return what makes a VM with a leg in provider-management; it is destroyed afterwards."""
    made = []

    def make_one(name: str, *nics: NicWish, **options: Any) -> Any:
        machine = estate.clone(name, [leg(management), *nics], **options)
        made.append(machine)
        return machine

    yield make_one
    for machine in made:
        if estate.power_state(machine) == "poweredOn":
            wait(machine.PowerOffVM_Task())
        wait(machine.Destroy_Task())
