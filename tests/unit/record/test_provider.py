"""The provider's file and the lab's datacenter tell the same. Does not prove a real datacenter."""

import pytest
from ruamel.yaml import YAML

from infra.record.document import read_document
from infra.record.place import PROVIDER_FILE, TENANTS
from infra.record.provider import Provider
from infra.record.shape import fit
from lab.datacenter import DESCRIPTION, read_datacenter


@pytest.fixture
def provider() -> Provider:
    fitted = fit(Provider, read_document(TENANTS / PROVIDER_FILE, PROVIDER_FILE))
    assert isinstance(fitted, Provider)
    return fitted


def test_management_network_has_the_labs_vlan(provider: Provider) -> None:
    management = read_datacenter().management
    assert provider.networks[management.port_group].vlan == management.vlan
    isolated = YAML(typ="safe").load(DESCRIPTION)["management"]["isolated_vlan"]
    assert any(held.first <= isolated <= held.last for held in provider.reserved_vlans.values())


def test_further_networks_have_the_labs_vlans(provider: Provider) -> None:
    networks = YAML(typ="safe").load(DESCRIPTION)["networks"]
    assert networks
    for port_group, network in networks.items():
        assert provider.networks[port_group].vlan == network["vlan"], port_group


def test_names_of_the_labs_parts_are_kept(provider: Provider) -> None:
    described = YAML(typ="safe").load(DESCRIPTION)
    names = {described["datacenter"], *described["cluster"]["hosts"], *described["datastores"]}
    names |= {described[part]["name"] for part in ("cluster", "switch", "template")}
    assert names <= {*provider.shared_parts}
