"""Long work made visible: its lines, its log, its signs of life.

Responsible for running the programs of a build; it must not know what is built.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolchain.error import ToolchainError

HEARTBEAT_S = 20.0
"""A build says at least this often that it lives."""

_TAIL_LINES = 25
_GRACE_S = 10.0


def say(name: str, text: str) -> None:
    """Print one line about an artefact."""
    sys.stdout.write(f"{name:<24} {text}\n")
    sys.stdout.flush()


class BuildLog:
    """The log of one build, open for as long as the build runs.

    Args:
        name: Name of the artefact, for the lines printed.
        path: File that takes the output; an older one is replaced.
        lock: Descriptor of the artefact's lock. Programs inherit it, so that a build whose parent
            was killed keeps the lock for as long as it still writes.
    """

    def __init__(self, name: str, path: Path, lock: int) -> None:
        self._name = name
        self._path = path
        self._lock = lock
        self._started = time.monotonic()
        path.write_bytes(b"")

    @property
    def elapsed_s(self) -> float:
        """Seconds since the build started."""
        return time.monotonic() - self._started

    def run(
        self, argv: Sequence[str], *, directory: Path, environment: dict[str, str] | None = None
    ) -> None:
        """Run a program to its end, its output in the log, a line of progress now and then.

        Raises:
            ToolchainError: It cannot be started or ends with another status than 0.
        """
        with self._path.open("ab") as output:
            output.write(f"$ {shlex.join(argv)}\n".encode())
            output.flush()
            try:
                process = subprocess.Popen(
                    argv,
                    cwd=directory,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(self._lock,),
                    start_new_session=True,
                )
            except OSError as error:
                message = f"{self._name}: cannot start {argv[0]}: {error.strerror}. Run bootstrap."
                raise ToolchainError(message) from error
        with _ended_with_us(process):
            status = self._wait(process)
        if status != 0:
            raise ToolchainError(self._failure(argv, status))

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        while True:
            try:
                return process.wait(timeout=HEARTBEAT_S)
            except subprocess.TimeoutExpired:
                step = (self._tail(1) or [""])[0][:60]
                say(self._name, f"building, {self.elapsed_s:.0f} s: {step}")

    def _tail(self, count: int) -> list[str]:
        return self._path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:]

    def _failure(self, argv: Sequence[str], status: int) -> str:
        tail = "\n".join(f"    {line}" for line in self._tail(_TAIL_LINES))
        return (
            f"{self._name}: {Path(argv[0]).name} ended with status {status} after "
            f"{self.elapsed_s:.0f} s. The end of its output ({self._path}):\n{tail}"
        )


@contextlib.contextmanager
def _ended_with_us(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End the program and all it started when its build is interrupted."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=_GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
