"""Bring the tenant up, again, and with one setting changed: what `make up` does for an engineer.

`python -m benchmarks.workday`. Every round begins without a lab and ends with one that is up.
"""

from benchmarks.measurement import Bound, Comparison, Result, keep, seconds, take_turns
from benchmarks.tenant import STACK, TENANT, bring_up_lab, initialise, run, take_down_lab
from infra.operations.picture import EXAMPLE
from infra.record import load

ROUNDS = 2
FIRST = "from nothing, everything cached"
AGAIN = "again, nothing changed"
CHANGED = "one application's password changed"


def main() -> None:
    """Measure and keep the result."""
    series = take_turns(ROUNDS, {FIRST: _first, AGAIN: _again, CHANGED: _changed})
    keep(
        "workday",
        Result(
            title=f"Bring {len(load(EXAMPLE).servers)} hosts up, configured and verified",
            series=series,
            bounds=(
                Bound(what=f"`make up` {FIRST}", subject=FIRST, goal_s=360),
                Bound(what=f"`make up` {AGAIN}", subject=AGAIN, goal_s=60),
                Bound(what=f"`tenant up` with {CHANGED}", subject=CHANGED, goal_s=45),
            ),
            comparisons=(
                Comparison(what=f"{AGAIN} against the first time", subject=AGAIN, peer=FIRST),
                Comparison(what=f"{CHANGED} against the first time", subject=CHANGED, peer=FIRST),
            ),
            notes=(
                "Each time Pulumi refreshes its state and all checks run. The goal for the first"
                " time is that of 12 to 16 hosts.",
            ),
        ),
    )


def _first() -> float:
    take_down_lab()
    return seconds(_up)


def _again() -> float:
    return seconds(_up)


def _changed() -> float:
    run("tenant", "secrets", "rotate", TENANT, "--stack", STACK, "--only", "databases")
    return seconds(lambda: run("tenant", "up", TENANT, "--stack", STACK))


def _up() -> None:
    bring_up_lab()
    initialise()
    run("tenant", "up", TENANT, "--stack", STACK)


if __name__ == "__main__":
    main()
