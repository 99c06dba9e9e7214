"""The table of saboteurs is current, and each has what breaks it."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

from infra.isolation.cases.monitoring import READ_VARIABLES, TIME, count_sources
from infra.isolation.cases.services import count_connections
from tests.isolation.saboteur import PLACE, SABOTEURS, render
from tests.lab.sabotage import GRANT, SABOTAGES, TELL


def test_table_is_current() -> None:
    text = PLACE.document.read_text()
    assert PLACE.replace(text, render()) == text, "run `make generate`"


def test_each_saboteur_can_be_let_loose() -> None:
    assert [*SABOTAGES] == [*SABOTEURS]


@contextmanager
def _serving(listener: socket.socket, program: str, *arguments: str) -> Iterator[None]:
    """Run what stands for a service, with its listening socket as systemd gives it."""
    start = "import os, sys; os.dup2(int(sys.argv.pop(1)), 3); exec(sys.argv.pop(1))"
    number = listener.fileno()
    arguments = (sys.executable, "-c", start, str(number), program, *arguments)
    with subprocess.Popen(arguments, pass_fds=[number]) as service:
        try:
            yield
        finally:
            service.terminate()


def test_granting_relay_says_yes_in_a_proxys_words(tmp_path: Path) -> None:
    place = str(tmp_path / "relay")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as asking:
        listener.bind(place)
        listener.listen()
        with _serving(listener, GRANT):
            asking.settimeout(30)
            asking.connect(place)
            asking.sendall(b"CONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n")
            reply = asking.recv(4096)
    assert count_connections(reply) == 1


def test_telling_clock_gives_the_time_and_who_sets_it() -> None:
    kind = socket.SOCK_DGRAM
    with socket.socket(type=kind) as listener, socket.socket(type=kind) as asking:
        listener.bind(("127.0.0.1", 0))
        with _serving(listener, TELL, "10.255.0.12"):
            asking.settimeout(30)
            asking.connect(listener.getsockname())
            asking.send(TIME)
            time = asking.recv(4096)
            asking.send(READ_VARIABLES)
            peers = asking.recv(4096)
    assert count_sources(time, {IPv4Address("10.255.0.12")}) == 1
    assert b"10.255.0.12" in peers
