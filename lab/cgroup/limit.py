"""What a host may use, and the interface of the two adapters.

Data and types only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

# Devices that every Debian has and that reach nothing of the machine: (major, minor) -> why.
# Source: Documentation/admin-guide/devices.txt of the Linux kernel.
HARMLESS_DEVICES: Mapping[tuple[int, int], str] = {
    (1, 3): "/dev/null",
    (1, 5): "/dev/zero",
    (1, 7): "/dev/full",
    (1, 8): "/dev/random",
    (1, 9): "/dev/urandom",
    (5, 0): "/dev/tty",
    (5, 2): "/dev/ptmx",
    (10, 200): "/dev/net/tun",
}
PSEUDO_TERMINAL_MAJOR = 136


@dataclass(frozen=True)
class Limits:
    """What one host may use. block_devices: (major, minor) of its own disks, nothing else."""

    memory_mib: int
    vcpu: int
    block_devices: frozenset[tuple[int, int]] = frozenset()


class Groups(Protocol):
    """The control groups of one lab's hosts, keyed by the VM's instance UUID."""

    def prepare(self, uuid: str, limits: Limits) -> list[str]:
        """Return the beginning of a command that puts the command behind it into a new group."""
        ...

    def limit(self, uuid: str, limits: Limits) -> None:
        """Change what a running host may use."""
        ...

    def uuids(self) -> list[str]:
        """Return the hosts that have a group, sorted."""
        ...

    def pids(self, uuid: str) -> list[int]:
        """Return a host's processes, by their ids on the machine; empty without a group."""
        ...

    def memory_bytes(self, uuid: str) -> int | None:
        """Return what a host uses without the file cache that can be dropped; None: not running."""
        ...

    def join(self, uuid: str) -> None:
        """Put the calling process into a host's group."""
        ...

    def remove(self, uuid: str) -> None:
        """Kill every process of a host, at once, and remove its group."""
        ...

    def remove_all(self) -> None:
        """Remove the groups of all hosts, and what held them."""
        ...
