"""Every way in which a vCenter's configuration can fail to isolate turns its case red.

It does not prove that what was read is what the vCenter does.
"""

from collections.abc import Callable
from typing import Any

import pytest

from infra.isolation.configuration import judge_configuration
from infra.isolation.facts import (
    Configuration,
    Machine,
    Mirror,
    Nic,
    Permission,
    Port,
    PortGroup,
    Setting,
    Vlans,
)
from infra.isolation.outcome import Outcome
from infra.plan.model import Plan
from tests.unit.configuration.conftest import MANAGEMENT, access

SECRET = "correct horse battery"  # noqa: S105 - of this test alone
DATA = "werkendam-data"
Drift = Callable[[Configuration], Configuration]


def judge(plan: Plan, found: Configuration) -> list[Outcome]:
    return judge_configuration(plan, found, [SECRET])


def switch(**changes: Any) -> Drift:
    """Change the switch."""
    return lambda found: found.model_copy(
        update={"switch": found.switch.model_copy(update=changes)}
    )


def group(**changes: Any) -> Drift:
    """Change the port group of segment `data`."""

    def change(found: Configuration) -> Configuration:
        groups = [
            group.model_copy(update=changes) if group.name == DATA else group
            for group in found.switch.port_groups
        ]
        return switch(port_groups=tuple(groups))(found)

    return change


def setting(**changes: Any) -> Drift:
    """Change the setting of that port group, and what its ports inherit."""
    changed = access(1103).model_copy(update=changes)
    port = Port(key="7", machine="werkendam-db01", setting=changed)
    return group(setting=changed, ports=(port, *edge_ports(changed)))


def port(**changes: Any) -> Drift:
    """Give one port of that port group a setting of its own."""
    own = access(1103).model_copy(update=changes)
    port = Port(key="7", machine="werkendam-db01", setting=own)
    return group(ports=(port, *edge_ports(access(1103))))


def edge_ports(setting: Setting) -> list[Port]:
    """Make the ports of the two edges."""
    return [
        Port(key=key, machine=f"werkendam-{edge}", setting=setting)
        for key, edge in (("8", "edge01"), ("9", "edge02"))
    ]


def second_group(setting: Setting, *ports: Port) -> Drift:
    """Add another port group to the switch."""
    other = PortGroup(
        name="other",
        is_uplink=False,
        setting=setting,
        overrides=(),
        is_reset_at_disconnect=True,
        ports=ports,
    )
    return lambda found: switch(port_groups=(*found.switch.port_groups, other))(found)


def permission(place: str, principal: str) -> Drift:
    """Give somebody a role."""
    given = Permission(place=place, is_at_root=False, principal=principal, role="ReadOnly")
    return lambda found: found.model_copy(update={"permissions": (*found.permissions, given)})


def machine(name: str, **changes: Any) -> Drift:
    """Change one VM; texts and NICs are added."""

    def change(found: Configuration) -> Configuration:
        machines = []
        for read in found.machines:
            if read.name != name:
                machines.append(read)
                continue
            update = dict(changes)
            if "texts" in changes:
                update["texts"] = {**read.texts, **changes["texts"]}
            if "nics" in changes:
                update["nics"] = (*read.nics, *changes["nics"])
            machines.append(read.model_copy(update=update))
        return found.model_copy(update={"machines": tuple(machines)})

    return change


def stranger(**changes: Any) -> Drift:
    """Add a VM that no plan knows."""
    values = {
        "name": "stranger",
        "folder": "vm",
        "pool": "Resources",
        "is_template": False,
        "nics": (),
        "texts": {},
        **changes,
    }
    made = Machine.model_validate(values)
    return lambda found: found.model_copy(update={"machines": (*found.machines, made)})


def vlans(kind: str, *ranges: tuple[int, int]) -> Vlans:
    return Vlans.model_validate({"kind": kind, "ranges": ranges})


DRIFTS: dict[str, tuple[str, Drift, str]] = {
    "account on the folder": (
        "I24",
        permission("werkendam", "VSPHERE.LOCAL\\aalburg"),
        "werkendam: VSPHERE.LOCAL\\aalburg has role ReadOnly",
    ),
    "account above the folder": (
        "I24",
        permission("lab", "aalburg@vsphere.local"),
        "lab: aalburg@vsphere.local has role ReadOnly",
    ),
    "foreign VM in the folder": (
        "I24",
        stranger(folder="werkendam"),
        "stranger: is in folder werkendam, and is not in the plan",
    ),
    "foreign VM in the pool": (
        "I24",
        stranger(pool="werkendam"),
        "stranger: is in resource pool werkendam, and is not in the plan",
    ),
    "server in another folder": (
        "I24",
        machine("werkendam-db01", folder="aalburg"),
        "werkendam-db01: is in folder aalburg, not in werkendam",
    ),
    "server in another pool": (
        "I24",
        machine("werkendam-db01", pool=None),
        "werkendam-db01: is in resource pool None, not in werkendam",
    ),
    "private key in the template": (
        "I25",
        machine("debian-12", texts={"note": "-----BEGIN OPENSSH PRIVATE KEY-----"}),
        "debian-12: note: holds a private key",
    ),
    "password in an OVF property": (
        "I25",
        stranger(texts={"OVF property admin": "password=welkom01"}),
        "stranger: OVF property admin: holds a password",
    ),
    "hash of a password in guestinfo": (
        "I25",
        machine("werkendam-db01", texts={"guestinfo.x": "$6$saltsalt$Zm9vYmFyZm9vYmFy"}),
        "werkendam-db01: guestinfo.x: holds a password's hash",
    ),
    "secret of the stack with a neighbour": (
        "I25",
        stranger(texts={"guestinfo.x": f"so it is {SECRET}"}),
        "stranger: guestinfo.x: holds a secret of this stack",
    ),
    "first boot data in the template": (
        "I25",
        machine("debian-12", texts={"guestinfo.userdata": "#cloud-config"}),
        "debian-12: guestinfo.userdata: is there, and every server would take it over",
    ),
    "copying from a console": (
        "I25",
        machine("werkendam-db01", texts={"isolation.tools.copy.disable": "FALSE"}),
        "werkendam-db01: isolation.tools.copy.disable: is off",
    ),
    "mirror": (
        "I26",
        switch(mirrors=(Mirror(name="tap", is_enabled=True),)),
        "switch01: port mirroring session tap is on",
    ),
    "mirror that is prepared": (
        "I26",
        switch(mirrors=(Mirror(name="tap", is_enabled=False),)),
        "switch01: port mirroring session tap is prepared",
    ),
    "collector": (
        "I26",
        switch(collector="10.255.0.66"),
        "switch01: sends records of flows to 10.255.0.66",
    ),
    "records of flows": (
        "I26",
        setting(has_netflow=True),
        "werkendam-data: makes records of flows",
    ),
    "records of flows of one port": (
        "I26",
        port(has_netflow=True),
        "werkendam-data: port 7: makes records of flows",
    ),
    "wrong VLAN": (
        "I28",
        setting(vlans=vlans("access", (1500, 1500))),
        "werkendam-data: carries VLAN 1500, planned is VLAN 1103",
    ),
    "no VLAN": (
        "I28",
        setting(vlans=vlans("access", (0, 0))),
        "werkendam-data: carries VLAN 0, planned is VLAN 1103",
    ),
    "private VLAN": (
        "I28",
        setting(vlans=vlans("private", (1103, 1103))),
        "werkendam-data: carries private VLAN 1103, planned is VLAN 1103",
    ),
    "trunk": (
        "I28",
        setting(vlans=vlans("trunk", (1103, 1103), (2000, 2001))),
        "werkendam-data: carries VLANs 1103, 2000 to 2001 as a trunk, planned is VLAN 1103",
    ),
    "accepted policy": (
        "I28",
        setting(accepted=("forged transmits",)),
        "werkendam-data: forged transmits: accepted",
    ),
    "override": (
        "I28",
        group(overrides=("MAC management",)),
        "werkendam-data: ports may override: MAC management",
    ),
    "no reset at disconnect": (
        "I28",
        group(is_reset_at_disconnect=False),
        "werkendam-data: ports keep settings of their own when they are disconnected",
    ),
    "port with a VLAN of its own": (
        "I28",
        port(vlans=vlans("access", (1500, 1500))),
        "werkendam-data: port 7 (werkendam-db01): carries VLAN 1500 by a setting of its own",
    ),
    "port with a policy of its own": (
        "I28",
        port(accepted=("promiscuous mode",)),
        "werkendam-data: port 7 (werkendam-db01): promiscuous mode: accepted by a setting of its"
        " own",
    ),
    "second port group with the VLAN": (
        "I28",
        second_group(access(1103)),
        "other: carries VLAN 1103 too",
    ),
    "trunk beside the segment": (
        "I28",
        second_group(access(0).model_copy(update={"vlans": vlans("trunk", (1103, 1103))})),
        "other: carries VLAN 1103 too",
    ),
    "port elsewhere with the VLAN": (
        "I28",
        second_group(access(1500), Port(key="9", machine="stranger", setting=access(1103))),
        "other: port 9: carries VLAN 1103 too",
    ),
    "foreign VM in the segment": (
        "I28",
        stranger(nics=(Nic(mac="00:50:56:00:00:99", port_group=DATA),)),
        "werkendam-data: stranger has NIC 00:50:56:00:00:99 in it, which is not in the plan",
    ),
    "second leg": (
        "I28",
        machine("werkendam-db01", nics=(Nic(mac="00:50:56:00:00:99", port_group=MANAGEMENT),)),
        "werkendam-db01: NIC 00:50:56:00:00:99 is in provider-management, not as planned",
    ),
    "leg outside the switch": (
        "I28",
        machine("werkendam-db01", nics=(Nic(mac="00:50:56:00:00:99", port_group=None),)),
        "werkendam-db01: NIC 00:50:56:00:00:99 is in no port group of the switch, not as planned",
    ),
}
"""By name: the case that must turn red, what makes it so, and what is said of it."""


def test_configuration_as_planned_passes(plan: Plan, good: Configuration) -> None:
    outcomes = judge(plan, good)
    per_segment = ["I28"] * len(plan.segments)
    assert [outcome.case for outcome in outcomes] == ["I24", "I25", "I26", *per_segment]
    assert [outcome.detail for outcome in outcomes if outcome.verdict != "pass"] == []
    assert {outcome.layer for outcome in outcomes} == {"configuration only"}


@pytest.mark.parametrize("drift", DRIFTS)
def test_drift_turns_exactly_its_case_red(plan: Plan, good: Configuration, drift: str) -> None:
    case, change, said = DRIFTS[drift]
    red = [outcome for outcome in judge(plan, change(good)) if outcome.verdict != "pass"]
    assert [(outcome.case, outcome.verdict, outcome.detail) for outcome in red] == [
        (case, "fail", said)
    ]
    assert SECRET not in red[0].detail


@pytest.mark.parametrize("found_in", ["internet", MANAGEMENT])
def test_leg_outside_is_in_the_providers_port_group_of_that_name(
    plan: Plan, good: Configuration, found_in: str
) -> None:
    edge = plan.servers["edge01"]
    (mac,) = (nic.mac for nic in edge.nics if nic.segment == "internet")
    machines = tuple(
        found.model_copy(
            update={
                "nics": tuple(
                    Nic(mac=mac, port_group=found_in) if nic.mac == mac else nic
                    for nic in found.nics
                )
            }
        )
        for found in good.machines
    )
    outcomes = judge(plan, good.model_copy(update={"machines": machines}))
    told = [outcome.detail for outcome in outcomes if outcome.verdict != "pass"]
    wrong = f"werkendam-edge01: NIC {mac} is in {found_in}, not as planned"
    assert told == ([] if found_in == "internet" else [wrong])


def without_permissions(found: Configuration) -> Configuration:
    return found.model_copy(update={"permissions": ()})


def without_database(found: Configuration) -> Configuration:
    seen = tuple(m for m in found.machines if m.name != "werkendam-db01")
    return found.model_copy(update={"machines": seen})


def without_guest_settings(found: Configuration) -> Configuration:
    seen = tuple(m.model_copy(update={"texts": {}}) for m in found.machines)
    return found.model_copy(update={"machines": seen})


def without_port_group(found: Configuration) -> Configuration:
    return switch(port_groups=tuple(g for g in found.switch.port_groups if g.name != DATA))(found)


UNSEEN: dict[str, tuple[Drift, set[str]]] = {
    "permissions": (without_permissions, {"I24"}),
    "a server": (without_database, {"I24", "I25", "I26", "I28"}),
    "guest settings": (without_guest_settings, {"I25"}),
    "a port group": (without_port_group, {"I28"}),
    "ports": (group(ports=()), {"I28"}),
}
"""By name: what the account does not see, and which cases can prove nothing without it."""


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_cannot_be_seen_is_inconclusive(plan: Plan, good: Configuration, unseen: str) -> None:
    change, cases = UNSEEN[unseen]
    red = [outcome for outcome in judge(plan, change(good)) if outcome.verdict != "pass"]
    assert {outcome.case for outcome in red} == cases
    assert {outcome.verdict for outcome in red} == {"inconclusive"}
