"""Derive what two edges of one tenant tell each other, and which filters let it pass.

Of a pair both can hold every gateway's address, and each has an address of its own beside it.
Must not know how they agree on who holds it (role `edge`).
"""

from collections.abc import Mapping

from infra.plan.model import Nic, Rule

SYNCHRONISATION_PORT = 3780
"""UDP port of conntrackd. Source: conntrackd.conf(5)."""

AGREEMENT = "edge-agreement"
SYNCHRONISATION = "edge-connections"
"""Names of the rules, where others have their flow's."""


def find_partner(key: str, edges: Mapping[str, tuple[Nic, ...]]) -> str | None:
    """Return the key of the other edge; None when there is none."""
    return next((other for other in edges if other != key), None) if key in edges else None


def pair_rules(
    key: str, edges: Mapping[str, tuple[Nic, ...]]
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    """Let an edge's messages to its partner pass, in every segment; outside they say nothing.

    Args:
        key: of a server.
        edges: NICs by key of the edge, the same segments by the same devices.

    Returns:
        Its incoming and its outgoing rules; none for a server without a partner.
    """
    partner = find_partner(key, edges)
    if partner is None:
        return (), ()
    incoming: list[Rule] = []
    outgoing: list[Rule] = []
    for own, theirs in zip(edges[key], edges[partner], strict=True):
        if not (own.address and theirs.address):
            continue
        here, there = _host(own.address), _host(theirs.address)
        for name, protocol, port in (
            (AGREEMENT, "vrrp", None),
            (SYNCHRONISATION, "udp", SYNCHRONISATION_PORT),
        ):
            # Connections are told over one segment alone: the one that both live in.
            if name == SYNCHRONISATION and own is not edges[key][0]:
                continue
            rule = {"flow": name, "protocol": protocol, "port": port}
            come = {"sources": (there,), "destinations": (here,), "in_device": own.device}
            go = {"sources": (here,), "destinations": (there,), "out_device": own.device}
            incoming.append(Rule.model_validate(rule | come))
            outgoing.append(Rule.model_validate(rule | go))
    return tuple(incoming), tuple(outgoing)


def _host(address: str) -> str:
    """Give the prefix of one address that is written with another's length."""
    return f"{address.partition('/')[0]}/32"
