"""A record changed under a tenant that runs: previewed as what it is, applied, real on the hosts.

In file order: each change stands on the one before. The tenant is the example's, less its
workplace, with segments of its own. It does not prove a real vCenter.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyroute2 import IPRoute
from ruamel.yaml import YAML

from infra.operations.management_path import ManagementPath, open_management_path
from infra.operations.stack import ROOT, Stack, environment_file, find_stack
from infra.record.place import ENVIRONMENT
from lab.fabric.namespace import with_link
from lab.layout import Layout
from lab.process import until
from tests.lab.tenant import run_as_root, run_tenant

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


@dataclass(frozen=True, kw_only=True)
class Site:
    """One tenant that runs, with its record in a folder of its own."""

    record: Path
    stack: Stack

    @contextmanager
    def edit(self) -> Iterator[Any]:
        """Change the record: yields it as nested mappings."""
        yaml = YAML()
        content = yaml.load(self.record)
        yield content
        yaml.dump(content, self.record)

    def preview(self) -> dict[str, str]:
        """Return what Pulumi would do, by resource name ("replace" when not in place)."""
        steps = json.loads(self.stack.read("preview", "--json"))["steps"]
        return {
            step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"
        }

    def up(self) -> str:
        """Apply the record: deploy, configure, verify."""
        return run_tenant("up", TENANT, "--stack", self.stack.name)

    @contextmanager
    def path(self) -> Iterator[ManagementPath]:
        """Open a way to the servers that there are now."""
        with open_management_path(self.stack.outputs(), self.stack.name) as path:
            yield path

    def ask(self, **commands: str) -> dict[str, str]:
        """Run one shell command as root on each server named."""
        with self.path() as path:
            return {
                server: run_as_root(path, server, command) for server, command in commands.items()
            }

    def lives(self) -> dict[str, tuple[str, str]]:
        """Return by server what is new when it was replaced or booted."""
        instances = self.stack.outputs().instances
        starts = self.ask(**dict.fromkeys(instances, "cut -d ' ' -f 22 /proc/1/stat"))
        return {server: (instances[server].uuid, start) for server, start in starts.items()}


def write_record(folder: Path) -> Path:
    """Make this tenant's record from the example's; return its main file."""
    shutil.copytree(ROOT / "tenants" / "werkendam", folder)
    record = folder / "tenant.yaml"
    text = record.read_text().replace("10.21.", "10.22.").replace("vlan: 11", "vlan: 12")
    record.write_text(text.replace("werkendam.internal", f"{TENANT}.internal"))
    return record


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant that is up; its servers are gone afterwards."""
    records = tmp_path_factory.mktemp("records")
    record = write_record(records / TENANT)
    name = f"{TENANT}-{layout.name}"
    files = (ROOT / f"Pulumi.{name}.yaml", environment_file(name))
    for file in files:
        file.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(records))
        description = str(layout.run / "datacenter.yaml")
        run_tenant("init", TENANT, "--datacenter", description, "--bastion-address", BASTION)
        site = Site(record=record, stack=find_stack(TENANT, name))
        with site.edit() as content:
            del content["servers"]["werkplek01"]
        site.up()
        yield site
        site.stack.run("destroy", "--yes", "--skip-preview")
    for file in files:
        file.unlink()


@pytest.fixture(scope="module")
def added() -> dict[str, Any]:
    """Return what the record gets and loses again, by section and key."""
    whole = YAML().load(ROOT / "tenants" / "werkendam" / "tenant.yaml")
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
def start(site: Site) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a Python program on a server, with its input and output here."""
    with site.path() as path, ExitStack() as running:

        def run(server: str, program: str, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [path.ssh, server, shlex.join(["python3", "-uc", program, *arguments])],
                env=path.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.terminate)
            return process

        yield run


@pytest.fixture(scope="module")
def reporting(start: Callable[..., subprocess.Popen[str]]) -> subprocess.Popen[str]:
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


def test_memory_and_disks_of_one_server(site: Site, layout: Layout) -> None:
    before = site.lives()
    site.ask(db01="echo kept > /var/lib/postgresql/kept")
    with site.edit() as content:
        db01 = content["servers"]["db01"]
        db01["memory_mib"] = 1280
        db01["disks"]["data"]["size_gib"] = 24
        db01["disks"]["archief"] = {"unit": 2, "size_gib": 2, "mount": "/srv/archief"}
    assert site.preview() == {f"{TENANT}-db01-vm": "update"}
    site.up()
    after = site.lives()
    assert others(after, "db01") == others(before, "db01")
    assert after["db01"][0] == before["db01"][0], "the same VM"
    sizes = site.ask(
        db01="df --output=size --block-size=1M /var/lib/postgresql /srv/archief | tail -n 2"
        " && cat /var/lib/postgresql/kept"
    )["db01"].split()
    data_mib, archive_mib, kept = int(sizes[0]), int(sizes[1]), sizes[2]
    # XFS keeps a few hundredths for itself.
    assert 0.95 * 24 * 1024 < data_mib < 24 * 1024
    assert 0.9 * 2 * 1024 < archive_mib < 2 * 1024
    assert kept == "kept"
    assert memory_limits(layout)[f"{TENANT}-db01"] == 1280


def memory_limits(layout: Layout) -> dict[str, int]:
    """Return the memory of every host in MiB, as the kernel limits it."""
    listed = subprocess.run(
        [Path(sys.executable).parent / "lab", "status", "--json"],
        env={**os.environ, "LAB_NAME": layout.name},
        capture_output=True,
        text=True,
        check=True,
    )
    return {host["name"]: host["memory_limit_mib"] for host in json.loads(listed.stdout)["hosts"]}


def test_server_flow_and_administrator_come(
    site: Site,
    added: dict[str, Any],
    reporting: subprocess.Popen[str],
    start: Callable[..., subprocess.Popen[str]],
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


def test_server_flow_and_administrator_go(
    site: Site,
    added: dict[str, Any],
    reporting: subprocess.Popen[str],
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    """An open connection over the withdrawn flow falls silent; that of management lives on."""
    before = site.lives()
    client = start("app01", CLIENT, "10.22.30.11")
    assert echo(client, "while allowed") == "while allowed"
    with site.edit() as content:
        for section, entries in added.items():
            for key in entries:
                del content[section][key]
    assert site.preview() == {
        f"{TENANT}-werkplek01": "delete",
        f"{TENANT}-werkplek01-vm": "delete",
    }
    site.up()
    # Asked and answered over ssh connections that are older than the filters.
    assert echo(client, "when withdrawn") == "silence"
    assert client.poll() is None
    assert reporting.poll() is None
    after = site.lives()
    assert after == others(before, "werkplek01")
    known = site.ask(**dict.fromkeys(after, "getent passwd k-smit || echo nobody"))
    assert set(known.values()) == {"nobody"}


def test_vlan_of_a_segment(site: Site, layout: Layout) -> None:
    before = site.lives()
    assert "switch01 VLAN 1203" in bridges(layout)
    with site.edit() as content:
        content["zones"]["data"]["segments"]["data"]["vlan"] = 1303
    assert site.preview() == {f"{TENANT}-data-port-group": "update"}
    site.up()
    assert site.lives() == before
    for _ in until(10):
        if "switch01 VLAN 1203" not in bridges(layout):
            break
    assert "switch01 VLAN 1203" not in bridges(layout)
    assert "switch01 VLAN 1303" in bridges(layout)


def bridges(layout: Layout) -> set[str]:
    """Return the networks of the lab's switches, as `switch01 VLAN 99`."""

    def read(link: IPRoute) -> set[str]:
        return {str(message.get_attr("IFLA_IFALIAS")) for message in link.get_links()}

    return with_link(layout.fabric, read)


def test_nothing_is_left_to_change(site: Site) -> None:
    assert site.preview() == {}
