"""A host's fingerprint changes with its own inputs and with nothing else."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.operations.last_run import find_behind, fingerprint_hosts
from infra.outputs import StackOutputs


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


def test_the_place_of_the_project_concerns_nobody(
    outputs: StackOutputs, variables: dict[str, dict[str, Any]], root: Path, tmp_path: Path
) -> None:
    variables["app01"]["webapp_source"] = str(root / "applications")
    before = fingerprint_hosts(outputs, variables, root)
    moved = shutil.copytree(root, tmp_path / "elsewhere")
    variables["app01"]["webapp_source"] = str(moved / "applications")
    assert fingerprint_hosts(outputs, variables, moved) == before


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


def test_a_roles_own_tests_concern_no_host(differing: Callable[[], set[str]], root: Path) -> None:
    scenario = root / "roles/base/molecule/default"
    scenario.mkdir(parents=True)
    (scenario / "molecule.yml").write_text("---\n")
    assert differing() == set()


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


def test_the_bastion_is_the_way_to_everybody_and_the_edge_to_other_segments(
    outputs: StackOutputs,
) -> None:
    assert find_behind("bastion01", outputs) == ["app01", "db01", "edge01", "werkplek01"]
    assert find_behind("edge01", outputs) == ["app01", "db01", "werkplek01"]
    assert find_behind("db01", outputs) == []


def test_neither_edge_of_a_pair_is_the_only_way(outputs_of_pair: StackOutputs) -> None:
    assert find_behind("edge01", outputs_of_pair) == []
    assert find_behind("edge02", outputs_of_pair) == []
    assert "edge02" in find_behind("bastion01", outputs_of_pair)
