"""Control groups of version 2 on a machine that systemd has started.

There systemd owns the tree, and only programs attached to a group (BPF) can restrict devices. So
each host is a transient scope: systemd writes the limits and loads the device program, the host
gets the group below it delegated.
"""

import os
from pathlib import Path

from lab.cgroup.limit import HARMLESS_DEVICES, Limits
from lab.cgroup.tree import kill_all, read_pids, read_statistic
from lab.command import run
from lab.process import until


class ScopeGroups:
    """A slice for the lab and a scope in it for each host."""

    def __init__(self, root: Path, lab_name: str) -> None:
        """Take the directory where version 2 is mounted."""
        self._name = f"lab-{lab_name}"
        # In a slice's name a hyphen is a level of the tree: systemd.slice(5).
        self._slice = root / "lab.slice" / f"{self._name}.slice"

    def prepare(self, uuid: str, limits: Limits) -> list[str]:
        """Return the systemd-run that makes the scope when it is run."""
        return [
            "systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            f"--unit={self._unit(uuid)}",
            f"--slice={self._slice.name}",
            f"--description=Host {uuid} ({self._name})",
            "--property=Delegate=yes",
            *(f"--property={setting}" for setting in _properties(limits)),
            "--",
        ]

    def limit(self, uuid: str, limits: Limits) -> None:
        """Have systemd write the limits; an empty DeviceAllow takes back the former ones."""
        settings = ["DeviceAllow=", *_properties(limits)]
        run(["systemctl", "set-property", "--runtime", self._unit(uuid), *settings])

    def uuids(self) -> list[str]:
        """Return the hosts that have a scope."""
        if not self._slice.is_dir():
            return []
        return sorted(
            entry.name.removeprefix(f"{self._name}-").removesuffix(".scope")
            for entry in self._slice.glob(f"{self._name}-*.scope")
        )

    def pids(self, uuid: str) -> list[int]:
        """Return the host's processes."""
        return read_pids(self._slice / self._unit(uuid))

    def memory_bytes(self, uuid: str) -> int | None:
        """Return usage without inactive file cache."""
        directory = self._slice / self._unit(uuid)
        try:
            usage = int((directory / "memory.current").read_text(encoding="ascii"))
            return usage - read_statistic(directory / "memory.stat", "inactive_file")
        except FileNotFoundError:
            return None

    def join(self, uuid: str) -> None:
        """Enter the group of nspawn itself: only a group without groups may hold processes."""
        group = self._slice / self._unit(uuid) / "supervisor" / "cgroup.procs"
        group.write_text(f"{os.getpid()}\n", encoding="ascii")

    def remove(self, uuid: str) -> None:
        """Kill all; systemd removes a scope without processes, and what a failed one left."""
        directory = self._slice / self._unit(uuid)
        kill_all([directory])
        for _ in until(10):
            if not directory.exists():
                break
        else:
            run(["systemctl", "stop", self._unit(uuid)])

    def remove_all(self) -> None:
        """Remove every scope; the slice goes with the last one."""
        for uuid in self.uuids():
            self.remove(uuid)
        if self._slice.is_dir():
            run(["systemctl", "stop", self._slice.name])
        # systemd made it for ours, and keeps it; another lab's slice may be in it.
        if self._slice.parent.is_dir() and not any(self._slice.parent.glob("*.slice")):
            run(["systemctl", "stop", self._slice.parent.name])

    def _unit(self, uuid: str) -> str:
        return f"{self._name}-{uuid}.scope"


def _properties(limits: Limits) -> list[str]:
    return [
        f"MemoryMax={limits.memory_mib}M",
        f"CPUQuota={limits.vcpu * 100}%",
        "DevicePolicy=strict",
        "DeviceAllow=char-* m",
        "DeviceAllow=block-* m",
        "DeviceAllow=char-pts rw",
        *(f"DeviceAllow=/dev/char/{major}:{minor} rw" for major, minor in HARMLESS_DEVICES),
        *(f"DeviceAllow=/dev/block/{major}:{minor} rw" for major, minor in limits.block_devices),
    ]
