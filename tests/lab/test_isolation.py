"""A tenant attacks its neighbour and the provider in vain; each saboteur turns its cases red alone.

It proves the lab's model of the switch and the real filters of real hosts, not a real vCenter.
"""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from pyVmomi import vim
from ruamel.yaml import YAML
from scapy.utils import rdpcap

from infra.operations.isolation.probe import GUARD_S, RESERVE_S
from infra.operations.isolation.session import open_session
from infra.operations.management_path import NoAnswerError
from infra.operations.stack import ROOT
from infra.record.place import PROVIDER_FILE
from lab.layout import Layout
from tests.isolation.saboteur import SABOTEURS
from tests.lab import frame
from tests.lab.estate import Estate, await_true
from tests.lab.sabotage import PROVIDER, SABOTAGES, TAKEN_MAC
from tests.lab.sabotage_edge import OTHER, OWN, UPLINK
from tests.lab.setting import await_fabric, read_fabric
from tests.lab.site import Site, open_site
from tests.lab.tenant import fail_tenant, run_tenant

pytestmark = pytest.mark.lab

BASTIONS = {
    OWN: ("10.255.0.208", "14"),
    OTHER: ("10.255.0.209", "15"),
    PROVIDER: ("10.255.0.220", "16"),
}
"""By tenant its bastion's leg, away from the addresses of other tests, and its VLANs' digits."""

TRACES = (
    "find / -xdev -newer /run/isolation-mark -type f"
    " -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/var/log/*'"
    " -not -path '/var/lib/chrony/*' -not -path '/var/lib/systemd/*'"
    # Written by the lab's agent, as VMware's tools keep such things in memory.
    " -not -path /etc/guestinfo.env;"
    " ip -d -o link | grep -o 'promiscuity [0-9]*'; ip -o address | sed 's/valid_lft.*//';"
    " ip -o link | grep -o 'link/ether [^ ]*'; systemctl list-units --all --plain --no-legend"
    " 'isolation-*';"
    " ip route; ss --packet --no-header; pgrep --full --list-full '[p]ython3 -uc'; true"
)
"""What a probe could leave: files, listening in, addresses, units, routes, sockets, processes."""


@pytest.fixture(scope="module")
def sites(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """Return two small tenants that are up, with the same addresses, and the provider's own."""
    records = tmp_path_factory.mktemp("records")
    with (
        _open(layout, records, OWN) as own,
        _open(layout, records, OTHER) as other,
        _open(layout, records, PROVIDER) as provider,
    ):
        for site in (own, other, provider):
            _make_small(site)
        _put_at_provider(provider)
        _join_outside(own, "203.0.113.11")
        _join_outside(other, "203.0.113.21")
        with ThreadPoolExecutor() as engineers:
            for done in [engineers.submit(site.up) for site in (own, other, provider)]:
                done.result()
        yield {OWN: own, OTHER: other, PROVIDER: provider}


def _open(layout: Layout, records: Any, tenant: str) -> Any:
    bastion, vlans = BASTIONS[tenant]
    return open_site(
        layout,
        records,
        tenant,
        bastion=bastion,
        without=("werkplek01",),
        vlans=vlans,
    )


def _make_small(site: Site) -> None:
    """Leave an edge, a bastion and a server in each of two more zones."""
    (site.record.parent / "applications" / "meldingen.yaml").unlink()
    with site.edit() as content:
        del content["zones"]["office"], content["servers"]["edge01"]["interfaces"]["office"]
        del content["servers"]["db01"]["disks"]
        for server in ("app01", "db01"):
            content["servers"][server] |= {"roles": ["workplace"], "vcpu": 1, "memory_mib": 512}
        del content["flows"]["meldingen-web"], content["flows"]["meldingen-database"]
        for flow in content["flows"].values():
            for end in ("from", "to"):
                flow[end] = [name for name in flow[end] if name != "office"]


def _put_at_provider(site: Site) -> None:
    """Let a site's two segments be networks of the provider, with addresses of nobody else."""
    networks = YAML(typ="safe").load(site.record.parents[1] / PROVIDER_FILE)["networks"]
    site.record.write_text(site.record.read_text().replace("10.22.", "10.99."))
    with site.edit() as content:
        for zone, network in (("data", "storage"), ("app", "provider-backup")):
            content["zones"][zone]["segments"][zone]["vlan"] = networks[network]["vlan"]


def _join_outside(site: Site, address: str) -> None:
    """Give a site's edge a leg in a network outside, where one zone may browse."""
    with site.edit() as content:
        content["outside"] = {UPLINK: {"prefix": "203.0.113.0/24", "purpose": "the internet"}}
        content["servers"]["edge01"]["interfaces"][UPLINK] = address
        content["flows"]["browsing"] = {
            **{"from": ["app"], "to": [UPLINK], "protocol": "tcp", "port": 80},
            **{"purpose": "guests see the internet", "owner": "facilitair beheerder"},
        }


def _findings(site: Site) -> dict[str, Any]:
    file = ROOT / "evidence" / site.stack.name / "isolation.json"
    found: dict[str, Any] = json.loads(file.read_text())
    return found


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run with nothing broken. before, after: traces by server of our own tenant."""

    said: str
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="module")
def run(sites: dict[str, Site]) -> Run:
    """Return a run of the suite on the tenants as they are."""
    site = sites[OWN]
    servers = site.stack.outputs().plan.servers
    site.ask(**dict.fromkeys(servers, "touch /run/isolation-mark"))
    before = site.ask(**dict.fromkeys(servers, TRACES))
    said = run_tenant("verify", OWN, "--stack", site.stack.name, "--suite", "isolation")
    return Run(said=said, before=before, after=site.ask(**dict.fromkeys(servers, TRACES)))


def test_nothing_comes_through_and_everything_is_shown(sites: dict[str, Site], run: Run) -> None:
    others = ", ".join(sorted(sites[tenant].stack.name for tenant in (OTHER, PROVIDER)))
    assert f"other tenants on this datacenter: {others}" in run.said
    outcomes = _findings(sites[OWN])["outcomes"]
    assert {outcome["verdict"] for outcome in outcomes} == {"pass"}
    targets = {o["target"]["server"] for o in outcomes if o["target"]["tenant"] == OTHER}
    assert targets == {"app01", "bastion01", "db01", "edge01"}
    assert {"I19", "I20"} <= {outcome["case"] for outcome in outcomes}
    changed = [o["target"]["server"] for o in outcomes if o["case"] == "I11"]
    assert sorted(changed) == ["app01", "bastion01", "db01"]
    for side, other in (("source", "target"), ("target", "source")):
        outside = [outcome for outcome in outcomes if outcome[side]["zone"] == UPLINK]
        assert {outcome["case"] for outcome in outside} == {"I01", "I03", "I16"}
        zones = {outcome[other]["zone"] for outcome in outside if outcome[other]["tenant"] == OWN}
        assert zones == {"app", "data", "beheer"}


def test_capture_holds_the_packets_that_the_witness_heard(sites: dict[str, Site], run: Run) -> None:
    assert "outcomes passed" in run.said
    folder = ROOT / "evidence" / sites[OWN].stack.name
    frames = [bytes(packet) for packet in rdpcap(str(folder / f"isolation/{OWN}-edge01.pcap"))]
    sweeps = [o for o in _findings(sites[OWN])["outcomes"] if o["case"] == "I01"]
    assert sweeps
    for outcome in sweeps:
        assert any(outcome["token"].encode() in frame for frame in frames)


def test_probes_leave_nothing_behind(sites: dict[str, Site], run: Run) -> None:
    assert run.after == run.before
    left = sites[OWN].ask(app01=f"touch /root/left; {TRACES}; rm /root/left")["app01"]
    assert "/root/left" in left, "a trace would have been seen"


@pytest.mark.parametrize(("server", "behind"), [("app01", "app01"), ("bastion01", "db01")])
def test_host_whose_probe_is_killed_has_its_own_mac_again_and_connections_go_on(
    sites: dict[str, Site], estate: Estate, server: str, behind: str
) -> None:
    site = sites[OWN]
    (nic,) = (n for n in site.stack.outputs().plan.servers[server].nics if n.segment)
    machine = estate.find(vim.VirtualMachine, f"{OWN}-{server}")
    some_frame = base64.b64encode(frame.plain("x", source=TAKEN_MAC)).decode()
    before, switch = site.ask(**{server: TRACES}), read_fabric(estate)

    def has(mac: str) -> bool:
        return estate.run(machine, f"cat /sys/class/net/{nic.device}/address") == mac

    with site.path() as path, ThreadPoolExecutor() as orders, ExitStack() as opened:
        other = opened.enter_context(open_session(path, (OWN, behind)))
        other.order("tell_time")
        doomed = opened.enter_context(open_session(path, (OWN, server)))
        doomed.order("listen", mark="isolation 00000000 ", digits=5, uplinks=[])
        doomed.order("guard", device=nic.device)
        now = doomed.order("tell_time")["time"]
        lost = orders.submit(
            doomed.order,
            "change_mac",
            mac=TAKEN_MAC,
            at=now,
            until=now + GUARD_S - RESERVE_S - 1,
            under_other=some_frame,
            announcement=some_frame,
        )
        await_true("another MAC", lambda: has(TAKEN_MAC))
        estate.run(machine, "pkill --signal KILL --newest --full '^python3 -uc'")
        assert has(TAKEN_MAC), "it cannot have changed it back"
        await_true("the own MAC", lambda: has(nic.mac))
        assert other.order("tell_time")["time"] > now, "over a connection that was open all along"
        with pytest.raises(NoAnswerError, match="lost while asked to change_mac"):
            lost.result(30)
    await_true("nothing left", lambda: site.ask(**{server: TRACES}) == before)
    # The switch follows a moment later; who looked at it before that would wait for it in vain.
    await_fabric(estate, lambda now: now == switch)


@pytest.mark.parametrize("name", SABOTEURS)
def test_saboteur_turns_exactly_its_cases_red(
    sites: dict[str, Site], estate: Estate, name: str
) -> None:
    site = sites[OWN]
    with SABOTAGES[name](estate, sites):
        _, lines = fail_tenant(
            "verify", OWN, "--stack", site.stack.name, "--suite", "isolation", code=5
        )
    assert "are no pass" in lines[-1]
    outcomes = _findings(site)["outcomes"]
    assert "inconclusive" not in {outcome["verdict"] for outcome in outcomes}
    bad = [outcome for outcome in outcomes if outcome["verdict"] == "fail"]
    if network := SABOTEURS[name].network:
        ends = [{outcome["source"]["zone"], outcome["target"]["zone"]} for outcome in bad]
        assert all(network in zones for zones in ends)
    assert tuple(sorted({outcome["case"] for outcome in bad})) == SABOTEURS[name].cases
