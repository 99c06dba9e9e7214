"""Bastions reach the provider's station and not each other: a private VLAN, with real packets.

It proves the lab's model of the switch, not a real one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyVmomi import vim

from lab.fabric.namespace import run_inside
from lab.process import until
from tests.lab import frame
from tests.lab.estate import Estate, NicWish, wait

pytestmark = pytest.mark.lab

Switch = vim.dvs.VmwareDistributedVirtualSwitch
Inside = Callable[[Callable[[], Any]], Any]
"""Runs a function in the network of one station or host."""

STATION_MAC = "00:50:56:00:00:01"
ONE = ("00:50:56:02:00:01", "10.255.0.206")
OTHER = ("00:50:56:02:00:02", "10.255.0.207")
IPV6_ALL_NODES = "33:33:00:00:00:01"

APPLIED_WITHIN_S = 60
"""A change in the vCenter reaches the fabric by way of the agent."""


@pytest.fixture(scope="module")
def machines(estate: Estate, management: Any) -> Iterator[tuple[Any, Any]]:
    """Return two hosts with a leg in provider-management, as two tenants' bastions have it."""
    made = [
        estate.clone(name, [NicWish(management, mac, f"{address}/24")], memory_mib=256)
        for name, (mac, address) in (("isolated01", ONE), ("isolated02", OTHER))
    ]
    for machine in made:
        estate.await_tools(machine)
    yield made[0], made[1]
    for machine in made:
        wait(machine.PowerOffVM_Task())
        wait(machine.Destroy_Task())


@pytest.fixture
def station(estate: Estate) -> Inside:
    """Return what runs a function in the provider's station."""
    return lambda function: run_inside(estate.layout.provider, function)


@pytest.fixture
def one(estate: Estate, machines: tuple[Any, Any]) -> Inside:
    """Return what runs a function in the first host's network."""
    return lambda function: estate.inside(machines[0], function)


@pytest.fixture
def other(estate: Estate, machines: tuple[Any, Any]) -> Inside:
    """Return what runs a function in the second host's network."""
    return lambda function: estate.inside(machines[1], function)


def arrives(source: Inside, sensor: Inside, name: str, sent: bytes) -> bool:
    """Send a frame in one network; say whether it was seen in another."""
    with sensor(lambda: frame.listen("eth0")) as raw:
        source(lambda: frame.send("eth0", sent))
        return frame.count_seen(raw, name) > 0


def outcome(turn: str, source: Inside, sensor: Inside, *, mac: str, to: str) -> dict[str, bool]:
    """Send a frame of every kind; say which were seen."""
    sent = {
        "broadcast": frame.plain(f"{turn} broadcast", source=mac),
        "unicast": frame.plain(f"{turn} unicast", source=mac, destination=to),
        "IPv6 multicast": frame.plain(f"{turn} IPv6", source=mac, destination=IPV6_ALL_NODES),
        "ARP": frame.arp(f"{turn} ARP", source=mac, claimed=mac, address=ONE[1]),
    }
    return {
        kind: arrives(source, sensor, f"{turn} {kind.split()[0]}", content)
        for kind, content in sent.items()
    }


def put_in(port_group: Any, vlan: Any) -> None:
    """Give a port group another VLAN, and nothing else."""
    wait(
        port_group.ReconfigureDVPortgroup_Task(
            vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
                configVersion=port_group.config.configVersion,
                defaultPortConfig=Switch.VmwarePortConfigPolicy(vlan=vlan),
            )
        )
    )


def await_visibility(source: Inside, sensor: Inside, *, is_visible: bool) -> None:
    """Wait until broadcasts reach the other host, or no longer do."""
    for _ in until(APPLIED_WITHIN_S):
        if arrives(source, sensor, "turn", frame.plain("turn", source=ONE[0])) == is_visible:
            return
    message = f"broadcasts still {'un' if is_visible else ''}seen after {APPLIED_WITHIN_S} s"
    raise AssertionError(message)


ALL = dict.fromkeys(("broadcast", "unicast", "IPv6 multicast", "ARP"), True)
NONE = dict.fromkeys(ALL, False)


def test_isolated_ports_meet_the_station_and_not_each_other(
    one: Inside, other: Inside, station: Inside
) -> None:
    assert outcome("out", one, other, mac=ONE[0], to=OTHER[0]) == NONE
    assert outcome("back", other, one, mac=OTHER[0], to=ONE[0]) == NONE
    for source, (mac, _) in ((one, ONE), (other, OTHER)):
        assert outcome(f"up {mac}", source, station, mac=mac, to=STATION_MAC) == ALL
        assert outcome(f"down {mac}", station, source, mac=STATION_MAC, to=mac) == ALL


def test_isolation_can_be_seen_to_fail(
    one: Inside, other: Inside, station: Inside, management: Any
) -> None:
    private = management.config.defaultPortConfig.vlan
    assert isinstance(private, Switch.PvlanSpec)
    put_in(management, Switch.VlanIdSpec(inherited=False, vlanId=99))
    try:
        await_visibility(one, other, is_visible=True)
        assert outcome("plain", one, other, mac=ONE[0], to=OTHER[0]) == ALL
    finally:
        put_in(management, private)
    await_visibility(one, other, is_visible=False)
    assert outcome("again", one, other, mac=ONE[0], to=OTHER[0]) == NONE
    assert outcome("control", one, station, mac=ONE[0], to=STATION_MAC) == ALL
