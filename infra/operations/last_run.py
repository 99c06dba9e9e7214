"""Tell which hosts have to be configured: those whose inputs differ from their last good run.

A host's inputs are its variables, the roles and applications that it gets, and the VM itself. It
remembers their digest (role `last_run`). What was changed on a host by hand is not seen here.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.operations.host_fault import Fault, explain, find_servers
from infra.operations.management_path import ManagementPath, NoAnswerError
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs
from infra.plan.model import Server

REMEMBERED = "/var/lib/municipal-cloud/configured"
QUESTION = f"cat {REMEMBERED} 2>/dev/null || test ! -d $(dirname {REMEMBERED}) || echo forgotten"
"""Answered by the digest, by nothing on a host that never had a good run, or by "forgotten"."""

GATES = ("bastion", "edge")
"""Roles of the servers through which the others are reached, outermost first."""

SHARED_ROLES = ("base", "last_run", "packet_filter", "unit")
"""Roles that every server gets, by itself or through another."""


def fingerprint_hosts(
    outputs: StackOutputs, variables: Mapping[str, Mapping[str, Any]], root: Path = ROOT
) -> dict[str, str]:
    """Digest each host's inputs.

    Args:
        outputs: of the stack.
        variables: Ansible's, by host.
        root: the project's folder.

    Returns:
        SHA-256 in hex by server key.
    """
    folders: dict[Path, str] = {}

    def digest(folder: Path) -> str:
        if folder not in folders:
            folders[folder] = _digest_folder(folder)
        return folders[folder]

    found = {}
    for key, server in outputs.plan.servers.items():
        parts = [
            # Where the project lies is no input: paths in it stand for their content.
            json.dumps(variables[key], sort_keys=True).replace(str(root), ""),
            outputs.instances[key].uuid,
            (root / "ansible.cfg").read_text(),
            *(digest(folder) for folder in _folders(key, server, outputs, root)),
        ]
        found[key] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return found


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the hosts remember.

    known: digest by server key; empty for a host that was never configured, or was not asked,
    because nothing forwards to it yet. silent: explanation by key of those that gave no answer.
    """

    known: dict[str, str]
    silent: dict[str, str]


def read_memory(outputs: StackOutputs, path: ManagementPath, wanted: Mapping[str, str]) -> Memory:
    """Ask the hosts with what they were configured last.

    Hosts behind the edge are asked only when bastion and edge have been configured once, those of a
    site when its router has been as well: otherwise nothing forwards to them yet. Silence counts
    for nothing while a gate before them is still to be configured: it may forward to their former
    addresses only.

    Args:
        outputs: of the stack.
        path: an open management path.
        wanted: digest by server key, as they are to be configured.
    """
    memory = Memory(known=dict.fromkeys(outputs.plan.servers, ""), silent={})
    bastions, edges = (find_servers(outputs, role) for role in GATES)
    far = _find_far(outputs)
    near = [key for key in outputs.plan.servers if key not in (*bastions, *far)]
    is_way_settled = True
    for gates, asked in ((bastions, list(bastions)), (edges, near)):
        _ask(asked, outputs, path, memory, is_silence_final=is_way_settled)
        for gate in memory.silent.keys() & {*gates}:
            memory.silent.update(leave_untried(gate, outputs))
        # Either edge of a pair is a way.
        if not any(memory.known[gate] for gate in gates):
            return memory
        is_way_settled = is_way_settled and all(
            memory.known[gate] == wanted[gate] for gate in gates
        )
    at_sites = {router: find_behind(router, outputs) for router in find_servers(outputs, "router")}
    inside = [key for key in far if not any(key in behind for behind in at_sites.values())]
    _ask(inside, outputs, path, memory, is_silence_final=is_way_settled)
    for router, behind in at_sites.items():
        if router in memory.silent:
            memory.silent.update(leave_untried(router, outputs))
        elif known := memory.known[router]:
            is_settled = is_way_settled and known == wanted[router]
            _ask(behind, outputs, path, memory, is_silence_final=is_settled)
    return memory


def find_behind(gate: str, outputs: StackOutputs) -> list[str]:
    """Return the servers that are reached through this one only: bastion, one edge, or router."""
    servers = outputs.plan.servers
    bastions, edges, routers = (find_servers(outputs, role) for role in (*GATES, "router"))
    if gate in bastions:
        return [key for key in servers if key != gate]
    if gate in routers:
        own = {nic.segment for nic in servers[gate].nics} - outputs.plan.outside.keys()
        return [
            key
            for key, server in servers.items()
            if key != gate and not own.isdisjoint(nic.segment for nic in server.nics)
        ]
    return _find_far(outputs) if edges == (gate,) else []


def _find_far(outputs: StackOutputs) -> list[str]:
    """Return the servers that share no segment with the bastion."""
    servers = outputs.plan.servers
    (bastion,) = find_servers(outputs, "bastion")
    inside = {nic.segment for nic in servers[bastion].nics if nic.segment}
    return [
        key
        for key, server in servers.items()
        if inside.isdisjoint(nic.segment for nic in server.nics)
    ]


def leave_untried(gate: str, outputs: StackOutputs) -> dict[str, str]:
    """Explain, for each server behind a gate that is shut, why nothing was tried."""
    text = f"reached through {gate} only, so nothing was tried. Mend {gate} first."
    return dict.fromkeys(find_behind(gate, outputs), text)


def _ask(
    keys: list[str],
    outputs: StackOutputs,
    path: ManagementPath,
    memory: Memory,
    *,
    is_silence_final: bool,
) -> None:
    def ask(key: str) -> str | NoAnswerError:
        try:
            return path.ask(key, QUESTION)
        except NoAnswerError as error:
            return error

    with ThreadPoolExecutor() as pool:
        for key, answer in zip(keys, pool.map(ask, keys), strict=True):
            if not isinstance(answer, NoAnswerError):
                memory.known[key] = answer
            elif is_silence_final:
                fault = Fault(host=key, task="", words=str(answer))
                memory.silent[key] = explain(fault, outputs)


def _folders(key: str, server: Server, outputs: StackOutputs, root: Path) -> Iterable[Path]:
    yield root / "playbooks"
    roles: set[str] = {"edge" if role == "router" else role for role in server.roles}
    if key in outputs.plan.tunnels:
        roles.add("tunnel")
    for role in sorted({*SHARED_ROLES, *roles}):
        yield root / "roles" / role
    for name, application in outputs.plan.applications.items():
        if application.web_server == key:
            yield root / "applications" / name


def _digest_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        # A role's own tests (molecule/) do not reach a host.
        if file.is_file() and not {"__pycache__", "molecule"} & set(file.parts):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()
