"""The example tenant as deployed, for the tests here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath
from infra.operations.picture import EXAMPLE
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.record import load
from infra.settings import Management

MANAGEMENT = Management.model_validate(
    {
        "port_group": "provider-management",
        "prefix": "10.255.0.0/24",
        "bastion_address": "10.255.0.11",
        "package_proxy": "10.255.0.1:3128",
    }
)

SECRETS = {"management_key": "x", "first_boot_key": "x", "databases": {"meldingen": "x"}}


@pytest.fixture
def outputs() -> StackOutputs:
    """Return what `pulumi up` gave for the example tenant."""
    plan = compile_plan(load(EXAMPLE))
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    contract = export(plan, MANAGEMENT, uuids, SECRETS)
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
