"""Every wait of the management path ends. A small program stands for ssh; no host is reached."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations import management_path
from infra.operations.management_path import (
    ManagementPath,
    ManagementPathError,
    NoAnswerError,
    await_bastion,
    open_management_path,
)
from infra.outputs import StackOutputs

Make = Callable[[str], ManagementPath]


def test_answer_is_what_the_host_prints(path: Make) -> None:
    assert path('echo "$1 says: $2"').ask("db01", "hello") == "db01 says: hello"


def test_failing_command_gives_the_words_of_ssh(path: Make) -> None:
    with pytest.raises(NoAnswerError, match=r"^Connection refused$"):
        path("echo Connection refused >&2; exit 255").ask("db01", "true")


def test_silence_ends_at_the_deadline(path: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(management_path, "ANSWER_S", 0.2)
    with pytest.raises(NoAnswerError, match=r"no answer to `true` within 0\.2 s"):
        path("exec sleep 60").ask("db01", "true")


def test_connection_that_stays_behind_holds_up_nobody(path: Make, tmp_path: Path) -> None:
    stays = f"sleep 60 & echo $! > {tmp_path}/pid; echo yes"
    assert path(stays).ask("db01", "true") == "yes"
    pid = (tmp_path / "pid").read_text().strip()
    # It still runs, so it was not waited for.
    subprocess.run(["kill", pid], check=True)


def test_bastion_is_waited_for_as_long_as_we_say(
    path: Make, outputs: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(management_path, "BASTION_S", 0.3)
    monkeypatch.setattr(management_path, "PAUSE_S", 0.1)
    said: list[str] = []
    refuses = path("echo Connection refused >&2; exit 255")
    with pytest.raises(ManagementPathError) as raised:
        await_bastion(outputs, refuses, said.append)
    assert said == ["   waiting up to 0.3 s for bastion01 to answer ssh"]
    assert str(raised.value) == (
        "bastion01: 10.255.0.11: does not answer ssh: Connection refused. Look at VM"
        " werkendam-bastion01 in vCenter: is it powered on, does its console show a login, has it"
        " this address? Tried for 0.3 s; it is the only way into the tenant. Then run the same"
        " command again."
    )


def test_bastion_that_comes_late_is_waited_for(
    path: Make, outputs: StackOutputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(management_path, "PAUSE_S", 0.01)
    await_bastion(
        outputs, path(f"test -e {tmp_path}/once || {{ touch {tmp_path}/once; exit 255; }}"), print
    )


def test_agent_that_does_not_start_is_told(
    outputs: StackOutputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "ssh-agent"
    agent.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('no room')\n")
    agent.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with (
        pytest.raises(ManagementPathError, match="ssh-agent: does not start: no room"),
        open_management_path(outputs, "werkendam-unit"),
    ):
        pass
