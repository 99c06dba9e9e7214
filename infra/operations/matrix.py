"""Try the full matrix on a deployed tenant: every port between every two servers.

Responsible for the whole run and its evidence: one JSON file and a line for each fault. Must not
judge (`infra.matrix.judge`) nor say what is allowed (`infra.plan.matrix`).
"""

import dataclasses
import datetime
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.matrix.judge import Outcome, show_ports
from infra.operations.host_program import run_on_hosts
from infra.operations.management_path import ManagementPath, NoAnswerError
from infra.operations.matrix_sweep import Sweeps
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs
from infra.plan.matrix import find_edges, find_untried, matrix_udp_ports, plan_rounds
from infra.plan.model import Plan

MODULES = tuple(f"infra.matrix.{name}" for name in ("packet", "sender", "sensor", "host"))


def try_matrix(
    outputs: StackOutputs, path: ManagementPath, write: Callable[[str], None], evidence: Path
) -> list[Outcome]:
    """Sweep every pair between which there is no site's router.

    Args:
        outputs: of the stack.
        path: an open management path.
        write: prints one line.
        evidence: JSON file to write the outcomes to.

    Returns:
        One outcome a pair.

    Raises:
        VerifyError: when a filter lets pass what it must not, or does not let pass what it must,
            or the accounts do not add up, or a host is lost; after the evidence is written.
    """
    started = time.monotonic()
    plan = outputs.plan
    outcomes: list[Outcome] = []
    try:
        edge = find_holder(plan, path)
        rounds = plan_rounds(plan, edge)
        count = sum(map(len, rounds))
        with run_on_hosts(path, list(plan.servers), MODULES) as hosts:
            sweeps = Sweeps(plan, hosts, edge)
            for group in rounds:
                outcomes += sweeps.sweep(group)
                write(f"   {len(outcomes)} of {count} pairs")
    except NoAnswerError as error:
        message = (
            f"{error}. The matrix needs every host of the tenant until its end."
            " Look at that host and try again."
        )
        raise VerifyError(message) from error
    _write_evidence(plan, edge, outcomes, time.monotonic() - started, evidence)
    for partner in _find_partners(plan, edge):
        write(f"NOT TRIED the forward filter of {partner}: {edge} holds the gateways")
    if untried := find_untried(plan):
        write(f"NOT TRIED {len(untried)} pairs with a site's router between them: {evidence}")
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


def find_holder(plan: Plan, path: ManagementPath) -> str:
    """Find the edge that forwards: the only one, or of a pair the one that holds the gateways.

    Raises:
        NoAnswerError: when an edge of a pair does not answer.
        VerifyError: when neither holds all gateways.
    """
    edges = find_edges(plan)
    if len(edges) == 1:
        return edges[0]
    gateways = {segment.gateway for segment in plan.segments.values()}
    for edge in edges:
        try:
            found = path.ask(edge, "ip -brief -4 address show").split()
        except NoAnswerError as error:
            message = f"{edge}: {error}"
            raise NoAnswerError(message) from error
        if gateways <= {word.partition("/")[0] for word in found}:
            return edge
    message = (
        f"{' and '.join(edges)}: neither holds all gateways. One of a pair must."
        " Look at keepalived there and try again."
    )
    raise VerifyError(message)


def _find_partners(plan: Plan, edge: str) -> list[str]:
    """Give the edge of a pair that does not hold the gateways; nothing when there is but one."""
    return [other for other in find_edges(plan) if other != edge]


def _write_evidence(
    plan: Plan, edge: str, outcomes: Sequence[Outcome], duration_s: float, evidence: Path
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
        "untried": find_untried(plan),
        "untried_edges": _find_partners(plan, edge),
    }
    partial = evidence.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n")
    partial.replace(evidence)
