"""Control groups of version 1, alone or beside version 2 ("hybrid").

Enforced by the kernel in the controllers memory, cpu and devices; the name=systemd and unified
trees only hold the host's processes, because systemd inside a host looks for its own place there.
"""

import os
from pathlib import Path

from lab.cgroup.limit import HARMLESS_DEVICES, PSEUDO_TERMINAL_MAJOR, Limits
from lab.cgroup.tree import kill_all, read_pids, read_statistic, remove_tree

_CPU_PERIOD_US = 100_000
_ENTER = (
    'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 70; shift; done; shift; exec "$@"'
)


class LegacyGroups:
    """One directory for the lab in each tree, and one below it for each host."""

    def __init__(self, root: Path, lab_name: str) -> None:
        """Take the directory under which the controllers are mounted."""
        self._root = root
        self._lab = f"lab-{lab_name}"
        # In "devices" a host cannot move its processes: nspawn gives it that tree read-only.
        self._membership = root / "devices" / self._lab
        trees = ("devices", "memory", "cpu", "cpuacct", "freezer", "systemd", "unified")
        # cpu and cpuacct can be one and the same tree behind links.
        self._trees = list(
            dict.fromkeys((root / tree).resolve() for tree in trees if (root / tree).is_dir())
        )

    def prepare(self, uuid: str, limits: Limits) -> list[str]:
        """Make the group in every tree; return the command that enters it."""
        directories = self._directories(uuid)
        for directory in directories:
            directory.mkdir(parents=True, exist_ok=True)
        self.limit(uuid, limits)
        return ["/bin/sh", "-c", _ENTER, "enter-cgroup", *map(str, directories), "--"]

    def limit(self, uuid: str, limits: Limits) -> None:
        """Write the limits; devices are denied first and then allowed one by one."""
        memory = self._root / "memory" / self._lab / uuid
        _write(memory / "memory.limit_in_bytes", str(limits.memory_mib * 1024 * 1024))
        cpu = self._root / "cpu" / self._lab / uuid
        _write(cpu / "cpu.cfs_quota_us", str(limits.vcpu * _CPU_PERIOD_US))
        devices = self._membership / uuid
        wanted = {
            "c *:* m",
            "b *:* m",
            f"c {PSEUDO_TERMINAL_MAJOR}:* rw",
            *(f"c {major}:{minor} rw" for major, minor in HARMLESS_DEVICES),
            *(f"b {major}:{minor} rw" for major, minor in limits.block_devices),
        }
        present = set((devices / "devices.list").read_text(encoding="ascii").splitlines())
        if "a *:* rwm" in present:
            # The new group of a root group: everything is allowed until this is written.
            _write(devices / "devices.deny", "a")
            present = set()
        for entry in sorted(wanted - present):
            _write(devices / "devices.allow", entry)
        for entry in sorted(present - wanted):
            _write(devices / "devices.deny", entry)

    def uuids(self) -> list[str]:
        """Return the hosts that have a group."""
        found: set[str] = set()
        for tree in self._trees:
            lab = tree / self._lab
            if lab.is_dir():
                found.update(entry.name for entry in lab.iterdir() if entry.is_dir())
        return sorted(found)

    def pids(self, uuid: str) -> list[int]:
        """Return the host's processes."""
        return read_pids(self._membership / uuid)

    def memory_bytes(self, uuid: str) -> int | None:
        """Return usage without inactive file cache."""
        memory = self._root / "memory" / self._lab / uuid
        try:
            usage = int((memory / "memory.usage_in_bytes").read_text(encoding="ascii"))
            return usage - read_statistic(memory / "memory.stat", "total_inactive_file")
        except FileNotFoundError:
            return None

    def join(self, uuid: str) -> None:
        """Enter the controllers that limit; the two trees of systemd are the host's own."""
        for tree in self._trees:
            if tree.name not in {"systemd", "unified"}:
                _write(tree / self._lab / uuid / "cgroup.procs", str(os.getpid()))

    def remove(self, uuid: str) -> None:
        """Kill and remove."""
        directories = self._directories(uuid)
        kill_all(directories)
        for directory in directories:
            remove_tree(directory)

    def remove_all(self) -> None:
        """Remove every host's group and the lab's."""
        for uuid in self.uuids():
            self.remove(uuid)
        for tree in self._trees:
            remove_tree(tree / self._lab)

    def _directories(self, uuid: str) -> list[Path]:
        return [tree / self._lab / uuid for tree in self._trees]


def _write(path: Path, value: str) -> None:
    path.write_text(value + "\n", encoding="ascii")
