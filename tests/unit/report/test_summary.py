"""What the suite found is counted right, and only a whole success passes.

Does not prove that a verdict is right: the suite gave it.
"""

from typing import Any

import pytest

from infra.isolation.outcome import Untested
from infra.report.case import CASES, THEMES
from infra.report.summary import Summary, summarise
from tests.unit.report.made import UNTESTED, make_findings, make_plan

PLAN = make_plan(3, 5)


def _summary(*, is_current: bool = True, **further: Any) -> Summary:
    return summarise(make_findings(PLAN, **further), is_current=is_current)


def test_all_28_cases_are_known_and_each_is_in_one_theme() -> None:
    assert list(CASES) == [f"I{number:02}" for number in range(1, 29)]
    assert sorted(case for theme in THEMES for case in theme.cases) == list(CASES)


def test_everything_passed_is_a_pass() -> None:
    summary = _summary()
    assert summary.judgement == "pass"
    assert summary.packets.leaked == 0
    assert summary.untested_cases == len(UNTESTED)


def test_one_failed_attempt_fails_the_whole() -> None:
    summary = _summary(verdicts={"I21": "fail"})
    assert summary.judgement == "fail"
    assert (summary.packets.failed, summary.packets.leaked, summary.packets.arrived) == (1, 1, 7)


def test_a_failed_setting_is_no_traffic_that_came_through() -> None:
    summary = _summary(verdicts={"I28": "fail"})
    assert summary.judgement == "fail"
    assert summary.packets.failed == 0
    assert summary.layers["configuration only"].failed == 1


def test_one_inconclusive_attempt_keeps_the_whole_from_passing() -> None:
    summary = _summary(verdicts={"I01": "inconclusive"})
    assert summary.judgement == "inconclusive"
    assert summary.packets.decided == summary.packets.attempts - 1


def test_a_failure_outweighs_what_is_inconclusive() -> None:
    assert _summary(verdicts={"I01": "inconclusive", "I02": "fail"}).judgement == "fail"


def test_a_forgotten_case_keeps_the_whole_and_its_theme_from_passing() -> None:
    summary = _summary(without=("I09",))
    assert summary.judgement == "inconclusive"
    assert summary.missing == ("I09",)
    states = {result.theme.title: result.state for result in summary.themes}
    assert states["Meeluisteren"] == "inconclusive"


def test_what_changed_since_the_test_is_not_proven() -> None:
    assert _summary(is_current=False).judgement == "inconclusive"
    assert _summary(is_current=False, verdicts={"I01": "fail"}).judgement == "fail"


def test_nothing_tried_is_not_a_pass() -> None:
    summary = _summary(without=tuple(CASES))
    assert summary.judgement == "inconclusive"
    assert summary.packets.attempts == 0


def test_every_attempt_is_counted_once_in_each_table() -> None:
    findings = make_findings(PLAN, {"I04": "fail", "I12": "inconclusive"})
    summary = summarise(findings, is_current=True)
    total = len(findings.outcomes)
    assert sum(result.count.attempts for result in summary.cases) == total
    assert sum(result.count.attempts for result in summary.themes) == total
    assert sum(count.attempts for count in summary.layers.values()) == total
    assert sum(d.count.attempts for d in summary.directions) == summary.packets.attempts


@pytest.mark.parametrize(("case", "state"), [("I05", "untested"), ("I09", "pass")])
def test_a_case_that_could_not_be_tried_is_told_apart(case: str, state: str) -> None:
    states = {result.case: result.state for result in _summary().cases}
    assert states[case] == state


def test_failed_attempts_stand_first_in_their_case() -> None:
    findings = make_findings(PLAN, {"I01": "fail"})
    turned = findings.model_copy(update={"outcomes": findings.outcomes[::-1]})
    first = summarise(turned, is_current=True).cases[0].outcomes[0]
    assert first.verdict == "fail"


def test_the_providers_own_record_is_told_from_a_neighbour() -> None:
    ends = {(d.source, d.target): d.count.attempts for d in _summary().directions}
    provider = 9 * len({server.zone for server in PLAN.servers.values()})
    assert ends["own", "provider"] == provider
    assert set(ends) == {("own", "neighbour"), ("own", "provider")}


def test_settings_alone_do_not_make_the_whole_a_pass() -> None:
    findings = make_findings(PLAN)
    only = tuple(o for o in findings.outcomes if o.layer == "configuration only")
    untested = tuple(Untested(case=case, reason="a reason") for case in CASES)
    alone = findings.model_copy(update={"outcomes": only, "untested": untested})
    summary = summarise(alone, is_current=True)
    assert {outcome.verdict for outcome in only} == {"pass"}
    assert not summary.missing
    assert summary.judgement == "inconclusive"
