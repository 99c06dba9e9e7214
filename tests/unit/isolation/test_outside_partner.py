"""What flows let leave to partners, or come in from outside, is no attack; all else is tried."""

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

from infra.isolation.compile import Campaign, Trial, compile_campaign
from infra.isolation.ground import Ground, survey
from infra.record.place import PROVIDER_FILE
from infra.record.surroundings import read_provider
from tests.unit.isolation.conftest import RUN, joined, outputs_of
from tests.unit.record.good_record import NEIGHBOUR, lay_out
from tests.unit.record.test_bad_record import PARTNER, change_record, read_changes

RVIG, EDGE, VISITOR = "198.51.100.11", "203.0.113.2", "203.0.113.21"
EDGE_FOR_PARTNERS = "198.51.100.2"
ADAPTER, WEBSITE = "10.9.7.11", "10.9.2.11"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Return a tenant with an adapter and a website, and who is its partner and visitor."""
    folder = lay_out(tmp_path_factory.mktemp("record"))
    change_record(folder, read_changes(PARTNER))
    other = outputs_of(folder.with_name(NEIGHBOUR), "10.255.0.12")
    other = joined(other, "db01", "diginetwerk", f"{RVIG}/24")
    other = joined(other, "edge01", "internet", f"{VISITOR}/24")
    assert (folder.parent / PROVIDER_FILE).exists()
    return survey(outputs_of(folder, "10.255.0.11"), [other], read_provider(folder), {})


@pytest.fixture(scope="module")
def campaign(ground: Ground) -> Campaign:
    """Return all that is tried there."""
    return compile_campaign(ground, RUN)


def sweep(campaign: Campaign, server: str) -> Trial:
    """Return what one of our servers tries against its partner, under its own address."""
    (found,) = (
        trial
        for trial in campaign.trials
        if trial.attempt.case == "I01"
        and trial.attempt.source.server == server
        and {leg.network for leg in trial.attempt.outside} == {"diginetwerk"}
    )
    return found


def sweep_from(campaign: Campaign, network: str) -> Trial:
    """Return what the neighbour tries from a network outside, under its own address."""
    (found,) = (
        trial
        for trial in campaign.trials
        if trial.attempt.case == "I01" and trial.attempt.source.network == network
    )
    return found


def ports(trial: Trial, destination: str) -> set[int]:
    """Return the TCP ports tried at an address."""
    packets = [Ether(frame)[IP] for frame in trial.attempt.build(b"")]
    return {p[TCP].dport for p in packets if p.dst == destination and TCP in p}


@pytest.mark.parametrize(("server", "is_tried"), [("adapter01", False), ("app01", True)])
def test_adapter_alone_may_reach_its_partner_at_443(
    campaign: Campaign, server: str, *, is_tried: bool
) -> None:
    tried = ports(sweep(campaign, server), RVIG)
    assert {22, 80} <= tried
    assert (443 in tried) == is_tried


def test_partner_may_call_back_the_adapter_alone(campaign: Campaign) -> None:
    trial = sweep_from(campaign, "diginetwerk")
    for address, is_tried in ((EDGE_FOR_PARTNERS, False), (ADAPTER, False), (WEBSITE, True)):
        assert (443 in ports(trial, address)) == is_tried
        assert {22, 80} <= ports(trial, address)


def test_visitors_may_reach_the_website_alone(campaign: Campaign) -> None:
    trial = sweep_from(campaign, "internet")
    for address, is_tried in ((EDGE, False), (WEBSITE, False), (ADAPTER, True)):
        assert (80 in ports(trial, address)) == is_tried
        assert {22, 443} <= ports(trial, address)


def test_adapter_is_pretended_from_every_other_zone(campaign: Campaign) -> None:
    lies = {
        trial.attempt.source.server
        for trial in campaign.trials
        if trial.attempt.case == "I03" and trial.attempt.outside
        for frame in trial.attempt.build(b"")
        if IP in (packet := Ether(frame))
        and (packet[IP].src, packet[IP].dst) == (ADAPTER, RVIG)
        and packet[TCP].dport == 443
    }
    assert lies == {"app01", "bastion01", "db01", "werkplek01"}
