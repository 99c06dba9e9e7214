"""Take orders on a host of the tenant: arm, send, hear, end. One JSON line each way.

Runs on the tenant's hosts: standard library only. Writes nothing there, and ends with its input.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from infra.matrix.ledger import read_packets
from infra.matrix.packet import IP_START, PORTS, RST, Track, tcp_frame
from infra.matrix.sender import ProbeSender, TunnelSender, Wire, send_through_own_filter
from infra.matrix.sensor import Counter, Sensor, Watch, arriving, leaving, passing, replying


@dataclass(frozen=True, kw_only=True)
class Listening:
    """What listens for one sweep: at this host, for what leaves it, and before its filter."""

    here: Sensor
    onward: list[Sensor]
    counter: Counter


class Host:
    """What one host does between two orders."""

    def __init__(self) -> None:
        self._armed: list[Listening] = []
        self._prepared: list[TunnelSender] = []
        self._wire = Wire()
        self._of_thread = threading.local()
        self._senders = ThreadPoolExecutor(os.cpu_count(), initializer=self._open_sender)

    def _open_sender(self) -> None:
        self._of_thread.sender = ProbeSender()

    def arm(
        self,
        own: str,
        source: str,
        token: int,
        port: int,
        stand: str,
        blocks: int,
        onward: list[dict[str, str]],
    ) -> dict[str, Any]:
        """Listen from here on; tell what the filters have counted until now.

        stand: where the filter that is tried stands. "here": probes to us are counted, answers
        kept. "between": probes to others are counted. "elsewhere": probes to us and answers are
        kept. blocks: room for what is kept. onward: between whom probes that leave this host are
        kept too, apart from each other.
        """
        watch = Watch(own=_number(own), source=_number(source), token=token, port=port)
        keeps, counts = {
            "here": (replying(watch), arriving(watch)),
            "between": ([], passing(watch)),
            "elsewhere": (arriving(watch) + replying(watch), []),
        }[stand]
        ways = [
            leaving(replace(watch, own=_number(way["to"]), source=_number(way["from"])))
            for way in onward
        ]
        listening = Listening(
            here=Sensor(keeps, port, blocks),
            onward=[Sensor(way, port, blocks) for way in ways],
            counter=Counter(counts),
        )
        for each in (listening.here, *listening.onward, listening.counter):
            each.start()
        self._armed.append(listening)
        return {"dropped": read_packets() if counts else {}}

    def send_past(self, sweeps: list[dict[str, Any]], udp_ports: list[int]) -> dict[str, Any]:
        """Send probes past the own filter, several sweeps at once."""

        def send(sweep: dict[str, Any]) -> int:
            sender: ProbeSender = self._of_thread.sender
            return sender.send(sweep["device"], _track(sweep), udp_ports)

        return {"sent": list(self._senders.map(send, sweeps))}

    def prepare(self, sweeps: list[dict[str, Any]], udp_ports: list[int]) -> dict[str, Any]:
        """Prepare probes to go into tunnels, in parts."""
        self._prepared = [
            TunnelSender(self._wire, sweep["device"], _track(sweep), udp_ports) for sweep in sweeps
        ]
        return {}

    def send_part(self, first: int, last: int) -> dict[str, Any]:
        """Send some of the probes of each prepared sweep, counted from 0."""
        return {"sent": [sender.send(first, last) for sender in self._prepared]}

    def count(self, counted: int) -> dict[str, Any]:
        """Wait for so many packets to count since we were armed, and go on counting."""
        return {"counted": self._armed[-1].counter.await_packets(counted)}

    def send_through(self, sweep: dict[str, Any], udp_ports: list[int]) -> dict[str, Any]:
        """Send probes through the own filter; tell what it let out and what it counted."""
        before = read_packets()
        passed = send_through_own_filter(_track(sweep), udp_ports)
        return {
            "sent": PORTS + len(udp_ports),
            "passed": passed,
            "before": before,
            "dropped": read_packets(),
        }

    def hear(self, kept: int, onward: list[int], counted: int) -> dict[str, Any]:
        """Wait for so many packets to keep and to count, and tell what came and was dropped.

        counted: 0 where no filter is tried; then none is asked what it dropped.
        """
        listening = self._armed.pop()
        listening.here.await_packets(kept)
        for way, awaited in zip(listening.onward, onward, strict=True):
            way.await_packets(awaited)
        count = listening.counter.await_packets(counted)
        listening.counter.socket.close()
        return {
            "heard": asdict(listening.here.read()),
            "onward": [asdict(way.read()) for way in listening.onward],
            "counted": count,
            "dropped": read_packets() if counted else {},
        }

    def addresses(self) -> dict[str, Any]:
        """Tell the IPv4 addresses that this host has now, a gateway among them when it holds it."""
        listing = subprocess.run(["ip", "-j", "-4", "address"], capture_output=True, check=True)
        told = (known for link in json.loads(listing.stdout) for known in link["addr_info"])
        return {"addresses": [known["local"] for known in told]}

    def end(self, sweeps: list[dict[str, Any]]) -> dict[str, Any]:
        """End the connections that our probes began: nothing stays half open."""
        for sweep in sweeps:
            start = 0 if sweep["ends"]["from_mac"] else IP_START
            track = _track(sweep)
            resets = (
                tcp_frame(track, port, RST)[start:]
                for first, last in sweep["ports"]
                for port in range(first, last + 1)
            )
            self._wire.send(sweep["device"], resets)
        return {}


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")


def _track(sweep: dict[str, Any]) -> Track:
    return Track(sweep["ends"], sweep["port"], sweep["token"])


def main() -> None:
    """Carry out one order a line until there are no more."""
    host = Host()
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(host, order.pop("do"))(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
