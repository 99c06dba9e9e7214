"""Go on after a run that was killed or failed: leave nothing that the next run stumbles over.

Pulumi knows what it began and did not end; what came of that, only the vCenter knows. Half-made
things are taken away, so that the run makes them anew (ADR 0011). Must not touch what the state
knows, what is in use, or a protected server.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.errors import TenantError
from infra.operations.deploy import serve_program
from infra.operations.lock import end_orphans, refuse_locked
from infra.operations.stack import DeploymentError, Stack
from infra.operations.stack_config import read_config
from infra.operations.vcenter import FAILURES, VCenter, open_vcenter

MACHINE = "vsphere:index/virtualMachine:VirtualMachine"


class StrayError(TenantError, RuntimeError):
    """Something stands in the way that this program must not remove: exit 4."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Creation:
    """A resource that a run began to make, or that the next will make."""

    kind: str
    inputs: Mapping[str, Any]
    is_protected: bool

    @property
    def name(self) -> str:
        """Its name in the vCenter."""
        return str(self.inputs.get("name") or self.inputs.get("path"))

    @property
    def place(self) -> str:
        """Where a VM of this name is, below the datacenter's folder of VMs."""
        return f"{self.inputs['folder']}/{self.name}"


def recover(stack: Stack, tenant: str, write: Callable[[str], None]) -> None:
    """Clear up after the last run, if it did not end well.

    Args:
        stack: of the tenant.
        tenant: the record's id.
        write: prints one line.

    Raises:
        LockedError: another run holds the stack, or held it when it was killed.
        StrayError: something stands in the way that only a person may remove.
        VCenterError: the vCenter does not do it.
        DeploymentError: Pulumi does not take the mended state.
    """
    refuse_locked(stack, tenant)
    end_orphans(stack)
    told = json.loads(stack.read("stack", "export"))
    state = told.get("deployment") or {}
    pending = state.get("pending_operations") or []
    if not pending and _has_ended_well(stack):
        return
    write("   the last run did not end well: looking for what it left")
    steps = _preview(stack)
    creations = unfinished(pending, steps)
    machines = known_machines(state)
    gone: list[str] = []
    try:
        with open_vcenter(read_config(stack)) as vcenter:
            places = {creation.place for creation in creations if creation.kind == MACHINE}
            vcenter.await_idle(places | set(machines.values()))
            _remove_strays(vcenter, creations, known_ids(state), write)
            for urn, uuid in leaving(state, pending, steps).items():
                if not vcenter.has_machine(uuid):
                    gone.append(urn)
                    write(f"   {urn.rpartition('::')[2]}: gone already, forgotten")
            for uuid in machines:
                if name := vcenter.power_on(uuid):
                    write(f"   {name}: was off; powered on")
    except FAILURES as error:
        # What it refuses us it refuses Pulumi too, which comes next and says why.
        write(f"   vCenter: {type(error).__name__}: nothing recovered")
        return
    if pending or gone:
        # Pulumi's own way to forget operations; `up --refresh` finds what came of them. But it asks
        # only for what the program still has: of the rest we tell the state what has gone.
        state["resources"] = [
            resource for resource in state.get("resources", []) if resource["urn"] not in gone
        ]
        stack.run("stack", "import", stdin=json.dumps({**told, "deployment": state}))


def unfinished(
    pending: Iterable[Mapping[str, Any]], steps: Iterable[Mapping[str, Any]]
) -> list[Creation]:
    """Give what was or will be made, each resource once.

    Args:
        pending: operations of the state that were begun and not ended.
        steps: of a preview.
    """
    resources = [entry["resource"] for entry in pending if entry["type"] == "creating"]
    resources += [step["newState"] for step in steps if "create" in step["op"]]
    by_urn = {resource["urn"]: resource for resource in resources if resource.get("inputs")}
    return [
        Creation(
            kind=resource["type"],
            inputs=resource["inputs"],
            is_protected=bool(resource.get("protect")),
        )
        for resource in by_urn.values()
    ]


def leaving(
    state: Mapping[str, Any],
    pending: Iterable[Mapping[str, Any]],
    steps: Iterable[Mapping[str, Any]],
) -> dict[str, str]:
    """Give the uuid of each VM that was being removed or will be, by URN.

    Args:
        state: Pulumi's.
        pending: operations of the state that were begun and not ended.
        steps: of a preview.
    """
    urns = {entry["resource"]["urn"] for entry in pending if entry["type"] == "deleting"}
    urns |= {step["urn"] for step in steps if step["op"] == "delete"}
    return {
        resource["urn"]: resource["id"]
        for resource in state.get("resources", [])
        if resource["type"] == MACHINE and resource["urn"] in urns
    }


def known_ids(state: Mapping[str, Any]) -> set[str]:
    """Give the vCenter's ids of all that the state knows."""
    return {str(resource["id"]) for resource in state.get("resources", []) if resource.get("id")}


def known_machines(state: Mapping[str, Any]) -> dict[str, str]:
    """Give the place of each VM that the state knows, by uuid."""
    return {
        resource["id"]: f"{resource['inputs']['folder']}/{resource['inputs']['name']}"
        for resource in state.get("resources", [])
        if resource["type"] == MACHINE
    }


def _has_ended_well(stack: Stack) -> bool:
    """Say whether the last run that ended by itself succeeded."""
    history = json.loads(stack.read("stack", "history", "--json", "--page-size", "1"))
    return not history or history[0]["result"] == "succeeded"


def _preview(stack: Stack) -> list[Mapping[str, Any]]:
    """Ask Pulumi what it would do; a preview that fails, fails in the run too, which says why."""
    try:
        with serve_program() as address:
            told = json.loads(stack.read("preview", "--json", "--client", address))
    except DeploymentError:
        return []
    steps: list[Mapping[str, Any]] = told["steps"]
    return steps


def _remove_strays(
    vcenter: VCenter, creations: Iterable[Creation], known: set[str], write: Callable[[str], None]
) -> None:
    """Remove what is there and no state knows."""
    for creation in creations:
        found = vcenter.find(creation.kind, creation.inputs)
        if found is None or found.id in known:
            continue
        if reason := refusal(creation, found.users):
            message = (
                f"vCenter: {creation.name}: a run that did not finish left it behind, but {reason}."
                " Only what is empty and unprotected is removed by itself."
                " Look at it, remove it in vCenter if it may go, and run the same command again."
            )
            raise StrayError(message)
        found.remove()
        write(f"   {creation.name}: half-made, removed; it is made anew")


def refusal(creation: Creation, users: tuple[str, ...]) -> str:
    """Say why something must not be removed; empty when it may."""
    if creation.is_protected:
        return "its volumes are protected"
    if users:
        return f"{', '.join(users)} depends on it"
    return ""
