"""A stack's configuration is checked whole, with a remedy in every line."""

from typing import Any

import pytest

from infra.settings import SettingsError, parse_settings

GOOD: dict[str, Any] = {
    "id": "werkendam",
    "datacenter": {
        "name": "lab",
        "cluster": "cluster01",
        "datastore": "datastore01",
        "switch": "switch01",
        "template": "debian-12",
    },
    "management": {
        "port_group": "provider-management",
        "prefix": "10.255.0.0/24",
        "bastion_address": "10.255.0.11",
        "package_proxy": "10.255.0.1:3128",
    },
    "protect_volumes": True,
    "management_public_key": "ssh-ed25519 AAAA",
}


def test_good_settings_give_the_bastions_leg() -> None:
    settings = parse_settings(GOOD, "werkendam-lab")
    assert settings.management.bastion_interface == "10.255.0.11/24"


def test_all_faults_are_said_at_once() -> None:
    bad = GOOD | {
        "id": None,
        "management": GOOD["management"] | {"prefix": "10.255.0.7/24", "proxy": "x"},
    }
    with pytest.raises(SettingsError) as raised:
        parse_settings(bad, "werkendam-lab")
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("Pulumi.werkendam-lab.yaml: tenant:") for line in lines)
    assert "tenant:management.prefix" in str(raised.value)
    assert raised.value.exit_code == 2
