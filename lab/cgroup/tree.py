"""Directories of the cgroup file system: read, emptied, removed.

What both adapters share. It must not know which controllers there are.
"""

import os
import signal
from pathlib import Path

from lab.error import LabError
from lab.process import is_zombie, until


def read_pids(directory: Path) -> list[int]:
    """Return the processes in a group and all groups below it, sorted."""
    found: set[int] = set()
    for parent, _, _ in os.walk(directory):
        try:
            text = Path(parent, "cgroup.procs").read_text(encoding="ascii")
        except OSError:
            # The group was removed while we walked.
            continue
        found.update(int(line) for line in text.split())
    return sorted(found)


def kill_all(directories: list[Path]) -> None:
    """Kill every process in these groups until none is left.

    Raises:
        LabError: a process is still there after 20 seconds.
    """
    pids: set[int] = set()
    for _ in until(20):
        pids = {pid for directory in directories for pid in read_pids(directory)}
        pids = {pid for pid in pids if not is_zombie(pid)}
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    message = f"{directories[0]}: processes {sorted(pids)} are still there 20 s after SIGKILL."
    raise LabError(message)


def remove_tree(directory: Path) -> None:
    """Remove a group without processes, and all groups below it.

    Raises:
        LabError: the kernel still counts a process in one of them after 20 seconds.
    """
    for _ in until(20):
        is_left = False
        for parent, _, _ in os.walk(directory, topdown=False):
            try:
                Path(parent).rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                # Busy: a killed process that its parent has not collected yet.
                is_left = True
        if not is_left:
            return
    message = f"{directory}: still in use 20 s after its last process was killed."
    raise LabError(message)


def read_statistic(path: Path, key: str) -> int:
    """Return one number of a `memory.stat` file; 0 when it is not listed."""
    for line in path.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0
