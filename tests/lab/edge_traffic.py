"""What talks over a pair of edges all the time, and what tries what they must stop.

Programs for hosts, and what reads their reports. Must not know the edges.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.process import until
from tests.lab.site import Start

DATABASE = "10.22.30.11"
ALLOWED, FORBIDDEN = 8099, 8098
"""Ports of the server: a flow leads to the first one only."""

PATIENCE_S = 300
"""Deadline for what takes seconds, on a machine that does much else."""

LOST_S = 60
"""A connection that waits longer for one answer is lost."""

CONNECTIONS = 10
ROUNDS = 5
"""Answers that each connection must have had before it counts as alive."""

SERVER = """
import selectors, socket, sys
def hear(connection):
    try:
        return connection.recv(64)
    except OSError:
        return b""
selector = selectors.DefaultSelector()
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
selector.register(listener, selectors.EVENT_READ, True)
print("listening", flush=True)
while True:
    for key, _ in selector.select():
        if key.data:
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
        elif said := hear(key.fileobj):
            key.fileobj.sendall(said)
        else:
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""

CLIENT = f"""
import json, socket, sys, threading, time
COUNT = {CONNECTIONS}
report = {{"rounds": [0] * COUNT, "lost": [], "gap_s": 0.0}}
lock = threading.Lock()

def talk(number):
    try:
        connection = socket.create_connection((sys.argv[1], {ALLOWED}), timeout={LOST_S})
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
            report["lost"].append(number)

for number in range(COUNT):
    threading.Thread(target=talk, args=(number,), daemon=True).start()
for _ in sys.stdin:
    with lock:
        print(json.dumps(report), flush=True)
        report.update(rounds=[0] * COUNT, gap_s=0.0)
"""
"""Holds connections to an address; tells for every line that it reads how talking went."""

Traffic = Mapping[str, subprocess.Popen[str]]
"""Programs that hold connections, by the way that these go."""

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


def ask(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Ask a program for its report."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("report\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def listen(start: Start, port: int) -> None:
    """Have db01 answer on a port."""
    server = start("db01", SERVER, str(port))
    assert server.stdout is not None
    assert server.stdout.readline() == "listening\n"


@dataclass(frozen=True)
class Passage:
    """What passed on one way.

    gap_s: the longest that one connection waited for an answer since the report before. lost:
    numbers of the connections that never had one again.
    """

    gap_s: float
    lost: list[int]


def observe(traffic: Traffic) -> dict[str, Passage]:
    """Wait until every connection had answers since now, or is lost; tell by way what passed."""
    # What was answered before now proves nothing; how long it took counts.
    gaps_s = {way: ask(program)["gap_s"] for way, program in traffic.items()}
    rounds = {way: [0] * CONNECTIONS for way in traffic}
    lost: dict[str, list[int]] = {}
    for _ in until(PATIENCE_S):
        for way, program in traffic.items():
            report = ask(program)
            gaps_s[way] = max(gaps_s[way], report["gap_s"])
            rounds[way] = [sum(both) for both in zip(rounds[way], report["rounds"], strict=True)]
            lost[way] = report["lost"]
        if all(
            had >= ROUNDS or number in lost[way]
            for way in traffic
            for number, had in enumerate(rounds[way])
        ):
            return {way: Passage(gaps_s[way], lost[way]) for way in traffic}
    message = f"a connection had too few answers within {PATIENCE_S} s: {rounds}"
    raise AssertionError(message)


def talk(traffic: Traffic) -> dict[str, float]:
    """Wait until every connection had answers since now; none may be lost.

    Returns:
        The longest time in s that one of each way waited since the report before.
    """
    passages = observe(traffic)
    assert not any(passage.lost for passage in passages.values()), passages
    return {way: passage.gap_s for way, passage in passages.items()}


def tell(event: str, gaps_s: Mapping[str, float]) -> None:
    """Say what was measured: shown by `pytest -s`, and with a failure."""
    shown = ", ".join(f"{gap_s:.1f} s {way}" for way, gap_s in gaps_s.items())
    total = CONNECTIONS * len(gaps_s)
    sys.stdout.write(f"{event}: without traffic {shown}; 0 of {total} lost\n")
