"""The rules of a port, for each policy."""

import dataclasses

import pytest

from lab.fabric.port import Port, Security, Segment, port_ruleset

MAC = "00:50:56:aa:00:01"
OTHER = "00:50:56:aa:00:99"
STRICT = Port(
    name="5020aaaa-4000",
    alias="db01",
    segment=Segment("switch01", 1101),
    security=Security(),
    mac=MAC,
    effective_mac=MAC,
)


def rules(effective_mac: str = MAC, **security: bool) -> list[str]:
    """Return the rules of both directions, without what makes the chains."""
    port = dataclasses.replace(STRICT, security=Security(**security), effective_mac=effective_mac)
    lines = port_ruleset(port).splitlines()
    return [line.partition("-4000 ")[2] for line in lines if line.startswith("add rule")]


ORDINARY = "ether saddr {} ether type ip accept"
OWN = "ether daddr {} accept"
TAGGED = "ether type { 8021q, 8021ad } counter drop"
OVERHEARD = "ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 ether daddr != {} counter drop"
FORGED = "ether saddr != {} counter drop"
FORGED_ARP = "ether type arp arp saddr ether != {} counter drop"


def test_strict_port_lets_its_own_address_pass_and_nothing_else() -> None:
    assert rules() == [
        ORDINARY.format(MAC),
        TAGGED,
        FORGED.format(MAC),
        FORGED_ARP.format(MAC),
        "accept",
        OWN.format(MAC),
        OVERHEARD.format(MAC),
        "accept",
    ]


def test_accepting_everything_still_drops_tagged_frames() -> None:
    assert rules(allow_promiscuous=True, mac_changes=True, forged_transmits=True) == [
        ORDINARY.format(MAC),
        TAGGED,
        "accept",
        "accept",
    ]


def test_accepted_mac_change_moves_the_port_to_the_new_address() -> None:
    assert FORGED.format(OTHER) in rules(OTHER, mac_changes=True)
    assert rules(OTHER, mac_changes=True)[-3:] == [
        OWN.format(OTHER),
        OVERHEARD.format(OTHER),
        "accept",
    ]


def test_rejected_mac_change_lets_nothing_in() -> None:
    assert rules(OTHER) == [
        ORDINARY.format(MAC),
        TAGGED,
        FORGED.format(MAC),
        FORGED_ARP.format(MAC),
        "accept",
        "counter drop",
        OWN.format(MAC),
        OVERHEARD.format(MAC),
        "accept",
    ]


def test_isolated_port_marks_what_it_sends_and_gets_nothing_that_is_marked() -> None:
    assert rules(is_isolated=True, allow_promiscuous=True, forged_transmits=True) == [
        "meta mark set 1",
        ORDINARY.format(MAC),
        TAGGED,
        "accept",
        "meta mark 1 counter drop",
        "accept",
    ]


@pytest.mark.parametrize("vlan_id", [0, 1, 4094])
def test_bridge_name_fits_the_kernel_and_shows_the_vlan(vlan_id: int) -> None:
    name = Segment("a switch with a very long name", vlan_id).bridge
    assert len(name) <= 15
    assert name.endswith(f"-{vlan_id}")


def test_same_vlan_on_another_switch_is_another_segment() -> None:
    assert Segment("switch01", 5).bridge != Segment("switch02", 5).bridge
