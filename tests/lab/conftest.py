"""A lab of its own for these tests, up once, taken down at the end; never the user's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.down import remains
from lab.layout import Layout
from tests.lab.estate import Estate, make_key

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
