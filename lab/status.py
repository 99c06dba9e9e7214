"""What a lab is doing: the vCenter's VMs beside the hosts that the kernel shows.

Responsible for gathering; it changes nothing and formats nothing.
"""

import os
from dataclasses import dataclass

from lab.cgroup import Groups, open_groups
from lab.error import LabError
from lab.fabric import namespace
from lab.hypervisor import guest
from lab.hypervisor.host import Running, find_running
from lab.hypervisor.machine import Machine
from lab.hypervisor.vcenter import Endpoint, VCenter
from lab.layout import Layout


@dataclass(frozen=True)
class HostStatus:
    """One VM and its host. state: off, starting, up, stopping, failed, or stray (it has no VM)."""

    name: str
    uuid: str
    state: str
    addresses: tuple[str, ...]
    memory_bytes: int | None
    memory_limit_mib: int | None
    vcpu: int | None
    complaint: str


@dataclass(frozen=True)
class LabStatus:
    """A lab. problem: why the VMs are not known, or "" when they are."""

    hosts: tuple[HostStatus, ...]
    problem: str


def gather(layout: Layout) -> LabStatus:
    """Return what the lab is doing now."""
    groups = open_groups(layout.name)
    machines: dict[str, Machine] = {}
    problem = ""
    try:
        machines = read_machines(layout)
    except LabError as error:
        problem = str(error)
    found = [
        _gather_host(layout, groups, uuid, machines.get(uuid), is_stray=not problem)
        for uuid in {*machines, *groups.uuids()}
    ]
    return LabStatus(tuple(sorted(found, key=lambda host: host.name)), problem)


def read_machines(layout: Layout) -> dict[str, Machine]:
    """Return the VMs as the vCenter has them, by instance UUID."""
    endpoint = Endpoint.read(layout.port_file, layout.credentials_file, layout.certificate_file)
    vcenter = VCenter(endpoint)
    try:
        return vcenter.read()
    finally:
        vcenter.close()


def find_host(layout: Layout, name: str) -> tuple[str, int]:
    """Return instance UUID and first process of the running host of a VM.

    Raises:
        LabError: no such host runs.
    """
    groups = open_groups(layout.name)
    names = []
    for uuid in groups.uuids():
        running = find_running(groups, uuid)
        if running is None:
            continue
        names.append(running.name)
        if running.name == name and running.leader is not None:
            return uuid, running.leader
    message = (
        f'HOST: "{name}" is not the name of a VM whose host runs. '
        f"Running are: {', '.join(sorted(names)) or 'none'}. See `lab status`."
    )
    raise LabError(message)


def enter(layout: Layout, name: str) -> None:
    """Become a shell in a running host, with its limits. Does not return.

    Raises:
        LabError: no such host runs.
    """
    uuid, leader = find_host(layout, name)
    open_groups(layout.name).join(uuid)
    environment = {
        "HOME": "/root",
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "SHELL": "/bin/bash",
        "TERM": os.environ.get("TERM", "dumb"),
        "USER": "root",
    }
    command = ["nsenter", "--all", f"--target={leader}", "--wdns=/root", "/bin/bash", "--login"]
    os.execvpe(command[0], command, environment)  # noqa: S606 - no shell between, on purpose


def _gather_host(
    layout: Layout, groups: Groups, uuid: str, machine: Machine | None, *, is_stray: bool
) -> HostStatus:
    running = find_running(groups, uuid)
    host_namespace = layout.host_namespace(uuid)
    addresses: tuple[str, ...] = ()
    if running is not None and namespace.is_namespace(host_namespace):
        by_index = guest.addresses(host_namespace)
        addresses = tuple(address for texts in by_index.values() for address in texts)
    complaint = layout.host_run(uuid) / "complaint"
    return HostStatus(
        name=machine.name if machine else running.name if running else uuid,
        uuid=uuid,
        state="stray" if machine is None and is_stray else _state(machine, running),
        addresses=addresses,
        memory_bytes=groups.memory_bytes(uuid) if running else None,
        memory_limit_mib=machine.memory_mib if machine else None,
        vcpu=machine.vcpu if machine else None,
        complaint=complaint.read_text(encoding="utf-8").strip() if complaint.exists() else "",
    )


def _state(machine: Machine | None, running: Running | None) -> str:
    if running is None:
        if machine is not None and not machine.is_powered_on:
            return "off"
        return "failed" if machine is not None and machine.faults else "starting"
    if machine is not None and (not machine.is_powered_on or machine.request is not None):
        return "stopping"
    is_up = running.leader is not None and guest.is_up(running.leader)
    return "up" if is_up else "starting"
