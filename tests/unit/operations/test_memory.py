"""What hosts remember, and whose silence counts. A small program stands for ssh."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.last_run import Memory, read_memory
from infra.operations.management_path import ManagementPath
from infra.operations.picture import EXAMPLE
from infra.outputs import StackOutputs
from infra.plan import compile_plan
from infra.record import load

Ask = Callable[..., Memory]

WANTED = dict.fromkeys(("app01", "bastion01", "db01", "edge01", "werkplek01"), "new")


@pytest.fixture
def ask(
    path: Callable[[str], ManagementPath], outputs: StackOutputs, tmp_path: Path
) -> Callable[..., Memory]:
    """Return what asks the hosts that answer, by their keys; all others are silent."""
    return _ask_hosts(outputs, path, tmp_path)


@pytest.fixture
def ask_pair(
    path: Callable[[str], ManagementPath], outputs_of_pair: StackOutputs, tmp_path: Path
) -> Callable[..., Memory]:
    """Return the same for a tenant with two edges."""
    return _ask_hosts(outputs_of_pair, path, tmp_path)


def _ask_hosts(
    outputs: StackOutputs, path: Callable[[str], ManagementPath], folder: Path
) -> Callable[..., Memory]:
    wanted = dict.fromkeys(outputs.plan.servers, "new")

    def ask(**answers: str) -> Memory:
        for server, answer in answers.items():
            (folder / server).write_text(answer)
        silence = "echo No route to host >&2; exit 255"
        return read_memory(outputs, path(f"cat {folder}/$1 || {{ {silence}; }}"), wanted)

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


def test_behind_a_pair_hosts_are_asked_when_one_edge_of_it_was_configured(ask_pair: Ask) -> None:
    memory = ask_pair(bastion01="new", edge01="", edge02="new", app01="new")
    assert memory.known["app01"] == "new"
    assert memory.silent == {}, "the other edge may forward by rules that are still to come"


def test_silent_edge_of_a_pair_leaves_the_hosts_behind_it_to_the_other(ask_pair: Ask) -> None:
    servers = compile_plan(load(EXAMPLE)).servers
    others = {key: "new" for key in servers if key != "edge01"}
    memory = ask_pair(**others)
    assert [*memory.silent] == ["edge01"]
    assert memory.known == {**others, "edge01": ""}
