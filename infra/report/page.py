"""Write the report: one HTML page for the municipality's secretary, then the adviser's detail.

Pure: everything in, text out. Must not count (`summary.py`), choose words (`dutch.py`,
`case.py`, `phrase.py`) or compute places (`topology.py`). The result refers to nothing outside
itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from infra.isolation.outcome import End, Findings, Layer, Outcome
from infra.plan.matrix import Untried
from infra.plan.model import Plan
from infra.report import dutch
from infra.report.case import CASES
from infra.report.packing import PAD
from infra.report.phrase import say_phrase
from infra.report.summary import Summary, summarise
from infra.report.topology import WIDTH, Surrounding, lay_out
from infra.report.traffic import tabulate

FIRST_PAGE_LEAKS = 4
"""How many attempts that did not pass the first page tells; the detail has all."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """How many of another suite's claims hold. time: ISO 8601 with zone."""

    time: str
    passed: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """Attempts that differ in their target alone: the same packets, listened for at several.

    outcome: of the first target.
    """

    outcome: Outcome
    targets: tuple[End, ...]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """Attempts of one case that did the same, from and to other ends. controls: their names."""

    attack: str
    layer: Layer
    controls: tuple[str, ...]
    rows: tuple[Row, ...]


def render(
    plan: Plan,
    findings: Findings,
    checks: Checks | None,
    matrix: Checks | None,
    untried: Sequence[Untried] = (),
    standby: Sequence[str] = (),
    *,
    is_current: bool,
) -> str:
    """Write the whole report.

    Args:
        plan: what is deployed.
        findings: of the isolation suite.
        checks: of `tenant verify`; None when that was not run.
        matrix: pairs of servers with exactly the planned ports; None when that was not run.
        untried: pairs of servers between which the matrix tried nothing.
        standby: edges whose forwarding the matrix did not try.
        is_current: whether what is deployed now is what was tested.

    Returns:
        An HTML document in UTF-8 without any reference to something outside it.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": dutch.say_number,
        "moment": dutch.say_time,
        "duration": dutch.say_duration,
        "dutch": say_phrase,
    }
    summary = summarise(findings, is_current=is_current)
    return environment.get_template("report.html.j2").render(
        plan=plan,
        findings=findings,
        checks=checks,
        matrix=matrix,
        untried=_by_reason(untried),
        standby=standby,
        is_current=is_current,
        summary=summary,
        leaks=_leaks(summary),
        leaks_shown=FIRST_PAGE_LEAKS,
        captures={result.case: _captures(result.outcomes) for result in summary.cases},
        attacks={result.case: _group(result.outcomes) for result in summary.cases},
        reasons=_reasons(findings),
        all_cases=CASES,
        words=dutch,
        say_ends=lambda ends: _say_ends(ends, findings.tenant),
        drawing=lay_out(plan, _surroundings(findings)),
        traffic=tabulate(plan),
        width=WIDTH,
        pad=PAD,
        levels=dutch.LEVELS,
    )


def _leaks(summary: Summary) -> list[Outcome]:
    """Give the attempts that did not pass, failed ones first."""
    outcomes = [outcome for result in summary.cases for outcome in result.outcomes]
    failed = [outcome for outcome in outcomes if outcome.verdict == "fail"]
    return failed + [outcome for outcome in outcomes if outcome.verdict == "inconclusive"]


def _group(outcomes: Iterable[Outcome]) -> list[Attack]:
    attacks: dict[tuple[str, Layer], dict[str, list[Outcome]]] = {}
    for outcome in outcomes:
        rows = attacks.setdefault((outcome.attack, outcome.layer), {})
        rows.setdefault(outcome.model_dump_json(exclude={"target", "capture"}), []).append(outcome)
    return [
        Attack(
            attack=attack,
            layer=layer,
            controls=tuple(
                dict.fromkeys(name for (same, *_) in rows.values() for name in same.controls)
            ),
            rows=tuple(
                Row(outcome=same[0], targets=tuple(outcome.target for outcome in same))
                for same in rows.values()
            ),
        )
        for (attack, layer), rows in attacks.items()
    ]


def _captures(outcomes: Iterable[Outcome]) -> list[str]:
    return sorted({outcome.capture for outcome in outcomes if outcome.capture})


def _reasons(findings: Findings) -> dict[str, list[str]]:
    """Give the cases by the reason for which they could not be tried."""
    reasons: dict[str, list[str]] = {}
    for entry in findings.untested:
        cases = reasons.setdefault(entry.reason, [])
        if entry.case not in cases:
            cases.append(entry.case)
    return reasons


def _by_reason(untried: Iterable[Untried]) -> dict[str, list[Untried]]:
    """Group pairs by the reason for which they were not tried."""
    reasons: dict[str, list[Untried]] = {}
    for each in untried:
        reasons.setdefault(each.reason, []).append(each)
    return reasons


def _say_ends(ends: Iterable[End], tenant: str) -> str:
    """Name ends, grouped by tenant and zone: `app: app01, app02; aalburg, data: db01`."""
    servers: dict[str, list[str]] = {}
    for end in ends:
        place = end.zone if end.tenant == tenant else f"{end.tenant}, {end.zone}"
        servers.setdefault(place, []).extend([end.server] if end.server else [])
    return "; ".join(
        f"{place}: {', '.join(names)}" if names else place for place, names in servers.items()
    )


def _surroundings(findings: Findings) -> list[Surrounding]:
    """Give the networks of others that the attempts came from or went to."""
    networks: dict[str, set[str]] = {}
    for outcome in findings.outcomes:
        for end in (outcome.source, outcome.target):
            # An end without a server is no network: the provider's vCenter.
            if end.server and end.tenant != findings.tenant:
                networks.setdefault(end.tenant, set()).add(end.zone)
    return [
        Surrounding(title=tenant, networks=tuple(sorted(zones)))
        for tenant, zones in sorted(networks.items())
    ]
