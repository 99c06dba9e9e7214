"""What is said of what Pulumi told. The words were recorded; new ones need a lab or a vCenter."""

import pytest

from infra.operations.engine import Diagnostic
from infra.operations.symptom import SYMPTOMS, explain
from tests.failure.case import PLACE, Case, read_cases, render

CONFIG = {
    "vsphere:vsphereServer": "vcenter.example:443",
    "vsphere:user": "lab@vsphere.local",
    "tenant:datacenter": '{"cluster": "cluster01"}',
}
TOLD = [case for case in read_cases() if case.told is not None]


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.name)
def test_each_fault_is_one_clear_line(case: Case) -> None:
    lines = explain(case.told or (), CONFIG, "storing-lab")
    assert lines == case.said("vcenter.example:443", "storing-lab")


def test_every_symptom_has_a_case() -> None:
    words = [error.message for case in TOLD for error in case.told or ()]
    lines = [line for text in words for line in text.splitlines()]
    unseen = [
        symptom.pattern.pattern
        for symptom in SYMPTOMS
        if not any(symptom.pattern.search(line) for line in lines)
    ]
    assert unseen == []


def test_all_faults_of_a_run_are_told_at_once() -> None:
    by_name = {case.name: case for case in TOLD}
    errors = [
        *(by_name["datastore-full"].told or ()),
        *(by_name["name-taken"].told or ()),
        *(by_name["unknown"].told or ()),
    ]
    assert len(explain(errors, CONFIG, "storing-lab")) == 3


def test_of_a_traceback_its_last_line_is_told() -> None:
    text = "Program failed with an unhandled exception:\nTraceback (most recent call last):\n"
    error = Diagnostic(resource=None, message=f'{text}  File "x.py", line 1\nKeyError: 3')
    (line,) = explain([error], CONFIG, "storing-lab")
    assert "the run: KeyError: 3. These are Pulumi's own words" in line


def test_an_echo_alone_is_no_fault() -> None:
    assert explain([Diagnostic(resource=None, message="update failed")], CONFIG, "x") == []


def test_table_of_failures_is_current() -> None:
    text = PLACE.document.read_text()
    assert text == PLACE.replace(text, render()), "stale: run python -m tests.failure.case"
