"""A town hall behind a router of its own: what its link shows, and whom it lets reach what.

In file order: the later tests use what the earlier ones left. Guest, printer and what stands for
the internet are hosts of nobody's record. It does not prove the cryptography of WireGuard.
"""

import secrets
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from infra.operations.stack import ROOT
from lab.error import LabError
from lab.layout import Layout
from lab.process import until
from tests.lab import frame
from tests.lab.estate import Estate, NicWish, wait
from tests.lab.matrix_sabotage import assert_turns_red, read_evidence
from tests.lab.site import Site, open_site
from tests.lab.tenant import run_tenant
from tests.lab.town_hall import COUNTER, EDGE, ROUTER, SMALL, UPLINK, add_town_hall
from tests.matrix.saboteur import SABOTEURS, Saboteur

pytestmark = pytest.mark.lab

TENANT = "altena"
STUB = "203.0.113.80"
BASTION, WORKPLACE = "10.22.40.11", "10.22.50.11"
TUNNEL_UDP = (17, 51820, 51820)
SSH = 22
BACK_WITHIN_S = 180


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant with a town hall, up and verified."""
    records = tmp_path_factory.mktemp("records")
    gone = ("app01", "db01", "werkplek01")
    with open_site(layout, records, TENANT, bastion="10.255.0.208", without=gone) as site:
        (site.record.parent / "applications" / "meldingen.yaml").unlink()
        with site.edit() as content:
            add_town_hall(content)
            add_people(content)
        site.up()
        yield site


def add_people(content: Any) -> None:
    """Have a workplace and guests at the town hall; of the rest only bastion and edge stay."""
    content["servers"]["balie01"] = {
        **SMALL,
        "segment": COUNTER,
        "address": WORKPLACE,
        "roles": ["workplace"],
    }
    flows = content["flows"]
    del flows["meldingen-web"], flows["meldingen-database"]
    flows["guests"] = {
        **{"from": ["wifi-gast"], "to": [UPLINK], "protocol": "tcp", "port": 80},
        **{"purpose": "guests see the internet", "owner": "facilitair beheerder"},
    }


@dataclass(frozen=True)
class Strangers:
    """Hosts that no record has: a guest and a printer at the town hall, a server outside."""

    guest: Any
    printer: Any
    stub: Any


@pytest.fixture(scope="module")
def strangers(site: Site, estate: Estate) -> Iterator[Strangers]:
    """Return the hosts of nobody; the one outside serves http."""
    group = vim.dvs.DistributedVirtualPortgroup
    made = [
        estate.clone(
            name,
            [NicWish(estate.find(group, network), mac, address, gateway)],
            memory_mib=256,
        )
        for name, network, mac, address, gateway in (
            (
                "guest",
                f"{site.tenant}-wifi-gast",
                "00:50:56:03:00:01",
                "10.22.70.11/24",
                "10.22.70.1",
            ),
            ("printer", f"{site.tenant}-mfp", "00:50:56:03:00:02", "10.22.60.11/24", "10.22.60.1"),
            ("stub", "internet", "00:50:56:03:00:03", f"{STUB}/24", None),
        )
    ]
    for machine in made:
        estate.await_tools(machine)
    strangers = Strangers(*made)
    for port in (80, 443):
        estate.run(strangers.stub, f"systemd-run --quiet python3 -m http.server {port}")
    for _ in until(BACK_WITHIN_S):
        if estate.probe(strangers.stub, [(STUB, 80), (STUB, 443)]) == ["open", "open"]:
            break
    else:
        pytest.fail("nobody serves http outside")
    yield strangers
    for machine in made:
        wait(machine.PowerOffVM_Task())
        wait(machine.Destroy_Task())


def machine(estate: Estate, server: str) -> Any:
    """Return the VM of a server of the record."""
    return estate.find(vim.VirtualMachine, f"{TENANT}-{server}")


def device(site: Site, server: str, segment: str) -> str:
    """Return by which device a server is in a segment."""
    nics = site.stack.outputs().plan.servers[server].nics
    return next(nic.device for nic in nics if nic.segment == segment)


def listen(site: Site, estate: Estate, server: str, segment: str) -> socket.socket:
    """Return a sensor for all that a server sends and receives in a segment."""
    name = device(site, server, segment)
    return estate.inside(machine(estate, server), lambda: frame.listen(name))


def take(sensor: socket.socket) -> list[bytes]:
    """Return the frames that a sensor has seen until now."""
    sensor.setblocking(False)
    seen = []
    while True:
        try:
            seen.append(sensor.recv(2048))
        except BlockingIOError:
            return seen


def kinds(frames: list[bytes]) -> set[tuple[int, int, int]]:
    """Return protocol and ports of the IPv4 packets; 0 for ports where there are none."""
    found = set()
    for content in frames:
        if content[12:14] == b"\x08\x00":
            protocol, start = content[23], 14 + (content[14] & 15) * 4
            ports = (
                struct.unpack("!HH", content[start : start + 4]) if protocol in (6, 17) else (0, 0)
            )
            found.add((protocol, *ports))
    return found


def visit(estate: Estate, token: str) -> bool:
    """Let the workplace ask the bastion's relay for something, over http; say if it answered."""
    url = f"http://{BASTION}:3142/{token}"
    return estate.attempt(machine(estate, "balie01"), f"curl -sm 5 {url}").returncode == 0


def find_leader(estate: Estate, machine: Any) -> int | None:
    """Return the process id of a host's systemd; None while there is none."""
    try:
        return estate.leader(machine)
    except LabError:
        return None


def await_tunnel(estate: Estate) -> None:
    """Wait until the workplace's requests are answered."""
    for _ in until(BACK_WITHIN_S):
        if visit(estate, "back"):
            return
    message = f"the workplace is still cut off after {BACK_WITHIN_S} s"
    raise AssertionError(message)


def test_link_shows_wireguard_and_nothing_else(site: Site, estate: Estate) -> None:
    token = secrets.token_hex(16)
    with (
        listen(site, estate, "edge01", "beheer") as inside,
        listen(site, estate, "edge01", "internet") as link,
    ):
        assert visit(estate, token)
        behind, between = take(inside), take(link)
    assert any(token.encode() in content for content in behind), "plain where it leaves the tunnel"
    assert not any(token.encode() in content for content in between)
    assert kinds(between) == {TUNNEL_UDP}


def test_sensor_sees_what_goes_beside_the_tunnel(site: Site, estate: Estate) -> None:
    out = device(site, "router01", "internet")
    mac = next(
        nic.mac for nic in site.stack.outputs().plan.servers["router01"].nics if nic.device == out
    )
    with listen(site, estate, "edge01", "internet") as link:
        sent = frame.plain("beside", source=mac)
        estate.inside(machine(estate, "router01"), lambda: frame.send(out, sent))
        assert frame.count_seen(link, "beside") > 0


def test_guest_reaches_the_internet_and_nothing_else(estate: Estate, strangers: Strangers) -> None:
    targets = [(STUB, 80), (STUB, 443), (BASTION, 22), (BASTION, 3142), (WORKPLACE, 22)]
    targets += [(address, 22) for address in (EDGE, ROUTER, "10.22.70.1", "10.22.40.1")]
    targets += [("10.22.60.11", 22)]
    assert estate.probe(strangers.guest, targets) == ["open", *["silent"] * (len(targets) - 1)]


def test_printer_reaches_nothing(estate: Estate, strangers: Strangers) -> None:
    targets = [(STUB, 80), (BASTION, 3142), (WORKPLACE, 22), ("10.22.60.1", 22)]
    assert estate.probe(strangers.printer, targets) == ["silent"] * len(targets)
    neighbour = estate.run(strangers.printer, "ip neigh show 10.22.60.1")
    assert "lladdr" in neighbour, "its router is there and heard it"


def test_matrix_tries_all_pairs_over_edge_router_and_tunnel(site: Site) -> None:
    run_tenant("verify", TENANT, "--stack", site.stack.name, "--suite", "matrix")
    evidence = read_evidence(ROOT / "evidence" / site.stack.name / "matrix.json")
    assert evidence["untried"] == []
    found = {(pair["source"], pair["destination"]): pair for pair in evidence["pairs"]}
    assert {*found} == {*permutations(site.stack.outputs().plan.servers, 2)}
    assert found["bastion01", "balie01"]["open"] == {"tcp": "22", "udp": ""}
    assert found["balie01", "bastion01"]["open"] == {"tcp": "53,3142", "udp": "53,123"}
    assert found["balie01", "edge01"]["open"] == {"tcp": "", "udp": ""}
    filters = [(one["filter"], one["server"]) for one in found["bastion01", "balie01"]["filters"]]
    assert filters == [
        ("outgoing", "bastion01"),
        ("forward", "edge01"),
        ("forward", "router01"),
        ("incoming", "balie01"),
    ]


@pytest.mark.parametrize(
    "saboteur",
    [one for one in SABOTEURS if one.server == "router01"],
    ids=lambda saboteur: saboteur.name,
)
def test_saboteur_of_a_router_turns_red_exactly_what_it_should(
    saboteur: Saboteur, site: Site, tmp_path: Path
) -> None:
    with site.path() as path:
        assert_turns_red(saboteur, site.stack.outputs(), path, tmp_path / "matrix.json")


def test_without_the_tunnel_nothing_passes(site: Site, estate: Estate) -> None:
    token = secrets.token_hex(16)
    site.ask(router01="systemctl stop wg-quick@wg0.service")
    with listen(site, estate, "router01", "internet") as link:
        assert not visit(estate, token)
        between = take(link)
    assert not any(token.encode() in content for content in between)
    # The edge's end knocks, and is told that nobody is there. The command's own ssh may still end.
    assert {kind for kind in kinds(between) if SSH not in kind} <= {TUNNEL_UDP, (1, 0, 0)}
    site.ask(router01="systemctl start wg-quick@wg0.service")
    await_tunnel(estate)


def test_restarted_router_brings_all_back(site: Site, estate: Estate, strangers: Strangers) -> None:
    router = machine(estate, "router01")
    former = estate.leader(router)
    router.RebootGuest()
    for _ in until(BACK_WITHIN_S):
        if find_leader(estate, router) not in (None, former):
            break
    assert find_leader(estate, router) != former, "it has booted"
    await_tunnel(estate)
    assert estate.probe(strangers.guest, [(STUB, 80), (BASTION, 22)]) == ["open", "silent"]
    assert site.preview() == {}
