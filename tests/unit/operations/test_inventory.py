"""What a role is told follows from the plan. Does not prove what the role makes of it."""

from pydantic import SecretStr

from infra.operations.inventory import build_inventory
from infra.operations.secret import generate_key
from infra.outputs import StackOutputs
from infra.plan import compile_plan
from infra.record import load
from infra.record.place import TENANTS


def test_decoy_is_told_to_answer_on_what_its_flows_allow(outputs: StackOutputs) -> None:
    secrets = outputs.secrets.model_copy(update={"management_key": SecretStr(generate_key())})
    plan = compile_plan(load(TENANTS / "datacentrum"))
    inventory = build_inventory(outputs.model_copy(update={"plan": plan, "secrets": secrets}))
    told = inventory["_meta"]["hostvars"]["decoy-storage"]
    assert told["decoy_banner"] == "decoy datacentrum/decoy-storage"
    assert told["decoy_tcp_ports"] == [111, 443, 2049, 3260], "22 is the SSH server's"
    assert told["decoy_udp_ports"] == [111, 161, 623]


def test_database_is_told_to_listen_where_a_flow_ends(outputs_of_pair: StackOutputs) -> None:
    outputs = outputs_of_pair
    secrets = outputs.secrets.model_copy(update={"management_key": SecretStr(generate_key())})
    inventory = build_inventory(outputs.model_copy(update={"secrets": secrets}))
    hosts = inventory["_meta"]["hostvars"]
    told = {key: its["database_address"] for key, its in hosts.items() if "database_address" in its}
    assert told == {"db01": outputs.plan.servers["db01"].address, "db02": ""}


def test_filter_keeps_what_every_boot_admits(outputs: StackOutputs) -> None:
    """Also at the bastion itself: otherwise a reboot would be a difference to be put right."""
    secrets = outputs.secrets.model_copy(update={"management_key": SecretStr(generate_key())})
    hosts = build_inventory(outputs.model_copy(update={"secrets": secrets}))["_meta"]["hostvars"]
    admitted = {key: told["base_way_in"] for key, told in hosts.items()}
    assert "bastion01" in admitted
    assert admitted == {key: [outputs.plan.resolver] for key in outputs.plan.servers}
