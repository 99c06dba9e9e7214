"""Judge one segment's port group against the plan: case I28, and control C34 with it.

Pure. Says what the switch is told to do, not that it does it.
"""

from collections.abc import Iterator, Mapping

from infra.isolation.facts import Configuration, PortGroup, Vlans
from infra.plan.model import Plan


def judge_port_group(
    plan: Plan, found: Configuration, segment: str
) -> tuple[dict[str, bool], list[str]]:
    """Compare what realises a segment with the plan.

    Args:
        plan: of the tenant.
        found: of the vCenter.
        segment: its key.

    Returns:
        Controls, by name whether what must be there was seen, and faults in words.
    """
    name = f"{plan.tenant}-{segment}"
    vlan = plan.segments[segment].vlan
    group = next((group for group in found.switch.port_groups if group.name == name), None)
    owners = {
        nic.mac: server.name
        for server in plan.servers.values()
        for nic in server.nics
        if nic.segment == segment
    }
    connected = {port.machine for port in group.ports} if group else set()
    seen = {nic.mac for m in found.machines for nic in m.nics if nic.port_group == name}
    controls = {
        "the port group was seen": group is not None,
        "its ports were seen": {*owners.values()} <= connected,
        "its servers' NICs were seen": owners.keys() <= seen,
    }
    others = [other for other in found.switch.port_groups if other is not group]
    return controls, [
        *(_judge_group(group, vlan) if group else ()),
        *_judge_others(others, vlan),
        *_judge_nics(plan, found, segment, owners),
    ]


def _judge_group(group: PortGroup, vlan: int) -> Iterator[str]:
    """Source: STIG VCSA-80-000268 to -000274, -000301, -000302."""
    planned = Vlans(kind="access", ranges=((vlan, vlan),))
    setting = group.setting
    if setting.vlans != planned:
        yield f"{group.name}: carries {_show(setting.vlans)}, planned is VLAN {vlan}"
    for policy in setting.accepted:
        yield f"{group.name}: {policy}: accepted"
    for policy in group.overrides:
        yield f"{group.name}: ports may override: {policy}"
    if not group.is_reset_at_disconnect:
        yield f"{group.name}: ports keep settings of their own when they are disconnected"
    for port in group.ports:
        whose = f"{group.name}: port {port.key} ({port.machine or 'free'})"
        if port.setting.vlans != setting.vlans:
            yield f"{whose}: carries {_show(port.setting.vlans)} by a setting of its own"
        for policy in sorted({*port.setting.accepted} - {*setting.accepted}):
            yield f"{whose}: {policy}: accepted by a setting of its own"


def _judge_others(others: list[PortGroup], vlan: int) -> Iterator[str]:
    """Nothing else may lead into the segment; uplinks carry every VLAN by their nature."""
    for group in others:
        if not group.is_uplink and _reaches(group.setting.vlans, vlan):
            yield f"{group.name}: carries VLAN {vlan} too"
        for port in group.ports:
            # The port group's own VLANs are told above.
            if _reaches(port.setting.vlans, vlan) and not _reaches(group.setting.vlans, vlan):
                yield f"{group.name}: port {port.key}: carries VLAN {vlan} too"


def _judge_nics(
    plan: Plan, found: Configuration, segment: str, owners: Mapping[str, str]
) -> Iterator[str]:
    """The planned NICs are in the segment and no others, and no server has one elsewhere."""
    name = f"{plan.tenant}-{segment}"
    planned = {
        server.name: {(nic.mac, _port_group(plan, found, nic.segment)) for nic in server.nics}
        for server in plan.servers.values()
        if server.nics[0].segment == segment
    }
    for machine in found.machines:
        for nic in machine.nics:
            if nic.port_group == name and owners.get(nic.mac) != machine.name:
                yield f"{name}: {machine.name} has NIC {nic.mac} in it, which is not in the plan"
            elif (
                machine.name in planned
                and nic.port_group != name
                and (nic.mac, nic.port_group) not in planned[machine.name]
            ):
                where = nic.port_group or "no port group of the switch"
                yield f"{machine.name}: NIC {nic.mac} is in {where}, not as planned"


def _port_group(plan: Plan, found: Configuration, place: str | None) -> str:
    """Name the port group of a planned NIC: the tenant's own, or one of the provider's."""
    if place is None:
        return found.management
    return place if place in plan.outside else f"{plan.tenant}-{place}"


def _reaches(vlans: Vlans, vlan: int) -> bool:
    return any(first <= vlan <= last for first, last in vlans.ranges)


def _show(vlans: Vlans) -> str:
    ranges = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in vlans.ranges)
    return {"access": f"VLAN {ranges}", "private": f"private VLAN {ranges}"}.get(
        vlans.kind, f"VLANs {ranges} as a trunk"
    )
