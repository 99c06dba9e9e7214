"""Lose the edge that holds the gateways, in four ways, while connections talk over it.

`python -m benchmarks.failover`, in the benchmarks' lab. They talk within the datacenter, by the
tunnel to a town hall, and from outside. Both edges are back before one is lost again. What counts
is the longest that any connection waited for one answer, and that none could be made, by the
client's clock: TCP doubles the time until it asks again, so a connection waits longer.
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
from tests.lab.edge_traffic import ALLOWED, CONNECTIONS, DATABASE, ask, listen, observe, talk
from tests.lab.estate import Estate, make_key
from tests.lab.site import Start

ROUNDS = 3
TENANT = "uitval"
BASTION = "10.255.0.223"
"""The bastion's leg, away from those of the other benchmarks' tenants."""

GOAL_S = 3.8
"""Three announcements and a skew. Source: docs/adr/0020."""

KNOCKER = f"""
import json, socket, sys, threading, time
shut_s = 0.0

def knock():
    global shut_s
    answered = time.monotonic()
    while True:
        try:
            socket.create_connection(("{DATABASE}", {ALLOWED}), timeout=0.2).close()
            shut_s = max(shut_s, time.monotonic() - answered)
            answered = time.monotonic()
        except OSError:
            pass
        time.sleep(0.05)

threading.Thread(target=knock, daemon=True).start()
for _ in sys.stdin:
    print(json.dumps({{"shut_s": shut_s}}), flush=True)
    shut_s = 0.0
"""
"""Makes connections one after the other; tells for every line that it reads how long none was."""

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
    shut: dict[str, list[float]] = {name: [] for name in WAYS}
    talked: Counter[tuple[str, str]] = Counter()
    lost: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder, _open(Path(folder)) as (pair, start):
        knocker = start("app01", KNOCKER)

        def fail_over(name: str) -> float:
            """Lose the edge that holds the gateways; return a connection's longest wait, in s."""
            first = pair.holder()
            traffic = begin_talking(pair.site, start)
            talk(traffic)
            ask(knocker)
            with WAYS[name](pair, first):
                pair.await_holder(other(first))
                passages = observe(traffic)
                shut[name].append(round(ask(knocker)["shut_s"], 4))
            pair.await_backup(first)
            for program in traffic.values():
                program.terminate()
            for way, passage in passages.items():
                talked[name, way] += CONNECTIONS
                lost[name, way] += len(passage.lost)
            return max(passage.gap_s for passage in passages.values())

        waits = take_turns(ROUNDS, {name: partial(fail_over, name) for name in WAYS})
    losses = [
        f"{lost[name, way]} of {count} {way} when {name}"
        for (name, way), count in talked.items()
        if lost[name, way]
    ]
    keep(
        "failover",
        Result(
            title="Lose the edge that holds the gateways, under traffic",
            series={
                **{f"no connection made, when {name}": values for name, values in shut.items()},
                **{f"longest wait, when {name}": values for name, values in waits.items()},
            },
            bounds=(
                Bound(
                    what=f"no connection made, when {POWER}",
                    subject=f"no connection made, when {POWER}",
                    goal_s=GOAL_S,
                ),
            ),
            notes=(
                "How long no connection could be made through the edge within the datacenter, and"
                " how long the slowest of those that there were waited for one answer: within the"
                " datacenter, by the tunnel to a town hall, or from outside. TCP doubles the time"
                " until it asks again: where nothing passes for 3.3 s, it asks after 6 s. The goal"
                " is three announcements and a skew (ADR 0020); a connection is tried at least"
                " every 0.25 s, so that what is measured may be that much too long.",
                f"Of {talked.total()} connections were lost: {', '.join(losses) or 'none'}.",
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
