"""Find the other tenants on a stack's datacenter, by the stacks' own configuration.

Must not know how many there are, nor which.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from infra.operations.stack import ROOT, Stack, StackError, open_stack
from infra.outputs import StackOutputs


@dataclass(frozen=True)
class Neighbour:
    """Another tenant's stack on the same datacenter, deployed."""

    stack: Stack
    outputs: StackOutputs


def find_neighbours(stack: Stack) -> tuple[list[Neighbour], list[str]]:
    """Find every other deployed stack of the same vCenter, datacenter and switch.

    Returns:
        The neighbours, and the names of stacks there that are not deployed.
    """
    found: list[Neighbour] = []
    absent = []
    for other in _stacks_beside(stack):
        try:
            found.append(Neighbour(other, other.outputs()))
        except StackError:
            absent.append(other.name)
    return found, absent


def _stacks_beside(stack: Stack) -> list[Stack]:
    own = _place(stack.name)
    names = sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for path in ROOT.glob("Pulumi.*-*.yaml")
    )
    return [open_stack(name) for name in names if name != stack.name and _place(name) == own]


def _place(name: str) -> tuple[Any, ...]:
    """Say where a stack is: what its configuration gives in the clear."""
    config = yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text()).get("config", {})
    datacenter = config.get("tenant:datacenter", {})
    return config.get("vsphere:vsphereServer"), datacenter.get("name"), datacenter.get("switch")
