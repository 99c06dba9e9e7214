"""The program of role `decoy` answers by TCP and UDP, IPv4 and IPv6, on sockets it is given.

Does not prove its unit nor what systemd hands over; the role's scenarios do.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "roles/decoy/files/decoy.py"
ANSWER_S = 30
FIRST_DESCRIPTOR = 3

# Puts the sockets where systemd puts them, then becomes the program.
LAUNCH = """
import os, sys
first, *given = map(int, sys.argv[3:])
for place, number in enumerate(given):
    os.dup2(number, first + place)
os.environ["LISTEN_FDS"] = str(len(given))
os.execv(sys.executable, [sys.executable, "-I", sys.argv[1], sys.argv[2]])
"""


def _open(kind: socket.SocketKind) -> socket.socket:
    """Open a socket for both families on a free port."""
    opened = socket.socket(socket.AF_INET6, kind)
    opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    opened.bind(("::", 0))
    if kind == socket.SOCK_STREAM:
        opened.listen()
    return opened


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Return the ports on which the program answers, by kind."""
    with _open(socket.SOCK_STREAM) as stream, _open(socket.SOCK_DGRAM) as datagram:
        found = {"tcp": stream.getsockname()[1], "udp": datagram.getsockname()[1]}
        # Away from where they are to be, or one would overwrite the other.
        given = [os.dup(opened.fileno()) for opened in (stream, datagram)]
        numbers = [str(number) for number in (FIRST_DESCRIPTOR, *given)]
        command = [sys.executable, "-c", LAUNCH, str(PROGRAM), "decoy here", *numbers]
        with subprocess.Popen(command, pass_fds=given) as process:
            for number in given:
                os.close(number)
            yield found
            process.terminate()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_whoever_connects_is_answered(ports: dict[str, int], address: str) -> None:
    with (
        socket.create_connection((address, ports["tcp"]), ANSWER_S) as connection,
        connection.makefile() as answer,
    ):
        assert answer.read() == "decoy here\n"


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_whoever_sends_a_datagram_is_answered(ports: dict[str, int], address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.settimeout(ANSWER_S)
        asker.connect((address, ports["udp"]))
        asker.send(b"who is there?")
        assert asker.recv(100) == b"decoy here\r\n"


def test_only_its_own_line_is_not_answered(ports: dict[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(ANSWER_S)
        asker.connect(("127.0.0.1", ports["udp"]))
        asker.send(b"decoy here\r\n")
        for other in (b"decoy there\r\n", b"who is there?"):
            asker.send(other)
            assert asker.recv(100) == b"decoy here\r\n"
        # Answers come in order: one to its own line would be before these.
        asker.setblocking(False)
        with pytest.raises(BlockingIOError):
            asker.recv(100)
