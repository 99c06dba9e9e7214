"""Break one thing of a tenant for real, as its saboteur would, and mend it again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from pyVmomi import vim

from lab.command import run
from lab.fabric import namespace
from lab.process import until
from tests.lab.estate import Estate, NicWish, nic_change, wait
from tests.lab.site import Site

Switch = vim.dvs.VmwareDistributedVirtualSwitch
Sabotage = Callable[[Estate, Mapping[str, Site]], AbstractContextManager[None]]

OWN, OTHER = "noord", "zuid"
APPLIED_WITHIN_S = 60
"""A change in the vCenter reaches the fabric by way of the agent."""


@contextmanager
def _setting(estate: Estate, group: str, **policy: Any) -> Iterator[None]:
    """Give a port group another policy meanwhile, in the vCenter and in the fabric."""
    port_group = estate.find(vim.dvs.DistributedVirtualPortgroup, group)
    former = port_group.config.defaultPortConfig
    kept = {name: getattr(former, name) for name in policy}
    before = _fabric(estate)
    _put(port_group, Switch.VmwarePortConfigPolicy(**policy))
    _await_fabric(estate, lambda now: now != before)
    try:
        yield
    finally:
        _put(port_group, Switch.VmwarePortConfigPolicy(**kept))
        _await_fabric(estate, lambda now: now == before)


def _put(port_group: Any, policy: Any) -> None:
    specification = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        configVersion=port_group.config.configVersion, defaultPortConfig=policy
    )
    wait(port_group.ReconfigureDVPortgroup_Task(specification))


def _fabric(estate: Estate) -> str:
    """Return where every port is plugged in and which rules it has."""
    inside = ["nsenter", f"--net={namespace.path(estate.layout.fabric)}"]
    return run([*inside, "bridge", "-d", "link"]) + run(
        [*inside, "nft", "--stateless", "list", "ruleset"]
    )


def _await_fabric(estate: Estate, is_wanted: Callable[[str], bool]) -> None:
    """Wait until the agent has brought a change there, all of it."""
    former = ""
    for _ in until(APPLIED_WITHIN_S):
        now = _fabric(estate)
        if is_wanted(now) and now == former:
            return
        former = now
    message = f"the fabric was not changed within {APPLIED_WITHIN_S} s"
    raise AssertionError(message)


def _security(**accepted: bool) -> Any:
    policies = {
        name: vim.BoolPolicy(inherited=False, value=accepted.get(name, False))
        for name in ("allowPromiscuous", "macChanges", "forgedTransmits")
    }
    return Switch.SecurityPolicy(inherited=False, **policies)


def wrong_vlan(estate: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Put the neighbour's data segment into our own."""
    vlan = sites[OWN].stack.outputs().plan.segments["data"].vlan
    return _setting(estate, f"{OTHER}-data", vlan=Switch.VlanIdSpec(inherited=False, vlanId=vlan))


def forged_transmits(estate: Estate, _: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Accept every source MAC in the application segment."""
    return _setting(estate, f"{OWN}-app", securityPolicy=_security(forgedTransmits=True))


def promiscuous(estate: Estate, _: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Show every frame of the application segment to every port of it."""
    return _setting(estate, f"{OWN}-app", securityPolicy=_security(allowPromiscuous=True))


@contextmanager
def _commands(site: Site, before: dict[str, str], after: dict[str, str]) -> Iterator[None]:
    site.ask(**before)
    try:
        yield
    finally:
        site.ask(**after)


_RULE = "nft --handle list chain inet edge_filter forward | sed -n 's/.*sabotage.* # handle //p'"
_REMOVE_RULES = f"for n in $({_RULE}); do nft delete rule inet edge_filter forward handle $n; done"
_ANY = 'nft insert rule inet edge_filter forward {match} accept comment \\"sabotage\\"'


def any_any(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge."""
    return _commands(sites[OWN], {"edge01": _ANY.format(match="")}, {"edge01": _REMOVE_RULES})


def no_source_check(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge, from wherever it comes."""
    check = "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {value} > $f; done"
    return _commands(
        sites[OWN],
        {"edge01": f"{check.format(value=0)}; {_ANY.format(match='')}"},
        {"edge01": f"{_REMOVE_RULES}; {check.format(value=1)}"},
    )


def forgotten_ipv6(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Give two segments IPv6 that the edge forwards."""
    forwarding = "sysctl --quiet --write net.ipv6.conf.all.forwarding={value}"
    plan = sites[OWN].stack.outputs().plan
    devices = {nic.segment: nic.device for nic in plan.servers["edge01"].nics}
    legs = [f"fd00:{n}::1/64 dev {devices[name]}" for n, name in enumerate(("app", "data"))]
    hosts = {"app01": "fd00:0::11/64 dev eth0", "db01": "fd00:1::11/64 dev eth0"}

    def change(verb: str) -> dict[str, str]:
        """Without waiting for the address to prove unique: it must be there at once."""
        nodad = " nodad" if verb == "add" else ""
        return {host: f"ip address {verb} {address}{nodad}" for host, address in hosts.items()} | {
            "edge01": "; ".join(f"ip address {verb} {leg}{nodad}" for leg in legs)
        }

    before, after = change("add"), change("del")
    rule = _ANY.format(match="meta nfproto ipv6")
    before["edge01"] += f"; {forwarding.format(value=1)}; {rule}"
    after["edge01"] += f"; {forwarding.format(value=0)}; {_REMOVE_RULES}"
    return _commands(sites[OWN], before, after)


@contextmanager
def route_added(estate: Estate, sites: Mapping[str, Site]) -> Iterator[None]:
    """Route from the edge by way of the bastion into the management network, no longer private."""
    bastion = sites[OWN].stack.outputs().plan.resolver
    vlan = Switch.VlanIdSpec(inherited=False, vlanId=99)
    forwarding = "sysctl --quiet --write net.ipv4.ip_forward={value}"
    with (
        _setting(estate, "provider-management", vlan=vlan),
        _commands(
            sites[OWN],
            {
                "edge01": f"ip route add 10.255.0.0/24 via {bastion};"
                + _ANY.format(match="ip daddr 10.255.0.0/24"),
                "bastion01": forwarding.format(value=1),
            },
            {
                "edge01": f"ip route del 10.255.0.0/24; {_REMOVE_RULES}",
                "bastion01": forwarding.format(value=0),
            },
        ),
    ):
        yield


@contextmanager
def dual_homed(estate: Estate, _: Mapping[str, Site]) -> Iterator[None]:
    """Give an application server a second leg, in a segment of the neighbour."""
    machine = estate.find(vim.VirtualMachine, f"{OWN}-app01")
    group = estate.find(vim.dvs.DistributedVirtualPortgroup, f"{OTHER}-data")
    mac = "00:50:56:3f:00:01"
    wish = NicWish(group, mac, "")
    wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[nic_change(wish, -1)])))
    try:
        up = f"ip link set $(ip -o link | grep {mac} | cut -d : -f 2 | cut -d @ -f 1) up"
        for _turn in until(APPLIED_WITHIN_S):
            if estate.attempt(machine, up).returncode == 0:
                break
        yield
    finally:
        (device,) = (
            device
            for device in machine.config.hardware.device
            if getattr(device, "macAddress", None) == mac
        )
        removal = vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)
        wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[removal])))


def shared_resolver(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Teach the bastion's resolver a name of the neighbour."""
    name = f"app01.{OTHER}.internal"
    return _commands(
        sites[OWN],
        {"bastion01": f"unbound-control local_data {name} IN A 10.22.20.11"},
        {"bastion01": f"unbound-control local_data_remove {name}"},
    )


SABOTAGES: dict[str, Sabotage] = {
    "wrong-vlan": wrong_vlan,
    "forged-transmits": forged_transmits,
    "promiscuous": promiscuous,
    "any-any": any_any,
    "no-source-check": no_source_check,
    "forgotten-ipv6": forgotten_ipv6,
    "route-added": route_added,
    "dual-homed": dual_homed,
    "shared-resolver": shared_resolver,
}
