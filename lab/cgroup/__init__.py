"""Control groups of the hosts: what a host may use, and which processes are its own.

One interface for the two kinds of machine: `legacy` for cgroup v1 (also beside v2, "hybrid"),
`scope` for v2 alone, where systemd owns the tree. It must not know what runs inside.
"""

from pathlib import Path

from lab.cgroup.legacy import LegacyGroups
from lab.cgroup.limit import Groups, Limits
from lab.cgroup.scope import ScopeGroups
from lab.error import LabError

__all__ = ["Groups", "Limits", "open_groups"]


def open_groups(lab_name: str) -> Groups:
    """Return the groups of a lab, in the way of this machine.

    Raises:
        LabError: the machine has neither cgroup v1 controllers nor systemd with v2.
    """
    root = Path("/sys/fs/cgroup")
    if (root / "devices").is_dir() and (root / "memory").is_dir():
        return LegacyGroups(root, lab_name)
    if (root / "cgroup.controllers").is_file() and Path("/run/systemd/system").is_dir():
        return ScopeGroups(root, lab_name)
    message = (
        f"{root}: neither cgroup v1 with the controllers devices and memory, nor cgroup v2 "
        "with systemd as the first process. Hosts need one of the two. Mount cgroup v1, or run "
        "the lab on a machine that systemd has started."
    )
    raise LabError(message)
