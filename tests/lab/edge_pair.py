"""The two edges of a tenant: which one holds the gateways, and waiting until one does.

Must not send anything over them, nor judge what passes.
"""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from lab.error import LabError
from lab.process import until
from tests.lab import frame
from tests.lab.edge_traffic import FORBIDDEN, PATIENCE_S
from tests.lab.estate import Estate, wait
from tests.lab.site import Site

EDGES = ("edge01", "edge02")
GATEWAYS = {"10.22.10.1", "10.22.20.1", "10.22.30.1", "10.22.40.1"}
OBSERVED_S = 10
"""How long an edge that came back is watched: three announcements and more."""


@dataclass(frozen=True)
class Pair:
    """The two edges of a tenant that is up."""

    site: Site
    estate: Estate

    def machine(self, edge: str) -> Any:
        """Return an edge's VM."""
        return self.estate.find(vim.VirtualMachine, f"{self.site.tenant}-{edge}")

    def run(self, edge: str, command: str) -> str:
        """Run a command as root on an edge, whatever its network does."""
        return self.estate.run(self.machine(edge), command)

    def held(self, edge: str) -> set[str]:
        """Return the gateways' addresses that an edge has now."""
        links = json.loads(self.run(edge, "ip -json -4 address show"))
        return {info["local"] for link in links for info in link["addr_info"]} & GATEWAYS

    def listen(self, edge: str, network: str) -> socket.socket:
        """Return a sensor for all that an edge sends and hears in a network."""
        nics = self.site.stack.outputs().plan.servers[edge].nics
        device = next(nic.device for nic in nics if nic.segment == network)
        return self.estate.inside(self.machine(edge), lambda: frame.listen(device))

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

    def cut_power(self, edge: str) -> None:
        """Have an edge lose its power: from one moment on, nothing comes from it any more."""
        # The lab takes a while, and kills one process after the other: none may have a last word.
        self.run(
            edge,
            "systemctl kill --signal=STOP keepalived; cd /sys/class/net;"
            " for device in *; do ip link set $device down; done",
        )
        wait(self.machine(edge).PowerOffVM_Task())

    def power_on(self, edge: str) -> None:
        """Start an edge that lost its power; it need not share the gateways yet."""
        wait(self.machine(edge).PowerOnVM_Task())
        self.estate.await_tools(self.machine(edge))

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
