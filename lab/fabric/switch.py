"""The switch: bridges and ports in the fabric's namespace, brought to what is declared.

Responsible for layer 2 and for port security on every port. It must not know whose port it is.
"""

import errno
import threading
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from lab.command import run
from lab.fabric import namespace
from lab.fabric.port import TABLE, Port, port_ruleset, removal_ruleset, table_ruleset

_NUD_NOARP = 0x40  # a fixed entry, linux/neighbour.h
_NTF_MASTER = 0x04  # in the bridge's own table, not the device's, linux/neighbour.h


class Switch:
    """All bridges and ports of one lab. Several threads may use it; they take turns."""

    def __init__(self, fabric: str) -> None:
        """Take the namespace of the fabric, which `ensure` makes."""
        self._fabric = fabric
        self._declared: dict[str, Port] = {}
        self._lock = threading.Lock()

    def ensure(self) -> None:
        """Make the fabric's namespace and the rule that an unknown port may nothing."""
        with self._lock:
            if namespace.ensure(self._fabric):
                namespace.run_inside(self._fabric, _silence)
            # Listing first: loading the table again would drop the frames of a moment.
            if f"table bridge {TABLE}\n" not in self._nft("list tables"):
                self._nft(table_ruleset())

    def connect(self, port: Port, host_namespace: str, host_interface: str) -> None:
        """Bring a port to what is declared; make it when it is missing.

        Args:
            port: what is wanted.
            host_namespace: where the other end goes when the port is made now.
            host_interface: the name of the other end when the port is made now.
        """
        with self._lock:
            self._declared[port.name] = port
            # The policy first: no frame may pass a port whose policy is not in force.
            self._nft(port_ruleset(port))
            namespace.with_link(
                self._fabric, lambda link: self._plug(link, port, host_namespace, host_interface)
            )

    def disconnect(self, name: str) -> None:
        """Remove a port, its rules, and its bridge when it was the last one there."""
        with self._lock:
            self._declared.pop(name, None)
            namespace.with_link(self._fabric, lambda link: self._unplug(link, name))
            self._nft(removal_ruleset(name))

    def port_names(self, prefix: str = "") -> dict[str, int]:
        """Return the ports that begin with `prefix`: name -> interface index of the other end."""
        with self._lock:
            links = namespace.with_link(self._fabric, lambda link: list(link.get_links()))
        return {
            message.get_attr("IFLA_IFNAME"): message.get_attr("IFLA_LINK")
            for message in links
            if message.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") == "veth"
            and message.get_attr("IFLA_IFNAME").startswith(prefix)
        }

    def _plug(self, link: IPRoute, port: Port, host_namespace: str, host_interface: str) -> None:
        index = _index(link, port.name)
        if index is None:
            peer = {"ifname": host_interface, "address": port.mac, "net_ns_fd": host_namespace}
            link.link("add", ifname=port.name, kind="veth", peer=peer)
            index = _require(link, port.name)
            link.link("set", index=index, ifalias=port.alias)
        bridge = _ensure_bridge(link, port)
        left = link.get_links(index)[0].get_attr("IFLA_MASTER")
        if left != bridge:
            link.link("set", index=index, master=bridge)
        link.link("set", index=index, state="up" if port.is_connected else "down")
        self._direct(link, bridge)
        if left not in (None, bridge):
            self._leave(link, left)

    def _unplug(self, link: IPRoute, name: str) -> None:
        index = _index(link, name)
        if index is not None:
            try:
                bridge = link.get_links(index)[0].get_attr("IFLA_MASTER")
                link.link("del", index=index)
            except NetlinkError as error:
                # The kernel was already removing it, together with the other end's namespace.
                if error.code != errno.ENODEV:
                    raise
                return
            if bridge is not None:
                self._leave(link, bridge)

    def _leave(self, link: IPRoute, bridge: int) -> None:
        if any(message.get_attr("IFLA_MASTER") == bridge for message in link.get_links()):
            self._direct(link, bridge)
        else:
            link.link("del", index=bridge)

    def _direct(self, link: IPRoute, bridge: int) -> None:
        """Decide for each port of a bridge which frames are sent to it.

        Without a promiscuous port the bridge learns nothing: each address has its fixed port, and
        what is addressed elsewhere reaches no one. With one, the bridge sends every frame to every
        port, and the ports' own rules drop what is not theirs: a listener must see all, the
        others still nothing of it.
        """
        members = {
            message.get_attr("IFLA_IFNAME"): message["index"]
            for message in link.get_links()
            if message.get_attr("IFLA_MASTER") == bridge
        }
        ports = {name: self._declared[name] for name in members if name in self._declared}
        is_hub = any(port.security.allow_promiscuous for port in ports.values())
        for name, port in ports.items():
            index = members[name]
            link.brport("set", index=index, learning=0, unicast_flood=int(is_hub))
            wanted = set() if is_hub else {port.allowed_mac}
            for entry in link.fdb("dump", ifindex=index, master=bridge):
                is_fixed = entry["ifindex"] == index and entry["state"] == _NUD_NOARP
                if is_fixed and entry.get_attr("NDA_MASTER") == bridge:
                    address = entry.get_attr("NDA_LLADDR")
                    if address not in wanted:
                        link.fdb("del", ifindex=index, lladdr=address, flags=_NTF_MASTER)
            for address in wanted:
                link.fdb(
                    "replace",
                    ifindex=index,
                    lladdr=address,
                    flags=_NTF_MASTER,
                    state=_NUD_NOARP,
                )

    def _nft(self, commands: str) -> str:
        return run(
            ["nsenter", f"--net={namespace.path(self._fabric)}", "nft", "-f", "-"], stdin=commands
        )


def _silence() -> None:
    """Set a namespace so that it says nothing by itself and no other filter sees its frames."""
    for setting in ("ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"):
        namespace.write_setting(setting, "1")
    for family in ("iptables", "ip6tables", "arptables"):
        # Only there when the kernel has br_netfilter; then it would reassemble fragments here.
        setting = f"bridge/bridge-nf-call-{family}"
        if (Path("/proc/sys/net") / setting).exists():
            namespace.write_setting(setting, "0")


def _ensure_bridge(link: IPRoute, port: Port) -> int:
    name = port.segment.bridge
    index = _index(link, name)
    if index is None:
        link.link(
            "add",
            ifname=name,
            kind="bridge",
            br_forward_delay=0,
            br_mcast_snooping=0,
            br_stp_state=0,
        )
        index = _require(link, name)
        alias = f"{port.segment.switch} VLAN {port.segment.vlan_id}"
        link.link("set", index=index, ifalias=alias, state="up")
    return index


def _index(link: IPRoute, name: str) -> int | None:
    found = link.link_lookup(ifname=name)
    return int(found[0]) if found else None


def _require(link: IPRoute, name: str) -> int:
    index = _index(link, name)
    if index is None:
        message = f"{name}: this interface vanished while it was being made."
        raise RuntimeError(message)
    return index
