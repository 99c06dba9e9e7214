"""The provider's own station: the one point from where a tenant's bastion can be reached.

A namespace with one leg in the provider-management network, no route and no forwarding. It must
not reach anything but that network.
"""

import ipaddress
import socket

from pyroute2 import IPRoute

from lab.fabric import namespace
from lab.fabric.port import Port, Security, Segment
from lab.fabric.switch import Switch
from lab.layout import STATION_PORT

_MAC = "00:50:56:00:00:01"  # from VMware's range for addresses that people assign
_INTERFACE = "eth0"


def declare_port(segment: Segment) -> Port:
    """Return the station's port: the strictest policy, like any other port's default."""
    return Port(
        name=STATION_PORT,
        alias="the provider's station",
        segment=segment,
        security=Security(),
        mac=_MAC,
        effective_mac=_MAC,
    )


def address(prefix: ipaddress.IPv4Network) -> ipaddress.IPv4Interface:
    """Return the station's address: the first of the management network."""
    return ipaddress.IPv4Interface((prefix.network_address + 1, prefix.prefixlen))


def ensure(switch: Switch, name: str, segment: Segment, prefix: ipaddress.IPv4Network) -> None:
    """Make the station, or what is missing of it."""
    if namespace.ensure(name):
        # The port of a station that somebody removed: it goes, but when, the kernel decides.
        switch.disconnect(STATION_PORT)
    switch.connect(declare_port(segment), name, _INTERFACE)
    own = address(prefix)

    def configure(link: IPRoute) -> None:
        link.link("set", index=1, state="up")  # loopback is always the first interface
        index = link.link_lookup(ifname=_INTERFACE)[0]
        link.addr("replace", index=index, address=str(own.ip), prefixlen=own.network.prefixlen)
        link.link("set", index=index, state="up")

    namespace.with_link(name, configure)


def listen(name: str, host: str, port: int) -> socket.socket:
    """Return a socket that listens inside the station, whoever serves it."""

    def make() -> socket.socket:
        # Address reuse is set by create_server: a successor may listen at once.
        return socket.create_server((host, port), backlog=128)

    return namespace.run_inside(name, make)
