"""Take orders on a host of the tenant: arm, send, hear, end. One JSON line each way.

Runs on the tenant's hosts: standard library only. Writes nothing there, and ends with its input.
"""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from infra.matrix.packet import PORTS, RST, Track, tcp_frame
from infra.matrix.sender import send_past_own_filter, send_through_own_filter, wire
from infra.matrix.sensor import Counter, Sensor, Watch, arriving, passing, replying


class Host:
    """What one host does between two orders."""

    def __init__(self) -> None:
        self._armed: list[tuple[Sensor, Counter]] = []
        self._senders = ThreadPoolExecutor(os.cpu_count())

    def arm(
        self, own: str, source: str, token: int, port: int, stand: str, blocks: int
    ) -> dict[str, Any]:
        """Listen from here on; tell what the filters have counted until now.

        stand: where the filter that is tried stands. "here": probes to us are counted, answers
        kept. "between": probes to others are counted. "elsewhere": probes to us and answers are
        kept. blocks: room for what is kept.
        """
        watch = Watch(own=_number(own), source=_number(source), token=token, port=port)
        keeps, counts = {
            "here": (replying(watch), arriving(watch)),
            "between": ([], passing(watch)),
            "elsewhere": (arriving(watch) + replying(watch), []),
        }[stand]
        listening = Sensor(keeps, port, blocks), Counter(counts)
        for each in listening:
            each.start()
        self._armed.append(listening)
        return {"dropped": _dropped() if counts else {}}

    def send_past(self, sweeps: list[dict[str, Any]], udp_ports: list[int]) -> dict[str, Any]:
        """Send probes past the own filter, several sweeps at once."""

        def send(sweep: dict[str, Any]) -> int:
            return send_past_own_filter(sweep["device"], _track(sweep), udp_ports)

        return {"sent": list(self._senders.map(send, sweeps))}

    def send_through(self, sweep: dict[str, Any], udp_ports: list[int]) -> dict[str, Any]:
        """Send probes through the own filter; tell what it let out and what it counted."""
        before = _dropped()
        passed = send_through_own_filter(_track(sweep), udp_ports)
        return {
            "sent": PORTS + len(udp_ports),
            "passed": passed,
            "before": before,
            "dropped": _dropped(),
        }

    def hear(self, kept: int, counted: int) -> dict[str, Any]:
        """Wait for so many packets to keep and to count, and tell what came and was dropped.

        counted: 0 where no filter is tried; then none is asked what it dropped.
        """
        sensor, counter = self._armed.pop()
        sensor.await_packets(kept)
        count = counter.await_packets(counted)
        counter.socket.close()
        dropped = _dropped() if counted else {}
        return {"heard": asdict(sensor.read()), "counted": count, "dropped": dropped}

    def addresses(self) -> dict[str, Any]:
        """Tell the IPv4 addresses that this host has now, a gateway among them when it holds it."""
        listing = subprocess.run(["ip", "-j", "-4", "address"], capture_output=True, check=True)
        told = (known for link in json.loads(listing.stdout) for known in link["addr_info"])
        return {"addresses": [known["local"] for known in told]}

    def end(self, sweeps: list[dict[str, Any]]) -> dict[str, Any]:
        """End the connections that our probes began: nothing stays half open."""
        for sweep in sweeps:
            with wire(sweep["device"]) as device:
                for first, last in sweep["ports"]:
                    for port in range(first, last + 1):
                        device.send(tcp_frame(_track(sweep), port, RST))
        return {}


def _number(address: str) -> int:
    return int.from_bytes(socket.inet_aton(address), "big")


def _track(sweep: dict[str, Any]) -> Track:
    return Track(sweep["ends"], sweep["port"], sweep["token"])


def _dropped() -> dict[str, int]:
    """Give the packets that each named counter of the filters holds."""
    listing = subprocess.run(["nft", "-j", "list", "counters"], capture_output=True, check=True)
    entries = [entry.get("counter") for entry in json.loads(listing.stdout)["nftables"]]
    return {entry["name"]: entry["packets"] for entry in entries if entry}


def main() -> None:
    """Carry out one order a line until there are no more."""
    host = Host()
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(host, order.pop("do"))(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
