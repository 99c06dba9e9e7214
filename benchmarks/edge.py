"""Move data and open connections through an edge, and beside it, between hosts of one tenant.

`python -m benchmarks.edge`, in the benchmarks' lab. Both ways pass the filters of both hosts and
begin at the same one; they differ in the edge alone: its filter, its routing, one more switch port.
"""

import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measurement import Comparison, Result, keep, take_turns
from benchmarks.tenant import LAYOUT, bring_up_lab
from infra.operations.management_path import ManagementPath
from tests.lab.site import Site, open_site
from tests.lab.tenant import run_as_root, run_tenant

ROUNDS = 5
TENANT = "pomp"
BASTION = "10.255.0.221"
"""The bastion's leg, away from that of the other benchmarks' tenant."""

SOURCE, NEIGHBOUR, FAR = "app01", "app02", "db01"
NEIGHBOUR_ADDRESS, FAR_ADDRESS = "10.22.20.12", "10.22.30.11"
PORT = 8099

MEBIBYTES = 2048
CONNECTIONS = 2000
PROBE_MEBIBYTES = 64

RECEIVER = f"""
import socket
buffer = bytearray(1 << 20)
listener = socket.create_server(("0.0.0.0", {PORT}), backlog=128)
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        while connection.recv_into(buffer):
            pass
        connection.sendall(b"x")
"""
"""Reads each connection to its end, and says so."""

SENDER = f"""
import socket, sys, time
address, connections, mebibytes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
block = bytes(1 << 20)
started = time.perf_counter()
for _ in range(connections):
    with socket.create_connection((address, {PORT}), timeout=60) as connection:
        for _ in range(mebibytes):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        if connection.recv(1) != b"x":
            sys.exit("the receiver did not read to the end")
print(time.perf_counter() - started)
"""
"""Tells the seconds until all was read, as the host's own clock has them."""

Way = tuple[str, str]
"""What a way is called, and the address at its end."""

DIRECT: Way = ("within one zone", NEIGHBOUR_ADDRESS)
ROUTED: Way = ("through the edge", FAR_ADDRESS)


def main() -> None:
    """Measure and keep the result."""
    bring_up_lab()
    with tempfile.TemporaryDirectory() as folder, _open(Path(folder)) as path:
        _prove_ways(path)
        series = take_turns(
            ROUNDS,
            {
                **{_bulk(way): _work(path, way, 1, MEBIBYTES) for way in (DIRECT, ROUTED)},
                **{_many(way): _work(path, way, CONNECTIONS, 0) for way in (DIRECT, ROUTED)},
            },
        )
    keep(
        "edge",
        Result(
            title="Pass an edge, against the same way without it",
            series=series,
            comparisons=tuple(
                Comparison(
                    what=f"{name(ROUTED)} against {DIRECT[0]}",
                    subject=name(ROUTED),
                    peer=name(DIRECT),
                )
                for name in (_bulk, _many)
            ),
            notes=(
                "One TCP connection that carries all, and connections one after the other that"
                " carry nothing. One edge; both hosts' filters are passed on either way. In the lab"
                " all hosts share the cores, and a virtual wire has no speed of its own: the"
                " ratio is the edge's work, not what a physical network would make of it.",
            ),
        ),
    )


def _bulk(way: Way) -> str:
    return f"{MEBIBYTES} MiB {way[0]}"


def _many(way: Way) -> str:
    return f"{CONNECTIONS} connections {way[0]}"


@contextmanager
def _open(records: Path) -> Iterator[ManagementPath]:
    """Bring a tenant up in which one host may send to a neighbour and to another zone."""
    with open_site(LAYOUT, records, TENANT, bastion=BASTION, without=("werkplek01",)) as site:
        _change_record(site)
        site.stack.deploy("up", "--yes", "--skip-preview")
        run_tenant("configure", TENANT, "--stack", site.stack.name)
        with site.path() as path, _receiving(path, NEIGHBOUR), _receiving(path, FAR):
            yield path


def _change_record(site: Site) -> None:
    (site.record.parent / "applications" / "meldingen.yaml").unlink()
    with site.edit() as content:
        servers, flows = content["servers"], content["flows"]
        for server in (SOURCE, FAR):
            servers[server]["roles"] = ["workplace"]
        del servers[FAR]["disks"]
        # A list in two places would be written as an alias, which no record may have.
        servers[NEIGHBOUR] = {
            **servers[SOURCE],
            "address": NEIGHBOUR_ADDRESS,
            "roles": ["workplace"],
        }
        del flows["meldingen-web"]
        flows["meldingen-database"] |= {"to": [NEIGHBOUR, FAR], "port": PORT}


@contextmanager
def _receiving(path: ManagementPath, server: str) -> Iterator[None]:
    """Have a server take what is sent to it."""
    with subprocess.Popen(
        [path.ssh, server, shlex.join(["python3", "-uc", RECEIVER])],
        env=path.environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as receiver:
        try:
            if receiver.stdout is None or receiver.stdout.readline() != "listening\n":
                sys.exit(f"benchmarks/edge.py: {server} does not listen on port {PORT}.")
            yield
        finally:
            receiver.terminate()


def _work(path: ManagementPath, way: Way, connections: int, mebibytes: int) -> Callable[[], float]:
    return lambda: _send(path, way, connections, mebibytes)


def _send(path: ManagementPath, way: Way, connections: int, mebibytes: int) -> float:
    """Send by a way; return the seconds that it took on the host."""
    program = ["python3", "-c", SENDER, way[1], str(connections), str(mebibytes)]
    done = subprocess.run(
        [path.ssh, SOURCE, shlex.join(program)],
        env=path.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"benchmarks/edge.py: {SOURCE} to {way[1]}: {done.stderr.strip()}")
    return float(done.stdout)


def _prove_ways(path: ManagementPath) -> None:
    """End the run unless what goes through the edge does, and the rest does not."""
    for way, is_through in ((DIRECT, False), (ROUTED, True)):
        before = _received(path)
        _send(path, way, 1, PROBE_MEBIBYTES)
        if (_received(path) - before >= PROBE_MEBIBYTES << 20) != is_through:
            sys.exit(f"benchmarks/edge.py: {SOURCE} to {way[1]} does not go {way[0]}.")


def _received(path: ManagementPath) -> int:
    """Give the bytes that the edge has received by all of its devices."""
    table = run_as_root(path, "edge01", "cat /proc/net/dev")
    return sum(int(line.split(":")[1].split()[0]) for line in table.splitlines() if ":" in line)


if __name__ == "__main__":
    main()
