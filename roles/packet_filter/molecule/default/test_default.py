"""A table that lets us in is loaded, kept for the next boot, and mended when it was changed."""

from collections.abc import Callable
from typing import Any

from tests.molecule.fixtures import play

TABLE = "nft list table inet gate"


def test_table_is_loaded_and_kept(connect: Callable[[str], Any]) -> None:
    host = connect("host01")
    assert "tcp dport 8081" in host.check_output(TABLE)
    proposed, kept = (host.file(f"/etc/nftables.d/gate.{end}") for end in ("proposed", "nft"))
    assert kept.content_string == proposed.content_string
    assert host.service("nftables.service").is_enabled


def test_no_way_back_stays_armed(connect: Callable[[str], Any]) -> None:
    timers = connect("host01").check_output("systemctl list-timers --all --no-legend")
    assert "packet-filter-way-back" not in timers


def test_table_flushed_by_hand_is_foretold_to_come_back(connect: Callable[[str], Any]) -> None:
    """Loading is many commands; check mode foretells the comparison that calls for them."""
    host = connect("host01")
    host.check_output("nft delete table inet gate")
    reason = "load | Compare the loaded table with the one that was kept"
    assert play(is_check=True).changed == {"host01": [reason]}
    assert host.run(TABLE).failed, "check mode must not load"
    assert play().changed["host01"][0] == reason
    assert "tcp dport 8081" in host.check_output(TABLE)


def test_table_that_nobody_proposed_is_refused() -> None:
    assert play({"packet_filter_table": "door"}).failures == [
        "host01: preflight | Refuse to load what nobody proposed: packet_filter_table: door:"
        " /etc/nftables.d/door.proposed is not there. The role that imports this one must write"
        " the table into it first."
    ]
