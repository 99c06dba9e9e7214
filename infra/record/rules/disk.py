"""Rules of disks: each has its own place on the bus and in the file system."""

from collections.abc import Iterator

from infra.record.fault import Fault
from infra.record.repetition import find_repeats
from infra.record.rules.facts import Facts

SYSTEM_FOLDERS = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr"}
)
"""What a mount would hide from the system that boots. Source: Filesystem Hierarchy Standard 3."""

SYSTEM_MOUNTS = frozenset({"/home", "/root", "/var", "/var/cache", "/var/lib"})
"""What holds accounts, keys and package lists from the first boot on; folders in it do not."""


def refuse_repeated_places(facts: Facts) -> Iterator[Fault]:
    """Refuse a SCSI unit or a mount of two disks of one server."""
    for key, server in facts.tenant.servers.items():
        for field, allowed in (("unit", "one disk on each unit"), ("mount", "one disk there")):
            claims = (
                (getattr(disk, field), ("servers", key, "disks", name, field))
                for name, disk in server.disks.items()
            )
            for value, path, first in find_repeats(claims):
                yield facts.fault(
                    path,
                    f"{value} is also {facts.source.cite(first)}",
                    allowed,
                    f"Choose another {field}; a deployed disk keeps its own",
                )


def refuse_system_mounts(facts: Facts) -> Iterator[Fault]:
    """Refuse a mount over a folder that the system needs."""
    for key, server in facts.tenant.servers.items():
        for name, disk in server.disks.items():
            top = disk.mount.split("/")[1]
            if top in SYSTEM_FOLDERS or disk.mount in SYSTEM_MOUNTS:
                yield facts.fault(
                    ("servers", key, "disks", name, "mount"),
                    f"{disk.mount} would hide files of the system",
                    f"any path outside {', '.join(f'/{top}' for top in sorted(SYSTEM_FOLDERS))},"
                    f" and not {', '.join(sorted(SYSTEM_MOUNTS))} itself",
                    "Choose a path such as /srv/data",
                )


RULES = (refuse_repeated_places, refuse_system_mounts)
