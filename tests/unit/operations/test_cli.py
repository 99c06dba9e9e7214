"""The console script ends with the right exit code, its own words, and no traceback."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import cli
from infra.errors import TenantError
from infra.operations.picture import EXAMPLE
from infra.operations.stack import ROOT
from infra.plan import compile_plan
from infra.record import load

PROGRAM = Path(sys.executable).parent / "tenant"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_good_record_is_said_to_be_good() -> None:
    done = _run("check", "werkendam")
    assert done.returncode == 0, done.stderr
    assert f"{len(load(EXAMPLE).servers)} servers" in done.stdout


@pytest.mark.parametrize("command", ["check", "plan", "up"])
def test_unknown_tenant_is_the_engineers_fault(command: str) -> None:
    done = _run(command, "nergens")
    assert done.returncode == 2
    assert "tenants/nergens" in done.stderr
    assert "werkendam" in done.stderr, "names the tenants that exist"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["verify", "report"])
def test_tenant_without_a_stack_is_told_to_make_one(command: str) -> None:
    done = _run(command, "werkendam", "--stack", "werkendam-nergens")
    assert done.returncode == 2
    assert "tenant init" in done.stderr


def test_description_that_is_missing_is_said(tmp_path: Path) -> None:
    missing = tmp_path / "datacenter.yaml"
    done = _run("init", "werkendam", "--datacenter", str(missing), "--bastion-address", "10.0.0.1")
    assert done.returncode == 2
    assert str(missing) in done.stderr


def test_incomplete_description_gets_one_line_a_fault(tmp_path: Path) -> None:
    description = tmp_path / "datacenter.yaml"
    description.write_text("name: Lab 1\nbackend: file:///nowhere\nsurplus: 1\n")
    done = _run(
        "init", "werkendam", "--datacenter", str(description), "--bastion-address", "10.0.0.1"
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert any(f"{description}: name: " in line and "'Lab 1'" in line for line in lines)
    assert any(f"{description}: surplus: " in line for line in lines)
    assert any(f"{description}: vcenter: " in line for line in lines)


@pytest.mark.parametrize(("error", "code"), [(TenantError("mend it"), 4), (KeyError("x"), 70)])
def test_errors_end_with_their_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "up"])
def test_tenants_that_collide_are_refused_before_anything_is_deployed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in ("werkendam", "dubbel"):
        shutil.copytree(ROOT / "tenants" / "werkendam", tmp_path / tenant)
    shutil.copy(ROOT / "tenants" / "provider.yaml", tmp_path)
    monkeypatch.setenv("TENANT_RECORDS", str(tmp_path))
    done = _run(command, "dubbel")
    assert done.returncode == 2
    told = done.stderr.splitlines()
    lines = [line for line in told if "Next free VLAN" in line]
    vlans = [segment.vlan for segment in compile_plan(load(EXAMPLE)).segments.values()]
    assert len(lines) == len(vlans), "one for each segment"
    for line, free in zip(lines, itertools.count(max(vlans) + 1), strict=False):
        assert line.startswith(f"{tmp_path}/dubbel/tenant.yaml:")
        assert f"({tmp_path}/werkendam/tenant.yaml line " in line
        assert line.endswith(f"Next free VLAN: {free}.")
    others = [line for line in told if line not in lines]
    assert all(".interfaces.internet: " in line for line in others), "nor one address outside"


def test_record_of_another_folder_is_read_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "tenants" / "werkendam", tmp_path / "elders")
    shutil.copy(ROOT / "tenants" / "provider.yaml", tmp_path)
    monkeypatch.setenv("TENANT_RECORDS", str(tmp_path))
    done = _run("check", "elders")
    assert done.returncode == 0, done.stderr
    done = _run("check", "werkendam")
    assert done.returncode == 2
    assert str(tmp_path / "werkendam") in done.stderr
