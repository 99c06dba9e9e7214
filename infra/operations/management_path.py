"""Open the one way into a tenant: OpenSSH through the bastion, key in an agent, in memory.

Ansible and testinfra both use it, in the lab exactly as in production; only the first hop's
ProxyCommand comes from the stack. Must not know what is done over it.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import TenantError
from infra.outputs import StackOutputs
from infra.record.service import MANAGEMENT_ACCOUNT

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 (a tmpfs on every Linux; the folder below is 0700)
"""Where files live that must never reach a disk."""

CONTROL_PREFIX = "control-"
HOST_KEYS = "StrictHostKeyChecking=accept-new"
"""A host is believed once, when it is new; another key under the same VM is refused."""


class ManagementPathError(TenantError, ConnectionError):
    """The way into the tenant cannot be opened: exit 4."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class ManagementPath:
    """An open way in; host names are record keys.

    folder: private, on a tmpfs, gone afterwards. ssh: OpenSSH's client with the configuration
    already given, for programs that put options of their own before it. agent_socket: for
    SSH_AUTH_SOCK.
    """

    folder: Path
    ssh: Path
    ssh_config: Path
    agent_socket: str

    @property
    def environment(self) -> dict[str, str]:
        """Our own environment with the agent: what starting `ssh` needs."""
        return {**os.environ, "SSH_AUTH_SOCK": self.agent_socket}


@contextmanager
def open_management_path(outputs: StackOutputs, stack: str) -> Iterator[ManagementPath]:
    """Start an agent that holds the management key and write the ssh configuration.

    Args:
        outputs: of the stack.
        stack: its name; host keys seen once are remembered per stack.

    Yields:
        The path, until the context ends; then agent, connections and files are gone.

    Raises:
        ManagementPathError: when the agent does not start or refuses the key.
    """
    with tempfile.TemporaryDirectory(prefix="tenant-", dir=MEMORY_FOLDER) as name:
        folder = Path(name)
        socket = str(folder / "agent")
        agent = subprocess.Popen(
            ["ssh-agent", "-D", "-a", socket],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            # The agent prints its environment once it listens.
            first_line = agent.stdout.readline() if agent.stdout else ""
            if not first_line:
                reason = agent.stderr.read().strip() if agent.stderr else ""
                message = f"ssh-agent: does not start: {reason}. It is needed to hold the key."
                raise ManagementPathError(message)
            _add_key(socket, outputs.secrets.management_key.get_secret_value())
            ssh_config = folder / "ssh_config"
            ssh_config.write_text(_ssh_config(outputs, folder, _known_hosts(stack)))
            ssh = folder / "ssh"
            # OpenSSH keeps the first value it meets, so callers cannot weaken this.
            ssh.write_text(f'#!/bin/sh\nexec ssh -F {ssh_config} -o {HOST_KEYS} "$@"\n')
            ssh.chmod(0o700)
            yield ManagementPath(folder=folder, ssh=ssh, ssh_config=ssh_config, agent_socket=socket)
        finally:
            _close_connections(folder)
            agent.terminate()
            agent.communicate()


def _add_key(socket: str, key: str) -> None:
    done = subprocess.run(
        ["ssh-add", "-q", "-"],
        env={**os.environ, "SSH_AUTH_SOCK": socket},
        # Pulumi trims what it stores; OpenSSH insists on the last newline.
        input=key.strip() + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        message = (
            f"ssh-add: refuses the stack's management key: {done.stderr.strip()}."
            " An OpenSSH private key is allowed. Run `tenant init` to make a new one."
        )
        raise ManagementPathError(message)


def _known_hosts(stack: str) -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state"))
    folder = state / "municipal-cloud" / stack
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "known_hosts"


def _ssh_config(outputs: StackOutputs, folder: Path, known_hosts: Path) -> str:
    """Write one block a host. A replaced VM has a new uuid and so a host key of its own."""
    management = outputs.management
    bastion = next(key for key, s in outputs.plan.servers.items() if "bastion" in s.roles)
    lines = []
    for key, server in outputs.plan.servers.items():
        lines += [f"Host {key}", f"  HostKeyAlias {key}-{outputs.instances[key].uuid}"]
        if key != bastion:
            lines += [f"  HostName {server.address}", f"  ProxyJump {bastion}"]
            continue
        lines += [f"  HostName {management.bastion_address}"]
        if management.proxy_command:
            lines += [f"  ProxyCommand {management.proxy_command}"]
    lines += [
        "Host *",
        f"  User {MANAGEMENT_ACCOUNT}",
        f"  UserKnownHostsFile {known_hosts}",
        f"  {HOST_KEYS.replace('=', ' ')}",
        "  PasswordAuthentication no",
        "  BatchMode yes",
        "  ConnectTimeout 20",
        "  ServerAliveInterval 15",
        "  LogLevel ERROR",
        "  ControlMaster auto",
        f"  ControlPath {folder}/{CONTROL_PREFIX}%C",
        "  ControlPersist 60",
    ]
    return "\n".join(lines) + "\n"


def _close_connections(folder: Path) -> None:
    """End the shared connections that would outlive us."""
    for control in folder.glob(f"{CONTROL_PREFIX}*"):
        subprocess.run(
            ["ssh", "-O", "exit", "-o", f"ControlPath={control}", "unused"],
            capture_output=True,
            check=False,
        )
