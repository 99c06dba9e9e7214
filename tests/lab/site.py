"""A tenant that runs in the lab of these tests, with a record of its own that a test may edit."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from infra.operations.management_path import ManagementPath, open_management_path
from infra.operations.stack import ROOT, Stack, environment_file, find_stack
from infra.record.place import ENVIRONMENT, PROVIDER_FILE
from lab.layout import Layout
from tests.lab.tenant import run_as_root, run_tenant

EXAMPLE = Path(__file__).with_name("example")
"""The record that these tests start from: small, and not a tenant's, so that no tenant's growth
makes every test longer."""

Start = Callable[..., subprocess.Popen[str]]
"""Starts a Python program on a server (key, text, arguments), with its input and output here."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One tenant, with its record in a folder of its own."""

    tenant: str
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
        return run_tenant("up", self.tenant, "--stack", self.stack.name)

    @contextmanager
    def path(self) -> Iterator[ManagementPath]:
        """Open a way to the servers that there are now."""
        with open_management_path(self.stack.outputs(), self.stack.name) as path:
            yield path

    @contextmanager
    def programs(self) -> Iterator[Start]:
        """Open a way on which programs run; they end with it. It goes over the edges itself."""
        with self.path() as path, ExitStack() as running:

            def start(server: str, program: str, *arguments: str) -> subprocess.Popen[str]:
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

            yield start

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


@contextmanager
def open_site(
    layout: Layout,
    records: Path,
    tenant: str,
    *,
    bastion: str,
    without: tuple[str, ...] = (),
    vlans: str = "12",
) -> Iterator[Site]:
    """Make a tenant's record and stack; nothing is deployed yet.

    Args:
        layout: of a lab that is up.
        records: a folder for the record, and for those of its neighbours.
        tenant: its id.
        bastion: address of the bastion's leg in the lab's provider-management network.
        without: servers of the example that this tenant does without.
        vlans: the first two digits of its VLANs.

    Yields:
        The site. Afterwards the stack is destroyed and its files are gone.
    """
    record = _write_record(records / tenant, tenant, vlans)
    with open_stack(layout, record, bastion=bastion) as site:
        with site.edit() as content:
            for server in without:
                del content["servers"][server]
        yield site


@contextmanager
def open_stack(layout: Layout, record: Path, *, bastion: str) -> Iterator[Site]:
    """Make the stack of a record; nothing is deployed yet.

    Args:
        layout: of a lab that is up.
        record: its main file, in a folder with the tenant's name, in a folder of records.
        bastion: address of the bastion's leg in the lab's provider-management network.

    Yields:
        The site. Afterwards the stack is destroyed and its files are gone.
    """
    tenant = record.parent.name
    name = f"{tenant}-{layout.name}"
    files = (ROOT / f"Pulumi.{name}.yaml", environment_file(name))
    for file in files:
        file.unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, str(record.parents[1]))
        description = str(layout.run / "datacenter.yaml")
        run_tenant("init", tenant, "--datacenter", description, "--bastion-address", bastion)
        site = Site(tenant=tenant, record=record, stack=find_stack(tenant, name))
        yield site
        site.stack.deploy("destroy", "--yes", "--skip-preview")
    for file in files:
        file.unlink()


def _write_record(folder: Path, tenant: str, vlans: str) -> Path:
    """Make a record from the example, with segments of its own; return its main file."""
    shutil.copytree(EXAMPLE, folder)
    shutil.copy(ROOT / "tenants" / PROVIDER_FILE, folder.parent)
    record = folder / "tenant.yaml"
    text = record.read_text().replace("10.21.", "10.22.")
    text = re.sub(r"vlan: \d\d", f"vlan: {vlans}", text)
    record.write_text(text.replace("voorbeeld.internal", f"{tenant}.internal"))
    return record
