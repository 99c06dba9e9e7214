"""The session with the vCenter: watch the inventory, power off a VM, tell of a guest.

The only place that speaks the vSphere API. It must not act on hosts.
"""

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim, vmodl

from lab.error import LabError
from lab.hypervisor.machine import (
    Machine,
    PortGroup,
    PrivateVlan,
    Request,
    compile_boot,
    compile_machine,
    compile_port_group,
    compile_private_vlans,
    compile_request,
)
from lab.process import until

_MACHINE_PROPERTIES = [
    "name",
    "config.extraConfig",
    "config.hardware",
    "config.instanceUuid",
    "guest.guestState",
    "runtime.bootTime",
    "runtime.powerState",
    "summary.config.template",
]
_PORT_GROUP_PROPERTIES = [
    "name",
    "key",
    "config.defaultPortConfig",
    "config.distributedVirtualSwitch",
]
# One wait for changes; the connection's own limit must be longer.
_WAIT_S = 20
_ANSWER_S = 60

# What a session can fail with when the vCenter is gone, slow, or refuses.
VCENTER_FAILURES = (OSError, http.client.HTTPException, vmodl.MethodFault)

_Filter = vmodl.query.PropertyCollector.FilterSpec
_Objects = vmodl.query.PropertyCollector.ObjectSpec
_Properties = vmodl.query.PropertyCollector.PropertySpec
_Traversal = vmodl.query.PropertyCollector.TraversalSpec


@dataclass(frozen=True)
class Endpoint:
    """Where the vCenter is and who may enter. certificate: the only one that is trusted."""

    host: str
    port: int
    user: str
    password: str
    certificate: str

    @classmethod
    def read(cls, port_file: Path, credentials_file: Path, certificate_file: Path) -> "Endpoint":
        """Read the files that `lab up` wrote."""
        try:
            credentials = json.loads(credentials_file.read_text(encoding="utf-8"))
            return cls(
                host="127.0.0.1",
                port=int(port_file.read_text(encoding="ascii")),
                user=credentials["user"],
                password=credentials["password"],
                certificate=certificate_file.read_text(encoding="ascii"),
            )
        except FileNotFoundError as error:
            message = f"{error.filename}: not there, so the lab's vCenter is not up. Run `lab up`."
            raise LabError(message) from error

    def __repr__(self) -> str:
        return f"Endpoint({self.user}@{self.host}:{self.port}, password=[redacted])"


@dataclass(frozen=True)
class GuestNic:
    """What a guest has on one NIC. gateway: of its default route through it."""

    mac: str
    addresses: tuple[str, ...]
    gateway: str | None


@dataclass(frozen=True)
class GuestReport:
    """What the tools in a guest tell."""

    host_name: str
    tools_running: bool
    nics: tuple[GuestNic, ...]

    def payload(self) -> dict[str, object]:
        """Return it as the vCenter takes it."""
        return {
            "host_name": self.host_name,
            "tools_running": self.tools_running,
            "nics": [
                {"mac": nic.mac, "addresses": list(nic.addresses), "gateway": nic.gateway}
                for nic in self.nics
            ],
        }


STOPPED = GuestReport(host_name="", tools_running=False, nics=())


class VCenter:
    """One session. Several threads may use it."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Log in.

        Raises:
            LabError: the vCenter does not answer or refuses the login.
        """
        self._endpoint = endpoint
        self._tls = ssl.create_default_context(cadata=endpoint.certificate)
        try:
            self._instance = SmartConnect(
                host=endpoint.host,
                port=endpoint.port,
                user=endpoint.user,
                pwd=endpoint.password,
                sslContext=self._tls,
                httpConnectionTimeout=_ANSWER_S,
            )
        except VCENTER_FAILURES as error:
            message = f"vCenter {endpoint.host}:{endpoint.port}: no session: {describe(error)}."
            raise LabError(message) from error
        self._content = self._instance.RetrieveContent()
        self._switches: dict[str, tuple[str, Mapping[int, PrivateVlan]]] = {}

    def close(self) -> None:
        """Log out, and close the connections, which logging out does not."""
        Disconnect(self._instance)
        self._instance._stub.DropConnections()

    def read(self) -> dict[str, Machine]:
        """Return all VMs as they are now, by instance UUID."""
        _, inventory = self._start_watching()
        return inventory.compile()

    def watch(self) -> Iterator[dict[str, Machine]]:
        """Yield all VMs by instance UUID: at once, and whenever something may have changed."""
        version, inventory = self._start_watching()
        yield inventory.compile()
        collector = self._content.propertyCollector
        options = vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=_WAIT_S)
        while True:
            update = collector.WaitForUpdatesEx(version, options)
            if update is None:
                continue
            version = update.version
            changed = []
            for filter_update in update.filterSet:
                for change in filter_update.objectSet:
                    if change.kind == "leave":
                        inventory.forget(change.obj)
                    else:
                        changed.append(change.obj)
            # An update may name a property by any path below the one asked for. Reading the
            # changed objects afresh is one more call and always the whole truth.
            self._read_into(inventory, changed)
            yield inventory.compile()

    def power_off(self, moid: str, boot: str) -> None:
        """Power a VM off, as its hypervisor does when the guest has shut down.

        Args:
            moid: of the VM.
            boot: the boot that has ended. When the VM has been powered on again since, what ended
                is not what runs, and nothing is done.
        """
        now = self._read_machine(moid, ["runtime.powerState", "runtime.bootTime"])
        if compile_boot(now) != boot:
            return
        task = vim.VirtualMachine(moid, self._instance._stub).PowerOffVM_Task()
        for _ in until(_ANSWER_S):
            state = task.info.state
            if state == "success":
                return
            if state == "error":
                message = f"{moid}: PowerOffVM_Task failed: {describe(task.info.error)}"
                raise LabError(message)
        message = f"{moid}: PowerOffVM_Task did not end within {_ANSWER_S} s."
        raise LabError(message)

    def read_request(self, moid: str) -> Request | None:
        """Return what the guest is asked to do at this very moment."""
        now = self._read_machine(moid, ["guest.guestState"])
        return compile_request(now.get("guest.guestState"))

    def report(self, moid: str, guest: GuestReport) -> None:
        """Tell the vCenter of a guest: what a real hypervisor does over a channel of its own."""
        endpoint = self._endpoint
        login = base64.b64encode(f"{endpoint.user}:{endpoint.password}".encode()).decode()
        request = urllib.request.Request(
            f"https://{endpoint.host}:{endpoint.port}/lab/guest/{moid}",
            data=json.dumps(guest.payload()).encode(),
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
            method="PUT",
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 - see above
                request, timeout=_ANSWER_S, context=self._tls
            ) as response:
                response.read()
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace").strip()
            message = f"PUT /lab/guest/{moid}: answered {error.code}: {told}"
            raise LabError(message) from error

    def _read_machine(self, moid: str, paths: list[str]) -> dict[str, Any]:
        """Return properties of a VM as they are now, which an update may not have told yet."""
        machine = vim.VirtualMachine(moid, self._instance._stub)
        specification = _Filter(
            objectSet=[_Objects(obj=machine)],
            propSet=[_Properties(type=vim.VirtualMachine, pathSet=paths)],
        )
        result = self._content.propertyCollector.RetrievePropertiesEx(
            [specification], vmodl.query.PropertyCollector.RetrieveOptions()
        )
        return {change.name: change.val for item in result.objects for change in item.propSet}

    def _start_watching(self) -> tuple[str, "_Inventory"]:
        types = [vim.VirtualMachine, vim.dvs.DistributedVirtualPortgroup]
        content = self._content
        view = content.viewManager.CreateContainerView(content.rootFolder, types, True)
        through_view = _Traversal(name="view", type=vim.view.ContainerView, path="view", skip=False)
        specification = _Filter(
            objectSet=[_Objects(obj=view, skip=True, selectSet=[through_view])],
            propSet=_property_specifications(),
        )
        collector = content.propertyCollector
        collector.CreateFilter(specification, False)
        inventory = _Inventory()
        version = ""
        is_truncated = True
        while is_truncated:
            update = collector.WaitForUpdatesEx(
                version, vmodl.query.PropertyCollector.WaitOptions(maxWaitSeconds=0)
            )
            if update is None:
                break
            version = update.version
            is_truncated = bool(update.truncated)
            for filter_update in update.filterSet:
                self._read_into(inventory, [change.obj for change in filter_update.objectSet])
        return version, inventory

    def _read_into(self, inventory: "_Inventory", objects: list[Any]) -> None:
        if not objects:
            return
        specification = _Filter(
            objectSet=[_Objects(obj=item, skip=False) for item in objects],
            propSet=_property_specifications(),
            reportMissingObjectsInResults=True,
        )
        collector = self._content.propertyCollector
        options = vmodl.query.PropertyCollector.RetrieveOptions()
        result = collector.RetrievePropertiesEx([specification], options)
        while result is not None:
            for item in result.objects:
                properties = {change.name: change.val for change in item.propSet}
                if isinstance(item.obj, vim.VirtualMachine):
                    inventory.machines[item.obj._moId] = properties
                elif "key" in properties:
                    inventory.port_groups[item.obj._moId] = (
                        properties["key"],
                        compile_port_group(properties, *self._switch(properties)),
                    )
            if not result.token:
                return
            result = collector.ContinueRetrievePropertiesEx(result.token)

    def _switch(self, properties: Mapping[str, Any]) -> tuple[str, Mapping[int, PrivateVlan]]:
        """Return name and private VLANs of a port group's switch, which a session reads once."""
        switch = properties["config.distributedVirtualSwitch"]
        moid: str = switch._moId
        if moid not in self._switches:
            private_vlans = compile_private_vlans(switch.config.pvlanConfig)
            self._switches[moid] = (switch.name, private_vlans)
        return self._switches[moid]


class _Inventory:
    """The last values read, by managed object id."""

    def __init__(self) -> None:
        self.machines: dict[str, Mapping[str, Any]] = {}
        self.port_groups: dict[str, tuple[str, PortGroup]] = {}

    def forget(self, managed_object: Any) -> None:
        moid = managed_object._moId
        self.machines.pop(moid, None)
        self.port_groups.pop(moid, None)

    def compile(self) -> dict[str, Machine]:
        port_groups = dict(self.port_groups.values())
        compiled = (
            compile_machine(moid, properties, port_groups)
            for moid, properties in sorted(self.machines.items())
        )
        return {machine.uuid: machine for machine in compiled if machine is not None}


def describe(error: Any) -> str:
    """Return a fault in one line: pyvmomi prints the whole object."""
    text = getattr(error, "msg", None) or getattr(error, "localizedMessage", None) or str(error)
    return f"{type(error).__name__}: {str(text).strip()}".rstrip(".")


def _property_specifications() -> list[Any]:
    return [
        _Properties(type=vim.VirtualMachine, pathSet=_MACHINE_PROPERTIES),
        _Properties(type=vim.dvs.DistributedVirtualPortgroup, pathSet=_PORT_GROUP_PROPERTIES),
    ]
