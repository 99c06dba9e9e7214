"""A tenant in the lab: deployed by the real engine and provider, configured, verified, destroyed.

In file order: the later tests use what the earlier ones left. It does not prove a real vCenter.
"""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath, open_management_path
from infra.operations.stack import ROOT, Stack, environment_file, find_stack
from infra.operations.verify import Result, VerifyError, verify
from infra.outputs import StackOutputs
from infra.plan.model import Check, Plan
from lab.layout import Layout
from tests.lab.tenant import run_as_root, run_tenant

pytestmark = pytest.mark.lab

TENANT = "werkendam"
BASTION = "10.255.0.200"
"""The bastion's leg in this lab, away from the addresses of other tests."""


@pytest.fixture(scope="module")
def stack(layout: Layout) -> Iterator[Stack]:
    """Return the stack of a tenant that is up."""
    name = f"{TENANT}-{layout.name}"
    files = (ROOT / f"Pulumi.{name}.yaml", environment_file(name))
    for file in files:
        file.unlink(missing_ok=True)
    run_tenant(
        "init",
        TENANT,
        "--datacenter",
        str(layout.run / "datacenter.yaml"),
        "--bastion-address",
        BASTION,
    )
    run_tenant("up", TENANT, "--stack", name)
    yield find_stack(TENANT, name)
    for file in files:
        file.unlink()


@pytest.fixture(scope="module")
def outputs(stack: Stack) -> StackOutputs:
    """Return what `pulumi up` gave."""
    return stack.outputs()


@pytest.fixture(scope="module")
def path(stack: Stack, outputs: StackOutputs) -> Iterator[ManagementPath]:
    """Return an open way into the tenant."""
    with open_management_path(outputs, stack.name) as opened:
        yield opened


@pytest.fixture
def on(path: ManagementPath) -> Callable[[str, str], str]:
    """Return what runs a shell command as root on a server."""
    return functools.partial(run_as_root, path)


@pytest.fixture
def verdicts(
    outputs: StackOutputs, path: ManagementPath, tmp_path: Path
) -> Callable[[dict[str, Check]], dict[str, Result]]:
    """Return what runs checks that must not all pass, and gives their results by id."""

    def run(checks: dict[str, Check]) -> dict[str, Result]:
        plan = outputs.plan.model_copy(update={"checks": checks})
        evidence = tmp_path / "verify.json"
        with pytest.raises(VerifyError) as raised:
            verify(outputs.model_copy(update={"plan": plan}), path, lambda _: None, evidence)
        assert raised.value.exit_code == 5
        return {
            entry["check"]: Result(**entry) for entry in json.loads(evidence.read_text())["results"]
        }

    return run


def test_every_check_of_the_plan_left_evidence(stack: Stack, outputs: StackOutputs) -> None:
    evidence = json.loads((ROOT / "evidence" / stack.name / "verify.json").read_text())
    assert sorted(r["check"] for r in evidence["results"]) == sorted(outputs.plan.checks)
    assert {r["verdict"] for r in evidence["results"]} == {"pass"}


def test_preview_with_refresh_proposes_nothing(stack: Stack) -> None:
    stack.read("preview", "--refresh", "--expect-no-changes")


def test_second_up_changes_nothing(stack: Stack, outputs: StackOutputs) -> None:
    count = len(outputs.plan.servers)
    said = run_tenant("up", TENANT, "--stack", stack.name)
    assert "unchanged" in said
    assert "created" not in said
    assert "updated" not in said
    assert f"0 changes on 0 of {count} hosts" in said
    assert f"{count} hosts left alone" in said


def test_configuring_all_again_changes_nothing(stack: Stack, outputs: StackOutputs) -> None:
    count = len(outputs.plan.servers)
    said = run_tenant("configure", TENANT, "--stack", stack.name, "--all")
    assert f"{count} of {count} hosts" in said
    assert f"0 changes on 0 of {count} hosts" in said


def test_rotated_password_reaches_its_two_hosts_only(stack: Stack, outputs: StackOutputs) -> None:
    run_tenant("secrets", "rotate", TENANT, "--stack", stack.name, "--only", "databases")
    said = run_tenant("up", TENANT, "--stack", stack.name)
    fresh = stack.outputs()
    assert f"2 of {len(outputs.plan.servers)} hosts: app01, db01\n" in said
    assert fresh.secrets.databases["meldingen"] != outputs.secrets.databases["meldingen"]


def test_check_mode_is_truthful_when_nothing_changed(stack: Stack, outputs: StackOutputs) -> None:
    said = run_tenant("configure", TENANT, "--stack", stack.name, "--all", "--check")
    assert f"0 changes on 0 of {len(outputs.plan.servers)} hosts" in said


def _broken(plan: Plan) -> dict[str, Check]:
    """Give one check of every class that claims what is not so."""
    by_kind: dict[str, tuple[str, Check]] = {}
    for name, check in plan.checks.items():
        by_kind.setdefault(check.kind, (name, check))
    wrong = {
        "identity": {"fqdn": "other.werkendam.internal"},
        "address": {"address": "10.21.99.99/24"},
        "volume": {"size_gib": 21},
        "listener": {"listeners": ("tcp/22", "tcp/4444")},
        "service": {"unit": "absent.service"},
        "flow": {"port": 4444, "protocol": "tcp"},
        "application": {"url": "http://absent.werkendam.internal/"},
    }
    broken = {
        name: check.model_copy(update=wrong[kind])
        for kind, (name, check) in by_kind.items()
        if kind in wrong
    }
    name, denied = by_kind["denied"]
    open_target = {"address": denied.control_address, "ports": (denied.control_port,)}
    broken[name] = denied.model_copy(update=open_target)
    return broken


def test_every_class_of_check_can_fail(
    outputs: StackOutputs, verdicts: Callable[[dict[str, Check]], dict[str, Result]]
) -> None:
    broken = _broken(outputs.plan)
    assert {check.kind for check in broken.values()} == {
        check.kind for check in outputs.plan.checks.values()
    }, "a class of check has no broken fixture"
    results = verdicts(broken)
    assert {name: results[name].verdict for name in broken} == dict.fromkeys(broken, "fail")


def test_denial_without_its_positive_control_is_inconclusive(
    outputs: StackOutputs, verdicts: Callable[[dict[str, Check]], dict[str, Result]]
) -> None:
    name, denied = next((n, c) for n, c in outputs.plan.checks.items() if c.kind == "denied")
    results = verdicts({name: denied.model_copy(update={"control_port": 4444})})
    assert results[name].verdict == "inconclusive"
    assert "silence proves nothing" in results[name].detail


def test_listener_that_no_flow_names_is_found(
    outputs: StackOutputs,
    on: Callable[[str, str], str],
    verdicts: Callable[[dict[str, Check]], dict[str, Result]],
) -> None:
    on("app01", "systemd-run --unit=sabotage --quiet python3 -m http.server 8081")
    try:
        on("app01", "timeout 60 sh -c 'until ss -Hltn sport = 8081 | grep -q .; do :; done'")
        results = verdicts({"listener/app01": outputs.plan.checks["listener/app01"]})
        assert "tcp/8081" in results["listener/app01"].detail
    finally:
        on("app01", "systemctl stop sabotage")


def test_edges_and_host_filter_each_deny_alone(
    outputs: StackOutputs,
    path: ManagementPath,
    tmp_path: Path,
    on: Callable[[str, str], str],
    verdicts: Callable[[dict[str, Check]], dict[str, Result]],
) -> None:
    """Open both edges: hosts still deny. Open one host too: now the check must turn red."""
    edges = [key for key, server in outputs.plan.servers.items() if "edge" in server.roles]
    name = "denied/office-to-data"
    only = {name: outputs.plan.checks[name]}
    plan = outputs.plan.model_copy(update={"checks": only})
    try:
        for edge in edges:
            on(edge, "nft insert rule inet edge_filter forward accept")
        on("werkplek01", "nft insert rule inet host_filter outgoing accept")
        closed = verify(
            outputs.model_copy(update={"plan": plan}), path, lambda _: None, tmp_path / "one.json"
        )
        assert [result.verdict for result in closed] == ["pass"]
        on("db01", "nft insert rule inet host_filter incoming accept")
        assert verdicts(only)[name].verdict == "fail"
    finally:
        for server in (*edges, "werkplek01", "db01"):
            on(server, "systemctl reload nftables")


def test_verify_is_green_again_after_the_sabotage(stack: Stack, outputs: StackOutputs) -> None:
    said = run_tenant("verify", TENANT, "--stack", stack.name)
    assert f"{len(outputs.plan.checks)} checks passed" in said


def test_destroy_leaves_no_server(stack: Stack, layout: Layout) -> None:
    stack.deploy("destroy", "--yes", "--skip-preview")
    listed = subprocess.run(
        [Path(sys.executable).parent / "lab", "status", "--json"],
        env={**os.environ, "LAB_NAME": layout.name},
        capture_output=True,
        text=True,
        check=True,
    )
    names = [host["name"] for host in json.loads(listed.stdout)["hosts"]]
    assert not [name for name in names if name.startswith(f"{TENANT}-")]
