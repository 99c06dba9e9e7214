"""Lay out the good record that every bad one is a change of, with its provider and neighbour."""

import shutil
from pathlib import Path

GOOD = Path(__file__).parent / "good"
PROVIDER = Path(__file__).parent / "provider.yaml"
FOLDER = Path("tenants/voorbeeld")
NEIGHBOUR = "voorbeeld-zuid"


def lay_out(below: Path) -> Path:
    """Copy the good record to a directory and say where its folder is.

    The neighbour has the same servers, addresses and prefixes; other VLANs and another id.
    """
    folder = below / FOLDER
    shutil.copytree(GOOD, folder)
    shutil.copy(PROVIDER, folder.parent)
    neighbour = folder.with_name(NEIGHBOUR) / "tenant.yaml"
    neighbour.parent.mkdir()
    text = (GOOD / "tenant.yaml").read_text()
    neighbour.write_text(text.replace("vlan: 10", "vlan: 25"))
    return folder
