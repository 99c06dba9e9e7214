"""What hosts remember, and whose silence counts. A small program stands for ssh."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.last_run import Memory, read_memory
from infra.operations.management_path import ManagementPath
from infra.outputs import StackOutputs

Ask = Callable[..., Memory]

WANTED = dict.fromkeys(("app01", "bastion01", "db01", "edge01", "werkplek01"), "new")


@pytest.fixture
def ask(
    path: Callable[[str], ManagementPath], outputs: StackOutputs, tmp_path: Path
) -> Callable[..., Memory]:
    """Return what asks the hosts that answer, by their keys; all others are silent."""

    def ask(**answers: str) -> Memory:
        for server, answer in answers.items():
            (tmp_path / server).write_text(answer)
        silence = "echo No route to host >&2; exit 255"
        return read_memory(outputs, path(f"cat {tmp_path}/$1 || {{ {silence}; }}"), WANTED)

    return ask


def test_new_bastion_is_the_only_one_asked(ask: Ask) -> None:
    memory = ask(bastion01="")
    assert memory.silent == {}
    assert {*memory.known.values()} == {""}


def test_silence_behind_an_edge_still_to_be_configured_counts_for_nothing(ask: Ask) -> None:
    memory = ask(bastion01="new", edge01="old", app01="new", db01="new")
    assert memory.silent == {}, "werkplek01 may have an address that the edge does not know yet"
    assert memory.known == {**WANTED, "edge01": "old", "werkplek01": ""}


def test_silence_behind_a_configured_edge_is_told(ask: Ask) -> None:
    memory = ask(bastion01="new", edge01="new", app01="new", db01="new")
    assert [*memory.silent] == ["werkplek01"]
    assert "No route to host" in memory.silent["werkplek01"]


def test_behind_a_silent_bastion_nothing_is_tried(ask: Ask) -> None:
    memory = ask(edge01="new")
    assert {*memory.silent} == {*WANTED}
    assert memory.silent["db01"] == (
        "reached through bastion01 only, so nothing was tried. Mend bastion01 first."
    )
