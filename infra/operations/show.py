"""Show a plan to a reader, as tables, or to a program, as JSON."""

import json
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from infra.plan.model import Plan

_WRAPPED = {"addresses", "from", "to", "purpose"}
"""Columns that may break; the others are short and read best whole."""


def plan_json(plan: Plan) -> str:
    """Give the whole plan as indented JSON, the same text for the same plan."""
    return json.dumps(plan.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def show_plan(plan: Plan, console: Console) -> None:
    """Print segments, servers, disks, flows and checks as tables."""
    console.print(f"{plan.name} ({plan.tenant}), names below {plan.domain}", highlight=False)
    for table in _tables(plan):
        console.print(table)


def _tables(plan: Plan) -> Iterable[Table]:
    yield _table(
        "Segments",
        ("segment", "zone", "level", "vlan", "prefix", "gateway"),
        [(key, s.zone, s.level, s.vlan, s.prefix, s.gateway) for key, s in plan.segments.items()],
    )
    yield _table(
        "Servers",
        ("server", "zone", "roles", "vCPU", "MiB", "addresses"),
        [
            (
                key,
                server.zone,
                ", ".join(server.roles),
                server.vcpu,
                server.memory_mib,
                ", ".join(
                    nic.address or nic.shared or "provider-management" for nic in server.nics
                ),
            )
            for key, server in plan.servers.items()
        ],
    )
    yield _table(
        "Disks",
        ("server", "disk", "unit", "GiB", "mount"),
        [
            (key, name, volume.unit, volume.size_gib, volume.mount)
            for key, server in plan.servers.items()
            for name, volume in server.volumes.items()
        ],
    )
    yield _table(
        "Partners",
        ("partner", "network", "address", "name"),
        [(key, p.network, p.address, p.fqdn) for key, p in plan.partners.items()],
    )
    yield _table(
        "Flows: all that is allowed",
        ("flow", "from", "to", "port", "purpose", "owner"),
        [
            (
                key,
                ", ".join(flow.sources),
                ", ".join(flow.destinations),
                f"{flow.protocol}/{flow.port}",
                flow.purpose,
                flow.owner,
            )
            for key, flow in plan.flows.items()
        ],
    )
    kinds: dict[str, list[str]] = {}
    for name, check in plan.checks.items():
        kinds.setdefault(check.kind, []).append(name)
    yield _table(
        "Checks",
        ("kind", "number", "for example"),
        [(kind, len(names), names[0]) for kind, names in kinds.items()],
    )


def _table(title: str, headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in _WRAPPED)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
