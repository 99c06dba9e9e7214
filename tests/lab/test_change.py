"""A record changed under a tenant that runs: previewed as what it is, applied, real on the hosts.

In file order: each change stands on the one before. The tenant is the example's, less its
workplace, with segments of its own. It does not prove a real vCenter.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyroute2 import IPRoute
from ruamel.yaml import YAML

from infra.operations.stack import ROOT
from lab.fabric.namespace import with_link
from lab.layout import Layout
from tests.lab.conftest import run_lab
from tests.lab.estate import await_true
from tests.lab.site import EXAMPLE, Site, Start, open_site

pytestmark = pytest.mark.lab

TENANT = "wijziging"
BASTION = "10.255.0.201"
"""The bastion's leg in this lab, away from the addresses of other tests."""

PORT = 8099
"""Where the flow that comes and goes ends."""

SERVER = f"""
import socket, sys
listener = socket.create_server(("0.0.0.0", {PORT}))
print("listening", flush=True)
said = b""
while not said:  # a check only connects; whoever says something is answered from then on
    connection, _ = listener.accept()
    said = connection.recv(64)
listener.close()
while said:
    connection.sendall(said)
    said = connection.recv(64)
"""

CLIENT = f"""
import socket, sys
connection = socket.create_connection((sys.argv[1], {PORT}), timeout=3)
for line in sys.stdin:
    connection.sendall(line.encode())
    try:
        print(connection.recv(64).decode().strip(), flush=True)
    except TimeoutError:
        print("silence", flush=True)
"""


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant that is up; its servers are gone afterwards."""
    records = tmp_path_factory.mktemp("records")
    with open_site(layout, records, TENANT, bastion=BASTION, without=("werkplek01",)) as site:
        site.up()
        yield site


@pytest.fixture(scope="module")
def added() -> dict[str, Any]:
    """Return what the record gets and loses again, by section and key."""
    whole = YAML().load(EXAMPLE / "tenant.yaml")
    workplace = whole["servers"]["werkplek01"] | {"address": "10.22.10.11"}
    flow = {"from": ["app01"], "to": ["db01"], "protocol": "tcp", "port": PORT}
    flow |= {"purpose": "reports for the council", "owner": "informatiemanager"}
    key = Ed25519PrivateKey.generate().public_key()
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return {
        "servers": {"werkplek01": workplace},
        "flows": {"rapportage": flow},
        "administrators": {"k-smit": {"name": "K. Smit", "keys": [line.decode()]}},
    }


@pytest.fixture(scope="module")
def start(site: Site) -> Iterator[Start]:
    """Return what starts a Python program on a server."""
    with site.programs() as start:
        yield start


@pytest.fixture(scope="module")
def reporting(start: Start) -> subprocess.Popen[str]:
    """Return what answers on db01 where the flow ends; it outlives the flow."""
    server = start("db01", SERVER)
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"
    return server


def echo(client: subprocess.Popen[str], text: str) -> str:
    """Send one line over the connection that a client holds; return what came back."""
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(f"{text}\n")
    client.stdin.flush()
    return client.stdout.readline().strip()


def others(lives: dict[str, tuple[str, str]], *changed: str) -> dict[str, tuple[str, str]]:
    """Leave out the servers that a change was about."""
    return {server: life for server, life in lives.items() if server not in changed}


def hosts(told: str) -> set[str]:
    """Return the servers that `tenant up` says it configured."""
    named = re.search(r"^ +\d+ of \d+ hosts: (.+)$", told, re.MULTILINE)
    return set(named[1].split(", ")) if named else set()


def vms(*servers: str) -> dict[str, str]:
    """Return the preview in which the VMs of these servers change in place, and nothing else."""
    return {f"{TENANT}-{server}-vm": "update" for server in servers}


def test_processors_memory_and_disks_of_one_server(site: Site, layout: Layout) -> None:
    """More of them comes to the running server."""
    before = site.lives()
    site.ask(db01="echo kept > /var/lib/postgresql/kept")
    with site.edit() as content:
        db01 = content["servers"]["db01"]
        db01["vcpu"] = 3
        db01["memory_mib"] = 1280
        db01["disks"]["data"]["size_gib"] = 24
        db01["disks"]["archief"] = {"unit": 2, "size_gib": 2, "mount": "/srv/archief"}
    assert site.preview() == vms("db01")
    assert hosts(site.up()) == {"db01"}
    assert site.lives() == before
    sizes = site.ask(
        db01="df --output=size --block-size=1M /var/lib/postgresql /srv/archief | tail -n 2"
        " && cat /var/lib/postgresql/kept"
    )["db01"].split()
    data_mib, archive_mib, kept = int(sizes[0]), int(sizes[1]), sizes[2]
    # XFS keeps a few hundredths for itself.
    assert 0.95 * 24 * 1024 < data_mib < 24 * 1024
    assert 0.9 * 2 * 1024 < archive_mib < 2 * 1024
    assert kept == "kept"
    assert sizes_in_the_lab(layout)[f"{TENANT}-db01"] == (3, 1280)


def sizes_in_the_lab(layout: Layout) -> dict[str, tuple[int, int]]:
    """Return what each host may use: processors and MiB of memory."""
    listed = json.loads(run_lab(layout, "status", "--json"))["hosts"]
    return {host["name"]: (host["vcpu"], host["memory_limit_mib"]) for host in listed}


def test_server_flow_and_administrator_come(
    site: Site,
    added: dict[str, Any],
    reporting: subprocess.Popen[str],
    start: Start,
) -> None:
    before = site.lives()
    refused = start("app01", CLIENT, "10.22.30.11")
    assert refused.wait() != 0, "no flow yet"
    with site.edit() as content:
        for section, entries in added.items():
            content[section] |= entries
    assert site.preview() == {
        f"{TENANT}-werkplek01": "create",
        f"{TENANT}-werkplek01-vm": "create",
    }
    site.up()
    after = site.lives()
    assert set(after) - set(before) == {"werkplek01"}
    assert others(after, "werkplek01") == before
    known = site.ask(**dict.fromkeys(after, "id --name --groups k-smit"))
    assert {frozenset(groups.split()) for groups in known.values()} == {
        frozenset({"k-smit", "ssh-login", "beheerders"})
    }
    assert reporting.poll() is None


def test_flow_goes(
    site: Site,
    reporting: subprocess.Popen[str],
    start: Start,
) -> None:
    """An open connection over it falls silent; only its two ends and the edge are touched."""
    before = site.lives()
    client = start("app01", CLIENT, "10.22.30.11")
    assert echo(client, "while allowed") == "while allowed"
    with site.edit() as content:
        del content["flows"]["rapportage"]
    assert site.preview() == {}
    assert hosts(site.up()) == {"app01", "db01", "edge01"}
    # Asked and answered over ssh connections that are older than the filters.
    assert echo(client, "when withdrawn") == "silence"
    assert client.poll() is None
    assert reporting.poll() is None
    assert site.lives() == before


def test_server_and_administrator_go_and_a_segment_gets_another_vlan(
    site: Site, added: dict[str, Any], layout: Layout
) -> None:
    before = site.lives()
    assert "switch01 VLAN 1203" in bridges(layout)
    with site.edit() as content:
        for section in ("servers", "administrators"):
            for key in added[section]:
                del content[section][key]
        content["zones"]["data"]["segments"]["data"]["vlan"] = 1303
    assert site.preview() == {
        f"{TENANT}-werkplek01": "delete",
        f"{TENANT}-werkplek01-vm": "delete",
        f"{TENANT}-data-port-group": "update",
    }
    site.up()
    after = site.lives()
    assert after == others(before, "werkplek01")
    known = site.ask(**dict.fromkeys(after, "getent passwd k-smit || echo nobody"))
    assert set(known.values()) == {"nobody"}
    await_true("no VLAN of before", lambda: "switch01 VLAN 1203" not in bridges(layout))
    assert "switch01 VLAN 1303" in bridges(layout)


def bridges(layout: Layout) -> set[str]:
    """Return the networks of the lab's switches, as `switch01 VLAN 99`."""

    def read(link: IPRoute) -> set[str]:
        return {str(message.get_attr("IFLA_IFALIAS")) for message in link.get_links()}

    return with_link(layout.fabric, read)


KEPT = "cat /root/kept /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub"


def test_server_moves_to_another_zone(site: Site) -> None:
    """It restarts into its new address, the one VM that it was; its old one means nothing now."""
    before = site.lives()
    site.ask(app01="echo kept > /root/kept")
    kept = site.ask(app01=KEPT)
    with site.edit() as content:
        content["servers"]["app01"] |= {"segment": "office", "address": "10.22.10.21"}
    assert site.preview() == vms("app01")
    assert hosts(site.up()) == set(before)
    after = site.lives()
    assert others(after, "app01") == others(before, "app01")
    assert after["app01"][0] == before["app01"][0], "the same VM"
    assert site.ask(app01=KEPT) == kept
    assert rules_with(site, "10.22.20.11") == set()


def rules_with(site: Site, address: str) -> set[str]:
    """Return the servers whose packet filters know an address."""
    command = f"nft list ruleset | grep --fixed-strings {address} | wc --lines"
    known = site.ask(**dict.fromkeys(site.lives(), command))
    return {server for server, count in known.items() if count != "0"}


def test_setting_of_a_role(site: Site, tmp_path: Path) -> None:
    """Changed in a copy of the project: only who has the role is touched, and gets it."""
    shown = (
        "runuser -u postgres -- psql --tuples-only --no-align --command 'show log_disconnections'"
    )
    assert site.ask(db01=shown) == {"db01": "on"}
    for part in ("applications", "infra", "playbooks", "roles"):
        shutil.copytree(ROOT / part, tmp_path / part)
    for file in (ROOT / "ansible.cfg", *ROOT.glob("Pulumi.yaml"), *ROOT.glob(f"Pulumi.{TENANT}-*")):
        shutil.copy(file, tmp_path)
    setting = tmp_path / "roles" / "database" / "templates" / "tenant.conf.j2"
    setting.write_text(setting.read_text().replace("disconnections = on", "disconnections = off"))
    program = "from infra.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "configure", TENANT, "--stack", site.stack.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert hosts(done.stdout) == {"db01"}
    assert site.ask(db01=shown) == {"db01": "off"}


def test_segment_is_renumbered(site: Site) -> None:
    """Its servers and the edge restart; nobody else does."""
    before = site.lives()
    with site.edit() as content:
        renumber(content, "data", "data")
        content["servers"]["edge01"]["interfaces"]["data"] = "10.23.30.1"
        content["servers"]["db01"]["address"] = "10.23.30.11"
    assert site.preview() == {f"{TENANT}-data-port-group": "update", **vms("db01", "edge01")}
    site.up()
    after = site.lives()
    assert others(after, "db01", "edge01") == others(before, "db01", "edge01")
    assert uuids(after) == uuids(before)
    assert site.ask(db01="cat /var/lib/postgresql/kept") == {"db01": "kept"}
    assert rules_with(site, "10.22.30.") == set()


def test_segment_of_the_bastion_is_renumbered(site: Site) -> None:
    """Everybody asks the bastion for names, and lets it in: everybody restarts, in place."""
    before = site.lives()
    with site.edit() as content:
        renumber(content, "beheer", "beheer")
        content["servers"]["edge01"]["address"] = "10.23.40.1"
        content["servers"]["bastion01"]["address"] = "10.23.40.11"
    assert site.preview() == {f"{TENANT}-beheer-port-group": "update", **vms(*before)}
    site.up()
    assert uuids(site.lives()) == uuids(before)
    assert rules_with(site, "10.22.40.") == set()


def renumber(content: Any, zone: str, segment: str) -> None:
    """Give a segment of a record the same place in 10.23.0.0/16."""
    described = content["zones"][zone]["segments"][segment]
    for key in ("prefix", "gateway"):
        described[key] = described[key].replace("10.22.", "10.23.")


def uuids(lives: dict[str, tuple[str, str]]) -> dict[str, str]:
    """Return the identities of VMs."""
    return {server: uuid for server, (uuid, _) in lives.items()}


FORMER_NAMES = {
    r"NetworkSegment::([a-z0-9-]+)-segment": r"NetworkSegment::\1",
    r"tag:Tag::([a-z0-9-]+)-zone-tag": r"tag:Tag::\1-tag",
}
"""The end of a URN by the name of today: as the release before this one named it."""


def test_stack_of_the_release_before_is_taken_over(site: Site, tmp_path: Path) -> None:
    """Zero replacements: the state in the form that the former names gave it, today's program."""
    present = site.stack.read("stack", "export")
    keep_state(site, rename(present, FORMER_NAMES), tmp_path)
    assert site.preview() == {}
    # The control: names that no alias knows.
    unknown = {today: f"{former}-unknown" for today, former in FORMER_NAMES.items()}
    keep_state(site, rename(present, unknown), tmp_path)
    assert {"create", "delete"} <= set(site.preview().values())
    keep_state(site, present, tmp_path)


def rename(state: str, names: dict[str, str]) -> str:
    """Give a stack's state with other logical names, wherever a URN stands."""
    for today, former in names.items():
        state, count = re.subn(rf'{today}(?=")', former, state)
        assert count, f"nothing is called {today}"
    return state


def keep_state(site: Site, state: str, folder: Path) -> None:
    """Make this the stack's state."""
    file = folder / "state.json"
    file.write_text(state)
    site.stack.run("stack", "import", "--file", str(file))


def test_nothing_is_left_to_change(site: Site) -> None:
    assert site.preview() == {}
