"""A table that shuts us out takes itself back, and others are left alone."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import play

PROPOSED = "/etc/nftables.d/gate_out.proposed"


def test_other_tables_are_left_alone(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert "udp dport 9" in host.check_output("nft list table inet gate_out")
    assert host.file("/etc/nftables.d/other_gate.nft").exists


def test_tables_are_there_after_a_boot(connect: Callable[[str], Any]) -> None:
    """What nftables.service loads at boot, loaded now: all of it, once more without a gap."""
    host = connect("host01")
    host.check_output("nft -f /etc/nftables.conf")
    tables = host.check_output("nft list tables")
    assert {"table inet gate_out", "table inet other_gate"} <= set(tables.splitlines())


def test_table_that_shuts_us_out_takes_itself_back(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    good = host.file(PROPOSED).content_string
    host.check_output(
        "printf %s > %s", good.replace("udp dport 9 counter", "tcp sport 22 counter"), PROPOSED
    )
    run = play()
    assert "the confirmed one of before is in force again" in run.failures[-1]
    assert "udp dport 9" in connect("host01").check_output("nft list table inet gate_out")


def test_name_that_is_none_is_refused() -> None:
    assert play({"packet_filter_table": "gate out"}).failures == [
        "host01: preflight | Refuse what is no name of a table: packet_filter_table:"
        ' "gate out" is no name of a table. Allowed are lower-case letters, digits and "_".'
        " Correct the role that imports this one."
    ]
