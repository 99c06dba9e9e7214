"""The matrix goes by the edge that holds the gateways. A small program stands for ssh."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.operations.management_path import ManagementPath, NoAnswerError
from infra.operations.matrix import find_holder
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs

MakePath = Callable[[str], ManagementPath]


def _told(outputs: StackOutputs, holder: str, folder: Path, *, without: int = 0) -> str:
    """Give a program that tells each edge's addresses; the holder's with the gateways."""
    plan = outputs.plan
    gateways = [f"{segment.gateway}/24" for segment in plan.segments.values()][without:]
    for edge in ("edge01", "edge02"):
        own = [str(nic.address) for nic in plan.servers[edge].nics]
        held = gateways if edge == holder else []
        (folder / edge).write_text(f"eth0@if7 UP {' '.join([*own, *held])} \n")
    return f"cat {folder}/$1"


@pytest.mark.parametrize("holder", ["edge01", "edge02"])
def test_of_a_pair_it_is_the_one_with_all_gateways(
    holder: str, outputs_of_pair: StackOutputs, path: MakePath, tmp_path: Path
) -> None:
    told = _told(outputs_of_pair, holder, tmp_path)
    assert find_holder(outputs_of_pair.plan, path(told)) == holder


def test_a_lone_edge_is_not_even_asked(outputs: StackOutputs, path: MakePath) -> None:
    assert find_holder(outputs.plan, path("exit 255")) == "edge01"


def test_a_pair_of_which_neither_holds_all_gateways_is_told(
    outputs_of_pair: StackOutputs, path: MakePath, tmp_path: Path
) -> None:
    told = _told(outputs_of_pair, "edge01", tmp_path, without=1)
    with pytest.raises(VerifyError, match="edge01 and edge02: neither holds all gateways"):
        find_holder(outputs_of_pair.plan, path(told))


def test_an_edge_that_does_not_answer_is_named(
    outputs_of_pair: StackOutputs, path: MakePath
) -> None:
    with pytest.raises(NoAnswerError, match="edge01: gone"):
        find_holder(outputs_of_pair.plan, path("echo gone >&2; exit 255"))
