"""NICs of VMs become ports of the switch: segments, port security. Real hosts and real frames.

It proves the lab's model of the switch, not a real one.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from pyVmomi import vim

from tests.lab import frame
from tests.lab.estate import POLICIES, Estate, await_true, nic_change
from tests.lab.machine import Make, ethernets, leg, reconfigure

pytestmark = pytest.mark.lab


def test_same_vlan_is_one_segment_and_another_is_not(estate: Estate, make: Make) -> None:
    one = estate.add_port_group("same-one", 201)
    other = estate.add_port_group("same-other", 201)
    apart = estate.add_port_group("apart", 202)
    source = make("vlan01", leg(one, "10.9.0"))
    beside = make("vlan02", leg(other, "10.9.0"))
    alone = make("vlan03", leg(apart, "10.9.0"))
    for machine in (source, beside, alone):
        estate.await_tools(machine)
    assert can_ping(estate, source, address(beside, 1))
    assert not can_ping(estate, source, address(alone, 1))
    # Plugged into the other port group, while both run.
    device = ethernets(alone)[1]
    device.backing.port.portgroupKey = one.key
    device.backing.port.portKey = None
    reconfigure(alone, vim.vm.device.VirtualDeviceSpec(operation="edit", device=device))
    await_true("the moved NIC", lambda: can_ping(estate, source, address(alone, 1)))


def test_nic_added_to_a_running_host_appears(estate: Estate, make: Make) -> None:
    machine = make("nic01")
    estate.await_tools(machine)
    added = leg(estate.add_port_group("added", 210))
    reconfigure(machine, nic_change(added, -5))
    # Not file by file below /sys: one may go between two looks.
    await_true("the new NIC", lambda: added.mac in estate.run(machine, "ip -brief link"))
    device = ethernets(machine)[1]
    reconfigure(machine, vim.vm.device.VirtualDeviceSpec(operation="remove", device=device))
    await_true("no removed NIC", lambda: added.mac not in estate.run(machine, "ip -brief link"))


def test_port_security_follows_the_port_group(estate: Estate, make: Make) -> None:
    port_group = estate.add_port_group("secured", 220)
    liar, peer, third = (leg(port_group, "10.9.1") for _ in range(3))
    sender = make("liar01", liar)
    receiver = make("peer01", peer)
    listener = make("third01", third)
    for machine in (sender, receiver, listener):
        estate.await_tools(machine)

    def seen(machine: Any, name: str, sent: bytes) -> int:
        with estate.inside(machine, lambda: frame.listen("eth1")) as raw:
            estate.inside(sender, lambda: frame.send("eth1", sent))
            return frame.count_seen(raw, name)

    forged = "00:50:56:99:99:99"

    def outcome(turn: str) -> dict[str, bool]:
        honest = frame.plain(f"{turn} honest", source=liar.mac)
        unicast = frame.plain(f"{turn} unicast", source=liar.mac, destination=peer.mac)
        return {
            "honest": seen(receiver, f"{turn} honest", honest) > 0,
            "unicast to its owner": seen(receiver, f"{turn} unicast", unicast) > 0,
            "forged source": seen(
                receiver, f"{turn} forged", frame.plain(f"{turn} forged", source=forged)
            )
            > 0,
            "forged ARP": seen(
                receiver,
                f"{turn} arp",
                frame.arp(f"{turn} arp", source=liar.mac, claimed=forged, address="10.9.1.1"),
            )
            > 0,
            "unicast overheard": seen(listener, f"{turn} unicast", unicast) > 0,
            "tagged 802.1Q": seen(
                receiver, f"{turn} q", frame.tagged(f"{turn} q", source=liar.mac, vlan_id=221)
            )
            > 0,
            "tagged 802.1ad": seen(
                receiver,
                f"{turn} ad",
                frame.tagged(f"{turn} ad", source=liar.mac, vlan_id=221, kind=0x88A8),
            )
            > 0,
        }

    always = {"honest": True, "unicast to its owner": True}
    never = {"tagged 802.1Q": False, "tagged 802.1ad": False}
    rejected = dict.fromkeys(("forged source", "forged ARP", "unicast overheard"), False)
    assert outcome("reject") == always | never | rejected
    estate.set_policy(port_group, 220, POLICIES)
    await_true(
        "the policy in force",
        lambda: seen(receiver, "turn", frame.plain("turn", source=forged)) > 0,
    )
    assert outcome("accept") == always | never | dict.fromkeys(rejected, True)
    estate.set_policy(port_group, 220, ())
    await_true(
        "the policy in force again",
        lambda: seen(receiver, "back", frame.plain("back", source=forged)) == 0,
    )
    assert outcome("again") == always | never | rejected


def test_guest_that_takes_another_mac_hears_nothing_unless_that_is_accepted(
    estate: Estate, make: Make
) -> None:
    port_group = estate.add_port_group("renamed", 222)
    speaker, own = leg(port_group, "10.9.2"), leg(port_group, "10.9.2")
    sender, receiver = make("speaker01", speaker), make("taker01", own)
    for machine in (sender, receiver):
        estate.await_tools(machine)
    taken = "00:50:56:99:99:98"
    names = {"own": own.mac, "taken": taken, "everybody": "ff:ff:ff:ff:ff:ff"}

    def is_heard(name: str) -> bool:
        sent = frame.plain(name, source=speaker.mac, destination=names[name])
        with estate.inside(receiver, lambda: frame.listen("eth1")) as raw:
            estate.inside(sender, lambda: frame.send("eth1", sent))
            return frame.count_seen(raw, name) > 0

    def heard() -> set[str]:
        return {name for name in names if is_heard(name)}

    def give(mac: str) -> None:
        estate.run(receiver, f"ip link set eth1 address {mac}")

    assert heard() == {"own", "everybody"}
    sent = frame.plain("taken", source=speaker.mac, destination=taken)
    is_over = Event()
    with estate.inside(receiver, lambda: frame.listen("eth1")) as raw, ThreadPoolExecutor() as more:
        streamed = more.submit(estate.inside, sender, lambda: frame.stream("eth1", sent, is_over))
        try:
            give(taken)
            await_true("the port shut", lambda: heard() == set())
        finally:
            is_over.set()
        assert streamed.result() > 0
        assert frame.count_seen(raw, "taken") == 0, "not even before the port was shut"
    give(own.mac)
    await_true("the port open again", lambda: heard() == {"own", "everybody"})
    estate.set_policy(port_group, 222, ("macChanges",))
    give(taken)
    await_true("the port at the new address", lambda: heard() == {"taken", "everybody"})


def address(machine: Any, number: int) -> str:
    """Return the first address of a NIC, as the vCenter shows it."""
    return str(machine.guest.net[number].ipAddress[0])


def can_ping(estate: Estate, machine: Any, target: str) -> bool:
    """Say whether a host reaches an address."""
    return estate.attempt(machine, f"ping -c 1 -W 1 {target}").returncode == 0
