"""Try the full matrix between 16 hosts, in a lab where all of them share the cores.

`python -m benchmarks.matrix`.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measurement import Bound, Result, keep, seconds, take_turns
from benchmarks.record import write_record
from benchmarks.tenant import LAYOUT, bring_up_lab
from infra.operations.management_path import ManagementPath
from infra.operations.matrix import try_matrix
from infra.outputs import StackOutputs
from infra.plan.matrix import plan_pairs
from lab.cgroup.tree import read_statistic
from tests.lab.site import open_stack
from tests.lab.tenant import run_tenant

TENANT = "maat"
BASTION = "10.255.0.213"
HOSTS = 16
FLOWS = 40

ROUNDS = 3

_GROUPS = Path("/sys/fs/cgroup")


def main() -> None:
    """Measure and keep the result."""
    bring_up_lab()
    with tempfile.TemporaryDirectory() as folder, _open(Path(folder)) as (outputs, path):
        evidence = Path(folder) / "evidence.json"
        pairs = plan_pairs(outputs.plan)
        forwarded = sum(bool(pair.passages) for pair in pairs)
        matrix = f"the matrix of {len(pairs)} pairs"
        spent: list[float] = []

        def measure() -> float:
            before = _processor_s()
            taken = seconds(lambda: try_matrix(outputs, path, _unheard, evidence))
            spent.append(round(_processor_s() - before, 4))
            return taken

        series = take_turns(ROUNDS, {matrix: measure})
        series |= {"processor time of the hosts in it": spent}
    keep(
        "matrix",
        Result(
            title=f"Try every port between {HOSTS} hosts",
            series=series,
            bounds=(Bound(what=f"{len(pairs)} pairs", subject=matrix, goal_s=90),),
            notes=(
                "A pair is 65,535 TCP ports and some UDP ports at each filter on its way:"
                f" three for {forwarded} of the pairs, two where no edge is between. In the lab"
                " all hosts share the cores; what limits is the kernel's way from a sender"
                " through a bridge to the filter, 2 to 6 µs of one core a probe. Other work on the"
                " machine makes the time much longer, and the processor time by some: caches are"
                " shared. Two cores that do nothing else need at least half of the latter. The edge"
                " has two processors, so that both cores send for it.",
            ),
        ),
    )


@contextmanager
def _open(records: Path) -> Iterator[tuple[StackOutputs, ManagementPath]]:
    """Bring up a tenant of its own, without the code of any application."""
    record = write_record(records / TENANT, servers=HOSTS, flows=FLOWS) / "tenant.yaml"
    (record.parent / "applications" / "toepassing001.yaml").unlink()
    with open_stack(LAYOUT, record, bastion=BASTION) as site:
        site.stack.deploy("up", "--yes", "--skip-preview")
        run_tenant("configure", TENANT, "--stack", site.stack.name)
        with site.path() as path:
            yield site.stack.outputs(), path


def _processor_s() -> float:
    """Read the processor time of all hosts of the lab: what version 1 or 2 of cgroups counted."""
    legacy = _GROUPS / "cpuacct" / f"lab-{LAYOUT.name}" / "cpuacct.usage"
    if legacy.exists():
        return int(legacy.read_text()) / 1e9
    told = _GROUPS / "lab.slice" / f"lab-{LAYOUT.name}.slice" / "cpu.stat"
    return read_statistic(told, "usage_usec") / 1e6


def _unheard(_line: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    main()
