"""`tenant report` reads the evidence of this tenant, and writes one whole file."""

import json
from pathlib import Path

import pytest

from infra.operations.report import EvidenceError, write_report
from infra.outputs import StackOutputs
from tests.unit.report.made import make_findings


@pytest.fixture
def evidence(outputs: StackOutputs, tmp_path: Path) -> Path:
    """Return a folder with what all suites leave behind for the example tenant."""
    findings = make_findings(outputs.plan).model_copy(update={"deployed": outputs.fingerprint})
    (tmp_path / "isolation.json").write_text(findings.model_dump_json())
    results = [{"check": "a", "verdict": verdict} for verdict in ("pass", "pass", "fail")]
    verified = {"tenant": "werkendam", "time": "2026-11-28T22:10:00+00:00", "results": results}
    (tmp_path / "verify.json").write_text(json.dumps(verified))
    pairs = [{"source": "a", "verdicts": verdicts} for verdicts in ([], [], [{"kind": "fail"}])]
    standby = "the tunnels are at edge01, which forwards: edge02 stands by without any"
    untried = [{"source": "app01", "destination": "balie01", "reason": standby}]
    swept = {**verified, "pairs": pairs, "untried": untried, "standby": ["edge02"]}
    (tmp_path / "matrix.json").write_text(json.dumps(swept))
    return tmp_path


def _change(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_report_tells_all_suites(outputs: StackOutputs, evidence: Path) -> None:
    page = write_report(outputs, evidence).read_text()
    assert "Gemeente Voorbeeld" in page
    assert "<strong>In orde</strong>" in page
    assert "2 van 3 controles geslaagd" in page
    assert "2 van 3 verbindingen zoals afgesproken" in page
    told = "de tunnels zijn bij edge01, die het verkeer doorgeeft;"
    told += " edge02 staat reserve en heeft er geen"
    assert f"Niet volledig getest: 1 (zie bijlage 1), want {told}" in page
    assert f'<td>{told}</td><td class="mono">app01 → balie01</td>' in page
    assert "Wat <code>edge02</code> doorgeeft, is niet getest" in page
    assert not list(evidence.glob("*.partial"))


def test_report_needs_the_isolation_suite_alone(outputs: StackOutputs, evidence: Path) -> None:
    (evidence / "verify.json").unlink()
    (evidence / "matrix.json").unlink()
    page = write_report(outputs, evidence).read_text()
    assert "eigen omgeving is niet getest" in page
    assert "tussen de eigen servers is niet uitgevoerd" in page


def test_report_of_something_else_than_is_deployed_says_so(
    outputs: StackOutputs, evidence: Path
) -> None:
    _change(evidence / "isolation.json", deployed="0" * 64)
    page = write_report(outputs, evidence).read_text()
    assert "na deze test is de omgeving veranderd" in page
    assert "<strong>Niet aangetoond</strong>" in page


def test_missing_evidence_says_what_to_run(outputs: StackOutputs, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError) as raised:
        write_report(outputs, tmp_path)
    assert raised.value.exit_code == 2
    assert str(raised.value) == (
        f"{tmp_path}/isolation.json: is missing. A report tells what the isolation suite found."
        " Run `tenant verify werkendam --suite isolation` first."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "isolation.json: the whole: invalid json"),
        ('{"tenant": "werkendam"}', "isolation.json: time: field required"),
    ],
)
def test_broken_evidence_is_no_evidence(
    text: str, words: str, outputs: StackOutputs, evidence: Path
) -> None:
    (evidence / "isolation.json").write_text(text)
    with pytest.raises(EvidenceError) as raised:
        write_report(outputs, evidence)
    assert words in str(raised.value)
    assert "--suite isolation" in str(raised.value)


@pytest.mark.parametrize(
    ("file", "suite"),
    [("isolation.json", "isolation"), ("verify.json", "host"), ("matrix.json", "matrix")],
)
def test_evidence_of_another_tenant_is_refused(
    file: str, suite: str, outputs: StackOutputs, evidence: Path
) -> None:
    _change(evidence / file, tenant="aalburg")
    with pytest.raises(EvidenceError) as raised:
        write_report(outputs, evidence)
    assert f"{file}: tenant: is 'aalburg'. Allowed: 'werkendam'" in str(raised.value)
    assert f"--suite {suite}" in str(raised.value)


def test_a_new_secret_is_no_other_deployment_and_a_new_plan_is(outputs: StackOutputs) -> None:
    secrets = outputs.secrets.model_copy(update={"databases": {}})
    plan = outputs.plan.model_copy(update={"flows": {}})
    assert outputs.model_copy(update={"secrets": secrets}).fingerprint == outputs.fingerprint
    assert outputs.model_copy(update={"plan": plan}).fingerprint != outputs.fingerprint
