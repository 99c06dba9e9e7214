"""The neighbours of a stack are the deployed ones of the same vCenter, datacenter and switch."""

from pathlib import Path

import pytest

from infra.operations.isolation import neighbour
from infra.operations.isolation.neighbour import find_neighbours
from infra.operations.stack import Stack, StackError, open_stack
from infra.outputs import StackOutputs

STACK = """\
config:
  vsphere:vsphereServer: {server}
  tenant:datacenter: {{name: {datacenter}, switch: switch01}}
"""


def test_neighbours_are_those_of_the_same_datacenter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: StackOutputs
) -> None:
    for name, server, datacenter in (
        ("own-prod", "vcenter.example", "one"),
        ("beside-prod", "vcenter.example", "one"),
        ("planned-prod", "vcenter.example", "one"),
        ("elsewhere-prod", "vcenter.example", "two"),
        ("own-lab", "127.0.0.1:8989", "one"),
    ):
        content = STACK.format(server=server, datacenter=datacenter)
        (tmp_path / f"Pulumi.{name}.yaml").write_text(content)
    (tmp_path / "Pulumi.yaml").write_text("name: tenant\n")

    def outputs(stack: Stack) -> StackOutputs:
        if stack.name == "planned-prod":
            raise StackError
        return other

    monkeypatch.setattr(neighbour, "ROOT", tmp_path)
    monkeypatch.setattr(Stack, "outputs", outputs)
    found, absent = find_neighbours(open_stack("own-prod"))
    assert [one.stack.name for one in found] == ["beside-prod"]
    assert absent == ["planned-prod"]
