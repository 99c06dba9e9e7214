"""Whoever asks is answered, by TCP and by UDP."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

ASK = "python3 -c {program} {kind} {address} {port}"
PROGRAM = """'
import socket, sys
kind, address, port = sys.argv[1:]
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family, getattr(socket, "SOCK_" + kind)) as asker:
    asker.settimeout(5)
    asker.connect(socket.getaddrinfo(address, port, family)[0][4])
    if kind == "DGRAM":
        asker.send(b"who is there?")
    print(asker.recv(100).decode().strip())
'"""


def ask(client: Any, kind: str, address: str, port: int) -> str:
    command = ASK.format(program=PROGRAM, kind=kind, address=address, port=port)
    return str(client.check_output(command))


def test_client_is_answered_on_both_kinds_of_port(connect: Callable[[str], Any]) -> None:
    client = connect("client01")
    assert ask(client, "STREAM", "10.255.0.21", 443) == "decoy"
    assert ask(client, "DGRAM", "10.255.0.21", 161) == "decoy"


def test_client_is_answered_by_ipv6(connect: Callable[[str], Any]) -> None:
    address = connect("host01").check_output(
        "ip -6 -o address show dev eth0 scope link | awk '{print $4}' | cut -d / -f 1"
    )
    client = connect("client01")
    assert ask(client, "STREAM", f"{address}%eth0", 443) == "decoy"
    assert ask(client, "DGRAM", f"{address}%eth0", 161) == "decoy"


def test_nothing_else_answers(connect: Callable[[str], Any]) -> None:
    assert connect("client01").run("nc -z -w 3 10.255.0.21 902").failed


def test_further_port_is_foretold_and_answers(connect: Callable[[str], Any]) -> None:
    assert change({"decoy_tcp_ports": [443, 902]}) == {
        "host01": ["configure | Write its units", "service | Run the unit, now and at boot"]
    }
    assert ask(connect("client01"), "STREAM", "10.255.0.21", 902) == "decoy"


def test_port_of_the_ssh_server_is_refused() -> None:
    assert play({"decoy_tcp_ports": [22]}).failures == [
        "host01: preflight | Refuse ports that are none, or the SSH server's: decoy_tcp_ports:"
        " [22], decoy_udp_ports: [161]. Allowed: at least one port, from 1 to 65535, not tcp/22."
        " Correct them in the inventory."
    ]
