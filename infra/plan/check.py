"""Derive the checks: every claim that a deployed tenant must pass. Ids read as claims."""

from collections.abc import Iterator, Mapping

from infra.plan.model import (
    AddressCheck,
    Application,
    ApplicationCheck,
    Check,
    DeniedCheck,
    Flow,
    FlowCheck,
    IdentityCheck,
    ListenerCheck,
    Partner,
    Peer,
    Server,
    ServiceCheck,
    VolumeCheck,
)
from infra.plan.pair import SYNCHRONISATION_PORT
from infra.plan.partner import find_endpoints, partner_checks
from infra.plan.refusal import PlanRefusedError
from infra.plan.topology import TUNNEL_DEVICE
from infra.record.service import DIGIKOPPELING_PORT, SSH_PORT, TUNNEL_PORT

BASE_UNITS = ("chrony.service", "nftables.service", "ssh.service", "unattended-upgrades.service")
ROLE_UNITS: Mapping[str, tuple[str, ...]] = {
    "edge": (),
    "router": (),
    "bastion": ("package-relay.socket", "unbound.service"),
    "database": ("postgresql@15-main.service",),
    "webapp": ("nginx.service",),
    "workplace": (),
    "decoy": ("decoy.socket",),
    "digikoppeling": ("nginx.service",),
}
"""systemd units that run on a server, by its role."""

PAIR_UNITS = ("conntrackd.service", "keepalived.service")
"""And those that run on each edge of a pair."""

SAMPLED_PORTS = (22, 80, 443, 445, 3389, 5432)
"""TCP ports tried against every zone, beside those that the destination really listens on."""


def plan_checks(
    servers: Mapping[str, Server],
    flows: Mapping[str, Flow],
    applications: Mapping[str, Application],
    tunnels: Mapping[str, Mapping[str, Peer]],
    partners: Mapping[str, Partner],
) -> dict[str, Check]:
    """Derive all checks.

    Args:
        servers: by key, sorted.
        flows: resolved, by key, sorted.
        applications: by key, sorted.
        tunnels: peers by server key.
        partners: by key, sorted.

    Returns:
        Checks by id, in the order in which they are best read.

    Raises:
        PlanRefusedError: a denial could not be proved for want of a positive control.
    """
    listeners = _listeners(servers, flows, tunnels)
    flow_checks = dict(_flow_checks(servers, flows))
    return {
        **dict(_server_checks(servers, listeners, applications, tunnels)),
        **flow_checks,
        **dict(_denied_checks(servers, listeners, flow_checks, flows, partners)),
        **dict(_application_checks(servers, flows, applications)),
        **dict(partner_checks(servers, flows, partners)),
    }


def _listeners(
    servers: Mapping[str, Server],
    flows: Mapping[str, Flow],
    tunnels: Mapping[str, Mapping[str, Peer]],
) -> dict[str, tuple[str, ...]]:
    """What each server listens on: SSH, where flows end, and what its roles bring."""
    found = {key: {f"tcp/{SSH_PORT}"} for key in servers}
    for key in _pair(servers):
        found[key].add(f"udp/{SYNCHRONISATION_PORT}")
    for flow in flows.values():
        for key in flow.destination_servers:
            found[key].add(f"{flow.protocol}/{flow.port}")
    for key in tunnels:
        found[key].add(f"udp/{TUNNEL_PORT}")
    for key in find_endpoints(servers):
        found[key].add(f"tcp/{DIGIKOPPELING_PORT}")
    return {key: tuple(sorted(listeners)) for key, listeners in found.items()}


def _pair(servers: Mapping[str, Server]) -> list[str]:
    """The edges of a pair; nothing when there is but one."""
    edges = [key for key, server in servers.items() if "edge" in server.roles]
    return edges if len(edges) > 1 else []


def _server_checks(
    servers: Mapping[str, Server],
    listeners: Mapping[str, tuple[str, ...]],
    applications: Mapping[str, Application],
    tunnels: Mapping[str, Mapping[str, Peer]],
) -> Iterator[tuple[str, Check]]:
    pair = _pair(servers)
    for key, server in servers.items():
        yield f"identity/{key}", IdentityCheck(server=key, fqdn=server.fqdn)
        for nic in server.nics:
            yield (
                f"address/{key}/{nic.device}",
                AddressCheck(
                    server=key,
                    device=nic.device,
                    mac=nic.mac,
                    address=nic.address,
                    shared=nic.shared,
                ),
            )
        for name, volume in server.volumes.items():
            yield (
                f"volume/{key}/{name}",
                VolumeCheck(
                    server=key,
                    volume=name,
                    unit=volume.unit,
                    size_gib=volume.size_gib,
                    mount=volume.mount,
                ),
            )
        yield (
            f"listener/{key}",
            ListenerCheck(
                server=key,
                listeners=listeners[key],
                sender="conntrackd" if key in pair else None,
            ),
        )
        units = {*BASE_UNITS, *(unit for role in server.roles for unit in ROLE_UNITS[role])}
        if key in pair:
            units |= set(PAIR_UNITS)
        units |= {f"{name}.service" for name, a in applications.items() if a.web_server == key}
        units |= {f"wg-quick@{TUNNEL_DEVICE}.service"} if key in tunnels else set()
        for unit in sorted(units):
            yield f"service/{key}/{unit}", ServiceCheck(server=key, unit=unit)


def _flow_checks(
    servers: Mapping[str, Server], flows: Mapping[str, Flow]
) -> Iterator[tuple[str, FlowCheck]]:
    for name, flow in flows.items():
        for source in flow.source_servers:
            for destination in flow.destination_servers:
                if source != destination:
                    yield (
                        f"flow/{name}/{source}-to-{destination}",
                        FlowCheck(
                            flow=name,
                            server=source,
                            destination=destination,
                            address=servers[destination].address,
                            protocol=flow.protocol,
                            port=flow.port,
                        ),
                    )


def _denied_checks(
    servers: Mapping[str, Server],
    listeners: Mapping[str, tuple[str, ...]],
    flow_checks: Mapping[str, FlowCheck],
    flows: Mapping[str, Flow],
    partners: Mapping[str, Partner],
) -> Iterator[tuple[str, DeniedCheck]]:
    """Sample every ordered pair of zones, each by its first server that does not route.

    And every zone with every partner.
    """
    controls: dict[str, FlowCheck] = {}
    allowed: set[tuple[str, str, int]] = set()
    for flow_check in flow_checks.values():
        if flow_check.protocol == "tcp":
            controls.setdefault(flow_check.server, flow_check)
            allowed.add((flow_check.server, flow_check.destination, flow_check.port))
    for flow in flows.values():
        allowed |= {(s, end, flow.port) for s in flow.source_servers for end in flow.destinations}
    sample: dict[str, str] = {}
    for key, server in servers.items():
        if server.gateway is not None:
            sample.setdefault(server.zone, key)
    unproved = sorted(key for key in sample.values() if key not in controls)
    if unproved:
        message = "\n".join(
            f"servers.{key}: has no TCP flow to anywhere, so nothing would prove that what it"
            " cannot reach is denied. Every zone's first server needs one allowed TCP flow as a"
            " positive control. Add a flow from it, for example to the bastion's package relay."
            for key in unproved
        )
        raise PlanRefusedError(message)
    ends = [
        (zone, zone, key, servers[key].address, _tcp_ports(listeners[key]))
        for zone, key in sorted(sample.items())
    ]
    ends += [
        (key, partner.network, key, partner.address, {DIGIKOPPELING_PORT})
        for key, partner in partners.items()
    ]
    for source_zone, source in sorted(sample.items()):
        control = controls[source]
        for name, destination_zone, destination, address, open_ports in ends:
            if source_zone == destination_zone:
                continue
            ports = sorted(
                port
                for port in open_ports | set(SAMPLED_PORTS)
                if (source, destination, port) not in allowed
            )
            yield (
                f"denied/{source_zone}-to-{name}",
                DeniedCheck(
                    server=source,
                    destination=destination,
                    source_zone=source_zone,
                    destination_zone=destination_zone,
                    address=address,
                    ports=tuple(ports),
                    control=control.flow,
                    control_address=control.address,
                    control_port=control.port,
                ),
            )


def _tcp_ports(listeners: tuple[str, ...]) -> set[int]:
    return {
        int(listener.removeprefix("tcp/")) for listener in listeners if listener.startswith("tcp/")
    }


def _application_checks(
    servers: Mapping[str, Server],
    flows: Mapping[str, Flow],
    applications: Mapping[str, Application],
) -> Iterator[tuple[str, ApplicationCheck]]:
    clients: dict[tuple[str, int], set[str]] = {
        (application.web_server, application.port): set() for application in applications.values()
    }
    for flow in flows.values():
        if flow.protocol == "tcp":
            for destination in flow.destination_servers:
                if (destination, flow.port) in clients:
                    clients[destination, flow.port].update(flow.source_servers)
    for name, application in applications.items():
        for key in sorted(clients[application.web_server, application.port]):
            if "workplace" in servers[key].roles:
                yield (
                    f"application/{name}/{key}",
                    ApplicationCheck(server=key, application=name, url=application.url),
                )
