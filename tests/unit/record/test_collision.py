"""Tenants of one datacenter collide in VLANs or names in vCenter, or go together; nothing else.

Tried on drawn tenants that share all prefixes and addresses. Does not prove the messages;
`test_bad_record.py` holds those.
"""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.record import RecordError, load
from tests.unit.record.good_record import GOOD, PROVIDER

GOOD_TEXT = (GOOD / "tenant.yaml").read_text()
OTHER_SERVERS = ("edge01", "bastion01", "app01", "db01")
IDS = ("ab", "ab-cd", "cd")
WORKPLACES = ("werkplek01", "cd-werkplek01", "ef")
VLANS = range(101, 113)
RESERVED = range(190, 200)

Drawn = dict[str, tuple[str, list[int]]]
"""Name of the workplace and VLANs of the four segments, by tenant."""

TENANTS = st.lists(st.sampled_from(IDS), min_size=2, max_size=3, unique=True).flatmap(
    lambda ids: st.fixed_dictionaries(
        {
            tenant: st.tuples(
                st.sampled_from(WORKPLACES),
                st.lists(st.sampled_from(VLANS), min_size=4, max_size=4, unique=True),
            )
            for tenant in ids
        }
    )
)


def write_records(place: Path, drawn: Drawn) -> None:
    """Write the provider's file and the tenants' records, in the order drawn."""
    (place / "provider.yaml").write_text(PROVIDER.read_text())
    for tenant, (workplace, vlans) in drawn.items():
        own = iter(vlans)
        text = re.sub(r"vlan: \d+", lambda _, own=own: f"vlan: {next(own)}", GOOD_TEXT)
        (place / tenant).mkdir()
        (place / tenant / "tenant.yaml").write_text(text.replace("werkplek01:", f"{workplace}:"))


def find_collisions(drawn: Drawn, tenant: str) -> set[str]:
    """Say with which other tenants one collides."""
    servers = {
        other: {f"{other}-{key}" for key in (*OTHER_SERVERS, own)}
        for other, (own, _) in drawn.items()
    }
    return {
        other
        for other, (_, vlans) in drawn.items()
        if other != tenant and (servers[other] & servers[tenant] or {*vlans} & {*drawn[tenant][1]})
    }


def refusal(place: Path, tenant: str) -> str:
    """Give what is said of a tenant's record; nothing when it is good."""
    try:
        load(place / tenant)
    except RecordError as error:
        return str(error)
    return ""


@given(TENANTS)
@settings(max_examples=30)
def test_tenants_that_collide_are_refused_from_every_side_and_no_others(drawn: Drawn) -> None:
    with TemporaryDirectory() as place:
        write_records(Path(place), drawn)
        for tenant in drawn:
            said = refusal(Path(place), tenant)
            colliding = find_collisions(drawn, tenant)
            assert bool(said) == bool(colliding), said
            named = {other for other in drawn if f"{place}/{other}/tenant.yaml line" in said}
            assert named <= colliding


@given(TENANTS)
@settings(max_examples=30)
def test_order_of_the_records_does_not_matter(drawn: Drawn) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as two:
        write_records(Path(one), drawn)
        write_records(Path(two), dict(reversed(drawn.items())))
        for tenant in drawn:
            assert refusal(Path(one), tenant).replace(one, two) == refusal(Path(two), tenant)


@given(TENANTS)
@settings(max_examples=30)
def test_proposed_vlans_can_be_taken(drawn: Drawn) -> None:
    tenant = next(iter(drawn))
    workplace, vlans = drawn[tenant]
    with TemporaryDirectory() as place:
        write_records(Path(place), drawn)
        proposals = re.findall(
            r"(\d+) is also .* Next free VLAN: (\d+)\.", refusal(Path(place), tenant)
        )
    taken = {int(wrong): int(free) for wrong, free in proposals}
    assert not {*taken.values()} & {*RESERVED}
    mended = {**drawn, tenant: (workplace, [taken.get(vlan, vlan) for vlan in vlans])}
    with TemporaryDirectory() as place:
        write_records(Path(place), mended)
        assert "vlan" not in refusal(Path(place), tenant)
