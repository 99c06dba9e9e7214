"""Say who holds a stack's lock, and end what a killed run left working on the stack.

Pulumi's file backend keeps the lock as a file that names its holder and outlives it. Other
backends explain their lock themselves. Must not free a lock: only a person knows whether it may.
"""

import json
import os
import select
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.errors import TenantError
from infra.operations.stack import Stack
from infra.settings import CONFIG_NAMESPACE

_END_S = 10.0
_KIN = ("PULUMI_STACK", "PULUMI_BACKEND_URL")
"""What the processes of a run inherit, and what tells the stacks' runs apart."""


class LockedError(TenantError, BlockingIOError):
    """Another run holds the stack, or held it when it was killed: exit 4."""

    exit_code = 4


def refuse_locked(stack: Stack, tenant: str) -> None:
    """Refuse to begin while another run holds the stack.

    Args:
        stack: whose lock.
        tenant: the record's id, for the command that frees it.

    Raises:
        LockedError: naming the holder, whether it still runs, and the command.
    """
    backend = stack.full_environment.get("PULUMI_BACKEND_URL", "")
    if not backend.startswith("file://"):
        return
    folder = Path(backend.removeprefix("file://")).expanduser() / ".pulumi" / "locks"
    for file in sorted(folder.glob(f"*/{CONFIG_NAMESPACE}/{stack.name}/*.json")):
        raise LockedError(explain_lock(json.loads(file.read_text()), stack.name, tenant))


def explain_lock(holder: Mapping[str, Any], stack: str, tenant: str) -> str:
    """Say in one line who holds a lock and how it is freed.

    Args:
        holder: the content of Pulumi's lock file.
        stack: its name.
        tenant: the record's id.
    """
    if holder["hostname"] != socket.gethostname():
        fate, advice = "on another machine", "When it no longer runs there, free the lock"
    elif _command(holder["pid"]) == "pulumi":
        fate, advice = "which still runs", "Wait for it, or end it and free the lock"
    else:
        fate, advice = "which has ended", "Free the lock"
    return (
        f"Pulumi.{stack}.yaml: stack {stack}: locked since {holder['timestamp']} by"
        f" {holder['username']}@{holder['hostname']}, pid {holder['pid']}, {fate}."
        f" One run at a time may change a stack. {advice}:"
        f' eval "$(tenant env {tenant} --stack {stack})"; pulumi cancel --yes'
    )


def end_orphans(stack: Stack) -> None:
    """End the plugins of killed runs: for minutes they go on with what they were asked.

    Raises:
        LockedError: one does not end.
    """
    for pid in _orphans(stack):
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            poller = select.poll()
            poller.register(handle, select.POLLIN)
            if not poller.poll(_END_S * 1000):
                message = (
                    f"pid {pid}: a plugin of a killed run of stack {stack.name} does not end"
                    f" within {_END_S:g} s. It may still change vCenter. End it by hand."
                )
                raise LockedError(message)
        finally:
            os.close(handle)


def _orphans(stack: Stack) -> Iterator[int]:
    """Find plugins that worked for this stack and whose Pulumi is gone."""
    wanted = {key: stack.full_environment.get(key) for key in _KIN}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or not _command(entry.name).startswith("pulumi-"):
            continue
        try:
            pairs = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
            status = (entry / "status").read_text()
        except OSError:
            continue  # it has just ended, or is somebody else's
        found = dict(pair.partition("=")[::2] for pair in pairs)
        parent = status.partition("\nPPid:\t")[2].partition("\n")[0]
        if _command(parent) != "pulumi" and {key: found.get(key) for key in _KIN} == wanted:
            yield int(entry.name)


def _command(pid: int | str) -> str:
    """Give the name of a process's program, cut at 15 letters; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except OSError:
        return ""
