"""What follows from partners: who reaches them, and whom they reach by the edge's address."""

from pathlib import Path

import pytest

from infra.plan import compile_plan
from infra.plan.model import DeniedCheck, Partner, Plan, Rule
from infra.record import load
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import PARTNER, change_record, read_changes

RVIG, SUWINET, ADAPTER = "198.51.100.11/32", "198.51.100.12/32", "10.9.7.11/32"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return the plan of the good record with partners."""
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(PARTNER))
    return compile_plan(load(folder))


def _ways(rules: tuple[Rule, ...], flow: str) -> list[tuple[object, ...]]:
    return [
        (rule.in_device, rule.out_device, rule.sources, rule.destinations)
        for rule in rules
        if rule.flow == flow
    ]


def _devices(plan: Plan) -> dict[str | None, str]:
    return {nic.segment: nic.device for nic in plan.servers["edge01"].nics}


def test_edge_forwards_to_partners_from_the_adapter_alone(plan: Plan) -> None:
    devices = _devices(plan)
    assert _ways(plan.servers["edge01"].filter.forward, "partners") == [
        (devices["koppelvlak"], devices["diginetwerk"], (ADAPTER,), (RVIG, SUWINET))
    ]
    outside = {devices["diginetwerk"]}
    others = [rule.flow for rule in plan.servers["edge01"].filter.forward
              if rule.out_device in outside and rule.flow != "partners"]  # fmt: skip
    assert others == []


def test_partner_that_calls_back_is_forwarded_to_the_adapter(plan: Plan) -> None:
    devices = _devices(plan)
    assert _ways(plan.servers["edge01"].filter.forward, "rvig-answers") == [
        (devices["diginetwerk"], devices["koppelvlak"], (RVIG,), (ADAPTER,))
    ]
    assert _ways(plan.servers["adapter01"].filter.incoming, "rvig-answers") == [
        (None, None, (RVIG,), (ADAPTER,))
    ]


def test_network_without_partners_begins_flows_as_a_whole(plan: Plan) -> None:
    devices = _devices(plan)
    assert _ways(plan.servers["edge01"].filter.forward, "visitors") == [
        (devices["internet"], devices["app"], ("203.0.113.0/24",), ("10.9.2.11/32",))
    ]


def test_partners_are_known_by_name_and_are_not_the_tenants(plan: Plan) -> None:
    assert "brp.rvig.example" not in plan.names
    assert plan.partners["rvig"] == Partner(
        network="diginetwerk", address="198.51.100.11", fqdn="brp.rvig.example"
    )


def test_server_where_partners_call_back_listens(plan: Plan) -> None:
    listener = plan.checks["listener/adapter01"]
    assert "tcp/443" in getattr(listener, "listeners", ())


def test_endpoint_is_checked_and_so_are_the_partners_that_it_asks(plan: Plan) -> None:
    checks = {name for name in plan.checks if name.startswith(("certificate/", "two-way-tls/"))}
    assert checks == {
        "certificate/adapter01",
        "two-way-tls/adapter01-to-adapter01",
        "two-way-tls/adapter01-to-rvig",
        "two-way-tls/adapter01-to-suwinet",
    }


def test_other_zones_are_tried_to_reach_partners(plan: Plan) -> None:
    tried = {
        check.server: check.ports
        for check in plan.checks.values()
        if isinstance(check, DeniedCheck) and check.destination == "rvig"
    }
    assert tried.keys() == {"adapter01", "app01", "bastion01", "db01", "werkplek01"}
    assert {server for server, ports in tried.items() if 443 not in ports} == {"adapter01"}
