"""Drift of the vCenter's configuration is found: each saboteur turns exactly its case red.

It proves what the vCenter says of itself, not what a switch does with it; ports' own settings and
mirrors are only kept by the lab's.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pyVmomi import vim

from infra.isolation.outcome import Outcome
from infra.operations.isolation.configuration import examine_configuration
from infra.operations.stack_config import read_config
from infra.outputs import StackOutputs
from lab.layout import Layout
from tests.lab.estate import Estate
from tests.lab.saboteur import (
    STRANGE_VLAN,
    Saboteur,
    Target,
    Vmware,
    add_collector,
    add_second_port_group,
    add_stranger,
    change_policy,
    change_setting,
    grant,
    leave_secret,
    mirror_ports,
    move_port,
)
from tests.lab.site import open_site

pytestmark = pytest.mark.lab

TENANT = "toets"
BASTION = "10.255.0.214"
"""The bastion's leg in this lab, away from the addresses of other tests."""

Examine = Callable[[], list[Outcome]]


def _set(path: str, value: Any) -> Callable[[Any], None]:
    """Give what sets one property of a port group's setting, by its path."""
    *way, last = path.split(".")

    def spoil(setting: Any) -> None:
        for step in way:
            setting = getattr(setting, step)
        setattr(setting, last, value)

    return spoil


def _set_learning(setting: Any) -> None:
    learning = vim.dvs.VmwareDistributedVirtualSwitch.MacLearningPolicy(enabled=True)
    setting.securityPolicy = None
    setting.macManagementPolicy.macLearningPolicy = learning


def _set_promiscuous_by_mac_management(setting: Any) -> None:
    setting.securityPolicy = None
    setting.macManagementPolicy.allowPromiscuous = True


TRUNK = Vmware.TrunkVlanSpec(inherited=False, vlanId=[vim.NumericRange(start=0, end=4094)])

SABOTEURS: Mapping[str, tuple[str, Saboteur]] = {
    "wrong VLAN": ("I28", change_setting(_set("vlan.vlanId", STRANGE_VLAN))),
    "trunk": ("I28", change_setting(_set("vlan", TRUNK))),
    "forged transmits": (
        "I28",
        change_setting(_set("securityPolicy.forgedTransmits.value", True)),
    ),
    "MAC changes": ("I28", change_setting(_set("securityPolicy.macChanges.value", True))),
    "promiscuous mode, in the newer form": (
        "I28",
        change_setting(_set_promiscuous_by_mac_management),
    ),
    "MAC learning": ("I28", change_setting(_set_learning)),
    "security override": ("I28", change_policy(securityPolicyOverrideAllowed=True)),
    "MAC management override": ("I28", change_policy(macManagementOverrideAllowed=True)),
    "no reset at disconnect": ("I28", change_policy(portConfigResetAtDisconnect=False)),
    "VLAN of a port's own": ("I28", move_port),
    "second port group": ("I28", add_second_port_group),
    "stranger in the segment": ("I28", add_stranger),
    "mirror": ("I26", mirror_ports),
    "collector": ("I26", add_collector),
    "records of flows": ("I26", change_setting(_set("ipfixEnabled.value", True))),
    "account on the folder": ("I24", grant(vim.Folder, "{tenant}")),
    "account above the pool": ("I24", grant(vim.ClusterComputeResource, "cluster01")),
    "secret with a neighbour": ("I25", leave_secret),
}
"""By name: the case that it must turn red, and what it does."""


@pytest.fixture(scope="module")
def deployed(
    layout: Layout, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, str], StackOutputs]]:
    """Return configuration and outputs of a small tenant; it needs no configured hosts."""
    records = tmp_path_factory.mktemp("records")
    with open_site(
        layout,
        records,
        TENANT,
        bastion=BASTION,
        without=("db01", "werkplek01"),
        vlans="18",
    ) as site:
        (site.record.parent / "applications" / "meldingen.yaml").unlink()
        with site.edit() as content:
            content["servers"]["app01"]["roles"] = ["workplace"]
            del content["flows"]["meldingen-web"], content["flows"]["meldingen-database"]
        site.stack.deploy("up", "--yes", "--skip-preview")
        yield read_config(site.stack), site.stack.outputs()


@pytest.fixture(scope="module")
def examine(deployed: tuple[dict[str, str], StackOutputs]) -> Examine:
    """Return what reads and judges the vCenter's configuration."""
    return lambda: examine_configuration(*deployed)


def _red(outcomes: list[Outcome]) -> dict[str, str]:
    return {o.case: f"{o.verdict}: {o.detail}" for o in outcomes if o.verdict != "pass"}


def test_deployed_tenant_is_configured_as_planned(examine: Examine) -> None:
    outcomes = examine()
    assert _red(outcomes) == {}
    assert {outcome.case for outcome in outcomes} == {"I24", "I25", "I26", "I28"}


@pytest.mark.parametrize("name", SABOTEURS)
def test_saboteur_turns_exactly_its_case_red(examine: Examine, estate: Estate, name: str) -> None:
    case, spoil = SABOTEURS[name]
    with spoil(Target(estate=estate, tenant=TENANT)):
        red = _red(examine())
    assert red.keys() == {case}, red
    assert red[case].startswith("fail: "), red
    assert "kanarie" not in red[case], "the secret itself is not told"
    assert _red(examine()) == {}, "it was mended"
