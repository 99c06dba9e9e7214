"""Verify a tenant's isolation: attack its neighbours, the provider and itself, and judge.

Responsible for the run as a whole: who takes part, what is told, how it ends.
"""

import datetime
import importlib.metadata
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from infra.isolation.border import BORDER_UNTESTED, is_border_tried
from infra.isolation.compile import compile_campaign
from infra.isolation.ground import find_uplinks, survey
from infra.isolation.judge import judge
from infra.isolation.outcome import Findings, Outcome, Untested
from infra.operations.endpoint import EndpointError, check_endpoint
from infra.operations.isolation.configuration import examine_configuration
from infra.operations.isolation.evidence import write_captures, write_findings
from infra.operations.isolation.neighbour import find_neighbours
from infra.operations.isolation.session import Sessions, open_session
from infra.operations.isolation.sweep import Sweep
from infra.operations.management_path import (
    ManagementPath,
    await_bastion,
    open_management_path,
)
from infra.operations.stack import Stack
from infra.operations.stack_config import read_config
from infra.operations.vcenter import FAILURES
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs
from infra.record.place import folder_of
from infra.record.surroundings import read_provider

RUN_BYTES = 4


def verify_isolation(
    stack: Stack,
    outputs: StackOutputs,
    path: ManagementPath,
    write: Callable[[str], None],
    evidence: Path,
) -> Findings:
    """Run every attack case that this environment can try, and read vCenter for the others.

    Args:
        stack: of the tenant under test.
        outputs: of that stack.
        path: an open way into it.
        write: prints one line.
        evidence: JSON file to write the findings to; captures come beside it.

    Raises:
        VerifyError: when an outcome is no pass or no border was tried, after the evidence is
            written.
        EndpointError: the vCenter cannot be asked.
    """
    began = time.monotonic()
    config = read_config(stack)
    check_endpoint(config)
    provider = read_provider(folder_of(outputs.plan.tenant))
    neighbours, absent = find_neighbours(stack)
    names = ", ".join(neighbour.stack.name for neighbour in neighbours) or "none"
    write(f"   other tenants on this datacenter: {names}")
    run = secrets.token_hex(RUN_BYTES)
    with ExitStack() as opened:
        paths = [(outputs, path)]
        for neighbour in neighbours:
            way = opened.enter_context(
                open_management_path(neighbour.outputs, neighbour.stack.name)
            )
            await_bastion(neighbour.outputs, way, write)
            paths.append((neighbour.outputs, way))
        sessions = Sessions(
            opened.enter_context(open_session(way, (one.plan.tenant, server)))
            for one, way in paths
            for server in one.plan.servers
        )
        sweep = Sweep(sessions)
        uplinks = {
            host: devices for one, _ in paths for host, devices in find_uplinks(one.plan).items()
        }
        addresses = sweep.listen(run, uplinks)
        others = [neighbour.outputs for neighbour in neighbours]
        ground = survey(outputs, others, provider, addresses)
        campaign = compile_campaign(ground, run)
        write(
            f"   {len(campaign.trials)} attempts and {len(campaign.inquiries)} questions from"
            f" {len(ground.sources)} places, {len(ground.hosts)} hosts listen"
        )
        reports = sweep.carry_out(campaign)
    for reason in sessions.lost.values():
        write(reason)
    findings = Findings(
        tenant=outputs.plan.tenant,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        deployed=outputs.fingerprint,
        tools={name: importlib.metadata.version(name) for name in ("municipal-cloud", "scapy")},
        duration_s=round(time.monotonic() - began, 1),
        outcomes=(*judge(ground, campaign, reports), *_examine(config, outputs)),
        untested=(*campaign.untested, *_absent(absent)),
    )
    write_captures(reports, evidence.parent)
    write_findings(findings, evidence)
    for line in summarise(findings):
        write(line)
    conclude(findings, evidence)
    return findings


def conclude(findings: Findings, evidence: Path) -> None:
    """Refuse to call passed what is not.

    Raises:
        VerifyError: when an outcome is no pass, or no border of the tenant was tried at all.
    """
    bad = [outcome for outcome in findings.outcomes if outcome.verdict != "pass"]
    if bad:
        message = (
            f"{evidence}: {len(bad)} of {len(findings.outcomes)} outcomes are no pass. Every"
            " attempt must be shown to fail. Read the lines above and mend the cause."
        )
        raise VerifyError(message)
    if not is_border_tried(findings):
        message = (
            f"{evidence}: inconclusive: {BORDER_UNTESTED.reason}; all {len(findings.outcomes)}"
            " outcomes passed, but none tells of packets across a border of the tenant. At least"
            " one border must be attacked. Deploy a second zone with a server in it, or another"
            " tenant on this datacenter, and try again."
        )
        raise VerifyError(message)


def _examine(config: Mapping[str, str], outputs: StackOutputs) -> list[Outcome]:
    try:
        return examine_configuration(config, outputs)
    except FAILURES as error:
        fault = f"fails while its configuration is read: {type(error).__name__}: {error}."
        raise EndpointError(config["vsphere:vsphereServer"], fault) from error


def _absent(stacks: Sequence[str]) -> Iterator[Untested]:
    for name in stacks:
        yield Untested(case="I01", reason=f"stack {name} is on this datacenter but not deployed")


def summarise(findings: Findings) -> Iterator[str]:
    """Tell each case in one line, and each outcome that is no pass in one of its own."""
    cases: dict[str, list[Outcome]] = {}
    for outcome in findings.outcomes:
        cases.setdefault(outcome.case, []).append(outcome)
    for case, outcomes in sorted(cases.items()):
        verdicts = Counter(outcome.verdict for outcome in outcomes)
        counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
        layers = ", ".join(sorted({outcome.layer for outcome in outcomes}))
        yield f"{case:12} {counts} ({layers})"
    for outcome in findings.outcomes:
        if outcome.verdict != "pass":
            source, target = outcome.source, outcome.target
            yield (
                f"{outcome.verdict.upper()} {outcome.case} from {source.tenant}/{source.server}"
                f" ({source.zone}) to {target.tenant}/{target.server}: {outcome.attack}:"
                f" {outcome.detail}"
            )
    for part in findings.untested:
        yield f"UNTESTED {part.case}: {part.reason}"
