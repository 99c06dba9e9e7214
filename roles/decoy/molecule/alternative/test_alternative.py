"""Every port answers with the same line, and the program may do nothing else."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import change, play

LISTENERS = 'ss -H -t -u -l -n | awk \'{n = split($5, part, ":"); print $1 "/" part[n]}\''


def test_listens_on_exactly_its_ports(connect: Callable[[str], Any]) -> None:
    listeners = {*connect("host01").check_output(LISTENERS).split()}
    tcp = (111, 443, 902, 2049, 3260, 5480, 5989, 8000, 8007, 8100, 8200)
    assert {f"tcp/{port}" for port in tcp} <= listeners
    assert {f"udp/{port}" for port in (111, 161, 623, 902, 12345)} <= listeners


def test_program_is_nobody_without_capabilities(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert host.check_output("nc -w 5 127.0.0.1 8007") == "decoy datacentrum/decoy-storage"
    program = host.check_output("systemctl show -P MainPID decoy.service")
    status = host.file(f"/proc/{program}/status").content_string
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    assert fields["CapBnd"] == fields["CapEff"] == "0" * 16
    assert fields["Uid"].split()[0] != "0"


def test_other_line_is_foretold_and_told(connect: Callable[[str], Any]) -> None:
    assert change({"decoy_banner": "decoy other"}) == {
        "host01": ["configure | Write its units", "service | Run the unit, now and at boot"]
    }
    assert connect("host01").check_output("nc -w 5 127.0.0.1 443") == "decoy other"


def test_line_with_a_quote_is_refused() -> None:
    assert play({"decoy_banner": 'decoy"'}).failures == [
        "host01: preflight | Refuse a line that a shell or unit would read otherwise:"
        ' decoy_banner: "decoy\\"". Allowed: letters, digits, spaces and . : / _ -. Correct it in'
        " the inventory."
    ]
