"""Boot hosts: from the order to clone and power on until ssh lets the management account in.

`python -m benchmarks.boot`, in the benchmarks' lab.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pyVmomi import vim

from benchmarks.measurement import Comparison, Result, keep, seconds, take_turns
from benchmarks.tenant import LAYOUT, bring_up_lab
from infra.record.service import MANAGEMENT_ACCOUNT
from lab.fabric import namespace
from lab.process import until
from tests.lab.estate import Estate, NicWish, make_key, wait

ROUNDS = 3
COUNTS = (1, 5, 12)
FIRST_ADDRESS = 101
PATIENCE_S = 120


def main() -> None:
    """Measure and keep the result."""
    bring_up_lab()
    with tempfile.TemporaryDirectory() as folder:
        estate = Estate(LAYOUT, make_key(Path(folder)))
        try:
            series = take_turns(ROUNDS, {_name(count): _boot(estate, count) for count in COUNTS})
        finally:
            estate.close()
    keep(
        "boot",
        Result(
            title="Boot hosts: from the clone to ssh",
            series=series,
            comparisons=tuple(
                Comparison(
                    what=f"{_name(count)} at once against {count} times 1 host",
                    subject=_name(count),
                    peer=_name(1),
                    scale=count,
                )
                for count in COUNTS[1:]
            ),
            notes=("The time is that of the last host. A boot is work for the processor.",),
        ),
    )


def _name(count: int) -> str:
    return "1 host" if count == 1 else f"{count} hosts"


def _boot(estate: Estate, count: int) -> Callable[[], float]:
    def measure() -> float:
        network = estate.find(vim.dvs.DistributedVirtualPortgroup, "provider-management")
        legs = {
            f"boot{number:02}": NicWish(
                network,
                f"00:50:56:02:00:{number:02x}",
                f"10.255.0.{FIRST_ADDRESS + number}/24",
            )
            for number in range(count)
        }
        machines: list[Any] = []
        try:
            return seconds(lambda: _clone_and_reach(estate, legs, machines))
        finally:
            for machine in machines:
                wait(machine.PowerOffVM_Task())
                wait(machine.Destroy_Task())

    return measure


def _clone_and_reach(estate: Estate, legs: dict[str, NicWish], machines: list[Any]) -> None:
    machines += [estate.clone(name, [leg]) for name, leg in legs.items()]
    with ThreadPoolExecutor(len(legs)) as pool:
        list(pool.map(lambda leg: _reach(estate, leg.address.partition("/")[0]), legs.values()))


def _reach(estate: Estate, address: str) -> None:
    enter = f"nsenter --net={namespace.path(estate.layout.provider)} nc -N %h %p"
    for _ in until(PATIENCE_S):
        done = subprocess.run(
            [
                "ssh", "-i", estate.key,
                "-o", f"ProxyCommand={enter}",
                "-o", "StrictHostKeyChecking=no",
                "-o", "UserKnownHostsFile=/dev/null",
                "-o", "BatchMode=yes",
                "-o", "ConnectTimeout=5",
                "-o", "LogLevel=ERROR",
                f"{MANAGEMENT_ACCOUNT}@{address}", "true",
            ],
            capture_output=True,
            check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return
    sys.exit(f"{address}: ssh does not get in within {PATIENCE_S} s: {done.stderr.decode()}")


if __name__ == "__main__":
    main()
