"""Write docs/performance.md from all results: `python -m benchmarks.table`."""

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measurement import RESULTS, Bound, Comparison, Result, ratio

TABLE = Path(__file__).parents[1] / "docs" / "performance.md"
HEAD = """\
# Performance

<!-- Written by `python -m benchmarks.table` from benchmarks/results/. -->

`make bench` measures everything anew. Contenders take turns in one run (A B A B), so what else the
machine does meets all of them alike; a ratio is the median over the rounds of neighbours. The
load stands beside each result: more than the number of cores means that the machine was busy with
other work, and absolute times would be shorter on a quiet one.
"""


def main() -> None:
    """Write the table."""
    parts = [_part(read_result(file)) for file in sorted(RESULTS.glob("*.json"))]
    TABLE.write_text("\n".join([HEAD, *parts]))


def read_result(file: Path) -> Result:
    """Read a result that `measurement.keep` wrote."""
    content: dict[str, Any] = json.loads(file.read_text())
    return Result(
        **{
            **content,
            "comparisons": tuple(Comparison(**item) for item in content["comparisons"]),
            "bounds": tuple(Bound(**item) for item in content["bounds"]),
            "notes": tuple(content["notes"]),
        }
    )


def _part(result: Result) -> str:
    rounds = len(next(iter(result.series.values())))
    lines = [
        f"## {result.title}",
        "",
        f"{rounds} rounds on {result.cores} cores, load {result.load:g}.",
        "",
        "| measured | median | from | to |",
        "|---|---:|---:|---:|",
        *_series(result),
        "",
        "| claim | measured | goal | |",
        "|---|---:|---:|---|",
        *_bounds(result),
        *_comparisons(result),
        "",
    ]
    for note in result.notes:
        lines += [note, ""]
    return "\n".join(lines)


def _series(result: Result) -> Iterator[str]:
    for name, values in result.series.items():
        median = statistics.median(values)
        yield f"| {name} | {median:.2f} s | {min(values):.2f} s | {max(values):.2f} s |"


def _bounds(result: Result) -> Iterator[str]:
    for bound in result.bounds:
        median = statistics.median(result.series[bound.subject])
        verdict = "met" if median <= bound.goal_s else "missed"
        yield f"| {bound.what} | {median:.2f} s | {bound.goal_s:g} s | {verdict} |"


def _comparisons(result: Result) -> Iterator[str]:
    for comparison in result.comparisons:
        measured = ratio(result.series, comparison)
        if comparison.goal is None:
            yield f"| {comparison.what} | {measured:.3g} times | | |"
        else:
            verdict = "met" if measured <= comparison.goal else "missed"
            goal = f"{comparison.goal:g} times"
            yield f"| {comparison.what} | {measured:.3g} times | {goal} | {verdict} |"


if __name__ == "__main__":
    main()
