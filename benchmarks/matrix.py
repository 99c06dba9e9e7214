"""Try the full matrix of the example tenant, and from it what 16 hosts would take.

`python -m benchmarks.matrix`. Every pair takes the same work, so time grows with the pairs.
"""

import tempfile
from pathlib import Path

from benchmarks.measurement import Bound, Comparison, Result, keep, seconds, take_turns
from benchmarks.tenant import deployed_tenant
from infra.operations.matrix import try_matrix
from infra.operations.verify import verify

ROUNDS = 3
PAIRS = 16 * 15
"""Ordered pairs of 16 hosts."""

CHECKS = "the checks"


def main() -> None:
    """Measure and keep the result."""
    with deployed_tenant() as (outputs, path), tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder) / "evidence.json"
        hosts = len(outputs.plan.servers)
        pairs = hosts * (hosts - 1)
        matrix, projected = f"the matrix of {pairs} pairs", f"projected to {PAIRS} pairs"
        # The first run of a process also pays for reading the tests.
        verify(outputs, path, _unheard, evidence)
        series = take_turns(
            ROUNDS,
            {
                matrix: lambda: seconds(lambda: try_matrix(outputs, path, _unheard, evidence)),
                CHECKS: lambda: seconds(lambda: verify(outputs, path, _unheard, evidence)),
            },
        )
    series[projected] = [round(taken * PAIRS / pairs, 4) for taken in series[matrix]]
    keep(
        "matrix",
        Result(
            title=f"Try every port between {hosts} hosts",
            series=series,
            comparisons=(
                Comparison(what=f"the matrix against {CHECKS}", subject=matrix, peer=CHECKS),
            ),
            bounds=(Bound(what=f"{PAIRS} pairs, projected", subject=projected, goal_s=90),),
            notes=(
                "A pair is 65,535 TCP ports and some UDP ports at each of three filters. In the"
                " lab all hosts share the cores; what limits is the kernel's way from a"
                " sender through two bridges to the filter, some 3 µs a probe.",
            ),
        ),
    )


def _unheard(_line: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    main()
