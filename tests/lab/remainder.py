"""What is there beside the plan: VMs and hosts too many or twice, half-written files, processes."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pyVmomi import vim

from infra.operations.stack import ROOT
from lab.daemon import MARK
from lab.layout import Layout
from lab.process import environment
from lab.status import read_machines
from tests.lab.conftest import run_lab
from tests.lab.estate import Estate
from tests.lab.site import Site


def machines(tenant: str, layout: Layout) -> dict[str, Any]:
    """Return the tenant's VMs as the vCenter has them."""
    return {
        uuid: machine
        for uuid, machine in read_machines(layout).items()
        if machine.name.startswith(f"{tenant}-")
    }


def differences(site: Site, layout: Layout) -> list[str]:
    """Say where vCenter and hosts differ from the plan: too many, too few, twice."""
    plan = site.stack.outputs().plan
    wanted = Counter(
        [("VM", server.name) for server in plan.servers.values()]
        + [("host", server.name) for server in plan.servers.values()]
        + [("port group", f"{site.tenant}-{key}") for key in plan.segments]
        + [("folder", site.tenant), ("resource pool", site.tenant)]
    )
    hosts = json.loads(run_lab(layout, "status", "--json"))["hosts"]
    there = Counter(("VM", machine.name) for machine in machines(site.tenant, layout).values())
    there.update(
        ("host" if host["state"] == "up" else f"{host['state']} host", host["name"])
        for host in hosts
        if host["name"].startswith(site.tenant) or host["state"] == "stray"
    )
    estate = Estate(layout, Path("unused"))
    try:
        for kind, name in (
            (vim.dvs.DistributedVirtualPortgroup, "port group"),
            (vim.Folder, "folder"),
            (vim.ResourcePool, "resource pool"),
        ):
            names = (item.name for item in estate.every(kind))
            there.update((name, item) for item in names if item.startswith(site.tenant))
    finally:
        estate.close()
    return [f"missing: {kind} {name}" for kind, name in (wanted - there).elements()] + [
        f"too many: {kind} {name}" for kind, name in (there - wanted).elements()
    ]


def half_written(site: Site, layout: Layout) -> list[str]:
    """Name the files that a killed program left half-written."""
    evidence = ROOT / "evidence" / site.stack.name
    found = [str(file) for file in evidence.glob("*.partial")]
    found += [str(file) for file in layout.run.glob("*.new")]
    readers = [(file, json.loads) for file in evidence.glob("*.json")]
    readers += [(file, yaml.safe_load) for file in ROOT.glob(f"Pulumi.{site.stack.name}.yaml")]
    for file, read in readers:
        try:
            read(file.read_text())
        except ValueError as error:
            found.append(f"{file}: {error}")
    return found


def processes() -> Iterator[tuple[int, dict[str, str]]]:
    """Give all processes with their environments, but for what serves in a lab."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            variables = environment(int(entry.name))
            if MARK not in variables:
                yield int(entry.name), variables
