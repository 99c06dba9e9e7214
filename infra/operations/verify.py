"""Verify a tenant: run the checks compiled from its plan over the management path.

Responsible for running tests/host and for the evidence: one JSON file and a readable summary.
Must not decide what is checked (the plan did) nor how (the tests do).
"""

import datetime
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from infra.errors import TenantError
from infra.operations.management_path import ManagementPath
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs

Verdict = Literal["pass", "fail", "inconclusive"]
INCONCLUSIVE = "inconclusive"
"""User property by which a test says that it could prove nothing."""


class VerifyError(TenantError, AssertionError):
    """At least one check failed or was inconclusive: exit 5."""

    exit_code = 5


@dataclass(frozen=True, kw_only=True)
class Result:
    """Outcome of one check. layer: what it proved, real packets on real hosts or less."""

    check: str
    kind: str
    verdict: Verdict
    layer: str
    duration_s: float
    detail: str


@dataclass(eq=False)
class Verification:
    """The pytest plugin that gives the tests their checks and gathers their results."""

    outputs: StackOutputs
    path: ManagementPath
    write: Callable[[str], None]
    results: list[Result] = field(default_factory=list)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say what keeps the tests from being read: otherwise they would only be missing."""
        if report.failed:
            self.write(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Turn pytest's report of one test into a result."""
        # A kind without checks in this plan is skipped by pytest: there is nothing to tell.
        if report.skipped or (report.when != "call" and report.passed):
            return
        properties = dict(report.user_properties)
        verdict: Verdict = "pass" if report.passed else "fail"
        if INCONCLUSIVE in properties:
            verdict = "inconclusive"
        result = Result(
            check=str(properties.get("check", report.nodeid)),
            kind=str(properties.get("kind", "")),
            verdict=verdict,
            layer="real packets on real hosts",
            duration_s=round(report.duration, 3),
            detail="" if report.passed else _message(report),
        )
        self.results.append(result)
        if verdict != "pass":
            self.write(f"{verdict.upper()} {result.check}: {result.detail}")


def verify(
    outputs: StackOutputs, path: ManagementPath, write: Callable[[str], None], evidence: Path
) -> list[Result]:
    """Run every check of the plan.

    Args:
        outputs: of the stack.
        path: an open management path.
        write: prints one line.
        evidence: JSON file to write the results to.

    Returns:
        One result a check, in the order they ran.

    Raises:
        VerifyError: when a check failed or was inconclusive, after the evidence is written.
    """
    verification = Verification(outputs, path, write)
    os.environ["SSH_AUTH_SOCK"] = path.agent_socket
    # Somebody's options for tests of their own are not for these.
    os.environ.pop("PYTEST_ADDOPTS", None)
    code = pytest.main(
        [
            f"--rootdir={ROOT}",
            f"--config-file={ROOT / 'pyproject.toml'}",
            "--override-ini=addopts=",
            "-p", "no:cacheprovider",
            "-p", "no:terminal",
            "-m", "host",
            str(ROOT / "tests" / "host"),
        ],
        plugins=[verification],
    )  # fmt: skip
    _write_evidence(outputs, verification.results, evidence)
    for line in summarise(verification.results):
        write(line)
    missing = set(outputs.plan.checks) - {result.check for result in verification.results}
    bad = [result for result in verification.results if result.verdict != "pass"]
    if bad or missing or code != pytest.ExitCode.OK:
        which = f": {', '.join(sorted(missing)[:3])} ..." if missing else ""
        message = (
            f"{evidence}: {len(bad)} of {len(outputs.plan.checks)} checks did not pass,"
            f" {len(missing)} did not run{which}."
            " Every check must pass. Read the lines above and mend the cause."
        )
        raise VerifyError(message)
    return verification.results


def summarise(results: list[Result]) -> list[str]:
    """Count verdicts by kind of check, one line a kind."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(result.kind, Counter())[result.verdict] += 1
    return [
        f"{kind:12} {', '.join(f'{count} {verdict}' for verdict, count in verdicts.items())}"
        for kind, verdicts in counts.items()
    ]


def _message(report: pytest.TestReport) -> str:
    """Give the assertion's own words: the tests write them to be read alone."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash else report.longreprtext
    return text.removeprefix("AssertionError: ").removeprefix("Failed: ").split("\nassert ")[0]


def _write_evidence(outputs: StackOutputs, results: list[Result], evidence: Path) -> None:
    evidence.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "tenant": outputs.plan.tenant,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "results": [asdict(result) for result in results],
    }
    partial = evidence.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=1) + "\n")
    partial.replace(evidence)
