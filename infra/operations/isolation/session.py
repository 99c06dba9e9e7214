"""Talk to the probe on one host: one ssh session, orders and answers as JSON lines.

Responsible for the process and its deadlines. Must not know what the orders mean.
"""

import json
import queue
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from infra.operations.management_path import ManagementPath, NoAnswerError

PROGRAM = Path(__file__).parent / "probe.py"

# The program comes by standard input too: nothing is written on the host.
_START = "import json, sys; exec(compile(json.loads(sys.stdin.readline()), 'probe', 'exec'))"

ANSWER_S = 60
"""Deadline of one order, beside what the order itself may take."""

END_S = 10
"""How long a probe may take to end."""


class Session:
    """An open session. host: tenant and server."""

    def __init__(
        self,
        host: tuple[str, str],
        orders: IO[str],
        answers: IO[str],
        complaints: IO[str],
    ) -> None:
        self.host = host
        self._orders, self._complaints = orders, complaints
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(answers,), daemon=True).start()

    def order(self, what: str, **details: Any) -> dict[str, Any]:
        """Give an order and return its answer.

        Raises:
            NoAnswerError: the host is lost, is silent for ANSWER_S seconds, or cannot do it.
        """
        server = "/".join(self.host)
        self._write({"do": what, **details})
        try:
            line = self._answers.get(timeout=ANSWER_S + details.get("within_s", 0))
        except queue.Empty as error:
            message = f"{server}: no answer to `{what}` within {ANSWER_S} s"
            raise NoAnswerError(message) from error
        if not line:
            self._complaints.seek(0)
            words = " ".join(self._complaints.read().split()) or "ssh ended without a word"
            message = f"{server}: lost while asked to {what}: {words}"
            raise NoAnswerError(message)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            message = f"{server}: cannot {what}: {answer['error']}"
            raise NoAnswerError(message)
        return answer

    def start(self) -> None:
        """Send the program."""
        self._write(PROGRAM.read_text())

    def _write(self, content: object) -> None:
        # When the host is lost, the end of its answers says so.
        with suppress(BrokenPipeError):
            self._orders.write(json.dumps(content) + "\n")
            self._orders.flush()

    def _read(self, answers: IO[str]) -> None:
        for line in answers:
            self._answers.put(line)
        self._answers.put("")


@contextmanager
def open_session(path: ManagementPath, host: tuple[str, str]) -> Iterator[Session]:
    """Start the probe on a host; it ends with the context, or when we are killed.

    Args:
        path: an open way into the host's tenant.
        host: tenant and server.
    """
    command = shlex.join(["sudo", "python3", "-uc", _START])
    # A file for what ssh says: a shared connection that stays behind would keep a pipe open.
    with (
        tempfile.TemporaryFile("w+", dir=path.folder) as complaints,
        subprocess.Popen(
            [path.ssh, host[1], command],
            env=path.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as process,
    ):
        assert process.stdin and process.stdout  # noqa: S101, PT018 (both were opened as pipes)
        session = Session(host, process.stdin, process.stdout, complaints)
        try:
            session.start()
            yield session
        finally:
            _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    """End the probe by the end of its input; ssh itself when the host is lost."""
    try:
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()
        process.wait(timeout=END_S)
    except subprocess.TimeoutExpired:
        process.kill()
