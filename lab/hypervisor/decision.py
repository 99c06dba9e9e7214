"""From what is wanted and what is seen to what is done next.

Pure: no clock, no kernel, no vCenter. It is the one place that decides about a host's life.
"""

import enum
from dataclasses import dataclass

from lab.hypervisor.machine import Machine, Request


@dataclass(frozen=True)
class Ending:
    """How the host of a certain boot ended: systemd-nspawn's exit code."""

    boot: str
    code: int


# systemd-nspawn(1), "Exit status" and --keep-unit: 133 asks whoever started it to start it again.
POWERED_OFF_CODE = 0
REBOOT_CODE = 133


@dataclass(frozen=True)
class Observation:
    """What the kernel shows of a host.

    boot: of the running host, None when none runs. ending: of the last one that ended by itself.
    has_traces: a group, namespace, port or mount of it exists.
    """

    boot: str | None
    ending: Ending | None
    has_traces: bool


class Step(enum.Enum):
    """One thing to do with a host."""

    STOP = "stop"  # kill it, unplug it; its disks stay
    ERASE = "erase"  # remove its disks
    BOOT = "boot"
    ADAPT = "adapt"  # bring NICs, disks and limits of the running host to what is wanted
    TIDY = "tidy"  # remove disks that a powered-off VM no longer has
    ASK_SHUTDOWN = "ask for shutdown"
    ASK_REBOOT = "ask for reboot"
    TELL_POWERED_OFF = "tell the vCenter that it has powered off"
    TELL_GUEST = "tell the vCenter what the guest shows"
    COMPLAIN = "complain"  # this VM cannot be a host


def decide(wanted: Machine | None, seen: Observation) -> tuple[Step, ...]:
    """Return the steps that bring a host closer to what is wanted, in order.

    Args:
        wanted: the VM; None when it has been destroyed.
        seen: what the kernel shows of its host.
    """
    stop = (Step.STOP,) if seen.has_traces else ()
    if wanted is None:
        return (*stop, Step.ERASE)
    if not wanted.is_powered_on:
        return (*stop, Step.TIDY)
    if wanted.faults:
        return (*stop, Step.COMPLAIN)
    if seen.boot is None:
        if seen.ending == Ending(wanted.boot, POWERED_OFF_CODE):
            return (*stop, Step.TELL_POWERED_OFF)
        return (*stop, Step.BOOT)
    if seen.boot != wanted.boot:
        return (Step.STOP, Step.BOOT)
    if wanted.request is Request.SHUTDOWN:
        return (Step.ASK_SHUTDOWN,)
    if wanted.request is Request.REBOOT:
        return (Step.ASK_REBOOT,)
    return (Step.ADAPT, Step.TELL_GUEST)
