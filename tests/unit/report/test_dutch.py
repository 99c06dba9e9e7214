"""Everything that the suite can say has Dutch words."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from infra.isolation.border import BORDER_UNTESTED
from infra.isolation.compile import PARTS_UNTESTED
from infra.isolation.outcome import Family, Layer, Verdict
from infra.record.model import Level
from infra.report import dutch
from infra.report.case import CASES, THEMES
from infra.report.reason import REASONS
from infra.report.summary import Count, Side, State, summarise
from tests.unit.report.made import make_findings, make_plan

PLAN = make_plan(3, 5)
VERDICTS = get_args(Verdict)
STATES = [word for part in get_args(State) for word in get_args(part) or (part,)]
LEVELS = get_args(get_args(Level)[0])
TOOLS = ("vcenter", "esxi", "vsphere", "scapy", "nmap", "nftables", "pulumi", "ansible", "tcpdump")


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (dutch.STATES, STATES),
        (dutch.JUDGEMENTS, VERDICTS),
        (dutch.EXPLANATIONS, VERDICTS),
        (dutch.LAYERS, get_args(Layer)),
        (dutch.LAYER_MEANINGS, get_args(Layer)),
        (dutch.FAMILIES, get_args(Family)),
        (dutch.SIDES, get_args(Side)),
        (dutch.LEVELS, LEVELS),
    ],
)
def test_every_word_of_the_evidence_has_dutch_words(words: dict[Any, str], keys: Any) -> None:
    assert set(words) == set(keys)
    assert all(words.values())


def test_every_reason_that_the_suite_always_gives_has_dutch_words() -> None:
    assert {entry.reason for entry in (*PARTS_UNTESTED, BORDER_UNTESTED)} <= set(REASONS)


@pytest.mark.parametrize("case", CASES)
def test_every_case_says_what_was_tried_and_expected_in_sentences(case: str) -> None:
    words = CASES[case]
    assert words.title
    assert words.tried.endswith(".")
    assert words.expected.endswith(".")


def test_no_tool_is_named_to_the_secretary() -> None:
    told = [f"{theme.title} {theme.tried}" for theme in THEMES]
    told += [*dutch.EXPLANATIONS.values(), *dutch.LAYER_MEANINGS.values(), dutch.UNPROVEN]
    told += REASONS.values()
    named = [tool for tool in TOOLS if tool in " ".join(told).lower()]
    assert not named


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (
            {},
            "Van 207 aanvalspogingen van en naar andere netwerken kwam er geen enkele door; 1 van"
            " de 28 soorten aanvallen was in deze omgeving niet of maar deels te toetsen.",
        ),
        (
            {"I01": "fail"},
            "Van 207 aanvalspogingen van en naar andere netwerken kwam er 1 door; 1 van de 28"
            " soorten aanvallen was in deze omgeving niet of maar deels te toetsen.",
        ),
        (
            {"I01": "inconclusive"},
            "Van 206 aanvalspogingen van en naar andere netwerken kwam er geen enkele door; van"
            " nog eens 1 aanvalspoging staat niet vast of er iets aankwam; 1 van de 28 soorten"
            " aanvallen was in deze omgeving niet of maar deels te toetsen.",
        ),
    ],
)
def test_the_result_is_one_sentence(verdicts: dict[str, Verdict], sentence: str) -> None:
    summary = summarise(make_findings(PLAN, verdicts), is_current=True)
    assert dutch.say_result(summary) == sentence


@pytest.mark.parametrize(
    ("failed", "leaked", "said"),
    [
        (2, 2, "kwamen er 2 door"),
        (1, 0, "kwam er geen enkele door, maar 1 is om een andere reden niet in orde"),
        (2, 0, "kwam er geen enkele door, maar 2 zijn om een andere reden niet in orde"),
    ],
)
def test_what_failed_is_said_with_its_number(failed: int, leaked: int, said: str) -> None:
    packets = Count(passed=8, failed=failed, inconclusive=0, leaked=leaked, arrived=leaked)
    summary = replace(summarise(make_findings(PLAN), is_current=True), packets=packets)
    assert f" van en naar andere netwerken {said}; " in dutch.say_result(summary)


def test_nothing_sent_is_not_told_as_nothing_arrived() -> None:
    summary = summarise(make_findings(PLAN, without=tuple(CASES)), is_current=True)
    assert dutch.say_result(summary).startswith("Er is geen verkeer verstuurd")


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (999, "999"), (1234567, "1.234.567")])
def test_numbers_have_points_between_thousands(number: int, said: str) -> None:
    assert dutch.say_number(number) == said


def test_a_moment_is_said_with_its_zone() -> None:
    assert dutch.say_time("2026-03-01T07:05:00+00:00") == "1 maart 2026, 7.05 uur (UTC)"


@pytest.mark.parametrize(("duration_s", "said"), [(59.4, "59 s"), (143.6, "2 min 24 s")])
def test_a_duration_is_said_in_minutes_and_seconds(duration_s: float, said: str) -> None:
    assert dutch.say_duration(duration_s) == said
