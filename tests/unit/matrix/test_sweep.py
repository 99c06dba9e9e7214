"""A sweep is made again where its account is not exact, and only there."""

from collections.abc import Sequence
from dataclasses import replace

from infra.matrix.judge import Swept
from infra.matrix.sensor import ALL_BLOCKS, FEW_BLOCKS
from infra.operations.matrix_sweep import ATTEMPTS, sweep_until_exact
from infra.plan.matrix import Pair
from infra.plan.path import Link

LINK = Link(
    sender="app01",
    out_device="eth0",
    from_mac="a",
    receiver="db01",
    in_device="eth0",
    to_mac="b",
)
QUIET, NOISY = (
    Pair(
        source="app01",
        destination=destination,
        departure=LINK,
        passages=(),
        arrival=LINK,
        outgoing=frozenset(),
        incoming=frozenset(),
    )
    for destination in ("db01", "db02")
)
EXACT = Swept(
    filter="incoming",
    server="db01",
    sent=1,
    passed={"tcp": frozenset(), "udp": frozenset()},
    dropped=1,
    other=0,
    unproved="",
)


class Script:
    """Sweeps that find what is written, one a call, for the noisy pair."""

    def __init__(self, *noisy: Swept) -> None:
        self.calls: list[tuple[tuple[Pair, ...], int]] = []
        self._noisy = list(noisy)

    def sweep(self, pairs: Sequence[Pair], blocks: int) -> dict[Pair, Swept]:
        """Find what is written next."""
        self.calls.append((tuple(pairs), blocks))
        return {pair: self._noisy.pop(0) if pair is NOISY else EXACT for pair in pairs}


def test_only_what_is_not_exact_is_swept_again_with_room_for_every_port() -> None:
    for fault in (replace(EXACT, other=2), replace(EXACT, unproved="lost")):
        script = Script(fault, EXACT)
        assert sweep_until_exact(script.sweep, (QUIET, NOISY)) == {QUIET: EXACT, NOISY: EXACT}
        assert script.calls == [((QUIET, NOISY), FEW_BLOCKS), ((NOISY,), ALL_BLOCKS)]


def test_what_stays_unproved_is_told_so() -> None:
    lost = replace(EXACT, unproved="lost")
    script = Script(*[lost] * ATTEMPTS)
    assert sweep_until_exact(script.sweep, (NOISY,)) == {NOISY: lost}
    assert len(script.calls) == ATTEMPTS


def test_no_pairs_are_not_swept() -> None:
    script = Script()
    assert sweep_until_exact(script.sweep, ()) == {}
    assert script.calls == []
