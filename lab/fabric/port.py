"""A port of the switch and its security policy, and the nftables rules that enforce it.

Pure: text in, text out. It must not touch the machine.
"""

import hashlib
from dataclasses import dataclass

TABLE = "port_security"
_FROM_ISOLATED = 1
"""Mark of frames that came in by an isolated port, while they are in the fabric.

A guest cannot set or clear it: the kernel clears marks between network namespaces.
"""


@dataclass(frozen=True)
class Segment:
    """One layer 2 network: a VLAN on a switch. vlan_id 0 is untagged, as in vSphere."""

    switch: str
    vlan_id: int

    @property
    def bridge(self) -> str:
        """The bridge that realises it: at most 15 characters, the VLAN readable."""
        digest = hashlib.sha256(self.switch.encode()).hexdigest()[:6]
        return f"{digest}-{self.vlan_id}"


@dataclass(frozen=True)
class Security:
    """What a port group's ports may: the security policy, where True is accept, False is reject.

    is_isolated: on the isolated side of a private VLAN, where no port meets another of that side.
    """

    allow_promiscuous: bool = False
    mac_changes: bool = False
    forged_transmits: bool = False
    is_isolated: bool = False


@dataclass(frozen=True)
class Port:
    """Where one virtual NIC meets the switch.

    name: of the interface in the fabric, at most 15 characters. mac: what the vCenter assigned.
    effective_mac: what the guest's interface uses right now. alias: for a person who looks.
    """

    name: str
    alias: str
    segment: Segment
    security: Security
    mac: str
    effective_mac: str
    is_connected: bool = True

    @property
    def allowed_mac(self) -> str:
        """The one address that belongs to this port under its policy."""
        return self.effective_mac if self.security.mac_changes else self.mac

    @property
    def is_shut(self) -> bool:
        """Whether nothing comes in: the guest has taken an address that its port does not accept.

        Until it has its own again. Source: VMware, vSphere Security 7.0, MAC Address Changes.
        """
        return self.effective_mac != self.allowed_mac


def table_ruleset() -> str:
    """Return the table that every frame passes: unknown ports may nothing.

    A port that has no rules yet is one whose policy is not in force, so its frames are dropped
    in both directions.
    """
    return f"""\
table bridge {TABLE} {{
    map from_port {{ type ifname : verdict; }}
    map to_port {{ type ifname : verdict; }}
    chain enter {{
        type filter hook prerouting priority -300; policy drop;
        iifname vmap @from_port
    }}
    chain leave {{
        type filter hook postrouting priority -300; policy drop;
        oifname vmap @to_port
    }}
}}
"""


def port_ruleset(port: Port) -> str:
    """Return the commands that put a port's policy in force, all at once or not at all.

    Most frames are of a kind to which no later rule applies: they are let pass first.
    """
    entering = []
    leaving = []
    if port.security.is_isolated:
        entering.append(f"meta mark set {_FROM_ISOLATED}")
        leaving.append(f"meta mark {_FROM_ISOLATED} counter drop")
    entering.append(f"ether saddr {port.allowed_mac} ether type ip accept")
    entering.append("ether type { 8021q, 8021ad } counter drop")
    if not port.security.forged_transmits:
        entering.append(f"ether saddr != {port.allowed_mac} counter drop")
        entering.append(f"ether type arp arp saddr ether != {port.allowed_mac} counter drop")
    if port.is_shut:
        leaving.append("counter drop")
    if not port.security.allow_promiscuous:
        leaving.append(f"ether daddr {port.allowed_mac} accept")
        # The lowest bit of the first byte marks broadcast and multicast (IEEE 802).
        leaving.append(
            f"ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 "
            f"ether daddr != {port.allowed_mac} counter drop"
        )
    lines = [
        *_emptied_chain(f"from_{port.name}", entering),
        *_emptied_chain(f"to_{port.name}", leaving),
        f'add element bridge {TABLE} from_port {{ "{port.name}" : goto from_{port.name} }}',
        f'add element bridge {TABLE} to_port {{ "{port.name}" : goto to_{port.name} }}',
    ]
    return "\n".join(lines) + "\n"


def removal_ruleset(name: str) -> str:
    """Return the commands that remove the rules of a port, also when it has none."""
    lines = []
    for way in ("from", "to"):
        chain = f"bridge {TABLE} {way}_{name}"
        element = f'element bridge {TABLE} {way}_port {{ "{name}" : goto {way}_{name} }}'
        # nft refuses to delete what is not there; adding what is there changes nothing.
        lines += [f"add chain {chain}", f"add {element}", f"delete {element}"]
        lines += [f"flush chain {chain}", f"delete chain {chain}"]
    return "\n".join(lines) + "\n"


def _emptied_chain(name: str, rules: list[str]) -> list[str]:
    return [
        f"add chain bridge {TABLE} {name}",
        f"flush chain bridge {TABLE} {name}",
        *(f"add rule bridge {TABLE} {name} {rule}" for rule in rules),
        f"add rule bridge {TABLE} {name} accept",
    ]
