"""Servers that meet partners, for a record, and what has their certificates signed."""

from pathlib import Path
from typing import Any

from lab.layout import Layout
from tests.lab.conftest import run_lab
from tests.lab.site import Site
from tests.lab.tenant import run_tenant


def add_endpoint(content: Any, zone: str, segment: dict[str, Any], name: str, address: str) -> None:
    """Give a record a zone with one server that meets others by two-way TLS."""
    content["zones"][zone] = {
        "level": "high",
        "purpose": "chain partners",
        "segments": {zone: segment},
    }
    content["servers"]["edge01"]["interfaces"][zone] = segment["gateway"]
    content["servers"][name] = {
        **{"segment": zone, "address": address, "vcpu": 1, "memory_mib": 512},
        "roles": ["digikoppeling"],
    }
    flows = content["flows"]
    flows["management-ssh"]["to"].append(zone)
    for flow in ("names", "names-large", "time", "packages"):
        flows[flow]["from"].append(zone)


def certify(site: Site, layout: Layout, folder: Path, *, days: int = 365) -> None:
    """Have the lab sign what a stack requests, and take it in."""
    stack = ("--stack", site.stack.name)
    run_tenant("certificates", "request", site.tenant, *stack, "--folder", str(folder))
    signed = []
    for request in folder.glob(f"*.{site.tenant}.internal.csr"):
        chain = request.with_suffix(".pem")
        chain.write_text(run_lab(layout, "sign", str(request), "--days", str(days)))
        signed.append(str(chain))
    run_tenant("certificates", "accept", site.tenant, *signed, *stack)
