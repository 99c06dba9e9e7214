"""Claims about one server: it is what the record says. Proves nothing about the network."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.outputs import StackOutputs
from infra.plan.model import (
    AddressCheck,
    IdentityCheck,
    ListenerCheck,
    ServiceCheck,
    VolumeCheck,
)

Connect = Callable[[str], Any]

pytestmark = pytest.mark.host


@pytest.mark.kind("identity")
def test_server_calls_itself_by_its_name(check: IdentityCheck, connect: Connect) -> None:
    name = connect(check.server).check_output("hostname --fqdn")
    assert name == check.fqdn, f"calls itself {name!r}, the record says {check.fqdn!r}"


@pytest.mark.kind("address")
def test_nic_has_its_mac_and_exactly_its_address(
    check: AddressCheck, connect: Connect, outputs: StackOutputs
) -> None:
    planned = [check.address] if check.address else []
    if not check.address and not check.shared:
        planned = [outputs.management.bastion_interface]
    answer = connect(check.server).check_output("ip -json address show dev %s", check.device)
    link = json.loads(answer)[0]
    addresses = [
        f"{entry['local']}/{entry['prefixlen']}"
        for entry in link["addr_info"]
        if entry["family"] == "inet"
    ]
    assert link["address"] == check.mac, (
        f"{check.device} has MAC {link['address']}, planned is {check.mac}"
    )
    expected = [*planned, check.shared] if check.shared in addresses else planned
    assert addresses == expected, f"{check.device} has addresses {addresses}, planned is {planned}"


@pytest.mark.kind("volume")
def test_volume_is_mounted_with_its_size(check: VolumeCheck, connect: Connect) -> None:
    host = connect(check.server)
    device = f"/dev/disk/by-path/*-scsi-0:0:{check.unit}:0"
    with host.sudo():
        size = int(host.check_output(f"blockdev --getsize64 {device}"))
        resolved = host.check_output(f"readlink --canonicalize {device}")
    mounted = host.check_output("findmnt --noheadings --output SOURCE %s", check.mount)
    assert mounted == resolved, f"{check.mount} is on {mounted}, planned is {resolved}"
    assert size == check.size_gib * 1024**3, (
        f"{resolved} has {size} bytes, the record says {check.size_gib} GiB"
    )


@pytest.mark.kind("listener")
def test_server_listens_on_exactly_its_flows(check: ListenerCheck, connect: Connect) -> None:
    listeners = set()
    host = connect(check.server)
    with host.sudo():
        sockets = host.check_output("ss -H -t -u -l -n -p").splitlines()
    # sysctl is not on everybody's path.
    chosen_from = int(host.check_output("cat /proc/sys/net/ipv4/ip_local_port_range").split()[0])
    for line in sockets:
        protocol, _, _, _, local, _, *users = line.split()
        address, _, port = local.rpartition(":")
        is_sender = f'"{check.sender}"' in "".join(users)
        if is_sender and protocol == "udp" and int(port) >= chosen_from:
            continue
        if not address.startswith(("127.", "[::1]")):
            listeners.add(f"{protocol}/{port}")
    assert listeners == set(check.listeners), (
        f"listens on {', '.join(sorted(listeners))}; the record says {', '.join(check.listeners)}"
    )


@pytest.mark.kind("service")
def test_service_runs_and_starts_at_boot(check: ServiceCheck, connect: Connect) -> None:
    host = connect(check.server)
    state = host.run("systemctl is-active %s", check.unit).stdout.strip()
    boot = host.run("systemctl is-enabled %s", check.unit).stdout.strip()
    assert state == "active", f"{check.unit} is {state}, must be active"
    assert boot.startswith("enabled"), f"{check.unit} is {boot} at boot, must be enabled"
