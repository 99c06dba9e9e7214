"""Read a distributed switch as plain data: port groups, ports, mirrors, collector.

Responsible for the forms in which a vCenter has one thing. Must not judge.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pyVmomi import vim

from infra.isolation.facts import Mirror, Port, PortGroup, Setting, Switch, Vlans

_Vmware = vim.dvs.VmwareDistributedVirtualSwitch

_POLICIES = {
    "allowPromiscuous": "promiscuous mode",
    "macChanges": "MAC changes",
    "forgedTransmits": "forged transmits",
}
"""Property of both forms of the security policy, and what it is called."""

_OVERRIDES = {
    "blockOverrideAllowed": "blocking",
    "shapingOverrideAllowed": "traffic shaping",
    "vendorConfigOverrideAllowed": "vendor configuration",
    "livePortMovingAllowed": "moving while live",
    "networkResourcePoolOverrideAllowed": "resource pool",
    "trafficFilterOverrideAllowed": "traffic filter",
    "vlanOverrideAllowed": "VLAN",
    "uplinkTeamingOverrideAllowed": "uplink teaming",
    "securityPolicyOverrideAllowed": "security policy",
    "ipfixOverrideAllowed": "records of flows",
    "macManagementOverrideAllowed": "MAC management",
}
"""Property of a port group's policy, and what a port may change for itself where it is true."""


def read_switch(
    switch: Any, groups: Mapping[Any, Mapping[str, Any]], names: Mapping[Any, str]
) -> Switch:
    """Read a switch.

    Args:
        switch: the vCenter's object.
        groups: `name` and `config` of its port groups, by object.
        names: of the VMs, by object.
    """
    config = switch.config
    ports: dict[str, list[Port]] = {}
    criteria = vim.dvs.PortCriteria(uplinkPort=False)
    for port in switch.FetchDVPorts(criteria):
        ports.setdefault(port.portgroupKey, []).append(_read_port(port, names))
    return Switch(
        name=config.name,
        mirrors=tuple(
            Mirror(name=session.name or session.key, is_enabled=session.enabled)
            for session in config.vspanSession
        ),
        collector=(config.ipfixConfig and config.ipfixConfig.collectorIpAddress) or None,
        port_groups=tuple(
            _read_group(group["name"], group["config"], ports.get(group["config"].key, []))
            for group in groups.values()
        ),
    )


def _read_group(name: str, config: Any, ports: list[Port]) -> PortGroup:
    return PortGroup(
        name=name,
        is_uplink=bool(config.uplink),
        setting=_read_setting(config.defaultPortConfig),
        overrides=tuple(
            what for key, what in _OVERRIDES.items() if getattr(config.policy, key, False)
        ),
        is_reset_at_disconnect=bool(config.policy.portConfigResetAtDisconnect),
        ports=tuple(ports),
    )


def _read_port(port: Any, names: Mapping[Any, str]) -> Port:
    connected = port.connectee.connectedEntity if port.connectee else None
    return Port(
        key=port.key,
        machine=names.get(connected),
        setting=_read_setting(port.config.setting),
    )


def _read_setting(setting: Any) -> Setting:
    netflow = setting.ipfixEnabled
    return Setting(
        vlans=_read_vlans(setting.vlan),
        accepted=tuple(_accepted(setting)),
        has_netflow=bool(netflow and netflow.value),
    )


def _accepted(setting: Any) -> Iterator[str]:
    """Name what either form of the security policy accepts: they are to agree, and may not."""
    old, new = setting.securityPolicy, setting.macManagementPolicy
    for key, what in _POLICIES.items():
        former = getattr(old, key, None)
        if (former and former.value) or getattr(new, key, False):
            yield what
    learning = new and new.macLearningPolicy
    if learning and learning.enabled:
        yield "MAC learning"


def _read_vlans(vlan: Any) -> Vlans:
    if isinstance(vlan, _Vmware.TrunkVlanSpec):
        ranges = tuple((part.start, part.end) for part in vlan.vlanId)
        return Vlans(kind="trunk", ranges=ranges)
    if isinstance(vlan, _Vmware.PvlanSpec):
        return Vlans(kind="private", ranges=((vlan.pvlanId, vlan.pvlanId),))
    return Vlans(kind="access", ranges=((vlan.vlanId, vlan.vlanId),))
