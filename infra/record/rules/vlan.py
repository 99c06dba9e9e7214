"""Rules of VLANs: each is one segment's alone in the whole datacenter.

The provider's networks are the provider's: only its own record may have segments in them.
"""

from collections.abc import Iterator

from infra.record.fault import Fault
from infra.record.rules.facts import Facts
from infra.record.surroundings import Surroundings


def refuse_taken_vlans(facts: Facts) -> Iterator[Fault]:
    """Refuse a VLAN that is not the provider's to give, or that something else has."""
    is_own = facts.tenant.id == facts.surroundings.provider.own_record
    networks = facts.surroundings.provider.networks.values()
    own = {network.vlan for network in networks} if is_own else set()
    owners = {vlan: owner for vlan, owner in _owners(facts.surroundings).items() if vlan not in own}
    used = {*owners, *(segment.vlan for segment in facts.segments.values())}
    free = (vlan for vlan in _given(facts.surroundings) if vlan not in used)
    for key, segment in facts.segments.items():
        path = (*facts.segment_path(key), "vlan")
        owner = owners.get(segment.vlan)
        owners.setdefault(segment.vlan, facts.source.cite(path))
        what = f"is also {owner}" if owner else _withhold(segment.vlan, facts.surroundings)
        if what and (owner or segment.vlan not in own):
            proposed = next(free, None)
            yield facts.fault(
                path,
                f"{segment.vlan} {what}",
                "a VLAN of the provider's pool that nothing else has",
                f"Next free VLAN: {proposed}" if proposed else "The pool is full: ask the provider",
            )


def _owners(surroundings: Surroundings) -> dict[int, str]:
    """Say who has which VLAN already."""
    owners: dict[int, str] = {}
    for key, network in surroundings.provider.networks.items():
        owners[network.vlan] = surroundings.document.cite(("networks", key, "vlan"))
    for neighbour in surroundings.neighbours:
        for zone, content in neighbour.content.zones.items():
            for key, segment in content.segments.items():
                path = ("zones", zone, "segments", key, "vlan")
                owners.setdefault(segment.vlan, neighbour.document.cite(path))
    return owners


def _given(surroundings: Surroundings) -> Iterator[int]:
    """Give what the provider's file lets tenants have, in order."""
    pool = surroundings.provider.vlan_pool
    for vlan in range(pool.first, pool.last + 1):
        if not _withhold(vlan, surroundings):
            yield vlan


def _withhold(vlan: int, surroundings: Surroundings) -> str | None:
    """Say why the provider's file does not let tenants have a VLAN."""
    cite = surroundings.document.cite
    for key, held in surroundings.provider.reserved_vlans.items():
        if held.first <= vlan <= held.last:
            return f"is in {cite(('reserved_vlans', key))}: {held.reason}"
    pool = surroundings.provider.vlan_pool
    if not pool.first <= vlan <= pool.last:
        return f"is outside {cite(('vlan_pool',))}, {pool.first} to {pool.last}"
    return None


RULES = (refuse_taken_vlans,)
