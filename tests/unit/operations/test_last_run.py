"""A host's fingerprint changes with its own inputs and with nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.operations.last_run import fingerprint_hosts
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.record import load
from infra.settings import Management
from tests.golden.test_golden import EXAMPLE

MANAGEMENT = Management.model_validate(
    {
        "port_group": "provider-management",
        "prefix": "10.255.0.0/24",
        "bastion_address": "10.255.0.11",
        "package_proxy": "10.255.0.1:3128",
    }
)


@pytest.fixture
def outputs() -> StackOutputs:
    plan = compile_plan(load(EXAMPLE))
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    contract = export(plan, MANAGEMENT, uuids, "key", {"meldingen": "x"})
    return StackOutputs.model_validate_json(contract)


@pytest.fixture
def variables(outputs: StackOutputs) -> dict[str, dict[str, Any]]:
    return {key: {"base_fqdn": server.fqdn} for key, server in outputs.plan.servers.items()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small project: two roles, one application."""
    for name in ("roles/base/tasks", "roles/webapp/tasks", "applications/meldingen"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "main.yml").write_text("---\n")
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    return tmp_path


@pytest.fixture
def differing(
    outputs: StackOutputs, variables: dict[str, dict[str, Any]], root: Path
) -> Callable[[], set[str]]:
    """Return what names the hosts whose fingerprint is no longer the first one."""
    first = fingerprint_hosts(outputs, variables, root)

    def compare() -> set[str]:
        now = fingerprint_hosts(outputs, variables, root)
        return {key for key in now if now[key] != first[key]}

    return compare


def test_same_inputs_give_the_same_fingerprints(differing: Callable[[], set[str]]) -> None:
    assert differing() == set()


def test_a_variable_concerns_its_host_only(
    differing: Callable[[], set[str]], variables: dict[str, dict[str, Any]]
) -> None:
    variables["db01"]["base_fqdn"] = "other"
    assert differing() == {"db01"}


def test_a_role_concerns_the_hosts_that_have_it(
    differing: Callable[[], set[str]], root: Path
) -> None:
    (root / "roles/webapp/tasks/main.yml").write_text("--- # changed\n")
    assert differing() == {"app01"}


def test_the_base_role_concerns_every_host(
    differing: Callable[[], set[str]], root: Path, outputs: StackOutputs
) -> None:
    (root / "roles/base/tasks/new.yml").write_text("---\n")
    assert differing() == set(outputs.plan.servers)


def test_an_applications_code_concerns_its_web_server(
    differing: Callable[[], set[str]], root: Path
) -> None:
    (root / "applications/meldingen/main.yml").write_text("--- # changed\n")
    assert differing() == {"app01"}


def test_a_replaced_vm_has_to_be_configured(
    outputs: StackOutputs, variables: dict[str, dict[str, Any]], root: Path
) -> None:
    instance = outputs.instances["db01"].model_copy(update={"uuid": "another"})
    replaced = outputs.model_copy(update={"instances": outputs.instances | {"db01": instance}})
    before = fingerprint_hosts(outputs, variables, root)
    after = fingerprint_hosts(replaced, variables, root)
    assert {key for key in after if after[key] != before[key]} == {"db01"}
