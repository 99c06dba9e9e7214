"""Rules of applications: their servers exist, have the role, and reach each other."""

from collections.abc import Iterator

from infra.record.fault import Fault
from infra.record.model import Application, ServerRole
from infra.record.rules.facts import Facts
from infra.record.service import DATABASE_PORT
from infra.record.suggestion import suggest

RESERVED_NAMES = frozenset(
    [
        "chrony",
        "cron",
        "dbus",
        "getty",
        "journald",
        "nftables",
        "nginx",
        "postgres",
        "postgresql",
        "ssh",
        "sshd",
        "sudo",
        "systemd",
        "template0",
        "template1",
        "unattended-upgrades",
        "unbound",
    ]
)
"""Services of the hosts and PostgreSQL's own databases: an application's id names both."""


def refuse_reserved_names(facts: Facts) -> Iterator[Fault]:
    """Refuse an application whose service or database would be the system's own."""
    for key in facts.tenant.applications:
        if key in RESERVED_NAMES:
            yield facts.fault(
                ("applications", key),
                f'"{key}" is a reserved name',
                f"any name but {', '.join(sorted(RESERVED_NAMES))}",
                "Rename the file",
            )


def refuse_names_of_servers(facts: Facts) -> Iterator[Fault]:
    """Refuse an application that is called like a server: both are names in one domain."""
    for key in facts.tenant.applications:
        if key in facts.tenant.servers:
            yield facts.fault(
                ("applications", key),
                f'"{key}" is also {facts.source.cite(("servers", key))}',
                "names that the tenant's domain can tell apart",
                "Rename the file or the server",
            )


def require_servers(facts: Facts) -> Iterator[Fault]:
    """Require that an application's servers exist and have the role."""
    for key, application in facts.tenant.applications.items():
        for field, server, role in _endpoints(application):
            holders = facts.holders.get(role, ())
            allowed = f"a server with the role {role}: {', '.join(holders) or 'there is none'}"
            path = ("applications", key, field, "server")
            if server not in facts.tenant.servers:
                remedy = suggest(server, facts.tenant.servers, "Add it or correct the name")
                yield facts.fault(path, f'unknown server "{server}"', allowed, remedy)
            elif server not in holders:
                roles = ", ".join(facts.tenant.servers[server].roles)
                what = f"{server} has the role {roles}"
                remedy = f"Choose one, or add {role} there" if holders else f"Add {role} there"
                yield facts.fault(path, what, allowed, remedy)


def _endpoints(application: Application) -> Iterator[tuple[str, str, ServerRole]]:
    yield "web", application.web.server, "webapp"
    yield "database", application.database.server, "database"


def require_web_flows(facts: Facts) -> Iterator[Fault]:
    """Require that some flow ends where an application answers."""
    reached = {
        (destination, port)
        for flow in facts.tenant.flows.values()
        if flow.protocol == "tcp"
        for destination in facts.servers_of(flow.destinations)
        for port in flow.ports
    }
    for key, application in facts.tenant.applications.items():
        web = application.web
        has_server = web.server in facts.holders.get(
            "webapp", ()
        )  # `require_servers` says otherwise
        if has_server and (web.server, web.port) not in reached:
            yield facts.fault(
                ("applications", key, "web", "port"),
                f"no flow leads to {web.server} on tcp/{web.port}",
                "an application that somebody reaches",
                f"Add such a flow to tenant.yaml: to [{web.server}]",
            )


def require_database_flows(facts: Facts) -> Iterator[Fault]:
    """Require a flow from an application's web server to its database."""
    pairs = {
        (source, destination)
        for flow in facts.tenant.flows.values()
        if flow.protocol == "tcp" and DATABASE_PORT in flow.ports
        for source in facts.servers_of(flow.sources)
        for destination in facts.servers_of(flow.destinations)
    }
    webapps, databases = facts.holders.get("webapp", ()), facts.holders.get("database", ())
    for key, application in facts.tenant.applications.items():
        web, database = application.web.server, application.database.server
        has_servers = web in webapps and database in databases  # `require_servers` says otherwise
        if has_servers and web != database and (web, database) not in pairs:
            yield facts.fault(
                ("applications", key, "database", "server"),
                f"no flow leads from {web} to {database} on tcp/{DATABASE_PORT}",
                "an application that reaches its database",
                f"Add such a flow to tenant.yaml: from [{web}], to [{database}]",
            )


RULES = (
    refuse_reserved_names,
    refuse_names_of_servers,
    require_servers,
    require_web_flows,
    require_database_flows,
)
