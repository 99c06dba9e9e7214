"""Connect to a host by its record key, so that no command keeps a check waiting for ever."""

from typing import Any

from testinfra.backend.base import CommandResult
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host

from infra.operations.management_path import ManagementPath

COMMAND_S = 300
"""Deadline of one command: far more than any needs, also on a machine that does much else."""

LOST = 255
"""Exit code of ssh when it has no connection, and so of a command without an answer."""

_TIMED_OUT = 124
"""Exit code of timeout(1). Source: coreutils."""


class _BoundedSsh(SshBackend):
    """OpenSSH, ended when a command takes too long."""

    def run_local(self, command: str, *args: str) -> CommandResult:
        done = super().run_local(f"timeout --kill-after=5 {COMMAND_S} {command}", *args)
        if done.rc != _TIMED_OUT:
            return done
        words = f"no answer within {COMMAND_S} s".encode()
        return self.result(LOST, done.command, done.stdout_bytes, words)


def connect_to(server: str, path: ManagementPath) -> Any:
    """Return testinfra's host; its commands raise RuntimeError when no answer comes in time."""
    return Host(_BoundedSsh(server, ssh_config=str(path.ssh_config)))
