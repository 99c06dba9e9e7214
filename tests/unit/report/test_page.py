"""The page is one sound document that needs nothing else, and says what was found.

That it looks right in a browser is not tested here.
"""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from infra.isolation.outcome import Findings
from infra.plan.model import Plan
from infra.report.case import CASES
from infra.report.page import Checks, render
from tests.unit.report.made import OWN, UNTESTED, make_findings, make_plan

PLAN = make_plan(12, 16)
CHECKS = Checks(time="2026-11-28T22:10:00+00:00", passed=79, total=80)
MATRIX = Checks(time="2026-11-28T22:20:00+00:00", passed=240, total=240)
VOID = {"meta", "br"}
"""Elements without an end tag, of those that the page uses."""


class _Document(HTMLParser):
    """Keep a page's text, ids and links, and refuse tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.references += [given[name] or "" for name in ("href", "src") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}>: nothing is open"
        assert self.open.pop() == tag, f"</{tag}>: closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def _page(plan: Plan = PLAN, findings: Findings | None = None, *, is_current: bool = True) -> str:
    return render(plan, findings or make_findings(plan), CHECKS, MATRIX, is_current=is_current)


def _words(page: str) -> str:
    return " ".join(" ".join(_Document(page).text).split())


def _first_page(page: str) -> str:
    return _words(re.search(r"<main.*</main>", page, re.DOTALL)[0])  # type: ignore[index]  # there is one


def test_tags_match_and_ids_are_unique() -> None:
    document = _Document(_page())
    assert len(document.ids) == len(set(document.ids))
    assert set(CASES) <= set(document.ids)


def test_page_refers_to_nothing_outside_itself() -> None:
    page = _page()
    document = _Document(page)
    assert {reference[1:] for reference in document.references} <= set(document.ids)
    assert not document.tags & {"script", "link", "img", "iframe", "object"}
    assert re.findall(r"\w+://[^\"' ]+", page) == ["http://www.w3.org/2000/svg"], (
        "a name, no address"
    )
    assert "url(" not in page
    assert "@import" not in page


def test_drawing_is_sound_and_shows_every_server_and_zone() -> None:
    svg = re.search(r"<svg.*</svg>", _page(), re.DOTALL)
    assert svg
    texts = {text for text in ElementTree.fromstring(svg[0]).itertext() if text.strip()}  # noqa: S314 (our own)
    assert set(PLAN.servers) <= texts
    assert {segment.zone for segment in PLAN.segments.values()} <= texts
    assert {"aalburg", "datacentrum", "vmotion"} <= texts


def test_every_case_token_capture_and_version_is_in_the_detail() -> None:
    findings = make_findings(PLAN, {"I07": "fail"})
    words = _words(_page(findings=findings))
    assert all(f"{case} {CASES[case].title}" in words for case in CASES)
    assert all(outcome.token in words for outcome in findings.outcomes if outcome.token)
    assert all(outcome.capture in words for outcome in findings.outcomes if outcome.capture)
    assert all(f"{tool} {version}" in words for tool, version in findings.tools.items())
    assert findings.deployed in words
    assert "TCP 22 came through, seen at eth0" in words


def test_success_is_said_first() -> None:
    first = _first_page(_page())
    assert "In orde Voor alles wat hier te toetsen was" in first
    assert "kwam er geen enkele door" in first
    assert "79 van 80 controles geslaagd" in first
    assert "240 van 240 verbindingen zoals afgesproken" in first


def test_one_failed_outcome_makes_the_whole_not_passed() -> None:
    page = _page(findings=make_findings(PLAN, {"I18": "fail"}))
    first = _first_page(page)
    assert re.search(r'<section class="verdict fail">\s*<strong>Niet in orde</strong>', page)
    assert "kwam er 1 door" in first
    assert CASES["I18"].title in first
    assert "7 pakketten aangekomen" in first


def test_inconclusive_is_never_said_to_be_passed() -> None:
    page = _page(findings=make_findings(PLAN, {"I18": "inconclusive"}))
    assert "<strong>Niet aangetoond</strong>" in page
    assert "<strong>In orde</strong>" not in page


def test_what_stays_unproven_is_on_the_first_page() -> None:
    first = _first_page(_page(findings=make_findings(PLAN, without=("I13",))))
    assert "zegt niets over de virtualisatielaag" in first
    assert all(case in first for case in UNTESTED)
    assert "Niet uitgevoerd, zonder opgaaf van reden: I13" in first


def test_an_unknown_reason_is_shown_as_the_suite_gives_it() -> None:
    findings = make_findings(PLAN)
    untested = findings.untested[0].model_copy(update={"reason": "a reason of tomorrow"})
    page = _page(findings=findings.model_copy(update={"untested": (untested,)}))
    assert "a reason of tomorrow (I05)" in _first_page(page)


def test_a_change_since_the_test_is_told_prominently() -> None:
    first = _first_page(_page(is_current=False))
    warning = first.index("Let op: na deze test is de omgeving veranderd")
    assert warning < first.index("aanvalspogingen van en naar")
    assert "Niet aangetoond" in first


def test_suites_that_were_not_run_are_said() -> None:
    first = _first_page(render(PLAN, make_findings(PLAN), None, None, is_current=True))
    assert "De werking van de eigen omgeving is niet getest" in first
    assert "controle van alle poorten tussen de eigen servers is niet uitgevoerd" in first


HOSTILE = "<script>alert('1')</script> & \"x\""


def test_hostile_words_stay_words() -> None:
    plan = make_plan(3, 5, name=HOSTILE)
    findings = make_findings(plan, {"I01": "fail"})
    end = findings.outcomes[0].target.model_copy(update={"tenant": HOSTILE, "zone": HOSTILE})
    hostile = findings.outcomes[0].model_copy(
        update={
            "target": end,
            "attack": HOSTILE,
            "detail": HOSTILE,
            "capture": HOSTILE,
            "token": HOSTILE,
        }
    )
    findings = findings.model_copy(
        update={"outcomes": (hostile, *findings.outcomes[1:]), "tools": {HOSTILE: HOSTILE}}
    )
    page = _page(plan, findings)
    assert "script" not in _Document(page).tags
    assert HOSTILE in _words(page)


def test_the_tag_rule_tells_a_fault() -> None:
    with pytest.raises(AssertionError, match="closes something else"):
        _Document("<p><b>x</p></b>")


def test_page_of_the_tenant_itself_names_no_municipality_for_its_own_servers() -> None:
    assert f"{OWN}, app" not in _words(_page())
