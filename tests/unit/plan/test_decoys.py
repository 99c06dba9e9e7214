"""The provider's own record: many ports from few flows, and decoys that only their network reaches.

Does not prove that a decoy answers; its role's scenarios and the checks of its plan do.
"""

import pytest

from infra.plan import compile_plan
from infra.plan.model import FlowCheck, ListenerCheck, Plan
from infra.record import load
from infra.record.place import TENANTS

NETWORKS = {"vmotion", "storage", "provider-backup"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_plan(load(TENANTS / "datacentrum"))


def test_each_further_port_is_a_flow_of_its_own(plan: Plan) -> None:
    flows = {
        key: flow.port for key, flow in plan.flows.items() if key.startswith("storage-services")
    }
    assert flows == {
        "storage-services": 2049,
        "storage-services-111": 111,
        "storage-services-3260": 3260,
        "storage-services-443": 443,
    }
    assert [*plan.flows] == sorted(plan.flows)


def test_decoy_listens_on_what_its_flows_allow(plan: Plan) -> None:
    check = plan.checks["listener/decoy-storage"]
    assert isinstance(check, ListenerCheck)
    assert {"tcp/111", "tcp/2049", "tcp/22", "udp/111", "udp/623"} <= {*check.listeners}


def test_answers_of_every_tcp_port_are_checked_from_the_bastion(plan: Plan) -> None:
    checked = {
        (check.destination, check.port)
        for check in plan.checks.values()
        if isinstance(check, FlowCheck) and check.server == "bastion01"
    }
    opened = {
        (server, flow.port)
        for flow in plan.flows.values()
        for server in flow.destination_servers
        if flow.protocol == "tcp" and "bastion01" in flow.source_servers
    }
    assert checked == opened
    assert ("decoy-backup", 8007) in checked


def test_no_network_of_the_provider_is_forwarded_to_another(plan: Plan) -> None:
    segment_of = {nic.device: nic.segment for nic in plan.servers["edge01"].nics}
    ways = {
        (segment_of[str(rule.in_device)], segment_of[str(rule.out_device)])
        for rule in plan.servers["edge01"].filter.forward
    }
    assert ways == {(network, "beheer") for network in NETWORKS} | {
        ("beheer", network) for network in NETWORKS
    }


def test_decoys_may_share_a_hypervisor(plan: Plan) -> None:
    assert plan.separations == {}
