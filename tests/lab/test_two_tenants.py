"""Two tenants at once, with the same prefixes and addresses: neither notices the other.

In file order: the later tests use what the earlier ones left. The second is smaller: what is
asked of it is to be a neighbour. It does not prove isolation against attack, nor a real vCenter.
"""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyVmomi import vim

from infra.operations.stack import DeploymentError
from lab.layout import Layout
from tests.lab.estate import Estate
from tests.lab.site import Site, open_site
from tests.lab.tenant import PROGRAM

pytestmark = pytest.mark.lab

BASTIONS = {"noord": "10.255.0.206", "zuid": "10.255.0.207"}
"""The bastions' legs in this lab, away from the addresses of other tests."""

APPLICATION_SERVER = "10.22.20.11"
DATABASE_SERVER = "10.22.30.11"

SESSION = """
import pathlib, psycopg2, sys
password = pathlib.Path("/etc/credstore/meldingen.database-password").read_text().strip()
connection = psycopg2.connect(
    host=sys.argv[1], dbname="meldingen", user="meldingen", password=password, sslmode="require",
    connect_timeout=10, tcp_user_timeout=20000,
)
connection.autocommit = True
for line in sys.stdin:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        print(*cursor.fetchone(), flush=True)
"""
"""Holds one connection to the database; says which for every line that it reads."""


@pytest.fixture(scope="module")
def sites(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """Return two tenants, brought up at the same time by two engineers."""
    records = tmp_path_factory.mktemp("records")
    with (
        open_site(
            layout, records, "noord", bastion=BASTIONS["noord"], without=("werkplek01",)
        ) as noord,
        open_site(
            layout,
            records,
            "zuid",
            bastion=BASTIONS["zuid"],
            without=("db01", "werkplek01"),
            vlans="13",
        ) as zuid,
    ):
        (zuid.record.parent / "applications" / "meldingen.yaml").unlink()
        with zuid.edit() as content:
            content["servers"]["app01"]["roles"] = ["workplace"]
            del content["flows"]["meldingen-web"], content["flows"]["meldingen-database"]
        with ThreadPoolExecutor() as engineers:
            for done in [engineers.submit(site.up) for site in (noord, zuid)]:
                done.result()
        yield {"noord": noord, "zuid": zuid}


@pytest.fixture(scope="module")
def session(sites: dict[str, Site]) -> Iterator[Callable[[], str]]:
    """Return what names the one connection that noord's application server holds open."""
    with (
        sites["noord"].path() as path,
        subprocess.Popen(
            [
                path.ssh,
                "app01",
                shlex.join(["sudo", "python3", "-uc", SESSION, DATABASE_SERVER]),
            ],
            env=path.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def name() -> str:
            asked.write("which\n")
            asked.flush()
            return told.readline().strip()

        yield name
        process.terminate()


def test_tenants_share_addresses_and_no_vlan_or_name(
    sites: dict[str, Site], estate: Estate
) -> None:
    plans = {tenant: site.stack.outputs().plan for tenant, site in sites.items()}
    addresses = {
        tenant: {key: server.address for key, server in plan.servers.items()}
        for tenant, plan in plans.items()
    }
    assert addresses["zuid"].items() <= addresses["noord"].items()
    planned = {
        f"{tenant}-{key}": segment.vlan
        for tenant, plan in plans.items()
        for key, segment in plan.segments.items()
    }
    groups = {name: estate.find(vim.dvs.DistributedVirtualPortgroup, name) for name in planned}
    realised = {name: g.config.defaultPortConfig.vlan.vlanId for name, g in groups.items()}
    assert realised == planned
    assert len({*realised.values()}) == len(realised), "each VLAN once"


def test_address_that_both_have_leads_to_ones_own_host(sites: dict[str, Site]) -> None:
    own = {
        tenant: site.ask(app01="cat /etc/ssh/ssh_host_ed25519_key.pub")["app01"].split()[1]
        for tenant, site in sites.items()
    }
    scan = f"ssh-keyscan -t ed25519 {APPLICATION_SERVER} 2>/dev/null"
    seen = {
        tenant: site.ask(bastion01=scan)["bastion01"].split()[2] for tenant, site in sites.items()
    }
    assert own["noord"] != own["zuid"], "the answers can be told apart"
    assert seen == own


def test_names_of_the_neighbour_are_unknown(sites: dict[str, Site]) -> None:
    for tenant, neighbour in (("noord", "zuid"), ("zuid", "noord")):
        ask = f"getent hosts app01.{tenant}.internal; getent hosts app01.{neighbour}.internal; true"
        answers = sites[tenant].ask(edge01=ask)["edge01"].splitlines()
        assert [answer.split() for answer in answers] == [
            [APPLICATION_SERVER, f"app01.{tenant}.internal"]
        ]


def test_collision_is_refused_by_every_command_before_anything_is_deployed(
    sites: dict[str, Site],
) -> None:
    noord, zuid = sites["noord"], sites["zuid"]
    good = zuid.record.read_text()
    zuid.record.write_text(good.replace("vlan: 1303", "vlan: 1203"))
    try:
        for command in ("check", "up"):
            done = subprocess.run(
                [PROGRAM, command, "zuid"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 2
            assert f"1203 is also zones.data.segments.data.vlan ({noord.record} line" in done.stderr
            assert "Next free VLAN: 1101." in done.stderr
        with pytest.raises(DeploymentError, match="1203 is also") as refused:
            zuid.stack.deploy("preview")
        assert str(zuid.record) in str(refused.value)
        assert str(noord.record) in str(refused.value)
    finally:
        zuid.record.write_text(good)
    assert zuid.preview() == {}


def test_destroying_and_redeploying_one_disturbs_nothing_of_the_other(
    sites: dict[str, Site], session: Callable[[], str]
) -> None:
    noord, zuid = sites["noord"], sites["zuid"]
    lives, connection, former = noord.lives(), session(), zuid.lives()
    assert connection.isdecimal()
    zuid.stack.deploy("destroy", "--yes", "--skip-preview")
    assert session() == connection, "the open connection, while the neighbour is gone"
    zuid.up()
    assert session() == connection, "the open connection, with a new neighbour"
    assert noord.lives() == lives, "no server of the other was replaced or booted"
    assert noord.preview() == {}
    assert not {*former.values()} & {*zuid.lives().values()}, "all of the neighbour is new"
