"""Rules of partners, and of flows that begin outside: who may be reached, and who meets them."""

from collections.abc import Iterator
from ipaddress import IPv4Address

from infra.record.fault import Fault, Path
from infra.record.model import Flow, Partner, ServerRole
from infra.record.repetition import find_repeats
from infra.record.rules.facts import Facts
from infra.record.rules.network import misplace
from infra.record.service import DIGIKOPPELING_PORT, TUNNEL_PORT

ENDPOINT: ServerRole = "digikoppeling"
GUARDS: frozenset[ServerRole] = frozenset({"edge", "router", "bastion"})
"""Roles of servers that nothing outside begins at."""


def _partners(facts: Facts) -> Iterator[tuple[Path, str, str, Partner]]:
    for network, seen in facts.tenant.outside.items():
        for key, partner in seen.partners.items():
            yield ("outside", network, "partners", key), network, key, partner


def refuse_shared_names(facts: Facts) -> Iterator[Fault]:
    """Refuse a partner that is called like something else: a flow could not tell them apart."""
    owners: dict[str, Path] = {
        key: (section, key)
        for section, names in (
            ("zones", facts.tenant.zones),
            ("servers", facts.tenant.servers),
            ("outside", facts.tenant.outside),
        )
        for key in names
    }
    claims = ((key, path) for path, _, key, _ in _partners(facts))
    for _, path, owner in find_repeats(claims, owners):
        yield facts.fault(
            path,
            f"is also {facts.source.cite(owner)}",
            "names that a flow can tell apart",
            "Rename one of the two",
        )


def refuse_misplaced_addresses(facts: Facts) -> Iterator[Fault]:
    """Refuse a partner's address that is not in its network."""
    for path, network, _, partner in _partners(facts):
        prefix = facts.tenant.outside[network].prefix
        if what := misplace(partner.address, network, prefix):
            allowed = f"{prefix[1]} to {prefix[-2]}"
            yield facts.fault((*path, "address"), what, allowed, "Ask the partner")


def refuse_shared_addresses(facts: Facts) -> Iterator[Fault]:
    """Refuse a partner's address that is somebody else's."""
    claims = ((partner.address, (*path, "address")) for path, _, _, partner in _partners(facts))
    owners: dict[IPv4Address, Path] = {leg.address: leg.path for leg in facts.legs}
    for address, path, owner in find_repeats(claims, owners):
        yield facts.fault(
            path,
            f"{address} is also {facts.source.cite(owner)}",
            "one owner for each address",
            "Ask the partner",
        )


def refuse_own_fqdns(facts: Facts) -> Iterator[Fault]:
    """Refuse a partner's DNS name that the tenant's own domain holds."""
    for path, _, _, partner in _partners(facts):
        if f".{partner.fqdn}".endswith(f".{facts.tenant.domain}"):
            yield facts.fault(
                (*path, "fqdn"),
                f"{partner.fqdn} is in {facts.source.cite(('domain',))}",
                "names of the partner's own",
                "Ask the partner",
            )


def refuse_shared_fqdns(facts: Facts) -> Iterator[Fault]:
    """Refuse a partner's DNS name that another has."""
    claims = ((partner.fqdn, (*path, "fqdn")) for path, _, _, partner in _partners(facts))
    for fqdn, path, owner in find_repeats(claims):
        yield facts.fault(
            path,
            f"{fqdn} is also {facts.source.cite(owner)}",
            "each name once",
            "Ask the partners",
        )


def require_partners(facts: Facts) -> Iterator[Fault]:
    """Require that a network with partners is reached by them alone."""
    for key, flow in facts.tenant.flows.items():
        for field, ends in (("from", flow.sources), ("to", flow.destinations)):
            for index, end in enumerate(ends):
                if end in facts.tenant.outside and (known := facts.tenant.outside[end].partners):
                    yield facts.fault(
                        ("flows", key, field, index),
                        f"{end} has partners",
                        f"a partner of this network: {', '.join(known)}",
                        "Name the partners",
                    )


def require_endpoints(facts: Facts) -> Iterator[Fault]:
    """Require that a partner meets servers with two-way TLS, on the one port of Digikoppeling."""
    allowed = [("tcp", DIGIKOPPELING_PORT)]
    for key, flow in facts.tenant.flows.items():
        sides = (("from", flow.sources, flow.destinations), ("to", flow.destinations, flow.sources))
        met = [(field, ends) for field, ends, others in sides if facts.partners.keys() & {*others}]
        opened = [(flow.protocol, port) for port in flow.ports]
        if met and opened != allowed:
            yield facts.fault(
                ("flows", key),
                f"opens {', '.join(f'{protocol}/{port}' for protocol, port in opened)}",
                f"tcp/{DIGIKOPPELING_PORT} alone with a partner",
                "Correct protocol and port",
            )
        for field, ends in met:
            for index, end in enumerate(ends):
                server = facts.tenant.servers.get(end)
                if server is None or ENDPOINT not in server.roles:
                    yield facts.fault(
                        ("flows", key, field, index),
                        f"{end} is no server with the role {ENDPOINT}",
                        "servers with that role, because partners ask for two-way TLS",
                        "Name such a server",
                    )


def refuse_company(facts: Facts) -> Iterator[Fault]:
    """Refuse other servers in a zone that meets partners: it is for nothing else."""
    endpoints = facts.holders.get(ENDPOINT, ())
    for members in facts.members.values():
        meeting = [key for key in members if key in endpoints]
        for key in members:
            if meeting and key not in meeting:
                yield facts.fault(
                    ("servers", key, "segment"),
                    f"is in the zone of {facts.source.cite(('servers', meeting[0]))}",
                    f"a zone of their own for servers with the role {ENDPOINT}",
                    "Choose a segment of another zone",
                )


def _entries(facts: Facts) -> Iterator[tuple[str, Flow, list[str]]]:
    """Give the flows that begin outside, with the networks in which they do."""
    for key, flow in facts.tenant.flows.items():
        networks = {facts.network_of[end] for end in flow.sources if end in facts.network_of}
        if networks:
            yield key, flow, sorted(networks)


def require_one_server(facts: Facts) -> Iterator[Fault]:
    """Require that what begins outside ends at one server: the edge's address stands for it."""
    for key, flow, _ in _entries(facts):
        path: Path = ("flows", key, "to")
        if len(flow.destinations) > 1:
            yield facts.fault(
                path,
                f"has {len(flow.destinations)} ends",
                "one server, to which the edge translates its own address outside",
                "Make a flow of each, on ports of their own",
            )
        for index, end in enumerate(flow.destinations):
            if what := _misfit(facts, end):
                yield facts.fault(
                    (*path, index),
                    f"{end} {what}",
                    "a server in the datacenter that guards no others, where a flow begins outside",
                    "Name such a server",
                )


def _misfit(facts: Facts, end: str) -> str | None:
    """Say why nothing that begins outside may end there."""
    if end in facts.network_of:
        return "is outside too"
    server = facts.tenant.servers.get(end)
    if server is None:
        return "is a zone" if end in facts.tenant.zones else None
    if guarding := [role for role in server.roles if role in GUARDS]:
        return f"has the role {guarding[0]}"
    site = facts.site_of_server(end)
    return f"is at {facts.source.cite(('sites', site))}" if site else None


def refuse_shared_entries(facts: Facts) -> Iterator[Fault]:
    """Refuse one port of the edge outside that stands for two servers, or for its own tunnel."""
    owners: dict[object, tuple[str, tuple[str, ...]]] = {}
    uplinks = {site.uplink: key for key, site in facts.tenant.sites.items()}
    for key, flow, networks in _entries(facts):
        for network in networks:
            for port in flow.ports:
                opening = (network, flow.protocol, port)
                first, destinations = owners.setdefault(opening, (key, flow.destinations))
                owner = facts.source.cite(("flows", first))
                if network in uplinks and opening[1:] == ("udp", TUNNEL_PORT):
                    owner, destinations = f"the tunnel of {uplinks[network]}", ()
                if destinations != flow.destinations:
                    yield facts.fault(
                        ("flows", key),
                        f"{flow.protocol}/{port} of the edge in {network} is that of {owner}",
                        "one server for each port outside",
                        "Choose another port or remove one of the two",
                    )


RULES = (
    refuse_shared_names,
    refuse_misplaced_addresses,
    refuse_shared_addresses,
    refuse_own_fqdns,
    refuse_shared_fqdns,
    require_partners,
    require_endpoints,
    refuse_company,
    require_one_server,
    refuse_shared_entries,
)
