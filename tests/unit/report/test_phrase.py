"""Every phrase that the isolation suite can say has Dutch words: its own source is read for them.

Does not prove that the Dutch is good.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.isolation.outcome import Findings, Untested
from infra.operations.isolation.switch import _OVERRIDES, _POLICIES
from infra.operations.stack import ROOT
from infra.report.page import render
from infra.report.phrase import PHRASES, say_phrase
from tests.unit.report.made import make_findings, make_plan

SUITE = [*(ROOT / "infra" / "isolation").rglob("*.py")]
SUITE += [*(ROOT / "infra" / "operations" / "isolation").glob("*.py")]
FAULTS = {"configuration.py", "port_group.py"}
"""Modules in `infra.isolation` whose generators yield what is wrong."""

WORDS = {"attack", "reason"}
"""Arguments that are phrases, by name."""


def _texts(node: ast.expr | None) -> list[str]:
    """Give what an expression can say; 7 stands for what a run fills in."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(str(p.value) if isinstance(p, ast.Constant) else "7" for p in parts)]
        case ast.IfExp(body=one, orelse=other):
            return [*_texts(one), *_texts(other)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [one + other for one in _texts(left) for other in _texts(right)]
    return []


def _phrases(source: str, *, has_faults: bool = False) -> Iterator[str]:
    """Give the attacks, reasons, controls and faults that a module can say."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg=name, value=value) if name in WORDS:
                yield from _texts(value)
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in WORDS:
                yield from _texts(value)
            case ast.Call(func=ast.Name(id="Announcement"), args=[_, attack, *_]):
                yield from _texts(attack)
            case ast.Call(func=ast.Name(id="_outcome"), args=[_, _, attack, *_]):
                yield from _texts(attack)
            case ast.Call(func=ast.Name(id="_detail"), args=[_, _, leak]):
                yield from _texts(leak)
            case ast.Return(value=value) if has_faults is False:
                yield from (text for text in _texts(value) if text.startswith("silence"))
            case ast.Yield(value=value) if has_faults:
                yield from _texts(value)
            case ast.YieldFrom(value=ast.GeneratorExp(elt=elt)) if has_faults:
                yield from _texts(elt)
            case ast.Dict(keys=keys, values=values):
                yield from (
                    key.value
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant)
                    and isinstance(value, ast.Compare | ast.Call | ast.Subscript)
                    and isinstance(key.value, str)
                    and " " in key.value
                )


def _all_phrases() -> Iterator[str]:
    for module in SUITE:
        has_faults = module.parent.name == "isolation" and module.name in FAULTS
        yield from _phrases(module.read_text(), has_faults=has_faults)


SAID = sorted({*_all_phrases()})


def test_source_of_the_suite_is_understood() -> None:
    assert {
        "stack 7 is on this datacenter but not deployed",
        "no host of the provider answers in its 7 networks",
        "DTP: offer a trunk",
        "unicast in the own network to somebody else, after the flood",
        "the target hears its network",
        "its ports were seen",
        "7: ports may override: 7",
        "7 arrived, first 7",
        "the service gave it: 7",
    } <= {*SAID}
    assert len(SAID) > 80


@pytest.mark.parametrize("phrase", SAID)
def test_every_phrase_of_the_suite_has_dutch_words(phrase: str) -> None:
    # What has a network's name in it stands in the table once for each.
    if phrase == "no host of the provider answers in its 7 networks":
        names = ("vMotion and storage", "back-up")
        assert all(say_phrase(phrase.replace("7", name)) for name in names)
    else:
        assert say_phrase(phrase)


def test_phrase_without_dutch_words_would_be_noticed() -> None:
    (said,) = _phrases('Untested(case="I01", reason=f"a reason of {day}")')
    assert say_phrase(said) is None


@pytest.mark.parametrize("words", [*_POLICIES.values(), *_OVERRIDES.values()])
def test_every_policy_has_dutch_words(words: str) -> None:
    assert words in PHRASES


@pytest.mark.parametrize(
    ("english", "dutch"),
    [
        (
            "silence proves nothing: not shown that all was sent, no sensor lost frames",
            "stilte bewijst niets; niet aangetoond: alles is verstuurd, geen meetpunt miste iets",
        ),
        (
            "a-app: carries VLANs 1 to 9 as a trunk, planned is VLAN 7; a-app: MAC changes:"
            " accepted",
            "a-app: draagt meerdere VLAN's tegelijk: 1 tot en met 9, afgesproken is VLAN 7; a-app:"
            " ander apparaatadres: toegestaan",
        ),
        (
            "a-app: port 3 (a-app01): forged transmits: accepted by a setting of its own",
            "a-app: poort 3 (a-app01): vals apparaatadres: toegestaan door een eigen instelling",
        ),
        ("db01: note: holds a password", "db01: notitie: bevat een wachtwoord"),
        ("3 arrived, first Ether / IP / TCP", "3 aangekomen; het eerste pakket: Ether / IP / TCP"),
        (
            "the service gave it: b'note; free'",
            "de dienst gaf het prijs: b'note; free'",
        ),
        ("not so: its ports were seen; a fault of tomorrow", None),
    ],
)
def test_phrase_is_said_with_what_was_found(english: str, dutch: str | None) -> None:
    assert say_phrase(english) == dutch


def test_fields_are_the_same_in_both_languages() -> None:
    for english, dutch in PHRASES.items():
        assert {*_fields(english)} == {*_fields(dutch)}, english


def _fields(text: str) -> list[str]:
    return [part.split("}")[0] for part in text.split("{")[1:]]


def _page(findings: Findings) -> str:
    return render(make_plan(3, 5), findings, None, None, is_current=True)


def test_page_says_attempts_in_dutch_and_marks_what_has_no_dutch() -> None:
    findings = make_findings(make_plan(3, 5))
    first = findings.outcomes[0].model_copy(
        update={
            "attack": "6 TCP and 3 UDP ports in storage",
            "controls": {"all was sent": False},
            "verdict": "inconclusive",
            "detail": "silence proves nothing: not shown that all was sent",
        }
    )
    untested = Untested(case="I01", reason="stack a-lab is on this datacenter but not deployed")
    page = _page(findings.model_copy(update={"outcomes": (first,), "untested": (untested,)}))
    assert "6 TCP- en 3 UDP-poorten in storage" in page
    assert '<td colspan="8">stilte bewijst niets; niet aangetoond: alles is verstuurd</td>' in page
    assert page.count("Omgeving a-lab hoort bij dit datacenter maar bestaat nog niet.") == 2
    assert "not deployed" not in page
    other = first.model_copy(update={"detail": "a fault of <tomorrow>"})
    page = _page(findings.model_copy(update={"outcomes": (other,)}))
    assert '<span lang="en">a fault of &lt;tomorrow&gt;</span>' in page


def test_modules_with_faults_are_there() -> None:
    found = {Path(module).name for module in SUITE if module.parent.name == "isolation"}
    assert found >= FAULTS
