"""A small tenant as deployed, for the tests here, and one with a pair of edges."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath
from infra.operations.picture import EXAMPLE
from infra.operations.secret import generate_tunnel_key
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.plan.tunnel import find_ends
from infra.record import load
from infra.record.place import PROVIDER_FILE
from infra.settings import Management
from tests.lab.site import EXAMPLE as SMALL

MANAGEMENT = Management.model_validate(
    {
        "port_group": "provider-management",
        "prefix": "10.255.0.0/24",
        "bastion_address": "10.255.0.11",
        "package_proxy": "10.255.0.1:3128",
    }
)

SECRETS = {"management_key": "x", "first_boot_key": "x", "databases": {"meldingen": "x"}}


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a record with one edge, of a tenant by the name that messages are asserted with."""
    folder = tmp_path_factory.mktemp("records")
    shutil.copy(ROOT / "tenants" / PROVIDER_FILE, folder)
    return shutil.copytree(SMALL, folder / "werkendam")


@pytest.fixture
def outputs(record: Path) -> StackOutputs:
    """Return what `pulumi up` gave for a tenant with one edge."""
    return deployed(record)


@pytest.fixture
def outputs_of_pair() -> StackOutputs:
    """Return what `pulumi up` gave for the example tenant, which has two edges."""
    return deployed(EXAMPLE)


def deployed(record: Path) -> StackOutputs:
    """Give what `pulumi up` gives for a record."""
    plan = compile_plan(load(record))
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    tunnels = {end: generate_tunnel_key() for end in find_ends(plan.tunnels)}
    contract = export(plan, MANAGEMENT, uuids, SECRETS | {"tunnels": tunnels})
    return StackOutputs.model_validate_json(contract)


@pytest.fixture
def path(tmp_path: Path) -> Callable[[str], ManagementPath]:
    """Return what makes a management path whose ssh is a shell program."""

    def make(program: str) -> ManagementPath:
        ssh = tmp_path / "ssh"
        ssh.write_text(f"#!/bin/sh\n{program}\n")
        ssh.chmod(0o700)
        return ManagementPath(
            folder=tmp_path, ssh=ssh, ssh_config=tmp_path / "ssh_config", agent_socket=""
        )

    return make
