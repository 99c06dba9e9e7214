"""The table of saboteurs is current, and each has what breaks it."""

import socket
import subprocess
import sys
from pathlib import Path

from infra.isolation.cases.services import count_connections
from tests.isolation.saboteur import PLACE, SABOTEURS, render
from tests.lab.sabotage import GRANT, SABOTAGES


def test_table_is_current() -> None:
    text = PLACE.document.read_text()
    assert PLACE.replace(text, render()) == text, "run `make generate`"


def test_each_saboteur_can_be_let_loose() -> None:
    assert [*SABOTAGES] == [*SABOTEURS]


def test_granting_relay_says_yes_in_a_proxys_words(tmp_path: Path) -> None:
    start = "import os, sys; os.dup2(int(sys.argv[1]), 3); exec(sys.argv[2])"
    place = str(tmp_path / "relay")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        number = listener.fileno()
        arguments = [sys.executable, "-c", start, str(number), GRANT]
        with subprocess.Popen(arguments, pass_fds=[number]) as relay:
            try:
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.settimeout(30)
                    asking.connect(place)
                    asking.sendall(b"CONNECT 10.0.0.1:22 HTTP/1.1\r\n\r\n")
                    reply = asking.recv(4096)
            finally:
                relay.terminate()
    assert count_connections(reply) == 1
