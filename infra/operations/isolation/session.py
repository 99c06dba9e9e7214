"""Talk to the probes on hosts: one ssh session each, orders and answers as JSON lines.

Responsible for the process and its deadlines. Must not know what the orders mean.
"""

import json
import queue
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from infra.isolation.judge import HostKey
from infra.operations.management_path import ManagementPath, NoAnswerError

PROGRAM = Path(__file__).parent / "probe.py"

# The program comes by standard input too: nothing is written on the host.
_START = "import json, sys; exec(compile(json.loads(sys.stdin.readline()), 'probe', 'exec'))"

ANSWER_S = 60
"""Deadline of one order, beside what the order itself may take."""

END_S = 10
"""How long a probe may take to end."""

BEACON_S = 30
"""How long what is waited for may take to be heard."""

Answer = TypeVar("Answer")


class Session:
    """An open session. host: tenant and server."""

    def __init__(
        self,
        host: HostKey,
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


class Sessions:
    """The sessions of all hosts. lost: why a host no longer takes part."""

    def __init__(self, sessions: Iterable[Session]) -> None:
        self._by_host = {session.host: session for session in sessions}
        self.lost: dict[HostKey, str] = {}

    def each(
        self, give: Callable[[Session], Answer], only: Iterable[HostKey] | None = None
    ) -> dict[HostKey, Answer]:
        """Give an order to every host at once; who does not answer is lost from then on."""
        wanted = self._by_host if only is None else {*only} & {*self._by_host}
        chosen = [self._by_host[key] for key in wanted]
        answers: dict[HostKey, Answer] = {}

        def attempt(one: Session) -> Answer | NoAnswerError:
            try:
                return give(one)
            except NoAnswerError as error:
                return error

        with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
            for one, answer in zip(chosen, pool.map(attempt, chosen), strict=True):
                if isinstance(answer, NoAnswerError):
                    self.lost[one.host] = str(answer)
                    del self._by_host[one.host]
                else:
                    answers[one.host] = answer
        return answers


@contextmanager
def open_session(path: ManagementPath, host: HostKey) -> Iterator[Session]:
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
