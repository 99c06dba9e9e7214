"""A run that attacked no border proves nothing, however many of its outcomes passed."""

from pathlib import Path

import pytest

from infra.isolation.border import BORDER_UNTESTED, is_border_tried
from infra.isolation.compile import Campaign, compile_campaign
from infra.isolation.ground import SHARED, survey
from infra.isolation.outcome import Findings
from infra.operations.isolation.suite import conclude
from infra.operations.verify import VerifyError
from infra.outputs import StackOutputs, export
from infra.plan.model import Plan
from infra.record.provider import Provider
from infra.settings import Management
from tests.unit.report.made import OWN, make_findings, make_plan

PLAN = make_plan(1, 3)
EVIDENCE = Path("evidence/drawn-lab/isolation.json")
CONFIGURATION = {"I24", "I25", "I26", "I28"}


def _compile(
    plan: Plan, management: Management, provider: Provider, *others: StackOutputs
) -> Campaign:
    secrets = {"management_key": "x", "databases": {}}
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    own = StackOutputs.model_validate_json(export(plan, management, uuids, secrets))
    return compile_campaign(survey(own, others, provider, {}), "0")


def _within(findings: Findings, **source: str) -> Findings:
    """Let every attempt by packets end in the own first zone, and begin as said."""
    target = {"tenant": OWN, "zone": "beheer"}
    outcomes = tuple(
        outcome.model_copy(
            update={
                "source": outcome.source.model_copy(update=source),
                "target": outcome.target.model_copy(update=target),
            }
        )
        if outcome.case not in CONFIGURATION
        else outcome
        for outcome in findings.outcomes
    )
    return findings.model_copy(update={"outcomes": outcomes})


def test_one_zone_without_a_neighbour_says_that_it_has_no_border(
    own: StackOutputs, provider: Provider
) -> None:
    assert BORDER_UNTESTED in _compile(PLAN, own.management, provider).untested


def test_second_zone_or_neighbour_is_a_border(
    own: StackOutputs, other: StackOutputs, provider: Provider
) -> None:
    for campaign in (
        _compile(make_plan(2, 4), own.management, provider),
        _compile(PLAN, own.management, provider, other),
    ):
        assert BORDER_UNTESTED not in campaign.untested


def test_configuration_alone_is_inconclusive() -> None:
    findings = make_findings(PLAN)
    only = tuple(o for o in findings.outcomes if o.layer == "configuration only")
    findings = findings.model_copy(update={"outcomes": only})
    assert only
    with pytest.raises(VerifyError) as raised:
        conclude(findings, EVIDENCE)
    assert raised.value.exit_code == 5
    assert str(raised.value) == (
        "evidence/drawn-lab/isolation.json: inconclusive: no zone of the tenant has another one, or"
        f" a neighbour, that it could attack; all {len(only)} outcomes passed, but none tells of"
        " packets across a border of the tenant. At least one border must be attacked. Deploy a"
        " second zone with a server in it, or another tenant on this datacenter, and try again."
    )


@pytest.mark.parametrize("zone", ["beheer", SHARED])
def test_packets_within_the_own_zone_or_from_the_providers_network_cross_none(zone: str) -> None:
    findings = _within(make_findings(PLAN), zone=zone)
    assert {outcome.verdict for outcome in findings.outcomes} == {"pass"}
    assert not is_border_tried(findings)
    with pytest.raises(VerifyError, match="inconclusive"):
        conclude(findings, EVIDENCE)


def test_one_attempt_across_a_border_is_enough() -> None:
    findings = _within(make_findings(PLAN), zone="beheer")
    crossing = make_findings(PLAN).outcomes[0]
    findings = findings.model_copy(update={"outcomes": (*findings.outcomes, crossing)})
    assert is_border_tried(findings)
    conclude(findings, EVIDENCE)


def test_failure_is_told_before_the_missing_border() -> None:
    findings = make_findings(PLAN, {"I28": "fail"})
    only = tuple(o for o in findings.outcomes if o.layer == "configuration only")
    with pytest.raises(VerifyError, match=r"1 of \d+ outcomes are no pass"):
        conclude(findings.model_copy(update={"outcomes": only}), EVIDENCE)
