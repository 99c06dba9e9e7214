"""A vCenter that fails a deployment: one clear line, exit 4, and the next run goes on.

In file order: each fault strikes where the run before it stopped, until a last one completes. The
endpoint's faults are those of stand-ins, names and sessions are spoilt over the ordinary API, the
rest by the lab's vCenter. It does not prove that a real vCenter uses the same words.
"""

import json
import re
import shutil
import ssl
import subprocess
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from infra.operations import engine
from infra.operations.stack import ROOT, DeploymentError
from infra.operations.stack_config import read_config, store_secrets
from infra.settings import VCENTER_PASSWORD
from lab.layout import Layout
from tests.failure.case import read_case
from tests.failure.stand_in import EXPIRED, StandIn, be_away, serve, stay_silent
from tests.lab.estate import Estate, wait
from tests.lab.site import Site, open_site
from tests.lab.tenant import PROGRAM, run_tenant

pytestmark = pytest.mark.lab

TENANT = "storing"
BASTION = "10.255.0.203"
"""The bastion's leg in this lab, away from the addresses of other tests."""

END_S = 900
"""A command that has not ended by then waits for ever, also on a slow machine."""


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant of two servers, of which nothing is deployed yet."""
    records = tmp_path_factory.mktemp("records")
    without = ("app01", "db01", "werkplek01")
    with open_site(layout, records, TENANT, bastion=BASTION, without=without) as site:
        with site.edit() as content:
            for flow in ("meldingen-web", "meldingen-database"):
                del content["flows"][flow]
        shutil.rmtree(site.record.parent / "applications")
        yield site


@pytest.fixture
def suffer(layout: Layout) -> Iterator[Any]:
    """Return what puts mishaps of the lab's vCenter in force; afterwards there are none."""
    credentials = json.loads(layout.credentials_file.read_text())
    basic = b64encode(f"{credentials['user']}:{credentials['password']}".encode()).decode()
    trust = ssl.create_default_context(cafile=str(layout.certificate_file))

    def put(*mishaps: dict[str, Any]) -> None:
        request = urllib.request.Request(
            f"https://127.0.0.1:{layout.port_file.read_text()}/lab/mishaps",
            data=json.dumps(mishaps).encode(),
            headers={"Authorization": f"Basic {basic}"},
            method="PUT",
        )
        with urllib.request.urlopen(request, context=trust, timeout=60) as answer:  # noqa: S310
            assert answer.status == 204

    yield put
    put()


@contextmanager
def configured(site: Site, **values: str) -> Iterator[None]:
    """Have other values in the stack's configuration for a while."""
    file = ROOT / f"Pulumi.{site.stack.name}.yaml"
    good = file.read_text()
    plain = [part for key, value in values.items() for part in ("--plaintext", f"{key}={value}")]
    site.stack.run("config", "set-all", "--path", *plain)
    try:
        yield
    finally:
        file.write_text(good)


def fail(site: Site) -> list[str]:
    """Run `tenant up`, which must fail as it ought to; return the lines of its standard error."""
    done = subprocess.run(
        [PROGRAM, "up", TENANT, "--stack", site.stack.name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=END_S,
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr.splitlines()


def said(case: str, site: Site, server: str | None = None) -> list[str]:
    """Give the lines of a case; they name the resources that it struck when it was recorded."""
    server = server or read_config(site.stack)["vsphere:vsphereServer"]
    return read_case(case).said(server, site.stack.name)


def anonymous(lines: list[str]) -> list[str]:
    """Leave the names of resources out: which of several it strikes first is chance."""
    return [
        re.sub(rf"{TENANT}-[\w-]+(, {TENANT}-[\w-]+)*: ", "RESOURCES: ", line) for line in lines
    ]


@pytest.mark.parametrize(
    ("case", "stand_in"),
    [
        ("unreachable", be_away),
        ("silent", stay_silent),
        ("certificate-expired", partial(serve, expiry=EXPIRED)),
    ],
)
def test_endpoint_that_cannot_be_used(
    case: str, stand_in: StandIn, site: Site, tmp_path: Path
) -> None:
    with (
        stand_in(tmp_path) as (address, _),
        configured(site, **{"vsphere:vsphereServer": address}),
    ):
        assert fail(site) == said(case, site, address)


def test_wrong_password(site: Site) -> None:
    known = read_config(site.stack)
    store_secrets(site.stack, known, {VCENTER_PASSWORD: "wrong horse"})
    assert fail(site) == said("password-wrong", site)
    store_secrets(site.stack, {}, {VCENTER_PASSWORD: known[VCENTER_PASSWORD]})


def test_missing_datacenter(site: Site) -> None:
    with configured(site, **{"tenant:datacenter.name": "nergens"}):
        assert fail(site) == said("datacenter-missing", site)


def test_all_missing_parts_are_told_at_once(site: Site) -> None:
    parts = [f"datacenter.{part}" for part in ("cluster", "datastore", "switch", "template")]
    parts.append("management.port_group")
    with configured(site, **{f"tenant:{part}": "nergens" for part in parts}):
        assert fail(site) == said("parts-missing", site)


def test_template_that_was_renamed(site: Site, estate: Estate) -> None:
    template = estate.find(vim.VirtualMachine, "debian-12")
    wait(template.Rename_Task("debian-12-old"))
    lines = fail(site)
    wait(template.Rename_Task("debian-12"))
    assert lines == [said("parts-missing", site)[-1].replace("nergens", "debian-12")]


FAULTS = [
    (
        "host-disconnected",
        # In the middle of the four port groups, whichever way the provider makes them.
        ("AddDVPortgroup_Task", "CreateDVPortgroup_Task"),
        {"_typeName": "HostNotConnected"},
        2,
    ),
    ("permission-missing", ("CloneVM_Task",), {"_typeName": "NoPermission"}, 0),
    (
        "datastore-full",
        ("CloneVM_Task",),
        {"_typeName": "NoDiskSpace", "datastore": "datastore01"},
        0,
    ),
    (
        "memory-exhausted",
        ("CloneVM_Task",),
        {"_typeName": "InsufficientMemoryResourcesFault", "unreserved": 0, "requested": 1},
        0,
    ),
    ("unknown", ("ReconfigVM_Task",), {"_typeName": "InvalidDeviceSpec", "deviceIndex": 1}, 0),
]


@pytest.mark.parametrize(
    ("case", "methods", "fault", "skip"), FAULTS, ids=[f"{f[0]} in {f[1][0]}" for f in FAULTS]
)
def test_fault_in_the_midst(
    case: str,
    methods: tuple[str, ...],
    fault: dict[str, Any],
    skip: int,
    site: Site,
    suffer: Any,
) -> None:
    suffer(*({"method": method, "fault": fault, "skip": skip} for method in methods))
    assert anonymous(fail(site)) == anonymous(said(case, site))


def test_session_that_ends_during_the_run(site: Site, estate: Estate) -> None:
    with estate.ending_sessions():
        lines = fail(site)
    assert lines == said("session-ended", site)


def inventory(estate: Estate) -> dict[str, list[str]]:
    """Give what there is of the tenant, by kind."""
    kinds = {
        "machines": vim.VirtualMachine,
        "port groups": vim.dvs.DistributedVirtualPortgroup,
        "folders": vim.Folder,
        "pools": vim.ResourcePool,
    }
    return {
        what: sorted(name for name in estate.names(kind) if name.startswith(TENANT))
        for what, kind in kinds.items()
    }


def test_slow_vcenter_is_waited_for_and_everything_goes_on(
    site: Site, suffer: Any, estate: Estate
) -> None:
    """What the failed runs made is used, what they did not make is made, nothing is there twice."""
    suffer({"method": "*", "delay_ms": 50})
    site.up()
    suffer()
    assert inventory(estate) == {
        "machines": [f"{TENANT}-bastion01", f"{TENANT}-edge01"],
        "port groups": [f"{TENANT}-{key}" for key in ("app", "beheer", "data", "office")],
        "folders": [TENANT],
        "pools": [TENANT],
    }
    assert site.preview() == {}


def test_vcenter_that_falls_silent_is_not_waited_for_for_ever(
    site: Site, suffer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pulumi is ended so that it frees its lock: the next run goes on by itself."""
    monkeypatch.setattr(engine, "SILENCE_S", 30)
    with site.edit() as content:
        content["zones"]["office"]["segments"]["office"]["vlan"] = 1291
    suffer({"method": "ReconfigureDVPortgroup_Task", "delay_ms": 3_600_000})
    with pytest.raises(DeploymentError) as raised:
        site.stack.deploy("up", "--yes", "--skip-preview", "--suppress-outputs")
    server = read_config(site.stack)["vsphere:vsphereServer"]
    assert str(raised.value) == (
        f"vcenter {server}: pulumi up waited 30 s without any news, for:"
        f" {TENANT}-office-port-group (update). Look in the vCenter whether the work still goes"
        " on. Then run the same command again: it goes on where it stopped."
    )
    suffer()
    run_tenant("up", TENANT, "--stack", site.stack.name)
    assert site.preview() == {}
