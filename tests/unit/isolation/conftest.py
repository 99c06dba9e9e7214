"""Two tenants with the same prefixes, and what their sensors report when nothing leaks."""

import re
import shutil
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from infra.isolation.clock import Span
from infra.isolation.compile import Campaign, compile_campaign
from infra.isolation.ground import Ground, survey
from infra.isolation.judge import HostKey, Report
from infra.isolation.mac_change import HELD_S, TO_OTHER_S, MacChange, MacChangeSeen
from infra.operations.stack import ROOT
from infra.outputs import StackOutputs, export
from infra.plan import compile_plan
from infra.plan.model import Nic
from infra.record import load
from infra.record.place import PROVIDER_FILE, TENANT_FILE
from infra.record.provider import Provider
from infra.record.surroundings import read_provider
from infra.settings import Management
from tests.lab.site import EXAMPLE

RUN = "0123abcd"
DNS_TOLD = bytes.fromhex("000081800001000100000000")
DNS_REFUSED = bytes.fromhex("000081850001000000000000")
PROXY_REFUSED = b"HTTP/1.1 403 Forbidden\r\n\r\n"
NTP_TOLD = b"\x24\x0a" + bytes(10) + bytes([127, 127, 1, 1]) + bytes(32)
"""The time by the clock's own reckoning: version 4, mode 4 (server), stratum 10."""


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two tenants of the same addresses, and VLANs of their own."""
    folder = tmp_path_factory.mktemp("records")
    shutil.copy(ROOT / "tenants" / PROVIDER_FILE, folder)
    for number, tenant in enumerate(("werkendam", "aalburg")):
        shutil.copytree(EXAMPLE, folder / tenant)
        record = folder / tenant / TENANT_FILE
        record.write_text(re.sub(r"vlan: \d\d", f"vlan: 1{number + 2}", record.read_text()))
    return folder


def outputs_of(record: Path, bastion: str) -> StackOutputs:
    """Return what `pulumi up` gave for a tenant."""
    plan = compile_plan(load(record))
    management = Management.model_validate(
        {
            "port_group": "provider-management",
            "prefix": "10.255.0.0/24",
            "bastion_address": bastion,
            "package_proxy": "10.255.0.1:3128",
        }
    )
    uuids = {key: f"uuid-of-{key}" for key in plan.servers}
    secrets = {"management_key": "x", "databases": {"meldingen": "x"}}
    return StackOutputs.model_validate_json(export(plan, management, uuids, secrets))


def joined(outputs: StackOutputs, server: str, network: str, address: str) -> StackOutputs:
    """Give a server of a tenant a leg in a network outside. address: with prefix length."""
    plan = outputs.plan
    number = len(plan.outside)
    nic = Nic(
        device=f"eth1{number}", mac=f"00:50:56:00:09:0{number}", segment=network, address=address
    )
    with_leg = plan.servers[server].model_copy(update={"nics": (*plan.servers[server].nics, nic)})
    update = {
        "servers": {**plan.servers, server: with_leg},
        "outside": {**plan.outside, network: str(IPv4Interface(address).network)},
    }
    return outputs.model_copy(update={"plan": plan.model_copy(update=update)})


@pytest.fixture(scope="session")
def provider(records: Path) -> Provider:
    """Return the provider's file of this project."""
    return read_provider(records / "werkendam")


@pytest.fixture(scope="session")
def own(records: Path) -> StackOutputs:
    """Return the tenant under test."""
    return outputs_of(records / "werkendam", "10.255.0.11")


@pytest.fixture(scope="session")
def other(records: Path) -> StackOutputs:
    """Return its neighbour."""
    return outputs_of(records / "aalburg", "10.255.0.12")


@pytest.fixture(scope="session")
def ground(own: StackOutputs, other: StackOutputs, provider: Provider) -> Ground:
    """Return the ground of both."""
    return survey(own, [other], provider, {})


@pytest.fixture(scope="session")
def campaign(ground: Ground) -> Campaign:
    """Return all that is tried there."""
    return compile_campaign(ground, RUN)


@pytest.fixture
def reports(ground: Ground, campaign: Campaign) -> dict[HostKey, Report]:
    """Return what every host reports when nothing leaks and everything works."""
    return report_well(ground, campaign)


def report_well(ground: Ground, campaign: Campaign) -> dict[HostKey, Report]:
    """Give what every host reports when nothing leaks and everything works."""
    heard: dict[HostKey, dict[str, dict[str, int]]] = {
        key: {leg.device: {} for leg in host.every_leg} for key, host in ground.hosts.items()
    }
    for trial in campaign.trials:
        if witness := trial.attempt.witness:
            heard[witness.host][witness.device][trial.heard] = 1
    for beacon in campaign.beacons:
        for peer in ground.peers(beacon.leg):
            heard[peer.host][peer.device].update(dict.fromkeys(beacon.tokens, 1))
        if beacon.leg in ground.hosts[beacon.leg.host].outside:
            heard[beacon.leg.host][beacon.leg.device].update(dict.fromkeys(beacon.tokens, 1))
    sent: dict[HostKey, dict[str, int]] = {key: {} for key in ground.hosts}
    for shot in campaign.shots:
        sent[shot.leg.host][shot.token] = len(shot.frames)
    answers = {
        "I21": (DNS_REFUSED, DNS_TOLD),
        "I22": (NTP_TOLD, NTP_TOLD),
        "I23": (PROXY_REFUSED, b""),
    }
    replies: dict[HostKey, dict[str, bytes]] = {key: {} for key in ground.hosts}
    control_replies: dict[HostKey, dict[str, bytes]] = {key: {} for key in ground.hosts}
    for inquiry in campaign.inquiries:
        asking, token = inquiry.question.source.key, inquiry.token
        reply, control_replies[asking][token] = answers[inquiry.question.case]
        if service := inquiry.question.witness:
            heard[service.key]["eth0"][token] = 1
        else:
            replies[asking][token] = reply
    changed: dict[HostKey, dict[str, MacChangeSeen]] = {key: {} for key in ground.hosts}
    for change in campaign.mac_changes:
        changed[change.leg.host][change.token] = see_well(change)
        heard[change.leg.host][change.leg.device][change.control] = 1
    return {
        key: Report(
            heard=heard[key],
            frames={},
            received={leg.device: 100 for leg in host.every_leg},
            lost=0,
            sent=sent[key],
            replies=replies[key],
            control_replies=control_replies[key],
            mac_changes=changed[key],
        )
        for key, host in ground.hosts.items()
    }


def see_well(change: MacChange) -> MacChangeSeen:
    """Give what happens when a leg takes another MAC and everything works."""
    return MacChangeSeen(
        had=change.mac,
        has=change.leg.mac,
        taken=moment(0.0),
        restored=moment(HELD_S),
        sent=tuple(moment(at) for at in TO_OTHER_S),
    )


def moment(at: float) -> Span:
    """Give a moment that is known to a hundredth of a second."""
    return Span(earliest=at, latest=at + 0.01)
