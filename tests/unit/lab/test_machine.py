"""VMs and port groups compiled from real vSphere data objects."""

import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from pyVmomi import vim

from lab.fabric.port import Security, Segment
from lab.hypervisor.machine import (
    Machine,
    PortGroup,
    Request,
    compile_machine,
    compile_port_group,
    compile_private_vlans,
)

Device = vim.vm.device
Switch = vim.dvs.VmwareDistributedVirtualSwitch

PRIVATE_VLANS = compile_private_vlans(
    Switch.PvlanMapEntry(primaryVlanId=99, secondaryVlanId=side, pvlanType=kind)
    for side, kind in ((99, "promiscuous"), (100, "isolated"), (101, "community"))
)
PORT_GROUPS = {
    "dvportgroup-1": PortGroup("office", Segment("switch01", 1101), Security()),
    "dvportgroup-2": PortGroup("uplinks", None, Security()),
}


def nic(key: int, port_group: str, *, mac: str = "00:50:56:AA:00:01", on: bool = True) -> Any:
    """Return a NIC in a port group."""
    return Device.VirtualVmxnet3(
        key=key,
        macAddress=mac,
        connectable=Device.VirtualDevice.ConnectInfo(
            startConnected=on, connected=on, allowGuestControl=True
        ),
        backing=Device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(
            port=vim.dvs.PortConnection(portgroupKey=port_group, switchUuid="50 2e")
        ),
    )


def disk(key: int, unit: int, gib: int, *, controller: int = 1000) -> Any:
    """Return a disk on a controller."""
    return Device.VirtualDisk(
        key=key,
        controllerKey=controller,
        unitNumber=unit,
        capacityInKB=gib * 2**20,
        capacityInBytes=gib * 2**30,
    )


def properties(*devices: Any, **others: Any) -> Mapping[str, Any]:
    """Return the properties of a powered-on VM with these devices."""
    controllers = [
        Device.ParaVirtualSCSIController(key=1000 + bus, busNumber=bus) for bus in (0, 1)
    ]
    return {
        "name": "db01",
        "config.instanceUuid": "5020aaaa-0000-0000-0000-000000000001",
        "config.hardware": vim.vm.VirtualHardware(
            numCPU=2, memoryMB=1024, device=[*devices, *controllers]
        ),
        "runtime.powerState": "poweredOn",
        "runtime.bootTime": datetime.datetime(2026, 11, 24, 12, 0, tzinfo=datetime.UTC),
        "summary.config.template": False,
        **{name.replace("__", "."): value for name, value in others.items()},
    }


def compiled(*devices: Any, **others: Any) -> Machine:
    """Return the compiled VM."""
    machine = compile_machine("vm-1", properties(*devices, **others), PORT_GROUPS)
    assert machine is not None
    return machine


def test_nics_come_in_device_order_with_segment_and_policy() -> None:
    machine = compiled(
        nic(4001, "dvportgroup-1", mac="00:50:56:AA:00:02", on=False), nic(4000, "dvportgroup-1")
    )
    assert [(item.key, item.mac, item.is_connected) for item in machine.nics] == [
        (4000, "00:50:56:aa:00:01", True),
        (4001, "00:50:56:aa:00:02", False),
    ]
    assert machine.nics[0].segment == Segment("switch01", 1101)
    assert machine.faults == ()


def test_first_disk_is_the_root_and_the_others_are_named_by_unit() -> None:
    machine = compiled(disk(2002, 3, 5), disk(2000, 0, 8), disk(2001, 1, 20))
    assert [(item.node, item.by_path, item.capacity_bytes) for item in machine.disks] == [
        ("sdb", "pci-0000:03:00.0-scsi-0:0:1:0", 20 * 2**30),
        ("sdd", "pci-0000:03:00.0-scsi-0:0:3:0", 5 * 2**30),
    ]


def test_boot_differs_from_one_power_on_to_the_next() -> None:
    later = datetime.datetime(2026, 11, 24, 12, 0, 1, tzinfo=datetime.UTC)
    assert compiled().boot != compiled(runtime__bootTime=later).boot


def test_powered_off_vm_has_no_boot() -> None:
    machine = compiled(runtime__powerState="poweredOff")
    assert (machine.is_powered_on, machine.boot) == (False, "")


@pytest.mark.parametrize(
    ("state", "request_"),
    [
        ("running", None),
        (None, None),
        ("shuttingDown", Request.SHUTDOWN),
        ("resetting", Request.REBOOT),
    ],
)
def test_guest_state_is_a_request(state: str | None, request_: Request | None) -> None:
    assert compiled(guest__guestState=state).request is request_


def test_guestinfo_is_taken_and_nothing_else_of_the_extra_config() -> None:
    options = [
        vim.option.OptionValue(key="guestinfo.metadata", value="H4sI"),
        vim.option.OptionValue(key="guestinfo.metadata.encoding", value="gzip+base64"),
        vim.option.OptionValue(key="guestinfo.empty", value=""),
        vim.option.OptionValue(key="svga.present", value="TRUE"),
    ]
    assert compiled(config__extraConfig=options).guestinfo == (
        ("metadata", "H4sI"),
        ("metadata.encoding", "gzip+base64"),
    )


@pytest.mark.parametrize(
    ("device", "fault"),
    [
        pytest.param(
            nic(4000, "dvportgroup-2"),
            "NIC 4000: port group uplinks is a trunk or a community of a private VLAN. Only port "
            "groups with one VLAN are realised here. Give it a VLAN id.",
            id="trunk",
        ),
        pytest.param(
            nic(4000, "dvportgroup-9"),
            "NIC 4000: attached to port group dvportgroup-9, which does not exist. "
            "Choose an existing one.",
            id="unknown port group",
        ),
        pytest.param(
            Device.VirtualVmxnet3(
                key=4000,
                macAddress="00:50:56:aa:00:01",
                backing=Device.VirtualEthernetCard.NetworkBackingInfo(deviceName="VM Network"),
            ),
            "NIC 4000: attached to a vim.vm.device.VirtualEthernetCard.NetworkBackingInfo. Only "
            "port groups of a distributed switch are realised here. Choose one.",
            id="standard switch",
        ),
    ],
)
def test_nic_that_cannot_be_realised_is_a_fault(device: Any, fault: str) -> None:
    assert compiled(device).faults == (fault,)


def test_disk_on_another_controller_is_a_fault() -> None:
    machine = compiled(disk(2000, 0, 8), disk(2016, 0, 1, controller=1001))
    assert machine.disks == ()
    assert machine.faults == (
        "disk 2016: on SCSI controller 1. Only controller 0 is realised here, with 15 disks. "
        "Attach it there.",
    )


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"summary__config__template": True}, id="template"),
        pytest.param({"config__instanceUuid": None}, id="still being made"),
    ],
)
def test_what_is_no_vm_yet_is_no_machine(others: dict[str, Any]) -> None:
    assert compile_machine("vm-1", properties(**others), PORT_GROUPS) is None


def setting(vlan: Any, *, promiscuous: bool | None) -> dict[str, Any]:
    """Return the properties of a port group."""
    policy = Switch.SecurityPolicy(
        inherited=False,
        allowPromiscuous=None
        if promiscuous is None
        else vim.BoolPolicy(inherited=False, value=promiscuous),
    )
    return {
        "name": "office",
        "config.defaultPortConfig": Switch.VmwarePortConfigPolicy(vlan=vlan, securityPolicy=policy),
    }


def test_port_group_has_its_vlan_and_rejects_what_nobody_accepted() -> None:
    vlan = Switch.VlanIdSpec(vlanId=1101, inherited=False)
    assert compile_port_group(setting(vlan, promiscuous=None), "switch01", {}) == PortGroup(
        "office", Segment("switch01", 1101), Security(False, False, False)
    )
    accepted = compile_port_group(setting(vlan, promiscuous=True), "switch01", {})
    assert accepted.security == Security(allow_promiscuous=True)


@pytest.mark.parametrize(
    "vlan",
    [
        Switch.TrunkVlanSpec(vlanId=[vim.NumericRange(start=0, end=4094)], inherited=False),
        Switch.PvlanSpec(pvlanId=101, inherited=False),
        Switch.PvlanSpec(pvlanId=5, inherited=False),
    ],
)
def test_trunk_community_and_unknown_private_vlan_are_no_segment(vlan: Any) -> None:
    compiled = compile_port_group(setting(vlan, promiscuous=False), "switch01", PRIVATE_VLANS)
    assert compiled.segment is None


@pytest.mark.parametrize(("side", "is_isolated"), [(99, False), (100, True)])
def test_both_sides_of_a_private_vlan_are_one_segment(side: int, is_isolated: bool) -> None:
    vlan = Switch.PvlanSpec(pvlanId=side, inherited=False)
    compiled = compile_port_group(setting(vlan, promiscuous=False), "switch01", PRIVATE_VLANS)
    assert compiled.segment == Segment("switch01", 99)
    assert compiled.security == Security(is_isolated=is_isolated)
