"""What a running host shows to the machine, without asking anything of the host.

Read from the kernel: its names, addresses, routes, and two files that say it is up. It must not
change anything.
"""

import os
import socket
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from lab.fabric import namespace
from lab.hypervisor.machine import Nic
from lab.hypervisor.vcenter import GuestNic, GuestReport

# rtnetlink(7): links, IPv4 addresses and routes, IPv6 addresses.
_GROUPS = 0x1 | 0x10 | 0x40 | 0x100


def is_up(leader: int) -> bool:
    """Say whether a person or a tool can log in.

    That is so when sshd listens (only then it writes its process id) and systemd has opened the
    host for logins (it removes nologin). cloud-init has made accounts and keys before that.
    """
    return _exists(leader, "run", "sshd.pid") and not _exists(leader, "run", "nologin")


def interface_names(host_namespace: str) -> set[str]:
    """Return the names of all interfaces of a host."""
    return {item.get_attr("IFLA_IFNAME") for item in _links(host_namespace)}


def effective_macs(host_namespace: str, indexes: Mapping[int, int]) -> dict[int, str]:
    """Return the address that each NIC's interface uses now.

    Args:
        host_namespace: the host's network namespace.
        indexes: NIC key -> index of its interface in there.
    """
    by_index = {
        int(item["index"]): item.get_attr("IFLA_ADDRESS") for item in _links(host_namespace)
    }
    return {key: by_index[index] for key, index in indexes.items() if index in by_index}


def addresses(host_namespace: str) -> dict[int, tuple[str, ...]]:
    """Return a host's addresses with prefix length by interface index, no loopback or link-local.

    In the kernel's order, which is that of an interface's own configuration.
    """
    found: dict[int, list[str]] = {}
    for item in namespace.with_link(host_namespace, lambda link: list(link.get_addr())):
        address = item.get_attr("IFA_LOCAL") or item.get_attr("IFA_ADDRESS")
        parsed = ip_address(address)
        if not parsed.is_link_local and not parsed.is_loopback:
            found.setdefault(int(item["index"]), []).append(f"{address}/{item['prefixlen']}")
    return {index: tuple(texts) for index, texts in sorted(found.items())}


def look(
    leader: int, host_namespace: str, nics: tuple[Nic, ...], indexes: Mapping[int, int]
) -> GuestReport:
    """Return what the tools of a guest would tell of it."""
    by_index = addresses(host_namespace)
    gateways: dict[int, str] = {}
    for route in namespace.with_link(
        host_namespace, lambda link: list(link.get_default_routes(family=socket.AF_INET))
    ):
        gateway = route.get_attr("RTA_GATEWAY")
        if gateway is not None:
            gateways.setdefault(int(route.get_attr("RTA_OIF")), gateway)
    return GuestReport(
        host_name=namespace.read_host_name(leader),
        tools_running=True,
        nics=tuple(
            GuestNic(
                mac=nic.mac,
                addresses=by_index.get(indexes[nic.key], ()),
                gateway=gateways.get(indexes[nic.key]),
            )
            for nic in nics
            if nic.key in indexes
        ),
    )


def open_monitor(host_namespace: str) -> socket.socket:
    """Return a socket that becomes readable when links, addresses or routes of a host change.

    As long as it is open, the namespace lives on, even when its name is gone.
    """

    def make() -> socket.socket:
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        monitor.bind((0, _GROUPS))
        monitor.setblocking(False)
        return monitor

    return namespace.run_inside(host_namespace, make)


def drain(monitor: socket.socket) -> None:
    """Read all that a monitor has to say; the kernel's own state is looked at instead."""
    while True:
        try:
            monitor.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            # ENOBUFS: events were lost, which is no loss, because the state is read anyway.
            continue


def _links(host_namespace: str) -> list[Any]:
    return namespace.with_link(host_namespace, lambda link: list(link.get_links()))


def _exists(leader: int, directory: str, name: str) -> bool:
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        root = os.open(f"/proc/{leader}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Step by step: /run could be a link, and seen from here it would lead into the machine.
        below = os.open(directory, flags, dir_fd=root)
    except OSError:
        return False
    finally:
        os.close(root)
    try:
        os.stat(name, dir_fd=below, follow_symlinks=False)
    except OSError:
        return False
    finally:
        os.close(below)
    return True
