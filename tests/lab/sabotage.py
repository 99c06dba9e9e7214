"""Break one thing of a tenant for real, as its saboteur would, and mend it again."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from ipaddress import IPv4Network

from pyVmomi import vim

from infra.record.service import PACKAGE_RELAY_PORT, TIME_PORT
from lab.command import run
from lab.fabric import namespace
from lab.fabric.port import Segment
from lab.process import until
from tests.lab.estate import Estate, NicWish, nic_change, wait
from tests.lab.hop import hopping
from tests.lab.sabotage_edge import (
    ANY,
    OTHER,
    OWN,
    REMOVE_RULES,
    Sabotage,
    any_any,
    commands,
    false_source_outwards,
    forgotten_ipv6,
    no_source_check,
    open_inwards,
    open_outwards,
)
from tests.lab.setting import (
    APPLIED_WITHIN_S,
    await_fabric,
    change_setting,
    put_setting,
    read_fabric,
    security,
)
from tests.lab.site import Site

Switch = vim.dvs.VmwareDistributedVirtualSwitch
PROVIDER = "datacentrum"
"""Has a server in the storage network (`db01`) and one in the back-up network (`app01`)."""

SABOTAGE_MAC = "00:50:56:3f:00:01"
TAKEN_MAC = "00:50:56:3f:00:02"


def wrong_vlan(estate: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Put the neighbour's data segment into our application segment.

    Not into our data segment: where addresses are there twice, servers take each other's gateway.
    """
    vlan = sites[OWN].stack.outputs().plan.segments["app"].vlan
    return change_setting(
        estate, f"{OTHER}-data", vlan=Switch.VlanIdSpec(inherited=False, vlanId=vlan)
    )


def forged_transmits(estate: Estate, _: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Accept every source MAC in the application segment."""
    return change_setting(estate, f"{OWN}-app", securityPolicy=security(forgedTransmits=True))


@contextmanager
def mac_changes(estate: Estate, sites: Mapping[str, Site]) -> Iterator[None]:
    """Accept that servers of the application segment take another MAC."""
    port_group = estate.find(vim.dvs.DistributedVirtualPortgroup, f"{OWN}-app")
    (nic,) = sites[OWN].stack.outputs().plan.servers["app01"].nics
    machine = estate.find(vim.VirtualMachine, f"{OWN}-app01")

    def accept(*, is_accepted: bool) -> None:
        """The fabric shows this only while a server has another MAC."""
        put_setting(
            port_group,
            Switch.VmwarePortConfigPolicy(securityPolicy=security(macChanges=is_accepted)),
        )
        before = read_fabric(estate)
        take = f"ip link set {nic.device} address {{}}"
        estate.run(machine, take.format(TAKEN_MAC))
        try:
            await_fabric(estate, lambda now: now != before and (TAKEN_MAC in now) == is_accepted)
        finally:
            estate.run(machine, take.format(nic.mac))
        await_fabric(estate, lambda now: now == before)

    accept(is_accepted=True)
    try:
        yield
    finally:
        accept(is_accepted=False)


def promiscuous(estate: Estate, _: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Show every frame of the application segment to every port of it."""
    return change_setting(estate, f"{OWN}-app", securityPolicy=security(allowPromiscuous=True))


@contextmanager
def route_added(estate: Estate, sites: Mapping[str, Site]) -> Iterator[None]:
    """Route from the edge by way of the bastion into the management network, no longer private."""
    bastion = sites[OWN].stack.outputs().plan.resolver
    vlan = Switch.VlanIdSpec(inherited=False, vlanId=99)
    forwarding = "sysctl --quiet --write net.ipv4.ip_forward={value}"
    with (
        change_setting(estate, "provider-management", vlan=vlan),
        commands(
            sites[OWN],
            {
                "edge01": f"ip route add 10.255.0.0/24 via {bastion};"
                + ANY.format(match="ip daddr 10.255.0.0/24"),
                "bastion01": forwarding.format(value=1),
            },
            {
                "edge01": f"ip route del 10.255.0.0/24; {REMOVE_RULES}",
                "bastion01": forwarding.format(value=0),
            },
        ),
    ):
        yield


@contextmanager
def _second_leg(estate: Estate, server: str, group: str) -> Iterator[str]:
    """Give a server of ours one more leg that is up; yield what names its device in a shell."""
    machine = estate.find(vim.VirtualMachine, f"{OWN}-{server}")
    port_group = estate.find(vim.dvs.DistributedVirtualPortgroup, group)
    wish = NicWish(port_group, SABOTAGE_MAC, "")
    wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[nic_change(wish, -1)])))
    device_name = f"$(ip -o link | grep {SABOTAGE_MAC} | cut -d : -f 2 | cut -d @ -f 1)"
    try:
        for _ in until(APPLIED_WITHIN_S):
            if estate.attempt(machine, f"ip link set {device_name} up").returncode == 0:
                break
        else:
            message = f"{server} did not get its leg within {APPLIED_WITHIN_S} s"
            raise AssertionError(message)
        yield device_name
    finally:
        (device,) = (
            device
            for device in machine.config.hardware.device
            if getattr(device, "macAddress", None) == SABOTAGE_MAC
        )
        removal = vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)
        wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[removal])))


@contextmanager
def dual_homed(estate: Estate, _: Mapping[str, Site]) -> Iterator[None]:
    """Give an application server a second leg, in a segment of the neighbour."""
    with _second_leg(estate, "app01", f"{OTHER}-data"):
        yield


def _leg_at_provider(segment: str, server: str) -> Sabotage:
    """Give the edge a leg in a network of the provider; TCP to the server there passes."""

    @contextmanager
    def sabotage(estate: Estate, sites: Mapping[str, Site]) -> Iterator[None]:
        plan = sites[PROVIDER].stack.outputs().plan
        address = plan.servers[server].address
        own = IPv4Network(plan.segments[segment].prefix)[200]
        rule = ANY.format(match=f"ip daddr {address} meta l4proto tcp")
        with (
            _second_leg(estate, "edge01", f"{PROVIDER}-{segment}") as device,
            commands(
                sites[OWN],
                {"edge01": f"ip address add {own}/24 dev {device}; {rule}"},
                {"edge01": REMOVE_RULES},
            ),
        ):
            yield

    return sabotage


@contextmanager
def wrong_twin(estate: Estate, sites: Mapping[str, Site]) -> Iterator[None]:
    """Route what the application segment sends to our database server to the neighbour's.

    Management comes from elsewhere, so it still finds ours.
    """
    plan, other = (sites[tenant].stack.outputs().plan for tenant in (OWN, OTHER))
    address = plan.servers["db01"].address
    twin = other.servers["db01"].nics[0]
    assert twin.address is not None
    assert twin.address.startswith(f"{address}/"), "the same address"
    (app,) = (nic.device for nic in plan.servers["edge01"].nics if nic.segment == "app")
    # Before the edge's own rules, of which the first is 100.
    rule = f"ip rule {{verb}} preference 50 iif {app} to {address} lookup 27"
    with _second_leg(estate, "edge01", f"{OTHER}-data") as device:
        way = (
            f"ip neighbour add {address} lladdr {twin.mac} nud permanent dev {device};"
            f" ip route add {address} dev {device} table 27; {rule.format(verb='add')}; "
        )
        let = ANY.format(match=f"ip daddr {address} iifname {app} meta l4proto tcp")
        with commands(
            sites[OWN],
            {"edge01": way + let},
            {"edge01": f"{rule.format(verb='del')}; {REMOVE_RULES}"},
        ):
            yield


def _passing_tags(
    estate: Estate, sites: Mapping[str, Site], *, is_behind_own: bool
) -> AbstractContextManager[None]:
    """Let the application server's tagged frames go on in the neighbour's data segment.

    is_behind_own: only behind a tag of the own VLAN, which is stripped.
    """
    own, other = (
        sites[OWN].stack.outputs().plan.segments["app"].vlan,
        sites[OTHER].stack.outputs().plan.segments["data"].vlan,
    )
    fabric = estate.layout.fabric
    inside = ["nsenter", f"--net={namespace.path(fabric)}"]
    ports = {
        link["ifname"]: (link.get("master"), link.get("ifalias", ""))
        for link in json.loads(run([*inside, "ip", "-json", "-details", "link"]))
    }
    here, there = (Segment("switch01", vlan).bridge for vlan in (own, other))
    (port,) = (
        name
        for name, (bridge, alias) in ports.items()
        if bridge == here and alias.startswith(f"{OWN}-app01 ")
    )
    exits = [name for name, (bridge, _) in ports.items() if bridge == there]
    assert exits, f"nobody is in VLAN {other}"
    return hopping(fabric, port, exits, (own, other) if is_behind_own else (other,))


def followed_tag(estate: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Follow a tag that a server sends."""
    return _passing_tags(estate, sites, is_behind_own=False)


def stripped_tag(estate: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Strip the first of two tags that a server sends, and follow the second."""
    return _passing_tags(estate, sites, is_behind_own=True)


GRANT = """
import socket
listener = socket.socket(fileno=3)
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 Connection established\\r\\n\\r\\n")
    connection.close()
"""
"""Stands for a proxy that connects whoever asks. It has its listening socket from systemd."""


TELL = """
import socket, sys
clock, setter = socket.socket(fileno=3), sys.argv[1]
time = bytes([36, 2]) + bytes(10) + socket.inet_aton(setter) + bytes(32)
while True:
    question, who = clock.recvfrom(4096)
    is_for_time = question[0] & 7 == 3
    clock.sendto(time if is_for_time else question[:8] + setter.encode(), who)
"""
"""Stands for a clock that another one sets, which it tells whoever asks. Argument: its address."""


def _stand_in(
    sites: Mapping[str, Site], listener: str, program: Sequence[str], *, stops: str, starts: str
) -> AbstractContextManager[None]:
    """Put a program with its arguments in place of one of the bastion's services.

    listener: its listening socket, which it has from systemd as descriptor 3. stops, starts: units.
    """
    stand_in = shlex.join(
        [
            *("systemd-run", "--quiet", "--unit=sabotage", f"--socket-property={listener}"),
            *("python3", "-c", *program),
        ]
    )
    return commands(
        sites[OWN],
        {"bastion01": f"systemctl stop {stops}; {stand_in}"},
        {"bastion01": f"systemctl stop sabotage.socket sabotage.service; systemctl start {starts}"},
    )


def granting_relay(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Put in place of the bastion's package relay one that grants every connection."""
    return _stand_in(
        sites,
        f"ListenStream={sites[OWN].stack.outputs().plan.resolver}:{PACKAGE_RELAY_PORT}",
        [GRANT],
        stops="package-relay.socket package-relay.service",
        starts="package-relay.socket",
    )


def telling_clock(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Put in place of the bastion's clock one that a neighbour sets, and that tells so."""
    neighbour = sites[OTHER].stack.outputs().management.bastion_address
    return _stand_in(
        sites,
        f"ListenDatagram={sites[OWN].stack.outputs().plan.resolver}:{TIME_PORT}",
        [TELL, str(neighbour)],
        stops="chrony.service",
        starts="chrony.service",
    )


def shared_resolver(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Teach the bastion's resolver a name of the neighbour."""
    name = f"app01.{OTHER}.internal"
    return commands(
        sites[OWN],
        {"bastion01": f"unbound-control local_data {name} IN A 10.22.20.11"},
        {"bastion01": f"unbound-control local_data_remove {name}"},
    )


SABOTAGES: dict[str, Sabotage] = {
    "wrong-vlan": wrong_vlan,
    "forged-transmits": forged_transmits,
    "mac-changes": mac_changes,
    "promiscuous": promiscuous,
    "any-any": any_any,
    "no-source-check": no_source_check,
    "open-outwards": open_outwards,
    "open-inwards": open_inwards,
    "false-source-outwards": false_source_outwards,
    "forgotten-ipv6": forgotten_ipv6,
    "route-added": route_added,
    "dual-homed": dual_homed,
    "shared-resolver": shared_resolver,
    "followed-tag": followed_tag,
    "stripped-tag": stripped_tag,
    "leg-in-storage": _leg_at_provider("data", "db01"),
    "leg-in-backup": _leg_at_provider("app", "app01"),
    "granting-relay": granting_relay,
    "telling-clock": telling_clock,
    "wrong-twin": wrong_twin,
}
