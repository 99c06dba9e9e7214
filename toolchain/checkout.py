"""Where the project's own files are.

Responsible for the paths inside this checkout; it must not look anywhere else.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "toolchain"
PROGRAMS = Path(sys.prefix) / "bin"
"""The virtual environment's programs: what is linked here, a user of the environment finds."""


def link_program(target: Path) -> None:
    """Link a program into the virtual environment, in place of what has its name there."""
    link = PROGRAMS / target.name
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
