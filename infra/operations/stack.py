"""Run the plain Pulumi CLI for one stack.

Responsible for the CLI's environment and its exit codes. Must not know what a stack contains.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from infra.errors import TenantError
from infra.operations.engine import EngineLog, SilenceError
from infra.operations.symptom import AGAIN, explain
from infra.outputs import CONTRACT, StackOutputs

ROOT = Path(__file__).parents[2]
"""The project: Pulumi.yaml, tenants/, playbooks/, roles/."""

ANSWER_S = 300
"""How long the CLI may take for what is no deployment: configuration, outputs, a preview."""


class StackError(TenantError, LookupError):
    """The stack is not there, or there are several: exit 2."""

    exit_code = 2


class DeploymentError(TenantError, RuntimeError):
    """Pulumi could not do it: exit 4. Pulumi itself has printed why."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack. environment: what the Pulumi CLI needs beyond the caller's."""

    name: str
    environment: Mapping[str, str]

    @property
    def full_environment(self) -> dict[str, str]:
        """The caller's environment with what the Pulumi CLI needs."""
        return {**os.environ, **self.environment}

    def run(self, *arguments: str, stdin: str | None = None) -> None:
        """Run `pulumi ARGUMENTS`, with its own progress on the terminal.

        Args:
            arguments: of the CLI, without secrets: they would show in the process list.
            stdin: text for standard input; the way for secrets.

        Raises:
            DeploymentError: when Pulumi fails.
        """
        done = self._pulumi(arguments, stdin=stdin, is_captured=False)
        if done.returncode != 0:
            raise DeploymentError(self._failure(arguments, done.returncode))

    def deploy(self, *arguments: str) -> None:
        """Run `pulumi ARGUMENTS`, `up` or `destroy`, with its own progress on the terminal.

        Raises:
            DeploymentError: when Pulumi fails, in our words where we know the fault.
        """
        log = EngineLog()
        try:
            code = log.run(
                self._command(arguments),
                folder=ROOT,
                environment=self.full_environment,
            )
        except SilenceError as error:
            raise DeploymentError(self._silence(arguments, log, error.args[0])) from error
        if code != 0:
            lines = explain(log.errors, log.config, self.name)
            raise DeploymentError("\n".join(lines) or self._failure(arguments, code))

    def read(self, *arguments: str) -> str:
        """Run `pulumi ARGUMENTS` and return its output.

        Raises:
            DeploymentError: when Pulumi fails, with its own words.
        """
        done = self._pulumi(arguments, stdin=None, is_captured=True)
        if done.returncode != 0:
            message = f"{self._failure(arguments, done.returncode)}\n{done.stderr.strip()}"
            raise DeploymentError(message)
        return done.stdout

    def outputs(self) -> StackOutputs:
        """Read the contract of the last `pulumi up`.

        Raises:
            StackError: when nothing was deployed yet.
        """
        outputs = json.loads(self.read("stack", "output", "--json", "--show-secrets"))
        try:
            return StackOutputs.model_validate_json(outputs.get(CONTRACT, ""))
        except ValidationError:
            message = (
                f"Pulumi.{self.name}.yaml: stack {self.name}: has no output {CONTRACT!r} that can"
                " be read, so nothing is deployed yet, or by an older version. Run `tenant up`"
                " first."
            )
            # Not from the error: that one tells the values, which are secret.
            raise StackError(message) from None

    def _pulumi(
        self, arguments: tuple[str, ...], stdin: str | None, is_captured: bool
    ) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                self._command(arguments),
                cwd=ROOT,
                env=self.full_environment,
                input=stdin if stdin is not None else "",
                capture_output=is_captured,
                text=True,
                check=False,
                timeout=ANSWER_S,
            )
        except subprocess.TimeoutExpired as error:
            message = (
                f"pulumi {arguments[0]}: waited {ANSWER_S} s for the state of stack {self.name} in"
                f" {self.environment.get('PULUMI_BACKEND_URL', 'its backend')}. It must answer"
                f" within that time. Look whether the backend can be reached. {AGAIN}"
            )
            raise DeploymentError(message) from error

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return ["pulumi", *arguments, "--stack", self.name, "--non-interactive"]

    def _silence(self, arguments: tuple[str, ...], log: EngineLog, silence_s: float) -> str:
        server = log.config.get("vsphere:vsphereServer", "of the stack")
        waiting = ", ".join(f"{name} ({what})" for name, what in sorted(log.running.items()))
        return (
            f"vcenter {server}: pulumi {arguments[0]} waited {silence_s:g} s without any news, for:"
            f" {waiting or 'the program'}. Look in the vCenter whether the work still goes on."
            f" {AGAIN}"
        )

    def _failure(self, arguments: tuple[str, ...], code: int) -> str:
        return (
            f"pulumi {shlex.join(arguments)}: failed with exit code {code} for stack"
            f" {self.name}. Mend what Pulumi says, then run the same command again: it goes on"
            " where it stopped."
        )


def environment_file(stack: str) -> Path:
    """Where `tenant init` notes backend and passphrase file of a stack; never committed."""
    return ROOT / f"Pulumi.{stack}.env"


def find_stack(tenant: str, name: str | None) -> Stack:
    """Find the stack of a tenant.

    Args:
        tenant: the record's id.
        name: the stack's name, or None when the tenant has just one.

    Raises:
        StackError: when there is none, or more than one and no name.
    """
    known = sorted(
        path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        for path in ROOT.glob(f"Pulumi.{tenant}-*.yaml")
    )
    if name is None and len(known) == 1:
        name = known[0]
    if name not in known:
        message = (
            f"Pulumi.{name or tenant + '-*'}.yaml: stack of tenant {tenant}:"
            f" {'which one?' if name is None and known else 'not found.'}"
            f" Known: {', '.join(known) or 'none'}."
            " Name one with --stack, or make one with `tenant init`."
        )
        raise StackError(message)
    return open_stack(name)


def open_stack(name: str) -> Stack:
    """Give access to a stack by name, with the environment that `tenant init` noted."""
    return Stack(name=name, environment=_read_environment(name))


def _read_environment(stack: str) -> dict[str, str]:
    binaries = str(Path(sys.executable).parent)
    environment = {
        "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Also what a run's plugins inherit: so they are known when it is killed.
        "PULUMI_STACK": stack,
    }
    path = environment_file(stack)
    if path.exists():
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            # What the engineer exports wins over what `tenant init` noted.
            if key not in os.environ:
                environment[key] = value
    return environment


def export_lines(stack: Stack) -> list[str]:
    """Give shell lines that let the plain Pulumi CLI work on a stack."""
    return [f"export {key}={shlex.quote(value)}" for key, value in stack.environment.items()]
