"""The example tenant, in a vCenter that is configured as planned."""

import pytest

from infra.isolation.facts import (
    Configuration,
    Machine,
    Nic,
    Permission,
    Port,
    PortGroup,
    Setting,
    Switch,
    Vlans,
)
from infra.operations.picture import EXAMPLE
from infra.plan import compile_plan
from infra.plan.model import Plan
from infra.record import load

MANAGEMENT = "provider-management"


def access(vlan: int) -> Setting:
    """Return the setting of a port with one VLAN and every policy on reject."""
    vlans = Vlans(kind="access", ranges=((vlan, vlan),))
    return Setting(vlans=vlans, accepted=(), has_netflow=False)


def find_port_group(plan: Plan, segment: str | None) -> str:
    """Return where a leg is planned: the provider's port groups have the names of its networks."""
    if segment is None:
        return MANAGEMENT
    return segment if segment in plan.outside else f"{plan.tenant}-{segment}"


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Return the plan of the example tenant."""
    return compile_plan(load(EXAMPLE))


@pytest.fixture
def good(plan: Plan) -> Configuration:
    """Return what is read where everything is as planned, with a neighbour and uplinks."""
    machines = [
        Machine(
            name=server.name,
            folder=plan.tenant,
            pool=plan.tenant,
            is_template=False,
            nics=tuple(
                Nic(mac=nic.mac, port_group=find_port_group(plan, nic.segment))
                for nic in server.nics
            ),
            texts={
                "guestinfo.metadata": "instance-id: x",
                "guestinfo.userdata": '#cloud-config\n{"lock_passwd": true, "ssh_pwauth": false}',
            },
        )
        for server in plan.servers.values()
    ]
    groups = [
        PortGroup(
            name=f"{plan.tenant}-{key}",
            is_uplink=False,
            setting=access(segment.vlan),
            overrides=(),
            is_reset_at_disconnect=True,
            ports=tuple(
                Port(key=f"{key}-{server}", machine=found.name, setting=access(segment.vlan))
                for server, found in zip(plan.servers, machines, strict=True)
                if any(nic.segment == key for nic in plan.servers[server].nics)
            ),
        )
        for key, segment in plan.segments.items()
    ]
    uplinks = PortGroup(
        name="uplinks",
        is_uplink=True,
        setting=Setting(
            vlans=Vlans(kind="trunk", ranges=((0, 4094),)), accepted=(), has_netflow=False
        ),
        overrides=("blocking",),
        is_reset_at_disconnect=True,
        ports=(),
    )
    template = Machine(
        name="debian-12", folder="vm", pool=None, is_template=True, nics=(), texts={"note": "12.9"}
    )
    return Configuration(
        account="deploy@vsphere.local",
        management=MANAGEMENT,
        template="debian-12",
        switch=Switch(name="switch01", mirrors=(), collector=None, port_groups=(*groups, uplinks)),
        permissions=(
            Permission(
                place="the whole vCenter",
                is_at_root=True,
                principal="VSPHERE.LOCAL\\Administrator",
                role="Admin",
            ),
            Permission(
                place="werkendam",
                is_at_root=False,
                principal="VSPHERE.LOCAL\\deploy",
                role="tenants",
            ),
        ),
        machines=(*machines, template),
    )
