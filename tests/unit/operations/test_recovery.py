"""What may be removed after a killed run, and what its lock says. No vCenter, no Pulumi."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.operations.lock import LockedError, end_orphans, explain_lock, refuse_locked
from infra.operations.recovery import (
    MACHINE,
    Creation,
    known_ids,
    known_machines,
    leaving,
    refusal,
    unfinished,
)
from infra.operations.stack import Stack
from lab.process import until

STACK = "dorp-lab"


def _resource(name: str, **more: Any) -> dict[str, Any]:
    inputs = {"folder": "dorp", "name": name}
    return {"urn": f"urn::{name}", "type": MACHINE, "inputs": inputs, **more}


def _holder(**more: Any) -> dict[str, Any]:
    return {
        "pid": 2**22 + 1,
        "username": "jan",
        "hostname": socket.gethostname(),
        "timestamp": "2026-11-28T20:18:38.458376336Z",
        **more,
    }


@contextmanager
def _running(program: Path, stack: Stack) -> Iterator["subprocess.Popen[bytes]"]:
    """Run something harmless under a program's name, in a run's environment."""
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"], env=stack.full_environment) as process:
        # The kernel gives it its name only after it has let go of us.
        for _ in until(10):
            if Path(f"/proc/{process.pid}/comm").read_text().strip() == program.name[:15]:
                break
        try:
            yield process
        finally:
            process.kill()


def _stack(folder: Path, name: str = STACK) -> Stack:
    environment = {"PULUMI_BACKEND_URL": f"file://{folder}", "PULUMI_STACK": name}
    return Stack(name=name, environment=environment)


def test_each_resource_is_unfinished_once_whether_begun_or_to_come() -> None:
    pending = [
        {"type": "creating", "resource": _resource("dorp-db01", protect=True)},
        {"type": "updating", "resource": _resource("dorp-app01")},
    ]
    steps = [
        {"op": "create", "newState": _resource("dorp-db01", protect=True)},
        {"op": "create-replacement", "newState": _resource("dorp-web01")},
        {"op": "delete", "oldState": _resource("dorp-old01")},
        {"op": "update", "newState": _resource("dorp-app01")},
        {"op": "create", "newState": {"urn": "urn::c", "type": "tenant:server:Server"}},
    ]
    found = unfinished(pending, steps)
    assert [(creation.place, creation.is_protected) for creation in found] == [
        ("dorp/dorp-db01", True),
        ("dorp/dorp-web01", False),
    ]


def test_only_servers_that_are_to_go_leave() -> None:
    names = ("dorp-db01", "dorp-web01", "dorp-old01", "dorp-app01")
    resources = [_resource(name, id=f"uuid of {name}") for name in names]
    resources.append({"urn": "urn::dorp-office", "type": "port group", "id": "17"})
    pending = [
        {"type": "deleting", "resource": _resource("dorp-db01")},
        {"type": "creating", "resource": _resource("dorp-web01")},
    ]
    steps = [
        {"op": "delete", "urn": "urn::dorp-db01"},
        {"op": "delete", "urn": "urn::dorp-old01"},
        {"op": "delete", "urn": "urn::dorp-office"},
        {"op": "update", "urn": "urn::dorp-app01"},
    ]
    assert leaving({"resources": resources}, pending, steps) == {
        "urn::dorp-db01": "uuid of dorp-db01",
        "urn::dorp-old01": "uuid of dorp-old01",
    }


def test_state_gives_what_must_not_be_touched() -> None:
    state = {"resources": [{"type": "pulumi:pulumi:Stack"}, _resource("dorp-db01", id="4206")]}
    assert known_ids(state) == {"4206"}
    assert known_machines(state) == {"4206": "dorp/dorp-db01"}
    assert known_ids({}) == set()


@pytest.mark.parametrize(
    ("is_protected", "users", "reason"),
    [
        (False, (), ""),
        (True, (), "its volumes are protected"),
        (False, ("dorp-db01", "dorp-app01"), "dorp-db01, dorp-app01 depends on it"),
    ],
)
def test_only_what_is_unused_and_unprotected_may_go(
    is_protected: bool, users: tuple[str, ...], reason: str
) -> None:
    creation = Creation(kind=MACHINE, inputs={}, is_protected=is_protected)
    assert refusal(creation, users) == reason


@pytest.mark.parametrize(
    ("holder", "fate", "advice"),
    [
        (_holder(), "which has ended", "Free the lock"),
        (
            _holder(hostname="elders"),
            "on another machine",
            "When it no longer runs there, free the lock",
        ),
        # Its number is in use again, by another program.
        (_holder(pid=os.getpid()), "which has ended", "Free the lock"),
    ],
)
def test_lock_names_its_holder_and_the_command(
    holder: dict[str, Any], fate: str, advice: str
) -> None:
    assert explain_lock(holder, STACK, "dorp") == (
        "Pulumi.dorp-lab.yaml: stack dorp-lab: locked since 2026-11-28T20:18:38.458376336Z by"
        f" jan@{holder['hostname']}, pid {holder['pid']}, {fate}."
        f" One run at a time may change a stack. {advice}:"
        ' eval "$(tenant env dorp --stack dorp-lab)"; pulumi cancel --yes'
    )


def test_lock_of_a_run_that_goes_on_says_so(tmp_path: Path) -> None:
    with _running(tmp_path / "pulumi", _stack(tmp_path)) as process:
        said = explain_lock(_holder(pid=process.pid), STACK, "dorp")
    assert "which still runs" in said
    assert "Wait for it, or end it and free the lock: eval" in said


def test_lock_of_this_stack_only_is_refused(tmp_path: Path) -> None:
    locks = tmp_path / ".pulumi" / "locks" / "organization" / "tenant" / STACK
    locks.mkdir(parents=True)
    refuse_locked(_stack(tmp_path), "dorp")
    text = '{"pid": 1, "username": "jan", "hostname": "elders", "timestamp": "2026"}'
    (locks / "5f6c.json").write_text(text)
    (locks / "5f6c.json.attrs").write_text("{}")
    refuse_locked(_stack(tmp_path, "stad-lab"), "stad")
    with pytest.raises(LockedError, match="by jan@elders, pid 1,") as raised:
        refuse_locked(_stack(tmp_path), "dorp")
    assert raised.value.exit_code == 4


def test_plugin_without_its_pulumi_is_ended_and_no_other(tmp_path: Path) -> None:
    plugin = tmp_path / "pulumi-resource-vsphere"
    with (
        _running(plugin, _stack(tmp_path)) as orphan,
        _running(tmp_path / "pulumi-resource-other", _stack(tmp_path, "stad-lab")) as foreign,
        _running(tmp_path / "editor", _stack(tmp_path)) as editor,
    ):
        end_orphans(_stack(tmp_path))
        assert orphan.wait(10) == -signal.SIGKILL
        assert foreign.poll() is None
        assert editor.poll() is None


def test_plugin_whose_pulumi_runs_is_left_alone(tmp_path: Path) -> None:
    plugin = tmp_path / "pulumi-resource-vsphere"
    shutil.copy("/bin/sleep", plugin)
    cli = tmp_path / "pulumi"
    shutil.copy("/bin/bash", cli)
    script = f"{plugin} 600 & echo $!; wait"
    with subprocess.Popen(
        [cli, "-c", script],
        env=_stack(tmp_path).full_environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        pid = int(run.stdout.readline())
        try:
            end_orphans(_stack(tmp_path))
            assert Path(f"/proc/{pid}").exists()
            assert run.poll() is None
        finally:
            os.kill(pid, signal.SIGKILL)
