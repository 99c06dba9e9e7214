"""Turn a stack's outputs into an Ansible inventory. Pure: no files, no hosts.

Every value that a role needs arrives as a variable named after the role; roles know no groups
and no other hosts. The result holds secrets: it may only live in memory.
"""

from typing import Any

from infra.certificate import split_chain
from infra.operations.certificate import find_key
from infra.operations.host_fault import find_servers
from infra.operations.secret import public_key, tunnel_public_key
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs
from infra.plan.model import Rule, Server
from infra.plan.pair import SYNCHRONISATION_PORT, find_partner
from infra.plan.topology import TUNNEL_DEVICE
from infra.plan.tunnel import find_end, find_way_in
from infra.record.service import (
    DATABASE_PORT,
    MANAGEMENT_ACCOUNT,
    PACKAGE_RELAY_PORT,
    SSH_PORT,
    TUNNEL_PORT,
)

APPLICATIONS = ROOT / "applications"
"""Source code of the applications that role webapp installs, one folder an application."""


def build_inventory(outputs: StackOutputs) -> dict[str, Any]:
    """Build the inventory in the form of an inventory script's `--list`.

    Args:
        outputs: of the stack.

    Returns:
        Groups by server role and by zone (`zone_app`), host variables under `_meta`.
    """
    plan = outputs.plan
    groups: dict[str, Any] = {"all": {"hosts": list(plan.servers)}}
    for key, server in plan.servers.items():
        for group in (*server.roles, f"zone_{server.zone.replace('-', '_')}"):
            groups.setdefault(group, {"hosts": []})["hosts"].append(key)
    if plan.tunnels:
        groups["tunnel"] = {"hosts": list(plan.tunnels)}
    variables = {key: _variables(key, server, outputs) for key, server in plan.servers.items()}
    return {**groups, "_meta": {"hostvars": variables}}


def _variables(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    variables = {"ansible_user": MANAGEMENT_ACCOUNT} | _base(key, server, outputs)
    for role in server.roles:
        variables |= _ROLES[role](key, server, outputs)
    if key in outputs.plan.tunnels:
        variables |= _tunnel(key, server, outputs)
    return variables


def _base(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan, management = outputs.plan, outputs.management
    incoming = [rule.model_dump() for rule in server.filter.incoming]
    outgoing = [rule.model_dump() for rule in server.filter.outgoing]
    is_bastion = "bastion" in server.roles
    if is_bastion:
        leg = _management_device(server)
        proxy, port = management.package_proxy.split(":")
        incoming.append(
            _provider_rule("management", str(management.prefix), _own(outputs), "tcp", 22)
            | {"in_device": leg}
        )
        outgoing.append(
            _provider_rule("packages", _own(outputs), f"{proxy}/32", "tcp", int(port))
            | {"out_device": leg}
        )
        outgoing.extend(
            _provider_rule("time", _own(outputs), f"{address}/32", "udp", 123) | {"out_device": leg}
            for address in management.time_servers
        )
    return {
        "base_fqdn": server.fqdn,
        "base_management_key": public_key(outputs.secrets.management_key.get_secret_value()),
        "base_administrators": {
            key: administrator.model_dump() for key, administrator in plan.administrators.items()
        },
        "base_filter_incoming": incoming,
        "base_filter_outgoing": outgoing,
        # Also at the bastion, whose own way in is the leg that no record moves: a boot adds it
        # everywhere, and what a boot loads must be what was kept.
        "base_way_in": [find_way_in(plan, key)],
        "base_resolver": {"domain": plan.domain, "addresses": [plan.resolver]},
        "base_time_servers": [str(address) for address in management.time_servers]
        if is_bastion
        else [plan.resolver],
        "base_time_clients": sorted(segment.prefix for segment in plan.segments.values())
        if is_bastion
        else [],
        "base_package_proxy": f"http://{management.package_proxy}"
        if is_bastion
        else f"http://{plan.resolver}:{PACKAGE_RELAY_PORT}",
        "base_volumes": {name: volume.model_dump() for name, volume in server.volumes.items()},
        "base_ssh_forwarding": is_bastion,
    }


def _edge(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan = outputs.plan
    prefixes = {name: segment.prefix for name, segment in plan.segments.items()} | plan.outside
    interfaces: dict[str, dict[str, Any]] = {
        nic.device: {"segment": nic.segment, "prefixes": [prefixes[nic.segment]]}
        for nic in server.nics
        if nic.segment
    }
    if peers := plan.tunnels.get(key):
        through = sorted({prefix for peer in peers.values() for prefix in peer.prefixes})
        interfaces[TUNNEL_DEVICE] = {"segment": "tunnel", "prefixes": through}
    return _pair(key, server, outputs) | {
        "edge_forward": [rule.model_dump() for rule in server.filter.forward],
        "edge_interfaces": interfaces,
        "edge_outside": {
            nic.device: _plain(nic.address or nic.shared)
            for nic in server.nics
            if nic.segment in plan.outside
        },
    }


def _tunnel(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    keys, tunnels = outputs.secrets.tunnels, outputs.plan.tunnels
    return {
        "tunnel_address": server.address,
        "tunnel_port": TUNNEL_PORT,
        "tunnel_private_key": keys[find_end(tunnels, key)].get_secret_value(),
        "tunnel_peers": {
            name: {
                "public_key": tunnel_public_key(keys[name].get_secret_value()),
                "endpoint": peer.endpoint,
                "prefixes": list(peer.prefixes),
            }
            for name, peer in tunnels[key].items()
        },
    }


def _pair(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    """Tell an edge what it shares with its partner: nothing when it has none."""
    plan = outputs.plan
    edges = {edge: plan.servers[edge].nics for edge in find_servers(outputs, "edge")}
    partner = find_partner(key, edges)
    if partner is None:
        return {}
    return {
        "edge_pair_is_first": key < partner,
        "edge_pair_device": server.nics[0].device,
        "edge_pair_port": SYNCHRONISATION_PORT,
        "edge_pair_legs": {
            own.device: {
                "own": _plain(own.address),
                "partner": _plain(theirs.address),
                "shared": _plain(own.shared),
            }
            for own, theirs in zip(server.nics, edges[partner], strict=True)
            if own.address
        },
        "edge_pair_restarted": [f"wg-quick@{TUNNEL_DEVICE}.service"] if key in plan.tunnels else [],
    }


def _plain(address: str | None) -> str:
    """Give an address without its prefix length."""
    return str(address).partition("/")[0]


def _bastion(_key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan = outputs.plan
    return {
        "bastion_address": server.address,
        "bastion_domain": plan.domain,
        "bastion_names": plan.names,
        "bastion_partners": {partner.fqdn: partner.address for partner in plan.partners.values()},
        "bastion_clients": sorted(segment.prefix for segment in plan.segments.values()),
        "bastion_package_upstream": outputs.management.package_proxy,
        "bastion_package_port": PACKAGE_RELAY_PORT,
    }


def _database(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan = outputs.plan
    is_reached = any(
        key in flow.destination_servers and (flow.protocol, flow.port) == ("tcp", DATABASE_PORT)
        for flow in plan.flows.values()
    )
    return {
        "database_address": server.address if is_reached else "",
        "database_databases": {
            application.database: {
                "account": application.database,
                "password": outputs.secrets.databases[name].get_secret_value(),
                "clients": [f"{plan.servers[application.web_server].address}/32"],
            }
            for name, application in plan.applications.items()
            if application.database_server == key
        },
    }


def _webapp(key: str, _server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan = outputs.plan
    return {
        "webapp_applications": {
            name: {
                "source": str(APPLICATIONS / name),
                "server_name": application.fqdn,
                "port": application.port,
                "database": {
                    "address": plan.servers[application.database_server].address,
                    "name": application.database,
                    "account": application.database,
                    "password": outputs.secrets.databases[name].get_secret_value(),
                },
            }
            for name, application in plan.applications.items()
            if application.web_server == key
        }
    }


def _workplace(_key: str, _server: Server, _outputs: StackOutputs) -> dict[str, Any]:
    return {}


def _decoy(key: str, _server: Server, outputs: StackOutputs) -> dict[str, Any]:
    plan = outputs.plan
    flows = [flow for flow in plan.flows.values() if key in flow.destination_servers]
    return {
        "decoy_banner": f"decoy {plan.tenant}/{key}",
        "decoy_tcp_ports": sorted(
            {flow.port for flow in flows if flow.protocol == "tcp"} - {SSH_PORT}
        ),
        "decoy_udp_ports": sorted({flow.port for flow in flows if flow.protocol == "udp"}),
    }


def _digikoppeling(key: str, server: Server, outputs: StackOutputs) -> dict[str, Any]:
    certificate = outputs.certificates[key]
    chain = split_chain(certificate)
    keys = outputs.secrets.certificate_keys[key].get_secret_value()
    return {
        "digikoppeling_server_name": server.fqdn,
        "digikoppeling_private_key": find_key(keys, certificate),
        "digikoppeling_certificate": chain.own,
        "digikoppeling_trusted": chain.root,
    }


_ROLES = {
    "edge": _edge,
    "router": _edge,
    "bastion": _bastion,
    "database": _database,
    "webapp": _webapp,
    "workplace": _workplace,
    "decoy": _decoy,
    "digikoppeling": _digikoppeling,
}


def _management_device(server: Server) -> str:
    return next(nic.device for nic in server.nics if nic.segment is None)


def _own(outputs: StackOutputs) -> str:
    return f"{outputs.management.bastion_address}/32"


def _provider_rule(
    name: str, source: str, destination: str, protocol: Any, port: int
) -> dict[str, Any]:
    return Rule(
        flow=f"provider-{name}",
        sources=(source,),
        destinations=(destination,),
        protocol=protocol,
        port=port,
    ).model_dump()
