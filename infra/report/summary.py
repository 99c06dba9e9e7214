"""Count what the isolation suite found, and judge the whole.

Must not choose words (`dutch.py` does) nor judge an attempt (its verdict stands in the evidence).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from infra.isolation.border import is_border_tried
from infra.isolation.outcome import End, Findings, Layer, Outcome, Untested, Verdict
from infra.report.case import CASES, THEMES, Theme

State = Verdict | Literal["untested", "missing"]
"""Of a case. missing: neither tried nor said to be untestable; it was forgotten."""

Side = Literal["own", "neighbour", "provider"]
"""Whose network one end of an attempt is in."""

PROVIDER = "provider"
"""The tenant that an `End` names when it is the provider's vCenter."""

PROVIDERS_CASE = "I19"
"""Tried only in networks of the provider: its targets are of the provider's own record."""

LAYERS: tuple[Layer, ...] = get_args(Layer)


@dataclass(frozen=True, kw_only=True)
class Count:
    """Attempts by verdict. leaked: not passed, and packets arrived; arrived: those packets."""

    passed: int
    failed: int
    inconclusive: int
    leaked: int
    arrived: int

    @property
    def attempts(self) -> int:
        """All attempts."""
        return self.passed + self.failed + self.inconclusive

    @property
    def decided(self) -> int:
        """Attempts whose controls succeeded, so that they prove something."""
        return self.passed + self.failed


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What became of one case. outcomes: failed ones first, then inconclusive, then passed."""

    case: str
    state: State
    layers: tuple[Layer, ...]
    count: Count
    outcomes: tuple[Outcome, ...]
    untested: tuple[Untested, ...]


@dataclass(frozen=True, kw_only=True)
class ThemeResult:
    """What became of a theme's cases. state: the worst of them, of those that were tried."""

    theme: Theme
    state: State
    count: Count


@dataclass(frozen=True, kw_only=True)
class Direction:
    """Attempts with packets from one side to another."""

    source: Side
    target: Side
    count: Count


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All figures of the report. packets: attempts that sent any, so not configuration only."""

    judgement: Verdict
    packets: Count
    cases: tuple[CaseResult, ...]
    themes: tuple[ThemeResult, ...]
    directions: tuple[Direction, ...]
    layers: dict[Layer, Count]
    untested: tuple[Untested, ...]
    missing: tuple[str, ...]

    @property
    def untested_cases(self) -> int:
        """Cases of which at least a part could not be tried here."""
        return len({entry.case for entry in self.untested})


def summarise(findings: Findings, *, is_current: bool) -> Summary:
    """Count and judge.

    Args:
        findings: of one run of the suite.
        is_current: whether what is deployed now is what was tested.

    Returns:
        A summary that passes only when every case was tried or said to be untestable, every
        attempt passed, a border was tried by packets, and nothing changed since.
    """
    cases = tuple(_case(case, findings) for case in CASES)
    missing = tuple(result.case for result in cases if result.state == "missing")
    with_packets = [o for o in findings.outcomes if o.layer != "configuration only"]
    judgement = _worst(outcome.verdict for outcome in findings.outcomes)
    if judgement == "pass" and (missing or not is_current or not is_border_tried(findings)):
        judgement = "inconclusive"
    return Summary(
        judgement=judgement,
        packets=_count(with_packets),
        cases=cases,
        themes=tuple(_theme(theme, cases) for theme in THEMES),
        directions=_directions(findings, with_packets),
        layers={
            layer: _count(o for o in findings.outcomes if o.layer == layer) for layer in LAYERS
        },
        untested=findings.untested,
        missing=missing,
    )


def _count(outcomes: Iterable[Outcome]) -> Count:
    listed = list(outcomes)

    def having(is_counted: Callable[[Outcome], bool]) -> int:
        return sum(1 for outcome in listed if is_counted(outcome))

    return Count(
        passed=having(lambda o: o.verdict == "pass"),
        failed=having(lambda o: o.verdict == "fail"),
        inconclusive=having(lambda o: o.verdict == "inconclusive"),
        leaked=having(lambda o: o.verdict != "pass" and o.arrived > 0),
        # Of a passed attempt packets may arrive where they should, at a server of its own.
        arrived=sum(o.arrived for o in listed if o.verdict != "pass"),
    )


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Give fail if there is one; pass only for at least one attempt, all of them passed."""
    found = set(verdicts)
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "inconclusive"


_ORDER: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")


def _case(case: str, findings: Findings) -> CaseResult:
    outcomes = [outcome for outcome in findings.outcomes if outcome.case == case]
    untested = tuple(entry for entry in findings.untested if entry.case == case)
    state: State = "untested" if untested else "missing"
    if outcomes:
        state = _worst(outcome.verdict for outcome in outcomes)
    used = {outcome.layer for outcome in outcomes}
    return CaseResult(
        case=case,
        state=state,
        layers=tuple(layer for layer in LAYERS if layer in used),
        count=_count(outcomes),
        outcomes=tuple(sorted(outcomes, key=lambda o: _ORDER.index(o.verdict))),
        untested=untested,
    )


def _theme(theme: Theme, cases: Iterable[CaseResult]) -> ThemeResult:
    results = [result for result in cases if result.case in theme.cases]
    outcomes = [outcome for result in results for outcome in result.outcomes]
    state: State = "untested"
    if any(result.state == "missing" for result in results):
        state = "missing"
    if outcomes:
        verdict = _worst(outcome.verdict for outcome in outcomes)
        # A theme with a forgotten case has not passed as a whole.
        state = "inconclusive" if verdict == "pass" and state == "missing" else verdict
    return ThemeResult(theme=theme, state=state, count=_count(outcomes))


def _directions(findings: Findings, outcomes: Iterable[Outcome]) -> tuple[Direction, ...]:
    providers = {PROVIDER} | {
        outcome.target.tenant for outcome in findings.outcomes if outcome.case == PROVIDERS_CASE
    }

    def side_of(end: End) -> Side:
        if end.tenant == findings.tenant:
            return "own"
        return "provider" if end.tenant in providers else "neighbour"

    found: dict[tuple[Side, Side], list[Outcome]] = {}
    for outcome in outcomes:
        ends = side_of(outcome.source), side_of(outcome.target)
        found.setdefault(ends, []).append(outcome)
    sides: tuple[Side, ...] = get_args(Side)
    return tuple(
        Direction(source=source, target=target, count=_count(found[source, target]))
        for source in sides
        for target in sides
        if (source, target) in found
    )
