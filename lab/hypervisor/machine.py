"""What a VM is wanted to be, compiled from what the vCenter says.

Pure: the vCenter's property values in, frozen data out. It must not ask the vCenter anything.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from lab.fabric.port import Security, Segment

# Linux gives a by-path name to each target; a VM's first SCSI controller sits at this address.
_CONTROLLER_PATH = "pci-0000:03:00.0-scsi-0:0"


class Request(enum.Enum):
    """What the vCenter was asked to have the guest do."""

    SHUTDOWN = "shuttingDown"
    REBOOT = "resetting"


@dataclass(frozen=True)
class PortGroup:
    """A port group: the segment it realises, or why it cannot be realised here."""

    name: str
    segment: Segment | None
    security: Security


@dataclass(frozen=True)
class PrivateVlan:
    """What a secondary VLAN of a private VLAN is. primary: the VLAN that it is a side of."""

    primary: int
    is_isolated: bool


@dataclass(frozen=True)
class Nic:
    """One virtual NIC. key: vSphere's device key, unique in the VM and never used again."""

    key: int
    mac: str
    segment: Segment
    security: Security
    is_connected: bool


@dataclass(frozen=True)
class Disk:
    """One disk beyond the first. unit: on the VM's SCSI controller 0, 1-15."""

    key: int
    unit: int
    capacity_bytes: int

    @property
    def node(self) -> str:
        """The name of its device in the guest: sdb is unit 1."""
        return f"sd{chr(ord('a') + self.unit)}"

    @property
    def by_path(self) -> str:
        """The name that says where it is plugged in."""
        return f"{_CONTROLLER_PATH}:{self.unit}:0"


@dataclass(frozen=True)
class Machine:
    """A VM. boot: a new value for every power-on and reset. faults: why it cannot be a host."""

    uuid: str
    moid: str
    name: str
    is_powered_on: bool
    boot: str
    memory_mib: int
    vcpu: int
    nics: tuple[Nic, ...]
    disks: tuple[Disk, ...]
    guestinfo: tuple[tuple[str, str], ...]
    request: Request | None
    faults: tuple[str, ...]


def compile_private_vlans(entries: Iterable[Any]) -> dict[int, PrivateVlan]:
    """Compile a switch's `config.pvlanConfig`, by secondary VLAN.

    Communities are left out: ports that meet some of the others are not realised here.
    """
    return {
        entry.secondaryVlanId: PrivateVlan(entry.primaryVlanId, entry.pvlanType == "isolated")
        for entry in entries
        if entry.pvlanType in ("promiscuous", "isolated")
    }


def compile_port_group(
    properties: Mapping[str, Any], switch_name: str, private_vlans: Mapping[int, PrivateVlan]
) -> PortGroup:
    """Compile a port group.

    Args:
        properties: its `name` and `config.defaultPortConfig`.
        switch_name: of its switch.
        private_vlans: of its switch, by secondary VLAN.
    """
    setting = properties["config.defaultPortConfig"]
    vlan = getattr(setting, "vlan", None)
    # vSphere's own default when nothing is set is no VLAN; what a trunk carries is no single
    # segment.
    vlan_id: int | None = 0
    is_isolated = False
    if isinstance(vlan, vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec):
        vlan_id = vlan.vlanId
    elif isinstance(vlan, vim.dvs.VmwareDistributedVirtualSwitch.PvlanSpec):
        private = private_vlans.get(vlan.pvlanId)
        vlan_id = private.primary if private else None
        is_isolated = bool(private and private.is_isolated)
    elif vlan is not None:
        vlan_id = None
    policy = getattr(setting, "securityPolicy", None)
    return PortGroup(
        name=properties["name"],
        segment=None if vlan_id is None else Segment(switch_name, vlan_id),
        security=Security(
            allow_promiscuous=_is_accepted(policy, "allowPromiscuous"),
            mac_changes=_is_accepted(policy, "macChanges"),
            forged_transmits=_is_accepted(policy, "forgedTransmits"),
            is_isolated=is_isolated,
        ),
    )


def compile_machine(
    moid: str, properties: Mapping[str, Any], port_groups: Mapping[str, PortGroup]
) -> Machine | None:
    """Compile a VM.

    Args:
        moid: its managed object id.
        properties: property path -> value, as the vCenter gives them; one without value is absent.
        port_groups: by port group key.

    Returns:
        None for a template, and for a VM that is still being made.
    """
    uuid = properties.get("config.instanceUuid")
    hardware = properties.get("config.hardware")
    if not uuid or hardware is None or properties.get("summary.config.template"):
        return None
    faults: list[str] = []
    boot = compile_boot(properties)
    return Machine(
        uuid=uuid,
        moid=moid,
        name=properties["name"],
        is_powered_on=boot != "",
        boot=boot,
        memory_mib=hardware.memoryMB,
        vcpu=hardware.numCPU,
        nics=_compile_nics(hardware.device, port_groups, faults),
        disks=_compile_disks(hardware.device, faults),
        guestinfo=_compile_guestinfo(properties.get("config.extraConfig") or []),
        request=compile_request(properties.get("guest.guestState")),
        faults=tuple(faults),
    )


def compile_boot(properties: Mapping[str, Any]) -> str:
    """Return the identity of a VM's boot from its `runtime`; "" when it is powered off."""
    if properties.get("runtime.powerState") != "poweredOn":
        return ""
    boot_time = properties.get("runtime.bootTime")
    return boot_time.isoformat() if boot_time else "unknown"


def compile_request(guest_state: str | None) -> Request | None:
    """Return what a guest state asks for, if it is a request."""
    return next((request for request in Request if request.value == guest_state), None)


def _is_accepted(policy: Any, name: str) -> bool:
    value = getattr(policy, name, None)
    return bool(value is not None and value.value)


def _compile_nics(
    devices: list[Any], port_groups: Mapping[str, PortGroup], faults: list[str]
) -> tuple[Nic, ...]:
    nics = []
    for device in sorted(devices, key=lambda device: int(device.key)):
        if not isinstance(device, vim.vm.device.VirtualEthernetCard):
            continue
        label = f"NIC {device.key}"
        backing = device.backing
        port = getattr(backing, "port", None)
        if port is None:
            faults.append(
                f"{label}: attached to a {type(backing).__name__}. Only port groups of a "
                "distributed switch are realised here. Choose one."
            )
            continue
        port_group = port_groups.get(port.portgroupKey)
        if port_group is None:
            faults.append(
                f"{label}: attached to port group {port.portgroupKey}, which does not exist. "
                "Choose an existing one."
            )
            continue
        if port_group.segment is None:
            faults.append(
                f"{label}: port group {port_group.name} is a trunk or a community of a private "
                "VLAN. Only port groups with one VLAN are realised here. Give it a VLAN id."
            )
            continue
        connectable = device.connectable
        nics.append(
            Nic(
                key=device.key,
                mac=(device.macAddress or "").lower(),
                segment=port_group.segment,
                security=port_group.security,
                is_connected=connectable is None or bool(connectable.startConnected),
            )
        )
    return tuple(nics)


def _compile_disks(devices: list[Any], faults: list[str]) -> tuple[Disk, ...]:
    buses = {
        device.key: device.busNumber
        for device in devices
        if isinstance(device, vim.vm.device.VirtualController)
    }
    placed = sorted(
        (
            (buses.get(device.controllerKey or 0, 0), device.unitNumber or 0, device)
            for device in devices
            if isinstance(device, vim.vm.device.VirtualDisk)
        ),
        key=lambda place: place[:2],
    )
    disks = []
    # The first disk is the root; its content is the host image.
    for bus, unit, device in placed[1:]:
        if bus != 0:
            faults.append(
                f"disk {device.key}: on SCSI controller {bus}. Only controller 0 is realised "
                "here, with 15 disks. Attach it there."
            )
            continue
        disks.append(
            Disk(
                key=device.key,
                unit=unit,
                # capacityInBytes is the newer of the two, and absent on old hosts.
                capacity_bytes=device.capacityInBytes or device.capacityInKB * 1024,
            )
        )
    return tuple(disks)


def _compile_guestinfo(options: list[Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted(
            (option.key.removeprefix("guestinfo."), str(option.value))
            for option in options
            if option.key.startswith("guestinfo.") and option.value
        )
    )
