"""Open the one way into a tenant: OpenSSH through the bastion, key in an agent, in memory.

Ansible and testinfra both use it, in the lab exactly as in production; only the first hop's
ProxyCommand comes from the stack. Must not know what is done over it.
"""

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.errors import TenantError
from infra.operations.host_fault import Fault, explain, find_server
from infra.operations.secret import public_key
from infra.outputs import StackOutputs
from infra.plan.tunnel import find_management_address
from infra.record.service import MANAGEMENT_ACCOUNT

MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 (a tmpfs on every Linux; the folder below is 0700)
"""Where files live that must never reach a disk."""

FOLDER_PREFIX = "tenant-"
CONTROL_PREFIX = "control-"
ANSWER_S = 40
"""Deadline of a short command on a host, the connection included."""

BASTION_S = 60
"""How long the bastion may take to answer: a new one may still be in its first boot."""

PAUSE_S = 2
AGENT_S = 10
"""Deadline for ssh-agent to start."""

HOST_KEYS = "StrictHostKeyChecking=accept-new"
"""A host is believed once, when it is new; another key under the same VM is refused."""


class ManagementPathError(TenantError, ConnectionError):
    """The way into the tenant cannot be opened: exit 4."""

    exit_code = 4


class NoAnswerError(Exception):
    """A host gave no answer: ssh's own words, to be explained by who asked."""


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

    def ask(self, server: str, command: str) -> str:
        """Run a short command on a server.

        Args:
            server: record key.
            command: for its shell.

        Returns:
            What it printed, stripped.

        Raises:
            NoAnswerError: when the server is out of reach, or the command fails or takes longer
                than ANSWER_S seconds.
        """
        # Files, not pipes: a shared connection that stays behind would keep a pipe open.
        with (
            tempfile.TemporaryFile(dir=self.folder) as said,
            tempfile.TemporaryFile(dir=self.folder) as complained,
        ):
            try:
                done = subprocess.run(
                    [self.ssh, server, command],
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=complained,
                    timeout=ANSWER_S,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                message = f"no answer to `{command}` within {ANSWER_S} s"
                raise NoAnswerError(message) from error
            said.seek(0)
            complained.seek(0)
            if done.returncode != 0:
                words = complained.read().decode(errors="replace").strip()
                raise NoAnswerError(words or f"`{command}` ends with {done.returncode}")
            return said.read().decode(errors="replace").strip()


@contextmanager
def open_management_path(outputs: StackOutputs, stack: str) -> Iterator[ManagementPath]:
    """Start an agent that holds the stack's keys and write the ssh configuration.

    Args:
        outputs: of the stack.
        stack: its name; host keys seen once are remembered per stack.

    Yields:
        The path, until the context ends; then agent, connections and files are gone.

    Raises:
        ManagementPathError: when the agent does not start or refuses the key.
    """
    _remove_folders_of_killed_runs()
    prefix = f"{FOLDER_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=MEMORY_FOLDER) as name:
        folder = Path(name)
        socket = str(folder / "agent")
        agent = subprocess.Popen(
            # It lives as long as the command, and that as long as we hold its input open: also
            # a killed run leaves no agent with a key behind.
            ["ssh-agent", "-a", socket, "sh", "-c", "echo listening; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _await_agent(agent)
            for key in outputs.secrets.keys:
                _add_key(socket, key)
            identity = folder / "management.pub"
            identity.write_text(public_key(outputs.secrets.management_key.get_secret_value()))
            ssh_config = folder / "ssh_config"
            ssh_config.write_text(_ssh_config(outputs, folder, identity, _known_hosts(stack)))
            ssh = folder / "ssh"
            # OpenSSH keeps the first value it meets, so callers cannot weaken this.
            ssh.write_text(f'#!/bin/sh\nexec ssh -F {ssh_config} -o {HOST_KEYS} "$@"\n')
            ssh.chmod(0o700)
            yield ManagementPath(folder=folder, ssh=ssh, ssh_config=ssh_config, agent_socket=socket)
        finally:
            _close_connections(folder)
            # It notices only after some seconds that it is no longer needed.
            _ask_agent(socket, "-D")
            agent.communicate()


def await_bastion(
    outputs: StackOutputs, path: ManagementPath, write: Callable[[str], None]
) -> None:
    """Wait until the bastion lets us in: without it no host can be reached.

    Args:
        outputs: of the stack.
        path: an open management path.
        write: prints one line, when there is something to wait for.

    Raises:
        ManagementPathError: when it does not within BASTION_S seconds, or shows another key.
    """
    bastion = find_server(outputs, "bastion")
    deadline = time.monotonic() + BASTION_S
    is_told = False
    while True:
        try:
            path.ask(bastion, "true")
        except NoAnswerError as error:
            fault = Fault(host=bastion, task="", words=str(error))
        else:
            return
        if fault.is_other_key or time.monotonic() > deadline:
            message = (
                f"{bastion}: {explain(fault, outputs)} Tried for {BASTION_S} s; it is the only way"
                " into the tenant. Then run the same command again."
            )
            raise ManagementPathError(message)
        if not is_told:
            write(f"   waiting up to {BASTION_S} s for {bastion} to answer ssh")
            is_told = True
        time.sleep(PAUSE_S)


def _await_agent(agent: "subprocess.Popen[str]") -> None:
    """Wait until the agent starts its command: then it listens."""
    ready = agent.stdout and select.select([agent.stdout], [], [], AGENT_S)[0]
    if not ready or not ready[0].readline():
        agent.terminate()
        reason = agent.communicate()[1].strip() or f"silent for {AGENT_S} s"
        message = f"ssh-agent: does not start: {reason}. It is needed to hold the key."
        raise ManagementPathError(message)


def _remove_folders_of_killed_runs() -> None:
    for folder in MEMORY_FOLDER.glob(f"{FOLDER_PREFIX}*-*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder)


def _ask_agent(socket: str, argument: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["ssh-add", "-q", argument],
        env={**os.environ, "SSH_AUTH_SOCK": socket},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def _add_key(socket: str, key: str) -> None:
    # Pulumi trims what it stores; OpenSSH insists on the last newline.
    done = _ask_agent(socket, "-", key.strip() + "\n")
    if done.returncode != 0:
        message = (
            f"ssh-add: refuses a key of the stack: {done.stderr.strip()}."
            " An OpenSSH private key is allowed. Run `tenant init` to make a new one."
        )
        raise ManagementPathError(message)


def _known_hosts(stack: str) -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local/state"))
    folder = state / "municipal-cloud" / stack
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "known_hosts"


def _ssh_config(outputs: StackOutputs, folder: Path, identity: Path, known_hosts: Path) -> str:
    """Write one block a host. A replaced VM has a new uuid and so a host key of its own."""
    management = outputs.management
    bastion = find_server(outputs, "bastion")
    lines = []
    for key in outputs.plan.servers:
        lines += [f"Host {key}", f"  HostKeyAlias {key}-{outputs.instances[key].uuid}"]
        if key != bastion:
            address = find_management_address(outputs.plan, key)
            lines += [f"  HostName {address}", f"  ProxyJump {bastion}"]
            continue
        lines += [f"  HostName {management.bastion_address}"]
        if management.proxy_command:
            lines += [f"  ProxyCommand {management.proxy_command}"]
    lines += [
        "Host *",
        f"  User {MANAGEMENT_ACCOUNT}",
        # The agent's other keys come after it; with IdentitiesOnly they do not come at all.
        f"  IdentityFile {identity}",
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
