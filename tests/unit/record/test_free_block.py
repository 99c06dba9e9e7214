"""The free block that a fault proposes can be taken. Does not prove that it is a wise choice."""

from ipaddress import IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from infra.record.rules.network import find_free_block


def blocks(first: int, last: int) -> st.SearchStrategy[IPv4Network]:
    """Draw blocks of these prefix lengths in 10.9.0.0/16."""
    return st.tuples(st.integers(0, 2**16 - 1), st.integers(first, last)).map(
        lambda drawn: IPv4Network((0x0A090000 + drawn[0], drawn[1]), strict=False)
    )


@given(blocks(16, 29), st.lists(blocks(18, 29)))
def test_proposed_block_is_free_and_of_the_wanted_size(
    wanted: IPv4Network, used: list[IPv4Network]
) -> None:
    free = find_free_block(wanted, used)
    assert free is not None
    assert free.prefixlen == wanted.prefixlen
    assert not any(free.overlaps(block) for block in used)


@given(blocks(18, 22), st.lists(blocks(18, 22)))
def test_block_near_the_wanted_one_is_preferred(
    wanted: IPv4Network, used: list[IPv4Network]
) -> None:
    near = IPv4Network("10.9.0.0/16")
    has_room = any(
        not any(candidate.overlaps(block) for block in used)
        for candidate in near.subnets(new_prefix=wanted.prefixlen)
    )
    free = find_free_block(wanted, used)
    assert free is not None
    assert free.subnet_of(near) == has_room


def test_full_private_block_gives_no_proposal() -> None:
    assert find_free_block(IPv4Network("10.9.1.0/24"), [IPv4Network("10.0.0.0/8")]) is None
