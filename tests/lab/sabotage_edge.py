"""Break the edge of a tenant, and what else takes commands on a host, and mend it again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from tests.lab.estate import Estate
from tests.lab.site import Site

Sabotage = Callable[[Estate, Mapping[str, Site]], AbstractContextManager[None]]

OWN, OTHER = "noord", "zuid"
UPLINK = "internet"
"""Network outside in which both of these have their edges."""


@contextmanager
def commands(site: Site, before: dict[str, str], after: dict[str, str]) -> Iterator[None]:
    """Run a shell command as root on each server named, and another one afterwards."""
    site.ask(**before)
    try:
        yield
    finally:
        site.ask(**after)


_RULE = "nft --handle list chain inet edge_filter forward | sed -n 's/.*sabotage.* # handle //p'"
REMOVE_RULES = f"for n in $({_RULE}); do nft delete rule inet edge_filter forward handle $n; done"
ANY = 'nft insert rule inet edge_filter forward {match} accept comment \\"sabotage\\"'
_SOURCE_CHECK = "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {value} > $f; done"


def any_any(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge."""
    return commands(sites[OWN], {"edge01": ANY.format(match="")}, {"edge01": REMOVE_RULES})


def no_source_check(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge, from wherever it comes."""
    return commands(
        sites[OWN],
        {"edge01": f"{_SOURCE_CHECK.format(value=0)}; {ANY.format(match='')}"},
        {"edge01": f"{REMOVE_RULES}; {_SOURCE_CHECK.format(value=1)}"},
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
    rule = ANY.format(match="meta nfproto ipv6")
    before["edge01"] += f"; {forwarding.format(value=1)}; {rule}"
    after["edge01"] += f"; {forwarding.format(value=0)}; {REMOVE_RULES}"
    return commands(sites[OWN], before, after)


def _outside(site: Site) -> str:
    """Return the edge's device in the network outside."""
    nics = site.stack.outputs().plan.servers["edge01"].nics
    return next(nic.device for nic in nics if nic.segment == UPLINK)


def open_outwards(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge into the network outside, whatever flows there are."""
    rule = ANY.format(match=f"oifname {_outside(sites[OWN])}")
    return commands(sites[OWN], {"edge01": rule}, {"edge01": REMOVE_RULES})


def open_inwards(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let everything pass the edge that comes from the network outside."""
    rule = ANY.format(match=f"iifname {_outside(sites[OWN])}")
    return commands(sites[OWN], {"edge01": rule}, {"edge01": REMOVE_RULES})


def false_source_outwards(_: Estate, sites: Mapping[str, Site]) -> AbstractContextManager[None]:
    """Let pass into the network outside who has the right address, from wherever it comes."""
    plan = sites[OWN].stack.outputs().plan
    match = f"oifname {_outside(sites[OWN])} ip saddr {plan.segments['app'].prefix} tcp dport 80"
    return commands(
        sites[OWN],
        {"edge01": f"{_SOURCE_CHECK.format(value=0)}; {ANY.format(match=match)}"},
        {"edge01": f"{REMOVE_RULES}; {_SOURCE_CHECK.format(value=1)}"},
    )
