"""The full matrix on a small tenant: green as deployed, and red for what saboteurs do to it.

It does not prove anything of hosts outside the plan, nor of IPv6.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs
from lab.layout import Layout
from tests.lab.matrix_sabotage import assert_turns_red, read_evidence
from tests.lab.site import Site, open_site
from tests.lab.tenant import run_as_root, run_tenant
from tests.matrix.saboteur import SABOTEURS, Saboteur

pytestmark = pytest.mark.lab

TENANT = "rasters"
BASTION = "10.255.0.219"


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant of four hosts that is up: edge and bastion, and two that must not meet."""
    records = tmp_path_factory.mktemp("records")
    with open_site(layout, records, TENANT, bastion=BASTION, without=("db01",)) as site:
        (site.record.parent / "applications" / "meldingen.yaml").unlink()
        with site.edit() as content:
            content["servers"]["app01"]["roles"] = ["workplace"]
            del content["zones"]["data"]
            del content["servers"]["edge01"]["interfaces"]["data"]
            del content["flows"]["meldingen-web"], content["flows"]["meldingen-database"]
            for flow in content["flows"].values():
                for ends in (flow["from"], flow["to"]):
                    if "data" in ends:
                        ends.remove("data")
        site.up()
        yield site


@pytest.fixture(scope="module")
def outputs(site: Site) -> StackOutputs:
    """Return what the tenant's stack gave."""
    return site.stack.outputs()


@pytest.fixture(scope="module")
def path(site: Site) -> Iterator[ManagementPath]:
    """Return a way to its servers."""
    with site.path() as path:
        yield path


def _leavings(site: Site, outputs: StackOutputs) -> dict[str, str]:
    """Return by server what a probe could leave: files, and sockets that hear a wire.

    Private folders of services are systemd's: they go when a service that D-Bus woke is idle.
    """
    files = "ls -A --ignore='systemd-private-*' /tmp /run /root /var/tmp | sort"
    look = f"{files}; ss -Hapn --packet | grep -c python; true"
    return site.ask(**dict.fromkeys(outputs.plan.servers, look))


def test_exactly_the_plans_flows_are_open_and_nothing_is_left_behind(
    site: Site, outputs: StackOutputs
) -> None:
    before = _leavings(site, outputs)
    run_tenant("verify", TENANT, "--stack", site.stack.name, "--suite", "matrix")
    assert _leavings(site, outputs) == before
    evidence = read_evidence(ROOT / "evidence" / site.stack.name / "matrix.json")
    found = {(pair["source"], pair["destination"]): pair["open"] for pair in evidence["pairs"]}
    assert found["bastion01", "app01"] == {"tcp": "22", "udp": ""}
    assert found["app01", "bastion01"] == {"tcp": "53,3142", "udp": "53,123"}
    assert found["app01", "werkplek01"] == {"tcp": "", "udp": ""}
    assert len(found) == 12
    for pair in evidence["pairs"]:
        for swept in pair["filters"]:
            passed = sum(
                int(last or first) - int(first) + 1
                for ports in swept["passed"].values()
                for first, _, last in (run.partition("-") for run in ports.split(",") if run)
            )
            assert swept["sent"] == passed + swept["dropped"], "every probe left its trace"


def test_a_probe_left_behind_is_seen(
    site: Site, outputs: StackOutputs, path: ManagementPath
) -> None:
    before = _leavings(site, outputs)
    run_as_root(path, "app01", "touch /run/probe.py")
    try:
        after = _leavings(site, outputs)
    finally:
        run_as_root(path, "app01", "rm /run/probe.py")
    assert {name for name in after if after[name] != before[name]} == {"app01"}


@pytest.mark.parametrize(
    "saboteur",
    [one for one in SABOTEURS if one.server != "router01"],
    ids=lambda saboteur: saboteur.name,
)
def test_saboteur_turns_red_exactly_what_it_should(
    saboteur: Saboteur, outputs: StackOutputs, path: ManagementPath, tmp_path: Path
) -> None:
    assert_turns_red(saboteur, outputs, path, tmp_path / "matrix.json")
