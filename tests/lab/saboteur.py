"""Spoil a tenant's isolation in the vCenter, for real, and mend it again.

Each saboteur is a context manager: what it spoils is whole again when it ends.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from tests.lab.estate import Estate, NicWish, wait

Vmware = vim.dvs.VmwareDistributedVirtualSwitch

STRANGE_VLAN = 1899
"""A VLAN that nothing else in the lab has."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is spoilt: a tenant's segment `app`."""

    estate: Estate
    tenant: str

    @property
    def port_group(self) -> Any:
        """The segment's port group."""
        name = f"{self.tenant}-app"
        return self.estate.find(vim.dvs.DistributedVirtualPortgroup, name)

    @property
    def switch(self) -> Any:
        """The switch."""
        return self.estate.find(vim.DistributedVirtualSwitch, "switch01")


Saboteur = Callable[[Target], AbstractContextManager[None]]


def change_setting(spoil: Callable[[Any], None]) -> Saboteur:
    """Change what a port group's ports have by default."""

    @contextmanager
    def spoilt(target: Target) -> Iterator[None]:
        group = target.port_group
        before, setting = group.config.defaultPortConfig, group.config.defaultPortConfig
        spoil(setting)
        _reconfigure(group, defaultPortConfig=setting)
        try:
            yield
        finally:
            _reconfigure(group, defaultPortConfig=before)

    return spoilt


def change_policy(**changes: bool) -> Saboteur:
    """Change what a port group lets its ports do."""

    @contextmanager
    def spoilt(target: Target) -> Iterator[None]:
        group = target.port_group
        before, policy = group.config.policy, group.config.policy
        for key, value in changes.items():
            setattr(policy, key, value)
        _reconfigure(group, policy=policy)
        try:
            yield
        finally:
            _reconfigure(group, policy=before)

    return spoilt


@contextmanager
def move_port(target: Target) -> Iterator[None]:
    """Give one port another VLAN, and forbid it again for all."""
    key = target.port_group.config.key
    criteria = vim.dvs.PortCriteria(portgroupKey=[key], inside=True, connected=True)
    port = target.switch.FetchDVPorts(criteria)[0].key

    def move(vlan: Any) -> None:
        change = vim.dvs.DistributedVirtualPort.ConfigSpec(
            operation="edit", key=port, setting=Vmware.VmwarePortConfigPolicy(vlan=vlan)
        )
        with change_policy(vlanOverrideAllowed=True)(target):
            wait(target.switch.ReconfigureDVPort_Task([change]))

    move(Vmware.VlanIdSpec(inherited=False, vlanId=STRANGE_VLAN))
    try:
        yield
    finally:
        move(Vmware.VlanIdSpec(inherited=True, vlanId=0))


@contextmanager
def add_second_port_group(target: Target) -> Iterator[None]:
    """Make another port group with the segment's VLAN."""
    vlan = target.port_group.config.defaultPortConfig.vlan.vlanId
    added = target.estate.add_port_group("second-way-in", vlan)
    try:
        yield
    finally:
        wait(added.Destroy_Task())


@contextmanager
def add_stranger(target: Target) -> Iterator[None]:
    """Put a VM that is nobody's into the segment."""
    nic = NicWish(target.port_group, "00:50:56:02:00:77", "10.22.20.77/24")
    stranger = target.estate.clone("stranger01", [nic], memory_mib=256, is_powered_on=False)
    try:
        yield
    finally:
        wait(stranger.Destroy_Task())


@contextmanager
def mirror_ports(target: Target) -> Iterator[None]:
    """Copy what passes the switch to somewhere else."""
    session = Vmware.VspanSession(
        name="tap", enabled=True, stripOriginalVlan=False, normalTrafficAllowed=False
    )
    _mirror(target.switch, "add", session)
    try:
        yield
    finally:
        _mirror(target.switch, "remove", target.switch.config.vspanSession[0])


@contextmanager
def add_collector(target: Target) -> Iterator[None]:
    """Send records of all flows to somebody."""
    switch = target.switch
    before, collector = switch.config.ipfixConfig, switch.config.ipfixConfig
    collector.collectorIpAddress, collector.collectorPort = "10.255.0.66", 2055
    wait(switch.ReconfigureDvs_Task(Vmware.ConfigSpec(ipfixConfig=collector)))
    try:
        yield
    finally:
        wait(switch.ReconfigureDvs_Task(Vmware.ConfigSpec(ipfixConfig=before)))


def grant(kind: Any, name: str) -> Saboteur:
    """Let somebody else look at a thing; {tenant} in its name stands for the tenant."""
    return lambda target: target.estate.granting(
        target.estate.find(kind, name.format(tenant=target.tenant)), "neighbour@vsphere.local"
    )


@contextmanager
def leave_secret(target: Target) -> Iterator[None]:
    """Leave a canary with a neighbour's VM, where its guest and every client can read it."""
    option = vim.option.OptionValue(key="guestinfo.note", value="root password: kanarie-0451")
    neighbour = target.estate.clone("neighbour01", [], memory_mib=256, is_powered_on=False)
    wait(neighbour.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[option])))
    try:
        yield
    finally:
        wait(neighbour.Destroy_Task())


def _reconfigure(group: Any, **changes: Any) -> None:
    change = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        configVersion=group.config.configVersion, **changes
    )
    wait(group.ReconfigureDVPortgroup_Task(change))


def _mirror(switch: Any, operation: str, session: Any) -> None:
    change = Vmware.VspanConfigSpec(operation=operation, vspanSession=session)
    wait(switch.ReconfigureDvs_Task(Vmware.ConfigSpec(vspanConfigSpec=[change])))
