"""Take turns at measuring and keep the result.

Responsible for fairness and for the form of a result. Must not know what is measured.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One series held against another of the same run.

    scale: how many times the peer's work the subject does. goal: the highest ratio that is good
    enough; None when there is only something to learn.
    """

    what: str
    subject: str
    peer: str
    goal: float | None = None
    scale: int = 1


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One series held against a time that the design names."""

    what: str
    subject: str
    goal_s: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one benchmark measured. series: seconds by name, one value a round."""

    title: str
    series: Mapping[str, list[float]]
    comparisons: tuple[Comparison, ...] = ()
    bounds: tuple[Bound, ...] = ()
    notes: tuple[str, ...] = ()
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)
    load: float = field(default_factory=lambda: round(os.getloadavg()[1], 1))
    """Of the last five minutes, this benchmark's own part included."""


def seconds(work: Callable[[], object]) -> float:
    """Time one piece of work."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def take_turns(
    rounds: int, contenders: Mapping[str, Callable[[], float]]
) -> dict[str, list[float]]:
    """Measure all contenders once a round, so that a busy machine disturbs all of them alike.

    Args:
        rounds: how often each is measured.
        contenders: by name; each returns the seconds that count.

    Returns:
        Seconds by name, in the order of the rounds.
    """
    series: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(1, rounds + 1):
        for name, measure in contenders.items():
            taken = measure()
            series[name].append(round(taken, 4))
            sys.stdout.write(f"round {number} of {rounds}: {name}: {taken:.3f} s\n")
            sys.stdout.flush()
    return series


def ratio(series: Mapping[str, list[float]], comparison: Comparison) -> float:
    """Give the median over the rounds of subject to peer, each pair measured side by side."""
    pairs = zip(series[comparison.subject], series[comparison.peer], strict=True)
    return statistics.median(subject / (peer * comparison.scale) for subject, peer in pairs)


def keep(name: str, result: Result) -> None:
    """Write a result where the table finds it."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(result), indent=1) + "\n")
    partial.replace(file)
    sys.stdout.write(f"{file.relative_to(Path.cwd())}: written; python -m benchmarks.table\n")
