"""Run Pulumi's engine and follow what it tells, for as long as it tells something.

Responsible for the deadline and for what was told. Must not know what a fault means.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SILENCE_S = 40 * 60
"""How long Pulumi may tell nothing: longer than the provider's longest wait, 30 min for a clone."""
FINISH_S = 60
"""How long Pulumi may take to finish what runs, when the engineer interrupts it."""
_ENDS = ((signal.SIGINT, 20), (signal.SIGINT, 20), (signal.SIGKILL, 10))
"""Pulumi asked to finish what runs; to let go of it, and of its lock; ended. With seconds each."""
_LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One error that Pulumi told. resource: its name, None when it concerns the whole run."""

    resource: str | None
    message: str


class SilenceError(Exception):
    """Pulumi told nothing for too long and was ended. Its one argument: the seconds."""


class EngineLog:
    """What Pulumi's engine told of one run, in memory only: it may hold what no file should.

    config: the stack's, secrets left out. errors: in the order told. running: the resources that
    are being worked on, by name, with what is done to them.
    """

    def __init__(self) -> None:
        self.config: dict[str, str] = {}
        self.errors: list[Diagnostic] = []
        self.running: dict[str, str] = {}
        self._descriptor = os.memfd_create("pulumi-events")
        self._seen = 0
        self._rest = b""

    def run(self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> int:
        """Run a command of Pulumi that works on resources; return its exit code.

        Args:
            command: with all its arguments; its progress goes to the terminal.
            folder: of the project.
            environment: all of it.

        Raises:
            SilenceError: it told nothing for SILENCE_S, and was ended.
        """
        process = subprocess.Popen(
            [*command, "--event-log", f"/proc/self/fd/{self._descriptor}"],
            cwd=folder,
            # The Automation API gets its events in this way, too: the option is hidden otherwise.
            env={**environment, "PULUMI_DEBUG_COMMANDS": "true"},
            stdin=subprocess.DEVNULL,
            pass_fds=[self._descriptor],
        )
        try:
            code = self._follow(process)
        except KeyboardInterrupt:
            # The terminal has told Pulumi as well: another interrupt would be one too many.
            _await(process, FINISH_S)
            raise
        finally:
            _end(process)
            self._read()
            os.close(self._descriptor)
        return code

    def _follow(self, process: "subprocess.Popen[bytes]") -> int:
        heard = time.monotonic()
        while True:
            try:
                return process.wait(timeout=_LOOK_S)
            except subprocess.TimeoutExpired:
                if self._read():
                    heard = time.monotonic()
            if time.monotonic() - heard > SILENCE_S:
                raise SilenceError(SILENCE_S)

    def _read(self) -> bool:
        """Take in what is new; return whether there was something."""
        fresh = bytearray()
        while part := os.pread(self._descriptor, 1 << 20, self._seen):
            fresh += part
            self._seen += len(part)
        *lines, self._rest = (self._rest + fresh).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        return bool(fresh)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event:
            case {"preludeEvent": {"config": dict(config)}}:
                self.config = config
            case {"diagnosticEvent": {"severity": "error", "message": str(message), **more}}:
                resource = _name(str(more["urn"])) if "urn" in more else None
                self.errors.append(Diagnostic(resource=resource, message=message.strip()))
            case {"resourcePreEvent": {"metadata": {"urn": str(urn), "op": str(operation)}}}:
                if operation != "same":  # nothing is done to it, though it stays open
                    self.running[_name(urn)] = operation
            case {"resOutputsEvent": {"metadata": {"urn": str(urn)}}}:
                self.running.pop(_name(urn), None)
            case {"resOpFailedEvent": {"metadata": {"urn": str(urn)}}}:
                self.running.pop(_name(urn), None)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End Pulumi if it runs, so that it keeps neither work nor lock."""
    for number, grace_s in _ENDS:
        if process.poll() is None:
            process.send_signal(number)
            _await(process, grace_s)


def _await(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """Wait until a process has ended, or the time is over, or the engineer is impatient."""
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        process.wait(timeout=grace_s)
