"""The agent: gives each VM of the inventory its worker, and outlives the vCenter.

It must not touch hosts itself.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from lab.cgroup import Groups
from lab.error import LabError
from lab.fabric import namespace
from lab.fabric.switch import Switch
from lab.hypervisor.host import Host
from lab.hypervisor.machine import Machine
from lab.hypervisor.vcenter import Endpoint, VCenter, describe
from lab.hypervisor.worker import FAILURES, Worker
from lab.layout import Layout
from lab.process import until

_log = logging.getLogger(__name__)

_RECONNECT_PAUSE_S = 1.0


class Agent:
    """The hypervisor of one lab."""

    def __init__(self, layout: Layout, image: Path, switch: Switch, groups: Groups) -> None:
        """Take the lab and what its hosts are made of and connected to."""
        self._layout = layout
        self._image = image
        self._switch = switch
        self._groups = groups
        self._workers: dict[str, Worker] = {}
        self._vcenter: VCenter | None = None

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Follow the inventory for ever; call `on_ready` after the first time."""
        is_ready = False
        complaint = ""
        for _ in until(float("inf"), pause_s=_RECONNECT_PAUSE_S):
            try:
                self._vcenter = VCenter(self._endpoint())
                for machines in self._vcenter.watch():
                    self._follow(machines)
                    complaint = ""
                    if not is_ready:
                        on_ready()
                        is_ready = True
            except FAILURES as error:
                # Hosts go on running: what the vCenter wanted last is what is still wanted.
                self._vcenter = None
                if describe(error) != complaint:
                    complaint = describe(error)
                    _log.warning("no vCenter: %s; trying again", complaint)

    def _endpoint(self) -> Endpoint:
        layout = self._layout
        return Endpoint.read(layout.port_file, layout.credentials_file, layout.certificate_file)

    def _session(self) -> VCenter:
        if self._vcenter is None:
            message = "no session with the vCenter at the moment"
            raise LabError(message)
        return self._vcenter

    def _follow(self, machines: dict[str, Machine]) -> None:
        for uuid in [uuid for uuid, worker in self._workers.items() if worker.is_done]:
            self._workers.pop(uuid).close()
        # Also what an agent before this one left behind: a VM destroyed while none was running.
        for uuid in {*machines, *self._workers, *self._left_behind()}:
            worker = self._workers.get(uuid)
            if worker is not None and worker.want(machines.get(uuid)):
                continue
            if worker is not None:
                worker.close()
            host = Host(self._layout, uuid, self._image, self._switch, self._groups)
            self._workers[uuid] = Worker(host, self._session)
            self._workers[uuid].want(machines.get(uuid))
            self._workers[uuid].start()

    def _left_behind(self) -> set[str]:
        prefix = self._layout.namespace_prefix
        own = {self._layout.fabric, self._layout.provider}
        found = set(self._groups.uuids())
        found |= {
            name.removeprefix(prefix) for name in namespace.existing(prefix) if name not in own
        }
        for directory in (self._layout.state / "hosts", self._layout.run / "hosts"):
            if directory.is_dir():
                found |= {entry.name for entry in directory.iterdir()}
        return found


def die_with_thread(arguments: threading.ExceptHookArgs) -> None:
    """End the whole agent when a thread meets a fault of this program.

    A VM without its worker would look cared for; an agent that is gone is seen, and started again
    by the next `lab up`.
    """
    name = arguments.thread.name if arguments.thread else "?"
    _log.critical(
        "thread %s: our bug",
        name,
        exc_info=(arguments.exc_type, arguments.exc_value or Exception(), arguments.exc_traceback),
    )
    logging.shutdown()
    os._exit(70)
