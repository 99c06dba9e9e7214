"""What the machine has of its own: programs on PATH.

Responsible for looking; it must not install or build.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_TIMEOUT_S = 30


def find_program(name: str, *, outside: Sequence[Path]) -> Path | None:
    """Return the first program of this name on PATH that does not lie in given directories.

    Args:
        name: Name of the program.
        outside: Directories that hold what this project put there itself: not the machine's own.
    """
    directories = [
        directory
        for directory in os.get_exec_path()
        if not any(Path(directory).resolve().is_relative_to(own.resolve()) for own in outside)
    ]
    found = shutil.which(name, path=os.pathsep.join(directories))
    return Path(found) if found else None


def ask(argv: Sequence[str], *, environment: dict[str, str]) -> str | None:
    """Return what a program prints, or None when it fails, as a broken one of the machine may."""
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
