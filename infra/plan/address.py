"""Derive NICs: device names, MAC addresses and addresses with prefix length."""

import hashlib
from collections.abc import Mapping

from infra.plan.model import Nic
from infra.record.model import Outside, Segment, Server

PRIMARY = "primary"
MANAGEMENT = "management"


def derive_mac(tenant: str, server: str, leg: str) -> str:
    """Derive a static MAC address that survives a move to another segment.

    Args:
        tenant: id of the record.
        server: record key.
        leg: `primary`, `management`, or a segment's key for an edge's further legs.

    Returns:
        A MAC in VMware's range for static addresses, 00:50:56:00:00:00 to 00:50:56:3f:ff:ff.
        Source: vSphere Networking, "Static MAC Addresses".
    """
    digest = hashlib.sha256(f"{tenant}/{server}/{leg}".encode()).digest()
    return f"00:50:56:{digest[0] & 0x3F:02x}:{digest[1]:02x}:{digest[2]:02x}"


def plan_nics(
    tenant: str,
    key: str,
    server: Server,
    places: Mapping[str, Segment | Outside],
    *,
    has_partner: bool,
    has_provider_leg: bool,
) -> tuple[Nic, ...]:
    """List a server's NICs in device order.

    The primary segment is eth0, further segments and networks outside follow sorted by key, the
    leg in the provider-management network comes last. An edge with a partner shares each gateway,
    and its address in a network outside.
    """
    legs = [(PRIMARY, server.segment, server.address)]
    legs += [(name, name, address) for name, address in sorted(server.interfaces.items())]
    nics = []
    for index, (leg, segment, address) in enumerate(legs):
        place = places[segment]
        own = f"{address}/{place.prefix.prefixlen}"
        shared = f"{place.gateway}/{place.prefix.prefixlen}" if isinstance(place, Segment) else own
        nics.append(
            Nic(
                device=f"eth{index}",
                mac=derive_mac(tenant, key, leg),
                segment=segment,
                address=None if has_partner and own == shared else own,
                shared=shared if has_partner else None,
            )
        )
    if has_provider_leg:
        mac = derive_mac(tenant, key, MANAGEMENT)
        nics.append(Nic(device=f"eth{len(nics)}", mac=mac, segment=None, address=None))
    return tuple(nics)
