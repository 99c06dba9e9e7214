"""Lay out the good record that every bad one is a change of."""

import shutil
from pathlib import Path

GOOD = Path(__file__).parent / "good"
FOLDER = Path("tenants/voorbeeld")


def lay_out(below: Path) -> Path:
    """Copy the good record to a directory and say where its folder is."""
    return shutil.copytree(GOOD, below / FOLDER)
