"""Try the full matrix on a deployed tenant: every port between every two servers.

Responsible for the whole run and its evidence: one JSON file and a line for each fault. Must not
judge (`infra.matrix.judge`) nor say what is allowed (`infra.plan.matrix`).
"""

import dataclasses
import datetime
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from infra.matrix.judge import Outcome, show_ports
from infra.operations.host_program import run_on_hosts
from infra.operations.management_path import ManagementPath, NoAnswerError
from infra.operations.matrix_sweep import Sweeps, find_forwarder
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs
from infra.plan.matrix import (
    GatewayError,
    Untried,
    find_untried,
    matrix_udp_ports,
    plan_rounds,
)
from infra.plan.model import Plan
from infra.plan.path import find_edges

MODULES = tuple(
    f"infra.matrix.{name}"
    for name in ("packet", "submission", "sender", "sensor", "ledger", "host")
)


def try_matrix(
    outputs: StackOutputs, path: ManagementPath, write: Callable[[str], None], evidence: Path
) -> list[Outcome]:
    """Sweep every pair that has a way.

    Args:
        outputs: of the stack.
        path: an open management path.
        write: prints one line.
        evidence: JSON file to write the outcomes to.

    Returns:
        One outcome a pair.

    Raises:
        VerifyError: when a filter lets pass what it must not, or does not let pass what it must,
            or the accounts do not add up, after the evidence is written; or a host is lost, or
            no edge holds the gateways.
    """
    started = time.monotonic()
    plan = outputs.plan
    outcomes: list[Outcome] = []
    try:
        with run_on_hosts(path, list(plan.servers), MODULES) as hosts:
            edge = find_forwarder(plan, hosts)
            rounds = plan_rounds(plan, edge)
            count = sum(map(len, rounds))
            sweeps = Sweeps(plan, hosts)
            for group in rounds:
                outcomes += sweeps.sweep(group)
                write(f"   {len(outcomes)} of {count} pairs")
    except NoAnswerError as error:
        message = (
            f"{error}. The matrix needs every host of the tenant until its end."
            " Look at that host and try again."
        )
        raise VerifyError(message) from error
    except GatewayError as error:
        message = (
            f"{plan.tenant}: {error}. The matrix is tried through the edge that forwards."
            " Look at keepalived on the edges and try again."
        )
        raise VerifyError(message) from error
    standby = [other for other in find_edges(plan) if other != edge]
    untried = find_untried(plan, edge)
    _write_evidence(plan, outcomes, untried, standby, time.monotonic() - started, evidence)
    for line in say_untried(untried, edge, standby):
        write(line)
    verdicts = [verdict for outcome in outcomes for verdict in outcome.verdicts]
    for verdict in verdicts:
        write(f"{verdict.kind.upper()} {verdict.line}")
    if verdicts:
        bad = sum(1 for outcome in outcomes if outcome.verdicts)
        message = (
            f"{evidence}: {bad} of {len(outcomes)} pairs are not as planned. Exactly the plan's"
            " flows must be open. Read the lines above and mend the cause."
        )
        raise VerifyError(message)
    return outcomes


def say_untried(untried: Sequence[Untried], edge: str, standby: Sequence[str]) -> Iterator[str]:
    """Tell what was not tried and why: one line a reason, with all its pairs."""
    for reason in dict.fromkeys(each.reason for each in untried):
        pairs = [f"{one.source} to {one.destination}" for one in untried if one.reason == reason]
        yield f"NOT TRIED {len(pairs)} pairs: {reason}: {', '.join(pairs)}"
    for other in standby:
        yield f"NOT TRIED the forward filter of {other}: {edge} held the gateways"


def _write_evidence(
    plan: Plan,
    outcomes: Sequence[Outcome],
    untried: Sequence[Untried],
    standby: Sequence[str],
    duration_s: float,
    evidence: Path,
) -> None:
    evidence.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "tenant": plan.tenant,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "duration_s": round(duration_s, 1),
        "udp_ports": list(matrix_udp_ports(plan)),
        "probes": sum(swept.sent for outcome in outcomes for swept in outcome.swept),
        "pairs": [
            {
                "source": outcome.source,
                "destination": outcome.destination,
                "open": outcome.open,
                "filters": [
                    dataclasses.asdict(swept)
                    | {
                        "passed": {
                            protocol: show_ports(ports) for protocol, ports in swept.passed.items()
                        }
                    }
                    for swept in outcome.swept
                ],
                "verdicts": [dataclasses.asdict(verdict) for verdict in outcome.verdicts],
            }
            for outcome in outcomes
        ],
        "untried": [dataclasses.asdict(one) for one in untried],
        "standby": standby,
    }
    partial = evidence.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n")
    partial.replace(evidence)
