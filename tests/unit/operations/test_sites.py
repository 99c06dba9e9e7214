"""What the commands make of a tenant with a town hall: ways in, order, variables, keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.isolation.ground import survey
from infra.operations import secret
from infra.operations.configure import ConfigureError, configure
from infra.operations.host_fault import Fault, explain
from infra.operations.inventory import build_inventory
from infra.operations.last_run import find_behind, fingerprint_hosts, read_memory
from infra.operations.management_path import open_management_path
from infra.operations.stack import Stack
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.record import load
from infra.record.provider import Provider
from tests.unit.operations.conftest import MANAGEMENT
from tests.unit.operations.test_management_path import Make
from tests.unit.plan.test_pair import EDGES, doubled
from tests.unit.record.good_record import lay_out
from tests.unit.record.test_bad_record import SITE, change_record, read_changes

AT_SITE = "balie01"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> StackOutputs:
    """Return what `pulumi up` gave for the good record with a town hall and a workplace there."""
    folder = lay_out(tmp_path_factory.mktemp("record"))
    change_record(folder, read_changes(SITE))
    tenant = load(folder)
    workplace = tenant.servers["werkplek01"].model_copy(
        update={
            "segment": "balie",
            "address": tenant.zones["balie"].segments["balie"].prefix[11],
        }
    )
    plan = compile_plan(
        tenant.model_copy(update={"servers": {**tenant.servers, AT_SITE: workplace}})
    )
    keys = {
        "management_key": secret.generate_key(),
        "databases": dict.fromkeys(plan.applications, "x"),
        "tunnels": {key: secret.generate_tunnel_key() for key in plan.tunnels},
    }
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    return StackOutputs.model_validate_json(export(plan, MANAGEMENT, uuids, keys))


def _variables(outputs: StackOutputs) -> dict[str, dict[str, Any]]:
    variables: dict[str, dict[str, Any]] = build_inventory(outputs)["_meta"]["hostvars"]
    return variables


def test_router_is_reached_at_its_address_outside(outputs: StackOutputs) -> None:
    with open_management_path(outputs, "unit-sites") as path:
        text = path.ssh_config.read_text()
    router = text.partition("Host router01\n")[2].partition("Host ")[0]
    assert "HostName 203.0.113.3\n" in router
    assert "ProxyJump bastion01" in router
    words = explain(Fault(host="router01", task="", words="timeout"), outputs)
    assert words.startswith("203.0.113.3: does not answer ssh through bastion01")


def test_site_is_behind_its_router_and_that_behind_the_edge(outputs: StackOutputs) -> None:
    assert find_behind("router01", outputs) == [AT_SITE]
    assert {"router01", AT_SITE, "app01"} <= {*find_behind("edge01", outputs)}


@pytest.mark.parametrize("is_known", [True, False])
def test_site_is_asked_once_its_router_has_been_configured(
    outputs: StackOutputs, path: Make, is_known: bool
) -> None:
    wanted = dict.fromkeys(outputs.plan.servers, "digest")
    answer = "echo digest" if is_known else '[ "$1" = router01 ] || echo digest'
    memory = read_memory(outputs, path(answer), wanted)
    assert memory.known[AT_SITE] == ("digest" if is_known else "")
    assert memory.known["app01"] == "digest"


def test_site_is_left_untried_when_its_router_is_silent(outputs: StackOutputs, path: Make) -> None:
    wanted = dict.fromkeys(outputs.plan.servers, "digest")
    silent = path('[ "$1" != router01 ] && echo digest')
    assert "Mend router01 first." in read_memory(outputs, silent, wanted).silent[AT_SITE]


def test_ends_of_a_tunnel_know_each_others_public_key(outputs: StackOutputs) -> None:
    inventory = build_inventory(outputs)
    assert inventory["tunnel"]["hosts"] == ["edge01", "router01"]
    variables = _variables(outputs)
    for own, other in (("edge01", "router01"), ("router01", "edge01")):
        private = variables[own]["tunnel_private_key"]
        peer = variables[other]["tunnel_peers"][own]
        assert peer["public_key"] == secret.tunnel_public_key(private) != private
    assert variables["router01"]["tunnel_peers"]["edge01"]["endpoint"] == "203.0.113.2"
    assert not any(name.startswith("tunnel_") for name in variables["app01"])


def test_edge_and_router_take_from_the_tunnel_what_is_behind_it(outputs: StackOutputs) -> None:
    variables = _variables(outputs)
    tunnel = {key: variables[key]["edge_interfaces"]["wg0"] for key in ("edge01", "router01")}
    assert tunnel["edge01"]["prefixes"] == ["10.9.5.0/24", "10.9.6.0/24"]
    assert "10.9.4.0/24" in tunnel["router01"]["prefixes"]
    assert variables["router01"]["base_way_in"] == ["203.0.113.2"]
    plan = outputs.plan
    for key in ("edge01", "router01"):
        (nic,) = (nic for nic in plan.servers[key].nics if nic.segment == "internet")
        assert f"{variables[key]['edge_outside'][nic.device]}/24" == nic.address


def test_roles_of_a_router_concern_it(outputs: StackOutputs, tmp_path: Path) -> None:
    for name in ("edge", "tunnel"):
        (tmp_path / "roles" / name).mkdir(parents=True)
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    variables = _variables(outputs)
    before = fingerprint_hosts(outputs, variables, tmp_path)
    for name, concerned in (("edge", {"edge01", "router01"}), ("tunnel", {"edge01", "router01"})):
        (tmp_path / "roles" / name / "new.yml").write_text("---\n")
        after = fingerprint_hosts(outputs, variables, tmp_path)
        assert {key for key in after if after[key] != before[key]} == concerned
        before = after


def test_tunnel_keys_are_made_once_and_forgotten_with_their_end(
    outputs: StackOutputs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    known: dict[str, str] = {secret.TUNNELS: json.dumps({"edge01": "kept", "router09": "gone"})}
    stored: dict[str, str] = {}
    monkeypatch.setattr(secret, "read_config", lambda _stack: known)
    monkeypatch.setattr(secret, "store_secrets", lambda _stack, _known, new: stored.update(new))
    secret.complete_secrets(Stack(name="unit", environment={"HOME": str(tmp_path)}), outputs.plan)
    keys = json.loads(stored[secret.TUNNELS])
    assert keys.keys() == {"edge01", "router01"}
    assert keys["edge01"] == "kept"


def test_keys_do_not_show_when_the_contract_is_printed(outputs: StackOutputs) -> None:
    for key in outputs.secrets.tunnels.values():
        assert key.get_secret_value() not in repr(outputs)


def test_tunnel_keys_are_looked_for_where_no_secret_may_be(outputs: StackOutputs) -> None:
    keys = {key.get_secret_value() for key in outputs.secrets.tunnels.values()}
    assert len(keys) == 2
    assert keys <= {*outputs.secrets.texts}


def test_isolation_suite_knows_legs_outside_apart(outputs: StackOutputs) -> None:
    networks = {
        name: {"vlan": vlan, "purpose": "a network"}
        for name, vlan in ((MANAGEMENT.port_group, 99), ("internet", 95))
    }
    provider = Provider.model_validate(
        {"vlan_pool": {"first": 101, "last": 299}, "networks": networks}
    )
    ground = survey(outputs, [], provider, {})
    addresses = {str(leg.address.ip) for host in ground.hosts.values() for leg in host.legs}
    assert "10.9.6.1" in addresses
    outside = {str(leg.address.ip) for leg in ground.outside["internet"]}
    assert outside == {"203.0.113.2", "203.0.113.3"}
    assert addresses.isdisjoint(outside)
    (workplace,) = (leg for leg in ground.sources if leg.server == AT_SITE)
    assert [leg.server for leg in ground.gateways(workplace)] == ["router01"]


def test_both_edges_of_a_pair_are_one_end(outputs: StackOutputs, tmp_path: Path) -> None:
    folder = lay_out(tmp_path)
    change_record(folder, read_changes(SITE))
    pair = outputs.model_copy(update={"plan": compile_plan(doubled(load(folder)))})
    variables = _variables(pair)
    (leg,) = (nic for nic in pair.plan.servers["edge01"].nics if nic.segment == "internet")
    for edge in EDGES:
        own = variables[edge]
        assert own["tunnel_private_key"] == variables["edge01"]["tunnel_private_key"]
        assert own["edge_outside"] == {leg.device: "203.0.113.2"}
        assert leg.device not in own["edge_pair_legs"]
        assert own["edge_pair_restarted"] == ["wg-quick@wg0.service"]
        # Who reaches the tunnel's other end has the address that it knows, and no other.
        assert own["tunnel_peers"].keys() == {"router01"}
    assert variables["router01"]["tunnel_peers"].keys() == {"edge01"}


def test_end_without_a_key_is_told_before_anything_is_done(
    outputs: StackOutputs, path: Make
) -> None:
    """The record got a town hall, and `pulumi up` alone brought it."""
    secrets = outputs.secrets.model_copy(update={"tunnels": {}})
    with pytest.raises(ConfigureError) as told:
        configure(outputs.model_copy(update={"secrets": secrets}), path("exit 1"), print)
    assert str(told.value) == (
        "tenants/voorbeeld: tunnel's end edge01, tunnel's end router01: has no secret in the stack"
        " yet. Each needs one, which `pulumi up` alone does not make. Run `tenant up voorbeeld`."
    )
