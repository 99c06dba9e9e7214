"""Give the shape of the provider's file: what its datacenter gives to tenants, and what it keeps.

Responsible for tenants/provider.yaml alone. Must not know of any tenant.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from infra.record.document import Document
from infra.record.fault import Fault, Path
from infra.record.model import Key, Record, Text, VlanId
from infra.record.repetition import find_repeats

AnyVlanId = Annotated[int, Field(ge=0, le=4095, description="a whole number, 0 to 4095")]
"""Also those that are no segment's: 0 is untagged, 4095 every VLAN. Source: vSphere Networking."""


class VlanPool(Record):
    """VLANs that tenants may have, first and last included."""

    first: VlanId
    last: VlanId


class ReservedVlans(Record):
    """VLANs that no tenant gets, wherever the pool ends, and why."""

    first: AnyVlanId
    last: AnyVlanId
    reason: Text


class ProviderNetwork(Record):
    """One of the provider's own networks; its key is the name of its port group."""

    vlan: VlanId
    purpose: Text


class Provider(Record):
    """The provider's file as it stands in tenants/provider.yaml.

    shared_parts: what else has a name in vCenter that a tenant's could equal. own_record: the
    record of the provider's own estate, which alone may have segments in these networks.
    """

    vlan_pool: VlanPool
    reserved_vlans: dict[Key, ReservedVlans] = Field(
        default={}, description="a mapping of names to reserved VLANs"
    )
    networks: dict[Key, ProviderNetwork] = Field(
        min_length=1, description="a mapping of port groups to the provider's networks"
    )
    own_record: Key | None = None
    shared_parts: dict[Key, Text] = Field(
        default={}, description="a mapping of names in vCenter to what they are"
    )


def check_provider(provider: Provider, document: Document) -> Iterator[Fault]:
    """Compare the fields of the provider's file with each other."""
    ranges: dict[Path, VlanPool | ReservedVlans] = {("vlan_pool",): provider.vlan_pool}
    ranges |= {("reserved_vlans", key): held for key, held in provider.reserved_vlans.items()}
    for path, held in ranges.items():
        if held.last < held.first:
            yield document.fault(
                (*path, "last"),
                f"{held.last} is below first, {held.first}. Allowed: {held.first} or more."
                " Exchange the two.",
            )
    claims = (
        (network.vlan, ("networks", key, "vlan")) for key, network in provider.networks.items()
    )
    for vlan, path, first in find_repeats(claims):
        yield document.fault(
            path,
            f"{vlan} is also {document.cite(first)}. Allowed: one network for each VLAN, or the two"
            " share layer 2. Correct one of the two.",
        )
