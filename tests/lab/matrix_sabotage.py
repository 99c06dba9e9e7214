"""Spoil one filter of a tenant and see what the matrix says: all that it should, nothing else."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from infra.operations.management_path import ManagementPath
from infra.operations.matrix import try_matrix
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs
from infra.plan.matrix import plan_pairs
from tests.lab.tenant import run_as_root
from tests.matrix.saboteur import UNDO, Saboteur


def read_evidence(file: Path) -> dict[str, Any]:
    """Read what a run wrote."""
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def assert_turns_red(
    saboteur: Saboteur, outputs: StackOutputs, path: ManagementPath, evidence: Path
) -> None:
    """Let a saboteur do its work, try the matrix and undo it."""
    lines: list[str] = []
    run_as_root(path, saboteur.server, saboteur.command)
    try:
        with pytest.raises(VerifyError):
            try_matrix(outputs, path, lines.append, evidence)
    finally:
        run_as_root(path, saboteur.server, UNDO)
    verdicts = [
        verdict for pair in read_evidence(evidence)["pairs"] for verdict in pair["verdicts"]
    ]
    assert {(one["filter"], one["server"], one["kind"]) for one in verdicts} == {
        (saboteur.filter, saboteur.server, saboteur.kind)
    }, "\n".join(lines)
    expected = {
        (f"{pair.source} to {pair.destination}", ports)
        for pair in plan_pairs(outputs.plan)
        if saboteur.reds(pair)
        for ports in saboteur.ports
    }
    found = {
        (
            one["pair"],
            next((ports for ports in saboteur.ports if fnmatch(one["ports"], ports)), None),
        )
        for one in verdicts
    }
    assert found == expected, "\n".join(lines)
