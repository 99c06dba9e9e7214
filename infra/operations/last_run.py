"""Tell which hosts have to be configured: those whose inputs differ from their last good run.

A host's inputs are its variables, the roles and applications that it gets, and the VM itself. It
remembers their digest (role `last_run`). What was changed on a host by hand is not seen here.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs
from infra.plan.model import Server

REMEMBERED = "/var/lib/municipal-cloud/configured"
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
            json.dumps(variables[key], sort_keys=True),
            outputs.instances[key].uuid,
            (root / "ansible.cfg").read_text(),
            *(digest(folder) for folder in _folders(key, server, outputs, root)),
        ]
        found[key] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return found


def read_remembered(outputs: StackOutputs, path: ManagementPath) -> dict[str, str]:
    """Ask the hosts with what they were configured last.

    Hosts behind the edge are asked only when bastion and edge remember a good run: otherwise
    nothing forwards to them yet.

    Args:
        outputs: of the stack.
        path: an open management path.

    Returns:
        The digest by server key; empty for a host that remembers none or does not answer.
    """
    servers = outputs.plan.servers
    gates = [key for role in ("bastion", "edge") for key in servers if role in servers[key].roles]
    known = dict.fromkeys(servers, "")
    for gate in gates:
        known[gate] = _ask(gate, path)
        if not known[gate]:
            return known
    others = [key for key in servers if key not in gates]
    with ThreadPoolExecutor() as pool:
        known |= zip(others, pool.map(lambda key: _ask(key, path), others), strict=True)
    return known


def _ask(key: str, path: ManagementPath) -> str:
    done = subprocess.run(
        [path.ssh, key, f"test ! -e {REMEMBERED} || cat {REMEMBERED}"],
        env=path.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _folders(key: str, server: Server, outputs: StackOutputs, root: Path) -> Iterable[Path]:
    yield root / "playbooks"
    for role in sorted({*SHARED_ROLES, *server.roles}):
        yield root / "roles" / role
    for name, application in outputs.plan.applications.items():
        if application.web_server == key:
            yield root / "applications" / name


def _digest_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()
