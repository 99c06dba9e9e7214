"""Give the shape of what a vCenter was found to be configured as, as far as it isolates.

Plain frozen data. Must not judge (`configuration.py` does) nor read (`infra.operations` does).
"""

from typing import Literal

from infra.isolation.outcome import Finding


class Vlans(Finding):
    """What a port carries. ranges: VLAN ids, both ends included; private: the secondary one's."""

    kind: Literal["access", "private", "trunk"]
    ranges: tuple[tuple[int, int], ...]


class Setting(Finding):
    """What is in force on a port group or a port.

    accepted: the security policies that are not on reject, in either of the two forms in which
    a vCenter has them, and `MAC learning`.
    """

    vlans: Vlans
    accepted: tuple[str, ...]
    has_netflow: bool


class Port(Finding):
    """One port of a switch. machine: who is connected, None for nobody or who is no VM."""

    key: str
    machine: str | None
    setting: Setting


class PortGroup(Finding):
    """One port group. overrides: names of the policies that a port may change for itself."""

    name: str
    is_uplink: bool
    setting: Setting
    overrides: tuple[str, ...]
    is_reset_at_disconnect: bool
    ports: tuple[Port, ...]


class Mirror(Finding):
    """One session that copies what passes a port to somewhere else."""

    name: str
    is_enabled: bool


class Switch(Finding):
    """The distributed switch. collector: address that gets records of flows, or None."""

    name: str
    mirrors: tuple[Mirror, ...]
    collector: str | None
    port_groups: tuple[PortGroup, ...]


class Permission(Finding):
    """Who may do what with something of the tenant's. place: what it was given on, at or above."""

    place: str
    is_at_root: bool
    principal: str
    role: str


class Nic(Finding):
    """One NIC of a VM. port_group: None when it is in none of the switch."""

    mac: str
    port_group: str | None


class Machine(Finding):
    """One VM or template. texts: what a guest or a client can read there, decoded, by place."""

    name: str
    folder: str | None
    pool: str | None
    is_template: bool
    nics: tuple[Nic, ...]
    texts: dict[str, str]


class Configuration(Finding):
    """All that was read.

    account: who read it. management: name of the provider-management port group. template: name
    of the one that servers are cloned from. permissions: on the tenant's folder, pool, port
    groups and servers. machines: all that the account sees.
    """

    account: str
    management: str
    template: str
    switch: Switch
    permissions: tuple[Permission, ...]
    machines: tuple[Machine, ...]
