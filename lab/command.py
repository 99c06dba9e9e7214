"""Run a program of the machine and turn its failure into a sentence.

The one place that starts short-lived programs. It must not know what they are for.
"""

import subprocess
from collections.abc import Sequence

from lab.error import LabError


def run(argv: Sequence[str], *, stdin: str | None = None, timeout_s: float = 60) -> str:
    """Run a program to its end and return what it wrote.

    Args:
        argv: the program and its arguments.
        stdin: text that it reads.
        timeout_s: after this many seconds it is killed.

    Raises:
        LabError: it is not installed, took too long, or ended with another code than 0.
    """
    try:
        # No shell, and every argument comes from this package.
        completed = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        message = f"{argv[0]}: not installed. Run `make toolchain`, which installs it."
        raise LabError(message) from error
    except subprocess.TimeoutExpired as error:
        message = f"{' '.join(argv)}: no answer within {timeout_s:g} s."
        raise LabError(message) from error
    if completed.returncode != 0:
        told = (completed.stderr or completed.stdout).strip()
        message = f"{' '.join(argv)}: ended with code {completed.returncode}: {told}"
        raise LabError(message)
    return completed.stdout
