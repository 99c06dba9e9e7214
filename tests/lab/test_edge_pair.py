"""A pair of edges under traffic: one is lost, and what was allowed goes on over the other.

In file order: every test leaves both edges up. What passes is measured and told, not judged: how
long a failover takes is the machine's too. It does not prove a real vCenter or physical switches.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pyVmomi import vim

from infra.operations.stack import ROOT
from lab.error import LabError
from lab.layout import Layout
from lab.process import until
from tests.lab.estate import Estate, wait
from tests.lab.site import Site, open_site
from tests.lab.tenant import run_tenant

pytestmark = pytest.mark.lab

TENANT = "paar"
BASTION = "10.255.0.209"
"""The bastion's leg in this lab, away from the addresses of other tests."""

EDGES = ("edge01", "edge02")
GATEWAYS = {"10.22.10.1", "10.22.20.1", "10.22.30.1", "10.22.40.1"}
DATABASE = "10.22.30.11"
ALLOWED, FORBIDDEN = 8099, 8098
"""Ports of the server: a flow leads to the first one only."""

PATIENCE_S = 300
"""Deadline for what takes seconds, on a machine that does much else."""

OBSERVED_S = 10
"""How long an edge that came back is watched: three announcements and more."""

CONNECTIONS = 10
ROUNDS = 5
"""Answers that each connection must have had before it counts as alive."""

SERVER = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
selector.register(listener, selectors.EVENT_READ, True)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        if key.data:
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
        elif said := key.fileobj.recv(64):
            key.fileobj.sendall(said)
        else:
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""

CLIENT = f"""
import json, socket, sys, threading, time
COUNT = {CONNECTIONS}
report = {{"rounds": [0] * COUNT, "lost": 0, "gap_s": 0.0}}
lock = threading.Lock()

def talk(number):
    try:
        connection = socket.create_connection(("{DATABASE}", {ALLOWED}), timeout={PATIENCE_S})
        while True:
            asked = time.monotonic()
            connection.sendall(b"x")
            if not connection.recv(1):
                raise ConnectionError
            with lock:
                report["rounds"][number] += 1
                report["gap_s"] = max(report["gap_s"], time.monotonic() - asked)
            time.sleep(0.05)
    except OSError:
        with lock:
            report["lost"] += 1

for number in range(COUNT):
    threading.Thread(target=talk, args=(number,), daemon=True).start()
for _ in sys.stdin:
    with lock:
        print(json.dumps(report), flush=True)
        report.update(rounds=[0] * COUNT, gap_s=0.0)
"""
"""Holds connections and talks over each; tells for every line that it reads how that went."""

INTRUDER = f"""
import json, socket, sys, threading
tried = passed = 0
stop = threading.Event()
def knock():
    global tried, passed
    while not stop.is_set():
        tried += 1
        try:
            socket.create_connection(("{DATABASE}", {FORBIDDEN}), timeout=0.05).close()
            passed += 1
        except OSError:
            pass
thread = threading.Thread(target=knock)
thread.start()
sys.stdin.readline()
stop.set()
thread.join()
print(json.dumps({{"tried": tried, "passed": passed}}), flush=True)
"""
"""Tries what no flow allows, until it reads a line."""


@dataclass(frozen=True)
class Pair:
    """The two edges of a tenant that is up."""

    site: Site
    estate: Estate

    def machine(self, edge: str) -> Any:
        """Return an edge's VM."""
        return self.estate.find(vim.VirtualMachine, f"{TENANT}-{edge}")

    def run(self, edge: str, command: str) -> str:
        """Run a command as root on an edge, whatever its network does."""
        return self.estate.run(self.machine(edge), command)

    def held(self, edge: str) -> set[str]:
        """Return the gateways' addresses that an edge has now."""
        links = json.loads(self.run(edge, "ip -json -4 address show"))
        return {info["local"] for link in links for info in link["addr_info"]} & GATEWAYS

    def holder(self) -> str:
        """Return the edge that holds all gateways, once one does."""
        for _ in until(PATIENCE_S):
            for edge in EDGES:
                if self.held(edge) == GATEWAYS:
                    return edge
        message = f"no edge held all gateways within {PATIENCE_S} s"
        raise AssertionError(message)

    def await_holder(self, edge: str) -> None:
        """Wait until this edge has all gateways."""
        for _ in until(PATIENCE_S):
            if self.held(edge) == GATEWAYS:
                return
        message = f"{edge} did not get all gateways within {PATIENCE_S} s"
        raise AssertionError(message)

    def detour(self, edge: str) -> None:
        """Have what nobody allows go by an edge's own addresses, whoever holds the gateways."""
        way = (
            f"ip rule add ipproto tcp {{end}} {FORBIDDEN} lookup {FORBIDDEN} &&"
            f" ip route add default via {{segment}}.{own(edge)} table {FORBIDDEN}"
        )
        self.site.ask(
            app01=way.format(end="dport", segment="10.22.20"),
            db01=way.format(end="sport", segment="10.22.30"),
        )

    def await_boot(self, edge: str, before: int) -> None:
        """Wait until an edge's first process is another than before."""
        for _ in until(PATIENCE_S):
            with suppress(LabError):
                if self.estate.leader(self.machine(edge)) != before:
                    return
        message = f"{edge} did not boot within {PATIENCE_S} s"
        raise AssertionError(message)

    def await_backup(self, edge: str) -> None:
        """Wait until an edge shares the gateways again, and see that it does not take them."""
        units = "systemctl is-active --quiet keepalived conntrackd edge-forwarding && echo running"
        for _ in until(PATIENCE_S):
            if "running" in self.estate.attempt(self.machine(edge), units).stdout:
                break
        else:
            message = f"{edge} did not run all of its services within {PATIENCE_S} s"
            raise AssertionError(message)
        for _ in until(OBSERVED_S):
            assert self.held(edge) == set(), f"{edge} came back and took gateways"
        assert self.held(other(edge)) == GATEWAYS


def own(edge: str) -> int:
    """Return the last number of an edge's own addresses."""
    return 2 + EDGES.index(edge)


def other(edge: str) -> str:
    """Return an edge's partner."""
    return EDGES[1 - EDGES.index(edge)]


@pytest.fixture(scope="module")
def site(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a tenant that is up: two edges, a bastion, two hosts."""
    records = tmp_path_factory.mktemp("records")
    with open_site(layout, records, TENANT, bastion=BASTION, without=("werkplek01",)) as site:
        (site.record.parent / "applications" / "meldingen.yaml").unlink()
        with site.edit() as content:
            alone = content["servers"].pop("edge01")
            for edge in EDGES:
                legs = {key: f"{leg[:-1]}{own(edge)}" for key, leg in alone["interfaces"].items()}
                place = {"address": f"10.22.40.{own(edge)}", "interfaces": legs}
                content["servers"][edge] = {**alone, **place, "roles": ["edge"]}
            for flow in content["flows"].values():
                for ends in (flow["from"], flow["to"]):
                    if "edge01" in ends:
                        ends.append("edge02")
            for server in ("app01", "db01"):
                content["servers"][server]["roles"] = ["workplace"]
            del content["flows"]["meldingen-web"]
            content["flows"]["meldingen-database"]["port"] = ALLOWED
        site.stack.deploy("up", "--yes", "--skip-preview")
        run_tenant("configure", TENANT, "--stack", site.stack.name)
        yield site


@pytest.fixture(scope="module")
def pair(site: Site, estate: Estate) -> Pair:
    """Return the edges."""
    return Pair(site, estate)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def start(site: Site) -> Iterator[Start]:
    """Return what starts a Python program on a server, with its input and output here.

    The connection that carries them goes over the edges itself.
    """
    with site.path() as path, ExitStack() as running:

        def run(server: str, program: str, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [path.ssh, server, shlex.join(["python3", "-uc", program, *arguments])],
                env=path.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.enter_context(process)
            running.callback(process.terminate)
            return process

        yield run


def ask(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Ask a program for its report."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("report\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


@pytest.fixture(scope="module")
def traffic(start: Start) -> subprocess.Popen[str]:
    """Return what talks from app01 to db01 all the time."""
    listen(start, ALLOWED)
    return start("app01", CLIENT)


@pytest.fixture(scope="module")
def intrude(pair: Pair, start: Start) -> Callable[[], subprocess.Popen[str]]:
    """Return what starts to try, from app01 to db01, what the edges alone stop."""
    opened = "; ".join(
        f"nft insert rule inet host_filter {chain} accept" for chain in ("incoming", "outgoing")
    )
    pair.site.ask(app01=opened, db01=opened)
    listen(start, FORBIDDEN)
    return lambda: start("app01", INTRUDER)


def listen(start: Start, port: int) -> None:
    """Have db01 answer on a port."""
    server = start("db01", SERVER, str(port))
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"


def talk(traffic: subprocess.Popen[str]) -> float:
    """Wait until every connection had answers since now.

    Returns:
        The longest time that one of them waited for an answer since the report before, in s.
    """
    # What was answered before now proves nothing; how long it took counts.
    gap_s: float = ask(traffic)["gap_s"]
    rounds = [0] * CONNECTIONS
    for _ in until(PATIENCE_S):
        report = ask(traffic)
        assert report["lost"] == 0, report
        gap_s = max(gap_s, report["gap_s"])
        rounds = [sum(both) for both in zip(rounds, report["rounds"], strict=True)]
        if min(rounds) >= ROUNDS:
            return gap_s
    message = f"a connection had {min(rounds)} answers within {PATIENCE_S} s"
    raise AssertionError(message)


def tell(event: str, gap_s: float) -> None:
    """Say what was measured: shown by `pytest -s`, and with a failure."""
    sys.stdout.write(f"{event}: {gap_s:.1f} s without traffic, 0 of {CONNECTIONS} lost\n")


def test_one_edge_holds_every_gateway_and_all_checks_pass(
    site: Site, pair: Pair, traffic: subprocess.Popen[str]
) -> None:
    talk(traffic)
    holder = pair.holder()
    assert pair.held(other(holder)) == set()
    run_tenant("verify", TENANT, "--stack", site.stack.name)
    site.stack.read("preview", "--refresh", "--expect-no-changes")


def test_connections_are_known_to_the_partner_with_their_marks(
    pair: Pair, traffic: subprocess.Popen[str]
) -> None:
    talk(traffic)
    ours = f"grep ESTABLISHED | grep --fixed-strings dport={ALLOWED} | grep -v 'mark=0 ' | wc -l"
    for _ in until(PATIENCE_S):
        if pair.run(other(pair.holder()), f"conntrackd -e | {ours}") == str(CONNECTIONS):
            return
    pytest.fail("the partner does not know the connections")


def test_stopped_keepalived_hands_over(pair: Pair, traffic: subprocess.Popen[str]) -> None:
    first = pair.holder()
    talk(traffic)
    pair.run(first, "systemctl stop keepalived")
    pair.await_holder(other(first))
    tell("keepalived stopped", talk(traffic))
    pair.run(first, "systemctl start keepalived")
    pair.await_backup(first)
    tell("keepalived back", talk(traffic))


def test_killed_edge_is_replaced(
    pair: Pair, estate: Estate, traffic: subprocess.Popen[str]
) -> None:
    first = pair.holder()
    talk(traffic)
    # The lab kills one process after the other; a power cut leaves none a last word to its partner.
    pair.run(first, "systemctl kill --signal=STOP keepalived")
    wait(pair.machine(first).PowerOffVM_Task())
    pair.await_holder(other(first))
    tell("edge killed", talk(traffic))
    wait(pair.machine(first).PowerOnVM_Task())
    estate.await_tools(pair.machine(first), timeout_s=PATIENCE_S)
    pair.await_backup(first)
    tell("edge back", talk(traffic))


def test_edge_that_reboots_itself_is_replaced(
    pair: Pair, estate: Estate, traffic: subprocess.Popen[str]
) -> None:
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
    pair: Pair, intrude: Callable[[], subprocess.Popen[str]], traffic: subprocess.Popen[str]
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
    pair.run(holder, "nft insert rule inet edge_filter forward accept")
    intruder = intrude()
    try:
        talk(traffic)
        assert ask(intruder)["passed"] > 0
    finally:
        pair.run(holder, "nft -f /etc/nftables.d/edge_filter.nft")


def test_edge_without_rules_forwards_nothing_and_gives_up_the_gateways(
    pair: Pair, intrude: Callable[[], subprocess.Popen[str]], traffic: subprocess.Popen[str]
) -> None:
    first = pair.holder()
    talk(traffic)
    pair.detour(first)
    intruder = intrude()
    pair.run(first, "nft flush ruleset")
    pair.await_holder(other(first))
    assert pair.held(first) == set()
    tell("rules flushed", talk(traffic))
    report = ask(intruder)
    assert report["tried"] > 0
    assert report["passed"] == 0
    pair.run(first, "systemctl reload nftables")
    pair.await_backup(first)
    tell("rules back", talk(traffic))
    # The control: on this way the rules alone stop the intruder.
    pair.run(first, "nft insert rule inet edge_filter forward accept")
    intruder = intrude()
    try:
        talk(traffic)
        assert ask(intruder)["passed"] > 0
    finally:
        pair.run(first, "nft -f /etc/nftables.d/edge_filter.nft")


def test_matrix_goes_through_the_edge_that_holds_the_gateways(site: Site, pair: Pair) -> None:
    holder = pair.holder()
    said = run_tenant("verify", TENANT, "--stack", site.stack.name, "--suite", "matrix")
    assert f"NOT TRIED the forward filter of {other(holder)}: {holder} held the gateways" in said
    found = json.loads((ROOT / "evidence" / site.stack.name / "matrix.json").read_text())
    assert (found["standby"], found["untried"]) == ([other(holder)], [])
    swept = [one for each in found["pairs"] for one in each["filters"]]
    assert {one["server"] for one in swept if one["filter"] == "forward"} == {holder}
