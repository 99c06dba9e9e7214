"""A vCenter of a benchmark's own, and a double that stands for all guests.

A hundred hosts that boot are too many for one small machine, and would measure the hosts. The
double tells the vCenter at once what a guest's tools would tell; nothing else is pretended.
"""

import json
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lab.datacenter import DESCRIPTION
from lab.hypervisor.machine import Machine
from lab.hypervisor.vcenter import (
    STOPPED,
    VCENTER_FAILURES,
    Endpoint,
    GuestNic,
    GuestReport,
    VCenter,
)
from toolchain import locate

USER = "lab@vsphere.local"


@dataclass(frozen=True)
class Served:
    """A vCenter that serves. environment: from which the provider learns where it is."""

    environment: dict[str, str]


@contextmanager
def serve_vcenter(folder: Path) -> Iterator[Served]:
    """Serve an empty datacenter whose guests come up at once.

    Args:
        folder: in memory, for credentials and log.
    """
    password = secrets.token_urlsafe(24)
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({"user": USER, "password": password}))
    with (folder / "vcenter.log").open("w") as log:
        server = subprocess.Popen(
            [
                locate("lab-vcenter") / "lab-vcenter",
                "-config", DESCRIPTION,
                "-listen", "127.0.0.1:0",
                "-credentials", credentials,
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )  # fmt: skip
    try:
        announced = json.loads(server.stdout.readline() if server.stdout else "")
        address = urlsplit(announced["url"])
        endpoint = Endpoint(
            host=address.hostname or "",
            port=address.port or 0,
            user=USER,
            password=password,
            certificate=announced["certificate"],
        )
        double = threading.Thread(target=_stand_for_guests, args=(endpoint,))
        double.start()
        yield Served(
            {
                "VSPHERE_SERVER": f"{endpoint.host}:{endpoint.port}",
                "VSPHERE_USER": USER,
                "VSPHERE_PASSWORD": password,
                "VSPHERE_ALLOW_UNVERIFIED_SSL": "true",
            }
        )
    finally:
        server.terminate()
        server.communicate()
    double.join()


def _stand_for_guests(endpoint: Endpoint) -> None:
    """Report every guest as up from its first moment on, until the vCenter ends."""
    told: dict[str, str] = {}
    try:
        vcenter = VCenter(endpoint)
        for machines in vcenter.watch():
            for machine in machines.values():
                boot = machine.boot if machine.is_powered_on else ""
                if told.get(machine.uuid, "") != boot:
                    vcenter.report(machine.moid, _report(machine) if boot else STOPPED)
                    told[machine.uuid] = boot
    except VCENTER_FAILURES:
        return


def _report(machine: Machine) -> GuestReport:
    """Invent addresses: nobody routes to a guest that is not there."""
    return GuestReport(
        host_name=machine.name,
        tools_running=True,
        nics=tuple(
            GuestNic(nic.mac, (f"10.{'.'.join(str(byte) for byte in _tail(nic.mac))}/8",), None)
            for nic in machine.nics
        ),
    )


def _tail(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))[3:]
