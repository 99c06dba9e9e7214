"""A check that could not be made is not a check that failed. No hosts: nothing answers here."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath
from infra.operations.picture import EXAMPLE
from infra.operations.verify import VerifyError, verify
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.record import load
from tests.host import connection
from tests.unit.operations.conftest import MANAGEMENT


@pytest.fixture
def outputs() -> StackOutputs:
    """Return a contract with one check a host and one that asks from a host."""
    plan = compile_plan(load(EXAMPLE))
    wanted = ("identity/db01", next(name for name, c in plan.checks.items() if c.kind == "flow"))
    plan = plan.model_copy(update={"checks": {name: plan.checks[name] for name in wanted}})
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    contract = export(
        plan, MANAGEMENT, uuids, {"management_key": "key", "databases": {"meldingen": "x"}}
    )
    return StackOutputs.model_validate_json(contract)


@pytest.fixture
def path(tmp_path: Path) -> ManagementPath:
    """Return a way to hosts that are gone: nothing listens on port 1."""
    ssh_config = tmp_path / "ssh_config"
    ssh_config.write_text("Host *\n  HostName 127.0.0.1\n  Port 1\n  BatchMode yes\n")
    return ManagementPath(
        folder=tmp_path, ssh=tmp_path / "ssh", ssh_config=ssh_config, agent_socket="/nowhere"
    )


@pytest.fixture
def details(
    outputs: StackOutputs, path: ManagementPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], dict[str, str]]:
    """Return what verifies, and gives the detail of each check, all of them inconclusive."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--verbose --exitfirst")
    evidence = tmp_path / "verify.json"

    def give() -> dict[str, str]:
        said: list[str] = []
        with pytest.raises(VerifyError) as raised:
            verify(outputs, path, said.append, evidence)
        assert raised.value.exit_code == 5
        results = json.loads(evidence.read_text())["results"]
        assert {result["verdict"] for result in results} == {"inconclusive"}
        found = {result["check"]: result["detail"] for result in results}
        assert {f"INCONCLUSIVE {name}: {detail}" for name, detail in found.items()} <= {*said}
        return found

    return give


def test_check_of_a_lost_host_is_inconclusive_and_names_it(
    outputs: StackOutputs, details: Callable[[], dict[str, str]]
) -> None:
    found = details()
    for name, check in outputs.plan.checks.items():
        wanted = f"{check.server}: lost while it was asked: ssh: connect to host"
        assert found[name].startswith(wanted)


def test_check_of_a_silent_host_ends_at_the_deadline(
    outputs: StackOutputs,
    path: ManagementPath,
    details: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "COMMAND_S", 0.5)
    path.ssh_config.write_text("Host *\n  ProxyCommand sleep 60\n  BatchMode yes\n")
    assert details() == {
        name: f"{check.server}: lost while it was asked: no answer within 0.5 s"
        for name, check in outputs.plan.checks.items()
    }
