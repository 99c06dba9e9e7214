"""Port groups and VMs made over the ordinary vSphere API, as a client of the lab makes them."""

import base64
import gzip
import http.client
import json
import shlex
import ssl
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

import yaml
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from lab.fabric.namespace import run_inside
from lab.layout import Layout
from lab.process import until
from lab.status import find_host

Result = TypeVar("Result")

PROBE = (Path(__file__).parents[1] / "host" / "probe.py").read_text()
POLICIES = ("allowPromiscuous", "macChanges", "forgedTransmits")
"""What the security policy of a port group rejects or accepts."""

PATIENCE_S = 180
"""Deadline of what takes seconds on a machine that does nothing else."""

# Enters the host as `lab shell` does, with its limits, and runs a command instead of a shell.
_ENTER = [
    sys.executable,
    "-c",
    "import os, sys\n"
    "from lab.cgroup import open_groups\n"
    "open_groups(sys.argv[1]).join(sys.argv[2])\n"
    "os.execvp('nsenter', ['nsenter', '--all', f'--target={sys.argv[3]}', '/bin/sh', '-c', "
    "sys.argv[4]])\n",
]


@dataclass(frozen=True)
class NicWish:
    """One NIC of a VM: where, which MAC, and which address cloud-init gives it."""

    port_group: Any
    mac: str
    address: str
    gateway: str | None = None


class Estate:
    """A session as the lab's user."""

    def __init__(self, layout: Layout, key: Path) -> None:
        self.layout = layout
        self.key = key
        credentials = json.loads(layout.credentials_file.read_text())
        self._instance = SmartConnect(
            host="127.0.0.1",
            port=int(layout.port_file.read_text()),
            user=credentials["user"],
            pwd=credentials["password"],
            sslContext=ssl.create_default_context(cafile=str(layout.certificate_file)),
        )
        self._datacenter = self._instance.content.rootFolder.childEntity[0]

    def close(self) -> None:
        """Log out, and close the connections, which logging out does not."""
        Disconnect(self._instance)
        self._instance._stub.DropConnections()

    def find(self, kind: Any, name: str) -> Any:
        """Return the managed object of this kind and name."""
        return next(item for item in self.every(kind) if item.name == name)

    def every(self, kind: Any) -> list[Any]:
        """Return all managed objects of this kind."""
        content = self._instance.content
        view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
        try:
            return list(view.view)
        finally:
            view.Destroy()

    def names(self, kind: Any) -> list[str]:
        """Return the names of all managed objects of a kind."""
        content = self._instance.content
        view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
        try:
            return [item.name for item in view.view]
        finally:
            view.Destroy()

    @contextmanager
    def ending_sessions(self) -> Iterator[None]:
        """End the session of whoever logs in meanwhile, as an administrator can."""
        manager = self._instance.content.sessionManager
        known = {session.key for session in manager.sessionList}
        is_over = Event()

        def end() -> None:
            while not is_over.wait(0.05):
                fresh = {session.key for session in manager.sessionList} - known
                for key in fresh:
                    # It may have logged out in between.
                    with suppress(vmodl.MethodFault):
                        manager.TerminateSession([key])

        ender = Thread(target=end)
        ender.start()
        try:
            yield
        finally:
            is_over.set()
            ender.join()

    def add_port_group(self, name: str, vlan_id: int) -> Any:
        """Create a port group that accepts nothing."""
        switch = self.find(vim.DistributedVirtualSwitch, "switch01")
        specification = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            name=name,
            numPorts=8,
            type="earlyBinding",
            defaultPortConfig=_port_setting(vlan_id, ()),
        )
        wait(switch.AddDVPortgroup_Task([specification]))
        return self.find(vim.dvs.DistributedVirtualPortgroup, name)

    @contextmanager
    def granting(self, thing: Any, principal: str) -> Iterator[None]:
        """Let an account look at something, and at all below it."""
        manager = self._instance.content.authorizationManager
        role = next(role for role in manager.roleList if role.name == "ReadOnly")
        permission = vim.AuthorizationManager.Permission(
            entity=thing, principal=principal, group=False, roleId=role.roleId, propagate=True
        )
        manager.SetEntityPermissions(thing, [permission])
        try:
            yield
        finally:
            manager.RemoveEntityPermission(thing, principal, False)

    def add_category(self, name: str) -> None:
        """Create a category of tags: they have an interface of their own."""
        credentials = json.loads(self.layout.credentials_file.read_text())
        login = f"{credentials['user']}:{credentials['password']}".encode()
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            int(self.layout.port_file.read_text()),
            context=ssl.create_default_context(cafile=str(self.layout.certificate_file)),
        )

        def post(path: str, body: object, **headers: str) -> Any:
            connection.request("POST", f"/rest/com/vmware/cis/{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 200, told
            return json.loads(told)["value"]

        try:
            basic = f"Basic {base64.b64encode(login).decode()}"
            session = post("session", None, Authorization=basic)
            category = {
                "name": name,
                "description": "",
                "cardinality": "SINGLE",
                "associable_types": ["VirtualMachine"],
            }
            wish = {"create_spec": category}
            post("tagging/category", wish, **{"vmware-api-session-id": session})
        finally:
            connection.close()

    def set_policy(self, port_group: Any, vlan_id: int, accepted: Collection[str]) -> None:
        """Change the VLAN of a port group and which security policies are not on reject."""
        specification = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
            configVersion=port_group.config.configVersion,
            defaultPortConfig=_port_setting(vlan_id, accepted),
        )
        wait(port_group.ReconfigureDVPortgroup_Task(specification))

    def clone(
        self,
        name: str,
        nics: list[NicWish],
        *,
        disks_gib: tuple[int, ...] = (),
        memory_mib: int = 512,
        is_powered_on: bool = True,
    ) -> Any:
        """Clone the template into a VM that cloud-init can configure."""
        template = self.find(vim.VirtualMachine, "debian-12")
        changes = [
            vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)
            for device in template.config.hardware.device
            if isinstance(device, vim.vm.device.VirtualEthernetCard)
        ]
        changes += [nic_change(nic, -1 - number) for number, nic in enumerate(nics)]
        changes += [disk_change(unit, gib) for unit, gib in enumerate(disks_gib, start=1)]
        specification = vim.vm.CloneSpec(
            location=vim.vm.RelocateSpec(
                pool=self.find(vim.ClusterComputeResource, "cluster01").resourcePool
            ),
            powerOn=is_powered_on,
            template=False,
            config=vim.vm.ConfigSpec(
                memoryMB=memory_mib,
                cpuHotAddEnabled=True,
                memoryHotAddEnabled=True,
                deviceChange=changes,
                extraConfig=self._guestinfo(name, nics),
            ),
        )
        folder = self._datacenter.vmFolder
        return wait(template.CloneVM_Task(folder=folder, name=name, spec=specification))

    def await_tools(self, machine: Any, *, is_running: bool = True) -> None:
        """Wait until the vCenter knows that a guest is up, or no longer."""
        wanted = "guestToolsRunning" if is_running else "guestToolsNotRunning"
        for _ in until(PATIENCE_S):
            if machine.guest.toolsRunningStatus == wanted:
                return
        message = f"{machine.name}: not {wanted} within {PATIENCE_S} s"
        raise AssertionError(message)

    def power_state(self, machine: Any) -> str:
        """Return whether a VM is powered on, as the vCenter has it."""
        collector = self._instance.content.propertyCollector
        types = vmodl.query.PropertyCollector
        specification = types.FilterSpec(
            objectSet=[types.ObjectSpec(obj=machine)],
            propSet=[types.PropertySpec(type=vim.VirtualMachine, pathSet=["runtime.powerState"])],
        )
        result = collector.RetrievePropertiesEx([specification], types.RetrieveOptions())
        return str(result.objects[0].propSet[0].val)

    def leader(self, machine: Any) -> int:
        """Return the process id, on the machine, of systemd in a host."""
        _, leader = find_host(self.layout, machine.name)
        return leader

    def run(self, machine: Any, command: str) -> str:
        """Run a shell command as root in a host and return what it wrote."""
        completed = self.attempt(machine, command)
        assert completed.returncode == 0, f"{command}: {completed.stdout}{completed.stderr}"
        return completed.stdout.strip()

    def probe(self, machine: Any, targets: list[tuple[str, int]]) -> list[str]:
        """Return what a host meets at TCP ports of addresses: open, refused or silent."""
        asked = json.dumps([["tcp", address, port] for address, port in targets])
        return list(json.loads(self.run(machine, shlex.join(["python3", "-c", PROBE, asked]))))

    def attempt(self, machine: Any, command: str) -> "subprocess.CompletedProcess[str]":
        """Run a shell command as root in a host, under the host's own limits."""
        uuid, leader = find_host(self.layout, machine.name)
        enter = [*_ENTER, str(self.layout.name), uuid, str(leader), command]
        return subprocess.run(enter, capture_output=True, text=True, check=False)

    def inside(self, machine: Any, function: Callable[[], Result]) -> Result:
        """Run a function of ours in the network of a host: what it sends leaves by its NICs."""
        return run_inside(self.layout.host_namespace(machine.config.instanceUuid), function)

    def _guestinfo(self, name: str, nics: list[NicWish]) -> list[Any]:
        ethernets = {
            f"nic{number}": {
                "match": {"macaddress": nic.mac},
                "set-name": f"eth{number}",
                "addresses": [nic.address],
                **({"routes": [{"to": "0.0.0.0/0", "via": nic.gateway}]} if nic.gateway else {}),
            }
            for number, nic in enumerate(nics)
        }
        metadata = {
            "instance-id": name,
            "local-hostname": name,
            "network": {"version": 2, "ethernets": ethernets},
        }
        user = {
            "name": "ansible",
            "sudo": "ALL=(ALL) NOPASSWD:ALL",
            "shell": "/bin/bash",
            "ssh_authorized_keys": [self.key.with_suffix(".pub").read_text().strip()],
        }
        return [
            vim.option.OptionValue(key=f"guestinfo.{key}{suffix}", value=value)
            for key, text in (
                ("metadata", yaml.safe_dump(metadata)),
                ("userdata", "#cloud-config\n" + yaml.safe_dump({"users": [user]})),
            )
            for suffix, value in (
                ("", base64.b64encode(gzip.compress(text.encode())).decode()),
                (".encoding", "gzip+base64"),
            )
        ]


def nic_change(nic: NicWish, key: int) -> Any:
    """Return the change that adds a NIC."""
    config = nic.port_group.config
    return vim.vm.device.VirtualDeviceSpec(
        operation="add",
        device=vim.vm.device.VirtualVmxnet3(
            key=key,
            addressType="manual",
            macAddress=nic.mac,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=True, connected=True, allowGuestControl=True
            ),
            backing=vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(
                port=vim.dvs.PortConnection(
                    portgroupKey=config.key, switchUuid=config.distributedVirtualSwitch.uuid
                )
            ),
        ),
    )


def disk_change(unit: int, gib: int) -> Any:
    """Return the change that adds a disk on the template's SCSI controller."""
    return vim.vm.device.VirtualDeviceSpec(
        operation="add",
        fileOperation="create",
        device=vim.vm.device.VirtualDisk(
            key=-100 - unit,
            controllerKey=1000,
            unitNumber=unit,
            capacityInKB=gib * 1024 * 1024,
            backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
                diskMode="persistent", thinProvisioned=True, fileName=""
            ),
        ),
    )


def wait(task: Any) -> Any:
    """Return a task's result when it is done."""
    for _ in until(PATIENCE_S):
        if task.info.state == "success":
            return task.info.result
        if task.info.state == "error":
            raise AssertionError(task.info.error.msg or str(task.info.error))
    message = f"task {task.info.key} did not end within {PATIENCE_S} s"
    raise AssertionError(message)


def await_true(what: str, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    for _ in until(PATIENCE_S):
        if condition():
            return
    message = f"{what}: not within {PATIENCE_S} s"
    raise AssertionError(message)


def _port_setting(vlan_id: int, accepted: Collection[str]) -> Any:
    policies = {name: vim.BoolPolicy(inherited=False, value=name in accepted) for name in POLICIES}
    return vim.dvs.VmwareDistributedVirtualSwitch.VmwarePortConfigPolicy(
        vlan=vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec(inherited=False, vlanId=vlan_id),
        securityPolicy=vim.dvs.VmwareDistributedVirtualSwitch.SecurityPolicy(
            inherited=False, **policies
        ),
    )


def make_key(directory: Path) -> Path:
    """Make an ssh key pair; return the private key's file."""
    key = directory / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key
