"""Find what is claimed again although it can be had once. Must not know what, nor word a fault."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value", bound=Hashable)
Owner = TypeVar("Owner")


def find_repeats(
    claims: Iterable[tuple[Value, Owner]], taken: Mapping[Value, Owner] | None = None
) -> Iterator[tuple[Value, Owner, Owner]]:
    """Find the claims of a value that somebody has already.

    Args:
        claims: value and who claims it; the first to do so has it.
        taken: who has a value before any of these.

    Yields:
        The value, who claims it again, and who has it.
    """
    owners = dict(taken or {})
    for value, claimant in claims:
        if value in owners:
            yield value, claimant, owners[value]
        else:
            owners[value] = claimant
