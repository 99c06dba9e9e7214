"""Load and compile records of 250 to 1,000 servers: is the growth linear, is it fast enough?

`python -m benchmarks.compilation`. The peer is the same program on a quarter of the record. It is
processor time that counts: nothing here waits, and the machine may have other work.
"""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.measurement import Bound, Comparison, Result, keep, take_turns
from benchmarks.record import write_record
from infra.reading import read_plan

SIZES = (250, 500, 1000)
FLOWS_PER_SERVER = 5
ROUNDS = 9


def main() -> None:
    """Measure and keep the result."""
    with tempfile.TemporaryDirectory() as name:
        folders = {
            size: write_record(
                Path(name) / str(size) / "maat", servers=size, flows=size * FLOWS_PER_SERVER
            )
            for size in SIZES
        }
        smallest, largest = SIZES[0], SIZES[-1]
        read_plan(folders[smallest])
        contenders = {f"{size} servers": _compilation(folders[size]) for size in SIZES}
        contenders["PyYAML"] = lambda: _processor_time(lambda: _parse(folders[largest]))
        series = take_turns(ROUNDS, contenders)
    keep(
        "compilation",
        Result(
            title="Load and compile a record of 1,000 servers, 5,000 flows, 100 applications",
            series=series,
            bounds=(Bound(what="1,000 servers", subject=f"{largest} servers", goal_s=2.0),),
            comparisons=(
                *(
                    Comparison(
                        what=f"{size} servers, against {size // smallest} times {smallest} servers",
                        subject=f"{size} servers",
                        peer=f"{smallest} servers",
                        scale=size // smallest,
                        goal=1.25,
                    )
                    for size in SIZES[1:]
                ),
                Comparison(
                    what="load and compile against PyYAML's CSafeLoader reading the same files",
                    subject=f"{largest} servers",
                    peer="PyYAML",
                ),
            ),
            notes=("Processor time.",),
        ),
    )


def _compilation(folder: Path) -> Callable[[], float]:
    return lambda: _processor_time(lambda: read_plan(folder))


def _parse(folder: Path) -> list[object]:
    return [
        yaml.load(file.read_text(), Loader=yaml.CSafeLoader)
        for file in sorted(folder.rglob("*.yaml"))
    ]


def _processor_time(work: Callable[[], object]) -> float:
    """Time work that does not pay for what the one before it left behind."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
