"""A tenant with a pair of edges, and hosts that talk over them in every way that there is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.operations.secret import complete_secrets
from infra.plan import compile_plan
from infra.record import load
from lab.layout import Layout
from tests.lab.edge_pair import EDGES, own
from tests.lab.edge_traffic import ALLOWED, CLIENT, DATABASE, Traffic
from tests.lab.site import Site, Start, open_site
from tests.lab.tenant import run_tenant
from tests.lab.town_hall import EDGE, UPLINK, add_town_hall

HOST_OPENED = "; ".join(
    f"nft insert rule inet host_filter {chain} accept" for chain in ("incoming", "outgoing")
)
"""Has a host's own filter stop nothing."""


@contextmanager
def open_edge_site(layout: Layout, records: Path, tenant: str, *, bastion: str) -> Iterator[Site]:
    """Bring up two edges, a bastion, two hosts, and the router of a town hall.

    Args:
        layout: of a lab that is up.
        records: a folder for the record.
        tenant: its id.
        bastion: address of the bastion's leg in the lab's provider-management network.

    Yields:
        The site. Afterwards the stack is destroyed and its files are gone.
    """
    with open_site(layout, records, tenant, bastion=bastion, without=("werkplek01",)) as site:
        (site.record.parent / "applications" / "meldingen.yaml").unlink()
        with site.edit() as content:
            _pair_up(content)
            for server in ("app01", "db01"):
                content["servers"][server]["roles"] = ["workplace"]
            del content["flows"]["meldingen-web"]
            add_town_hall(content)
            sources = {"meldingen-database": "app01", "by-tunnel": "router01", "entry": UPLINK}
            content["flows"] |= {name: _to_database(source) for name, source in sources.items()}
        # Not `tenant up`: nobody listens yet where the flows lead, and verifying would say so.
        complete_secrets(site.stack, compile_plan(load(site.record.parent)))
        site.stack.deploy("up", "--yes", "--skip-preview")
        run_tenant("configure", tenant, "--stack", site.stack.name)
        yield site


def _pair_up(content: Any) -> None:
    """Give a record a second edge."""
    alone = content["servers"].pop("edge01")
    for edge in EDGES:
        legs = {key: f"{leg[:-1]}{own(edge)}" for key, leg in alone["interfaces"].items()}
        place = {"address": f"10.22.40.{own(edge)}", "interfaces": legs}
        content["servers"][edge] = {**alone, **place, "roles": ["edge"]}
    for flow in content["flows"].values():
        for ends in (flow["from"], flow["to"]):
            if "edge01" in ends:
                ends.append("edge02")


def _to_database(source: str) -> dict[str, Any]:
    """Return a flow that leads to db01."""
    ends = {"from": [source], "to": ["db01"], "protocol": "tcp", "port": ALLOWED}
    return ends | {"purpose": "talk all the time", "owner": "informatiemanager"}


def begin_talking(site: Site, start: Start) -> Traffic:
    """Have hosts talk to db01, which listens already, until their programs end."""
    # At the town hall, whose filter lets nobody ask the edge's address, somebody outside does.
    site.ask(router01=HOST_OPENED)
    return {
        "within": start("app01", CLIENT, DATABASE),
        "by the tunnel": start("router01", CLIENT, DATABASE),
        "from outside": start("router01", CLIENT, EDGE),
    }
