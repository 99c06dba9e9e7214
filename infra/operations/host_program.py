"""Run a program on a host for as long as it is needed: sent over ssh, never written there.

One JSON line goes in for each that comes out. Must not know what the program does.
"""

import importlib
import inspect
import json
import os
import select
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

from infra.operations.management_path import ManagementPath, NoAnswerError

_ROOM = 1 << 16

_BOOT = """
import json, sys, types
for name, text in json.loads(sys.stdin.readline()):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
module.main()
"""


class HostProgram:
    """A program that runs on a host and takes orders."""

    def __init__(self, server: str, process: "subprocess.Popen[str]", said: IO[bytes]) -> None:
        self._server, self._process, self._said = server, process, said
        if not (process.stdin and process.stdout):
            message = f"{server}: the program has no input or output of its own"
            raise ValueError(message)
        self._orders, self._answers = process.stdin, process.stdout
        self._told = b""

    def order(self, line: str) -> None:
        """Give an order; it is carried out after those before it."""
        try:
            self._orders.write(line + "\n")
            self._orders.flush()
        except BrokenPipeError as error:
            raise NoAnswerError(self._complaint()) from error

    def answer(self, deadline: float) -> Any:
        """Wait for the answer to the first order that has none yet.

        Args:
            deadline: on the monotonic clock, in seconds.

        Raises:
            NoAnswerError: when there is none by then, or the program or its host has ended.
        """
        while b"\n" not in self._told:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self._answers], [], [], left_s)[0]:
                message = f"{self._server}: no answer in time"
                raise NoAnswerError(message)
            if not (part := os.read(self._answers.fileno(), _ROOM)):
                raise NoAnswerError(self._complaint())
            self._told += part
        line, _, self._told = self._told.partition(b"\n")
        return json.loads(line)

    def _complaint(self) -> str:
        self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return f"{self._server}: {lines[-1] if lines else 'ended without a word'}"


class HostPrograms(Mapping[str, HostProgram]):
    """The same program on several hosts, ordered together."""

    def __init__(self, programs: Mapping[str, HostProgram]) -> None:
        self._programs = programs

    def __getitem__(self, server: str) -> HostProgram:
        return self._programs[server]

    def __iter__(self) -> Iterator[str]:
        return iter(self._programs)

    def __len__(self) -> int:
        return len(self._programs)

    def ask(self, orders: Mapping[str, Mapping[str, object]], *, within_s: float) -> dict[str, Any]:
        """Give each server its order, all at once; return their answers.

        Raises:
            NoAnswerError: when one of them gives none.
        """
        return self.ask_in_turn(orders, within_s=within_s)[0]

    def ask_in_turn(
        self, *turns: Mapping[str, Mapping[str, object]], within_s: float
    ) -> list[dict[str, Any]]:
        """Give each server its orders of all turns at once; return the answers of each turn.

        No server waits for another: who has no order in a turn goes on with that of the next.

        Raises:
            NoAnswerError: when one of them gives none.
        """
        deadline = time.monotonic() + within_s
        for orders in turns:
            for server, order in orders.items():
                self._programs[server].order(json.dumps(order))
        return [
            {server: self._programs[server].answer(deadline) for server in orders}
            for orders in turns
        ]


@contextmanager
def run_on_hosts(
    path: ManagementPath, servers: Sequence[str], modules: Sequence[str]
) -> Iterator[HostPrograms]:
    """Run a program as root on servers.

    Args:
        path: an open management path.
        servers: record keys.
        modules: full names of the modules to send, each after those that it imports; the
            last one's `main` is run.

    Yields:
        The programs. Afterwards they have ended: they do so with their input.
    """
    sources = json.dumps(
        [[name, inspect.getsource(importlib.import_module(name))] for name in modules]
    )
    command = f"sudo python3 -uc {shlex.quote(_BOOT)}"
    with ExitStack() as stack:
        programs = {}
        for server in servers:
            # A file, not a pipe: a shared connection that stays behind would keep a pipe open.
            said = stack.enter_context(tempfile.TemporaryFile(dir=path.folder))
            process = stack.enter_context(
                subprocess.Popen(
                    [path.ssh, server, command],
                    env=path.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                )
            )
            # A host that hangs would otherwise keep us waiting for its end.
            stack.callback(process.terminate)
            programs[server] = HostProgram(server, process, said)
            programs[server].order(sources)
        yield HostPrograms(programs)
