"""A thread for each VM: look, decide, act, wait for the next event.

What is slow for one VM never holds up another. It must not decide what a host's life is about
(decision.py) nor how a step is done (host.py).
"""

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import assert_never

from pyroute2.netlink.exceptions import NetlinkError

from lab.error import LabError
from lab.hypervisor import guest
from lab.hypervisor.decision import POWERED_OFF_CODE, REBOOT_CODE, Observation, Step, decide
from lab.hypervisor.host import POWER_OFF_SIGNAL, REBOOT_SIGNAL, Host, Running
from lab.hypervisor.machine import Machine, Request
from lab.hypervisor.vcenter import STOPPED, VCENTER_FAILURES, GuestReport, VCenter, describe

_log = logging.getLogger(__name__)

# What a step can fail with that is no fault of this program; the step is tried again.
FAILURES = (LabError, NetlinkError, *VCENTER_FAILURES)

_BOOTING_PAUSE_S = 0.25  # how often a starting host is asked whether it is up
_REPAIR_PAUSE_S = 30.0  # how often a host is looked at when nothing happens
_LONGEST_RETRY_S = 30.0
_SHUTDOWN_DEADLINE_S = 90.0  # systemd's own limit for one unit to stop


class Worker:
    """Keeps the host of one VM as the vCenter wants it."""

    def __init__(self, host: Host, vcenter: Callable[[], VCenter]) -> None:
        """Take the host and where to find the current session."""
        self._thread = threading.Thread(target=self._run, name=host.uuid, daemon=True)
        self._host = host
        self._vcenter = vcenter
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._wanted: Machine | None = None
        # The MACs that the guest's NICs have now; None: something there has changed.
        self._macs: dict[int, str] | None = None
        # What the running host was last brought to, and its MACs then; None: it must be looked at
        # again.
        self._adapted: tuple[Machine, dict[int, str]] | None = None
        self._told: GuestReport | None = None
        # A request is genuine only when the vCenter knows of the boot that it is meant for.
        self._is_boot_known = True
        self._asked_at: float | None = None
        self._repair_at = 0.0
        self._failures = 0
        self._crashes = 0
        self._boot_at = 0.0
        self._monitor: socket.socket | None = None
        # Whether the host ran when it was last looked at.
        self._was_running = False
        self._ending = threading.Lock()
        self.is_done = False

    def want(self, machine: Machine | None) -> bool:
        """Say what is wanted from now on; None: the VM has been destroyed.

        Returns:
            Whether it was taken; a worker that has ended takes nothing more.
        """
        with self._ending:
            if self.is_done:
                return False
            if machine is None or machine != self._wanted:
                self._wanted = machine
                os.eventfd_write(self._wake, 1)
            return True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Give back what it holds, once it is done."""
        self._thread.join()
        os.close(self._wake)

    def _run(self) -> None:
        """Work until the VM and its host are gone."""
        while not self.is_done:
            wanted = self._wanted
            try:
                pause_s = self._work(wanted)
            except FAILURES as error:
                self._failures += 1
                self._adapted = None
                pause_s = min(2.0**self._failures / 4, _LONGEST_RETRY_S)
                self._complain(wanted, f"{describe(error)}; next attempt in {pause_s:g} s")
            if not self.is_done:
                self._wait(pause_s)

    def _work(self, wanted: Machine | None) -> float:
        """Take the steps that are due; return after how many seconds to look again."""
        self._was_running = False
        seen, running = self._host.observe()
        self._was_running = running is not None
        if seen.boot is not None:
            self._follow_macs()
        if wanted is not None and self._has_crashed(wanted, seen):
            pause_s = self._boot_at - time.monotonic()
            if pause_s > 0:
                return pause_s
        pause_s = _REPAIR_PAUSE_S
        for step in decide(wanted, seen):
            _log.debug("%s: %s", wanted.name if wanted else self._host.uuid, step.value)
            if wanted is None:
                self._take_down(step)
            else:
                pause_s = min(pause_s, self._take(step, wanted, running))
        self._failures = 0
        return pause_s

    def _take_down(self, step: Step) -> None:
        """Take a step for a VM that no longer exists."""
        if step is Step.STOP:
            self._close_monitor()
            self._host.stop()
        elif step is Step.ERASE:
            self._host.erase()
            with self._ending:
                # Unless there is a VM of this identity again by now.
                self.is_done = self._wanted is None

    def _take(self, step: Step, wanted: Machine, running: Running | None) -> float:
        """Take one step; return after how many seconds to look again at the latest."""
        match step:
            case Step.STOP:
                self._stop(wanted)
            case Step.BOOT:
                return self._boot(wanted)
            case Step.TIDY:
                self._host.tidy(wanted)
                self._host.complain("")
            case Step.ADAPT if running is not None:
                self._adapt(wanted, running)
            case Step.TELL_GUEST if running is not None:
                return self._tell_guest(wanted, running)
            case Step.ASK_SHUTDOWN if running is not None:
                return self._ask(wanted, running, Request.SHUTDOWN, POWER_OFF_SIGNAL)
            case Step.ASK_REBOOT if running is not None:
                return self._ask(wanted, running, Request.REBOOT, REBOOT_SIGNAL)
            case Step.TELL_POWERED_OFF:
                _log.info("%s: has powered off", wanted.name)
                self._tell(wanted, STOPPED)
                self._vcenter().power_off(wanted.moid, wanted.boot)
            case Step.COMPLAIN:
                self._complain(wanted, "; ".join(wanted.faults))
            case Step.ERASE | Step.ADAPT | Step.TELL_GUEST | Step.ASK_SHUTDOWN | Step.ASK_REBOOT:
                message = f"{step} was decided for {wanted.name}, which does not allow it"
                raise AssertionError(message)
            case _:
                assert_never(step)
        return _REPAIR_PAUSE_S

    def _has_crashed(self, wanted: Machine, seen: Observation) -> bool:
        """Say whether the host ended other than by its own will; count it once."""
        ending = seen.ending
        if seen.boot is not None or ending is None or ending.boot != wanted.boot:
            return False
        if ending.code in (POWERED_OFF_CODE, REBOOT_CODE) or not wanted.is_powered_on:
            return False
        if self._boot_at <= 0:
            self._crashes += 1
            # The first time at once; a host that never comes up must not keep the machine busy.
            pause_s = min(2.0**self._crashes, _LONGEST_RETRY_S) if self._crashes > 1 else 0.0
            self._boot_at = time.monotonic() + pause_s
            text = f"ended with code {ending.code}: starting it again in {pause_s:g} s"
            self._complain(wanted, text)
        return True

    def _stop(self, wanted: Machine) -> None:
        self._close_monitor()
        self._asked_at = None
        _log.info("%s: stopping", wanted.name)
        self._host.stop()
        self._tell(wanted, STOPPED)

    def _boot(self, wanted: Machine) -> float:
        _log.info("%s: starting", wanted.name)
        self._macs = {nic.key: nic.mac for nic in wanted.nics}
        self._adapted = (wanted, self._macs)
        self._repair_at = time.monotonic() + _REPAIR_PAUSE_S
        self._boot_at = 0.0
        self._asked_at = None
        self._is_boot_known = False
        self._host.boot(wanted)
        self._tell(wanted, STOPPED)
        return _BOOTING_PAUSE_S

    def _follow_macs(self) -> None:
        """Have ports follow the MAC that the guest has given itself, or shut, before other steps.

        A switch does so at once; what the guest hears until we do, it would not hear there.
        """
        if self._macs is None and self._adapted is not None:
            machine, former = self._adapted
            self._macs = self._host.effective_macs()
            changed = {key: mac for key, mac in self._macs.items() if former.get(key) != mac}
            self._host.follow(machine, changed)
            self._adapted = (machine, self._macs)

    def _adapt(self, wanted: Machine, running: Running) -> None:
        now = time.monotonic()
        if self._macs is None or now >= self._repair_at:
            self._macs = self._host.effective_macs()
        if (wanted, self._macs) != self._adapted or now >= self._repair_at:
            self._host.adapt(wanted, running, self._macs)
            self._adapted = (wanted, self._macs)
            self._repair_at = now + _REPAIR_PAUSE_S

    def _tell_guest(self, wanted: Machine, running: Running) -> float:
        if running.leader is None or not guest.is_up(running.leader):
            return _BOOTING_PAUSE_S
        if self._monitor is None:
            # Before the first look, so that no change falls between the two.
            self._monitor = guest.open_monitor(self._host.namespace)
        indexes = self._host.nic_indexes()
        shown = guest.look(running.leader, self._host.namespace, wanted.nics, indexes)
        self._tell(wanted, shown)
        self._is_boot_known = True
        self._crashes = 0
        self._host.complain("")
        return _REPAIR_PAUSE_S

    def _ask(
        self, wanted: Machine, running: Running, request: Request, signal_number: int
    ) -> float:
        """Have the host's systemd do it; when it does not in time, do it the hard way."""
        if not self._is_boot_known:
            # A request that was meant for the boot before this one.
            self._tell(wanted, STOPPED, is_repeated=True)
            return _BOOTING_PAUSE_S
        if running.leader is None or self._vcenter().read_request(wanted.moid) is not request:
            return _BOOTING_PAUSE_S
        if self._asked_at is None:
            _log.info("%s: %s, as the vCenter asks", wanted.name, request.value)
            os.kill(running.leader, signal_number)
            self._asked_at = time.monotonic()
        left_s = self._asked_at + _SHUTDOWN_DEADLINE_S - time.monotonic()
        if left_s > 0:
            return left_s
        _log.warning("%s: not done within %g s: killing it", wanted.name, _SHUTDOWN_DEADLINE_S)
        self._stop(wanted)
        if request is Request.SHUTDOWN:
            self._vcenter().power_off(wanted.moid, wanted.boot)
        return _BOOTING_PAUSE_S

    def _tell(self, wanted: Machine, shown: GuestReport, *, is_repeated: bool = False) -> None:
        if shown != self._told or is_repeated:
            self._vcenter().report(wanted.moid, shown)
            self._told = shown
            if shown.tools_running:
                addresses = [address for nic in shown.nics for address in nic.addresses]
                _log.info("%s: up as %s, %s", wanted.name, shown.host_name, " ".join(addresses))

    def _complain(self, wanted: Machine | None, text: str) -> None:
        _log.warning("%s: %s", wanted.name if wanted else self._host.uuid, text)
        if wanted is not None:
            self._host.complain(text)

    def _wait(self, pause_s: float) -> None:
        """Wait for a change: of what is wanted, of the host's addresses, or that it has ended."""
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        if self._monitor is not None:
            poller.register(self._monitor, select.POLLIN)
        handle = self._open_supervisor()
        if handle is not None:
            poller.register(handle, select.POLLIN)
        elif self._was_running:
            # It has ended since it was looked at: nothing will tell of that any more.
            pause_s = 0.0
        try:
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, pause_s) * 1000)}
        finally:
            if handle is not None:
                os.close(handle)
        if self._wake in ready:
            os.eventfd_read(self._wake)
        if self._monitor is not None and self._monitor.fileno() in ready:
            guest.drain(self._monitor)
            self._macs = None

    def _open_supervisor(self) -> int | None:
        supervisor = self._host.supervisor()
        if supervisor is None:
            return None
        try:
            return os.pidfd_open(supervisor)
        except ProcessLookupError:
            return None

    def _close_monitor(self) -> None:
        if self._monitor is not None:
            self._monitor.close()
            self._monitor = None
