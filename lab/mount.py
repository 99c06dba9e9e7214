"""Mounts as the kernel shows them.

Responsible for reading and removing them; what is mounted why is the business of others.
"""

from pathlib import Path

from lab.command import run


def mounted_below(directory: Path) -> list[Path]:
    """Return every mount point at or below a directory, in the order they were made."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        # proc(5): field 5 is the mount point, with blanks written as octal numbers.
        target = Path(line.split()[4].encode().decode("unicode_escape"))
        if target == directory or target.is_relative_to(directory):
            found.append(target)
    return found


def is_mounted(target: Path) -> bool:
    """Say whether something is mounted exactly here."""
    return target in mounted_below(target)


def unmount_below(directory: Path) -> None:
    """Remove every mount at or below a directory, the last made first.

    Lazily: what a dying process still holds open goes when it is gone.
    """
    for target in reversed(mounted_below(directory)):
        run(["umount", "--lazy", str(target)])
