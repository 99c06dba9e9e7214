"""Verify a tenant over one shared connection a host, against a new connection for each check.

`python -m benchmarks.verification`.
"""

import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measurement import Comparison, Result, keep, seconds, take_turns
from benchmarks.tenant import deployed_tenant
from infra.operations.management_path import CONTROL_PREFIX, ManagementPath
from infra.operations.verify import verify
from infra.outputs import StackOutputs

ROUNDS = 3
SHARED = "one connection a host"
EACH = "one connection a check"


def main() -> None:
    """Measure and keep the result."""
    with deployed_tenant() as (outputs, path), tempfile.TemporaryDirectory() as folder:
        evidence = Path(folder) / "verify.json"
        # The first run of a process also pays for reading the tests.
        verify(outputs, path, lambda _: None, evidence)
        series = take_turns(
            ROUNDS,
            {
                SHARED: _verification(outputs, path, evidence),
                EACH: _verification(outputs, _without_sharing(path), evidence),
            },
        )
        checks, hosts = len(outputs.plan.checks), len(outputs.plan.servers)
    keep(
        "verification",
        Result(
            title=f"Verify {hosts} hosts by {checks} checks",
            series=series,
            comparisons=(
                Comparison(what=f"{SHARED} against {EACH}", subject=SHARED, peer=EACH, goal=1.0),
            ),
        ),
    )


def _verification(
    outputs: StackOutputs, path: ManagementPath, evidence: Path
) -> Callable[[], float]:
    return lambda: seconds(lambda: verify(outputs, path, lambda _: None, evidence))


def _without_sharing(path: ManagementPath) -> ManagementPath:
    """Give the same way in with a connection, and one to the bastion, for every command."""
    shared = f"ControlPath {path.folder}/{CONTROL_PREFIX}%C"
    text = path.ssh_config.read_text()
    if shared not in text:
        sys.exit(f"{path.ssh_config}: does not share connections. This benchmark is out of date.")
    other = path.folder / "ssh_config_each"
    other.write_text(text.replace(shared, "ControlPath none"))
    return dataclasses.replace(path, ssh_config=other)


if __name__ == "__main__":
    main()
