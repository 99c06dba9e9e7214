"""Write a tenant's report from the evidence that its suites left.

Responsible for reading evidence/<stack>/ and writing rapport.html there, whole or not at all.
Must not count, judge or word anything (`infra.report` does).
"""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.errors import TenantError
from infra.isolation.outcome import Findings
from infra.outputs import StackOutputs
from infra.plan.matrix import Untried
from infra.report.page import Checks, render

REPORT = "rapport.html"


class EvidenceError(TenantError, LookupError):
    """The evidence that a report needs is missing, or is no evidence of this tenant: exit 2."""

    exit_code = 2


class _Read(BaseModel):
    """Of evidence that has more than a report tells."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Result(_Read):
    verdict: str


class _Verified(_Read):
    """What `infra.operations.verify` writes."""

    tenant: str
    time: str
    results: tuple[_Result, ...]


class _Pair(_Read):
    verdicts: tuple[object, ...]


class _Swept(_Read):
    """What the matrix suite writes. A pair of servers as planned has no verdict.

    standby: edges whose forwarding was not tried, because another one forwarded.
    """

    tenant: str
    time: str
    pairs: tuple[_Pair, ...]
    untried: tuple[Untried, ...]
    standby: tuple[str, ...]


_Evidence = TypeVar("_Evidence", Findings, _Verified, _Swept)


def write_report(outputs: StackOutputs, folder: Path) -> Path:
    """Write the report.

    Args:
        outputs: of the stack.
        folder: its evidence.

    Returns:
        The HTML file, beside the evidence.

    Raises:
        EvidenceError: when the isolation suite left nothing here, or something cannot be read.
    """
    tenant = outputs.plan.tenant
    findings = _read(Findings, folder / "isolation.json", tenant, "isolation")
    if findings is None:
        message = (
            f"{folder / 'isolation.json'}: is missing. A report tells what the isolation suite"
            f" found. Run `tenant verify {tenant} --suite isolation` first."
        )
        raise EvidenceError(message)
    verified = _read(_Verified, folder / "verify.json", tenant, "host")
    swept = _read(_Swept, folder / "matrix.json", tenant, "matrix")
    page = render(
        outputs.plan,
        findings,
        _count_checks(verified) if verified else None,
        _count_pairs(swept) if swept else None,
        swept.untried if swept else (),
        swept.standby if swept else (),
        is_current=findings.deployed == outputs.fingerprint,
    )
    report = folder / REPORT
    partial = report.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    partial.replace(report)
    return report


def _read(shape: type[_Evidence], file: Path, tenant: str, suite: str) -> _Evidence | None:
    """Read one suite's evidence; None when that was never run."""
    if not file.exists():
        return None
    remedy = f"Run `tenant verify {tenant} --suite {suite}` again."
    try:
        evidence = shape.model_validate_json(file.read_bytes())
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(step) for step in fault["loc"]) or "the whole"
        message = (
            f"{file}: {place}: {fault['msg'].lower()}. Evidence is what the suite of this version"
            f" wrote, unchanged. {remedy}"
        )
        raise EvidenceError(message) from error
    if evidence.tenant != tenant:
        message = (
            f"{file}: tenant: is {evidence.tenant!r}. Allowed: {tenant!r}, whose evidence this"
            f" folder holds. {remedy}"
        )
        raise EvidenceError(message)
    return evidence


def _count_checks(verified: _Verified) -> Checks:
    passed = sum(1 for result in verified.results if result.verdict == "pass")
    return Checks(time=verified.time, passed=passed, total=len(verified.results))


def _count_pairs(swept: _Swept) -> Checks:
    passed = sum(1 for pair in swept.pairs if not pair.verdicts)
    return Checks(time=swept.time, passed=passed, total=len(swept.pairs))
