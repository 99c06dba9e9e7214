"""A pair of edges under traffic: one is lost, and what was allowed goes on over the other.

Within the datacenter, by the tunnel to a town hall, and from outside to the address that both can
hold; the programs at the town hall are themselves reached by that address. In file order: every
test leaves both edges up. What passes is measured and told, not judged: how long a failover takes
is the machine's too. It does not prove a real vCenter or physical switches.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from infra.operations.stack import ROOT
from lab.layout import Layout
from lab.process import until
from tests.lab import frame
from tests.lab.edge_pair import EDGES, Pair, other
from tests.lab.edge_site import HOST_OPENED, begin_talking, open_edge_site
from tests.lab.edge_traffic import (
    ALLOWED,
    CONNECTIONS,
    FORBIDDEN,
    INTRUDER,
    PATIENCE_S,
    Traffic,
    ask,
    listen,
    talk,
    tell,
)
from tests.lab.estate import Estate
from tests.lab.site import Site, Start
from tests.lab.tenant import run_tenant
from tests.lab.town_hall import UPLINK

pytestmark = pytest.mark.lab

TENANT = "paar"
BASTION = "10.255.0.209"
"""The bastion's leg in this lab, away from the addresses of other tests."""


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant that is up."""
    records = tmp_path_factory.mktemp("records")
    with open_edge_site(layout, records, TENANT, bastion=BASTION) as site:
        yield site


@pytest.fixture(scope="module")
def pair(site: Site, estate: Estate) -> Pair:
    """Return the edges."""
    return Pair(site, estate)


@pytest.fixture(scope="module")
def start(site: Site) -> Iterator[Start]:
    """Return what starts a Python program on a server."""
    with site.programs() as start:
        yield start


@pytest.fixture(scope="module")
def traffic(site: Site, start: Start) -> Traffic:
    """Return what talks to db01 all the time."""
    listen(start, ALLOWED)
    return begin_talking(site, start)


@pytest.fixture(scope="module")
def intrude(pair: Pair, start: Start) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts to try, from app01 to db01, what the edges alone stop."""
    pair.site.ask(app01=HOST_OPENED, db01=HOST_OPENED)
    listen(start, FORBIDDEN)
    return lambda: start("app01", INTRUDER)


@contextmanager
def opened(pair: Pair, edge: str) -> Iterator[None]:
    """Have an edge forward everything."""
    pair.run(edge, "nft insert rule inet edge_filter forward accept")
    try:
        yield
    finally:
        pair.run(edge, "nft -f /etc/nftables.d/edge_filter.nft")


def test_matrix_goes_through_the_edge_that_holds_the_gateways(site: Site, pair: Pair) -> None:
    holder = pair.holder()
    said = run_tenant("verify", TENANT, "--stack", site.stack.name, "--suite", "matrix")
    assert f"NOT TRIED the forward filter of {other(holder)}: {holder} held the gateways" in said
    found = json.loads((ROOT / "evidence" / site.stack.name / "matrix.json").read_text())
    assert found["standby"] == [other(holder)]
    assert all("router01" in (one["source"], one["destination"]) for one in found["untried"])
    swept = [one for each in found["pairs"] for one in each["filters"]]
    assert {one["server"] for one in swept if one["filter"] == "forward"} == {holder}


def test_one_edge_holds_every_gateway_and_all_checks_pass(
    site: Site, pair: Pair, traffic: Traffic
) -> None:
    talk(traffic)
    holder = pair.holder()
    assert pair.held(other(holder)) == set()
    run_tenant("verify", TENANT, "--stack", site.stack.name)
    site.stack.read("preview", "--refresh", "--expect-no-changes")


def test_connections_are_known_to_the_partner_with_their_marks(
    pair: Pair, traffic: Traffic
) -> None:
    talk(traffic)
    ours = f"grep ESTABLISHED | grep --fixed-strings dport={ALLOWED} | grep -v 'mark=0 ' | wc -l"
    for _ in until(PATIENCE_S):
        known = pair.run(other(pair.holder()), f"conntrackd -e | {ours}")
        if known == str(CONNECTIONS * len(traffic)):
            return
    pytest.fail("the partner does not know the connections")


def test_edge_without_the_gateways_is_silent_outside(pair: Pair, traffic: Traffic) -> None:
    holder = pair.holder()
    talk(traffic)
    sent = {}
    with ExitStack() as sensors:
        heard = {edge: sensors.enter_context(pair.listen(edge, UPLINK)) for edge in EDGES}
        talk(traffic)
        for edge, sensor in heard.items():
            sent[edge] = frame.count_sent(sensor)
    assert sent[holder] > 0
    assert sent[other(holder)] == 0


def test_stopped_keepalived_hands_over(pair: Pair, traffic: Traffic) -> None:
    first = pair.holder()
    talk(traffic)
    pair.run(first, "systemctl stop keepalived")
    pair.await_holder(other(first))
    tell("keepalived stopped", talk(traffic))
    pair.run(first, "systemctl start keepalived")
    pair.await_backup(first)
    tell("keepalived back", talk(traffic))


def test_killed_edge_is_replaced(pair: Pair, traffic: Traffic) -> None:
    first = pair.holder()
    talk(traffic)
    pair.cut_power(first)
    pair.await_holder(other(first))
    tell("edge killed", talk(traffic))
    pair.power_on(first)
    pair.await_backup(first)
    tell("edge back", talk(traffic))


def test_edge_that_reboots_itself_is_replaced(pair: Pair, estate: Estate, traffic: Traffic) -> None:
    first = pair.holder()
    talk(traffic)
    before = estate.leader(pair.machine(first))
    pair.run(first, "systemctl reboot")
    pair.await_holder(other(first))
    tell("edge rebooted", talk(traffic))
    pair.await_boot(first, before)
    pair.await_backup(first)
    tell("edge back", talk(traffic))


def test_rules_swapped_under_traffic_let_through_what_is_allowed_and_nothing_else(
    pair: Pair, intrude: Callable[[], subprocess.Popen[str]], traffic: Traffic
) -> None:
    holder = pair.holder()
    talk(traffic)
    swaps = (
        "cd /run && sed 's/ct mark 0x1/ct mark 0x2/; s/ct mark set 0x1/ct mark set 0x2/'"
        " /etc/nftables.d/edge_filter.nft > other.nft && for i in $(seq 15); do"
        " nft -f other.nft && nft -f /etc/nftables.d/edge_filter.nft || exit; done"
    )
    intruder = intrude()
    pair.run(holder, swaps)
    report = ask(intruder)
    assert report["tried"] > 0
    assert report["passed"] == 0
    tell(f"30 swaps of rules, {report['tried']} forbidden tries", talk(traffic))
    assert pair.holder() == holder
    # The control: what the intruder tries is stopped by these rules alone.
    with opened(pair, holder):
        intruder = intrude()
        talk(traffic)
        assert ask(intruder)["passed"] > 0


def test_edge_without_rules_forwards_nothing_and_gives_up_the_gateways(
    pair: Pair, intrude: Callable[[], subprocess.Popen[str]], traffic: Traffic
) -> None:
    # Outside, for a moment nobody translates what comes for the address: its kernel refuses it.
    inside = {"within": traffic["within"]}
    first = pair.holder()
    talk(inside)
    pair.detour(first)
    intruder = intrude()
    pair.run(first, "nft flush ruleset")
    pair.await_holder(other(first))
    assert pair.held(first) == set()
    tell("rules flushed", talk(inside))
    report = ask(intruder)
    assert report["tried"] > 0
    assert report["passed"] == 0
    pair.run(first, "systemctl reload nftables")
    pair.await_backup(first)
    tell("rules back", talk(inside))
    # The control: on this way the rules alone stop the intruder.
    with opened(pair, first):
        intruder = intrude()
        talk(inside)
        assert ask(intruder)["passed"] > 0
