"""Compile a record into a plan. Only assembles: each part is derived in its own module."""

from collections import Counter

from infra.plan.address import plan_nics
from infra.plan.check import plan_checks
from infra.plan.filter import plan_filters
from infra.plan.flow import plan_flows, resolve_ends
from infra.plan.model import (
    Administrator,
    Application,
    Limits,
    Nic,
    Plan,
    Segment,
    Server,
    Volume,
)
from infra.plan.partner import plan_partners
from infra.plan.refusal import PlanRefusedError
from infra.plan.topology import plan_topology
from infra.plan.tunnel import plan_tunnels
from infra.record import model as record


def compile_plan(tenant: record.Tenant) -> Plan:
    """Derive everything from a record.

    Args:
        tenant: a record that passed all rules of `infra.record`.

    Returns:
        The plan; the same record always gives the same plan, whatever the order in its files.

    Raises:
        PlanRefusedError: two NICs would get the same MAC, or a denial could not be proved.
    """
    segments = _plan_segments(tenant)
    nics = plan_all_nics(tenant)
    ends = resolve_ends(tenant)
    flows = plan_flows(tenant, ends)
    topology = plan_topology(tenant, nics)
    tunnels = plan_tunnels(tenant, topology)
    edges = {key: nics[key] for key in topology.edges}
    bastion = next(server for server in tenant.servers.values() if "bastion" in server.roles)
    addresses = {key: str(server.address) for key, server in sorted(tenant.servers.items())}
    filters = plan_filters(tenant, flows, ends, topology, tunnels, edges)
    servers = {
        key: Server(
            name=f"{tenant.id}-{key}",
            host_name=key,
            fqdn=f"{key}.{tenant.domain}",
            zone=segments[server.segment].zone,
            address=addresses[key],
            gateway=None if key in topology.devices else segments[server.segment].gateway,
            vcpu=server.vcpu,
            memory_mib=server.memory_mib,
            nics=nics[key],
            volumes={
                name: Volume(unit=disk.unit, size_gib=disk.size_gib, mount=disk.mount)
                for name, disk in sorted(server.disks.items())
            },
            roles=tuple(sorted(server.roles)),
            filter=filters[key],
        )
        for key, server in sorted(tenant.servers.items())
    }
    applications = _plan_applications(tenant)
    partners = plan_partners(tenant)
    return Plan(
        tenant=tenant.id,
        name=tenant.name,
        domain=tenant.domain,
        limits=Limits(cpu_mhz=tenant.limits.vcpu_mhz, memory_mib=tenant.limits.memory_mib),
        administrators={
            key: Administrator(name=person.name, keys=person.keys)
            for key, person in sorted(tenant.administrators.items())
        },
        segments=segments,
        servers=servers,
        flows=flows,
        applications=applications,
        separations=_plan_separations(servers),
        resolver=str(bastion.address),
        names={server.fqdn: server.address for server in servers.values()}
        | {a.fqdn: servers[a.web_server].address for a in applications.values()},
        outside={name: str(seen.prefix) for name, seen in sorted(tenant.outside.items())},
        partners=partners,
        sites=dict(sorted(topology.routers.items())),
        tunnels=tunnels,
        checks=plan_checks(servers, flows, applications, tunnels, partners),
    )


def _plan_segments(tenant: record.Tenant) -> dict[str, Segment]:
    found = {
        name: Segment(
            zone=zone,
            level=content.level,
            vlan=segment.vlan,
            prefix=str(segment.prefix),
            gateway=str(segment.gateway),
        )
        for zone, content in tenant.zones.items()
        for name, segment in content.segments.items()
    }
    return dict(sorted(found.items()))


def plan_all_nics(tenant: record.Tenant) -> dict[str, tuple[Nic, ...]]:
    """List every server's NICs, by key.

    Raises:
        PlanRefusedError: two would get the same MAC.
    """
    places: dict[str, record.Segment | record.Outside] = {
        name: segment for zone in tenant.zones.values() for name, segment in zone.segments.items()
    }
    places |= tenant.outside
    has_pair = sum("edge" in server.roles for server in tenant.servers.values()) > 1
    nics = {
        key: plan_nics(
            tenant.id,
            key,
            server,
            places,
            has_partner=has_pair and "edge" in server.roles,
            has_provider_leg="bastion" in server.roles,
        )
        for key, server in sorted(tenant.servers.items())
    }
    owners: dict[str, list[str]] = {}
    for key, own in nics.items():
        for nic in own:
            owners.setdefault(nic.mac, []).append(f"{key} {nic.device}")
    clashes = {mac: who for mac, who in owners.items() if len(who) > 1}
    if clashes:
        message = "\n".join(
            f"tenants/{tenant.id}: {' and '.join(who)} would both get the MAC address {mac}, which"
            " follows from their names. Every NIC needs its own. Rename one of the servers."
            for mac, who in clashes.items()
        )
        raise PlanRefusedError(message)
    return nics


def _plan_applications(tenant: record.Tenant) -> dict[str, Application]:
    found = {}
    for key, application in sorted(tenant.applications.items()):
        fqdn = f"{key}.{tenant.domain}"
        port = application.web.port
        found[key] = Application(
            name=application.name,
            fqdn=fqdn,
            url=f"http://{fqdn}{'' if port == 80 else f':{port}'}/",
            web_server=application.web.server,
            port=port,
            database_server=application.database.server,
            database=key.replace("-", "_"),
        )
    return found


def _plan_separations(servers: dict[str, Server]) -> dict[str, tuple[str, ...]]:
    counts = Counter(role for server in servers.values() for role in server.roles)
    return {
        role: tuple(key for key, server in servers.items() if role in server.roles)
        for role, count in sorted(counts.items())
        # Workplaces stand in for each other by number, not by place; decoys not at all.
        if count > 1 and role not in ("workplace", "decoy")
    }
