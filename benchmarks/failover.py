"""Lose the edge that holds the gateways, in four ways, while connections talk over it.

`python -m benchmarks.failover`, in the benchmarks' lab. They talk within the datacenter, by the
tunnel to a town hall, and from outside. Both edges are back before one is lost again. What counts
is the longest that any connection waited for one answer, by its client's clock.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.measurement import Bound, Result, keep, take_turns
from benchmarks.tenant import LAYOUT, bring_up_lab
from tests.lab.edge_pair import Pair, other
from tests.lab.edge_site import begin_talking, open_edge_site
from tests.lab.edge_traffic import ALLOWED, CONNECTIONS, listen, observe, talk
from tests.lab.estate import Estate, make_key
from tests.lab.site import Start

ROUNDS = 5
TENANT = "uitval"
BASTION = "10.255.0.223"
"""The bastion's leg, away from those of the other benchmarks' tenants."""

GOAL_S = 3.8
"""Three announcements and a skew. Source: docs/adr/0020."""

Way = Callable[[Pair, str], AbstractContextManager[None]]
"""Loses an edge; afterwards it is back."""


@contextmanager
def lose_power(pair: Pair, edge: str) -> Iterator[None]:
    """Have an edge lose its power."""
    pair.cut_power(edge)
    yield
    pair.power_on(edge)


@contextmanager
def flush_rules(pair: Pair, edge: str) -> Iterator[None]:
    """Have an edge lose its filter."""
    pair.run(edge, "nft flush ruleset")
    yield
    pair.run(edge, "systemctl reload nftables")


@contextmanager
def stop_keepalived(pair: Pair, edge: str) -> Iterator[None]:
    """Have an edge give its gateways away."""
    pair.run(edge, "systemctl stop keepalived")
    yield
    pair.run(edge, "systemctl start keepalived")


@contextmanager
def reboot(pair: Pair, edge: str) -> Iterator[None]:
    """Have an edge reboot itself."""
    before = pair.estate.leader(pair.machine(edge))
    pair.run(edge, "systemctl reboot")
    yield
    pair.await_boot(edge, before)


POWER = "its power is lost"
WAYS: dict[str, Way] = {
    POWER: lose_power,
    "its rules are flushed": flush_rules,
    "its keepalived is stopped": stop_keepalived,
    "it reboots": reboot,
}


def main() -> None:
    """Measure and keep the result."""
    bring_up_lab()
    talked: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, _open(Path(folder)) as (pair, start):

        def fail_over(name: str) -> float:
            """Lose the edge that holds the gateways; return the longest wait, in s."""
            first = pair.holder()
            traffic = begin_talking(pair.site, start)
            talk(traffic)
            with WAYS[name](pair, first):
                pair.await_holder(other(first))
                passages = observe(traffic).values()
            pair.await_backup(first)
            for program in traffic.values():
                program.terminate()
            talked[name] += CONNECTIONS * len(traffic)
            lost[name] += sum(len(passage.lost) for passage in passages)
            return max(passage.gap_s for passage in passages)

        series = take_turns(ROUNDS, {name: partial(fail_over, name) for name in WAYS})
    losses = ", ".join(f"{lost[name]} of {talked[name]} when {name}" for name in WAYS)
    keep(
        "failover",
        Result(
            title="Lose the edge that holds the gateways, under traffic",
            series=series,
            bounds=(Bound(what=f"without an answer when {POWER}", subject=POWER, goal_s=GOAL_S),),
            notes=(
                "The longest that any connection through the edge waited for one answer: within the"
                " datacenter, by the tunnel to a town hall, or from outside. The goal is three"
                " announcements and a skew (ADR 0020).",
                f"Connections lost: {losses}.",
            ),
        ),
    )


@contextmanager
def _open(folder: Path) -> Iterator[tuple[Pair, Start]]:
    """Bring a pair of edges up, and have db01 listen."""
    records = folder / "records"
    records.mkdir()
    with open_edge_site(LAYOUT, records, TENANT, bastion=BASTION) as site, site.programs() as start:
        listen(start, ALLOWED)
        estate = Estate(LAYOUT, make_key(folder))
        yield Pair(site, estate), start
        estate.close()


if __name__ == "__main__":
    main()
