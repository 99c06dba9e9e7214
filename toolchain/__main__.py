"""The toolchain's command line: `python -m toolchain build|status`.

Responsible for arguments, exit codes and signals; it must not decide what is built.
"""

import argparse
import signal
import sys
from types import FrameType

from toolchain.catalogue import all_artefacts, open_cache
from toolchain.error import ToolchainError
from toolchain.progress import say


def main(arguments: list[str]) -> int:
    """Build what is missing or show what there is; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m toolchain",
        description="Pinned builds of pulumi, its vSphere provider, and the lab's parts.",
    )
    parser.add_argument(
        "action",
        choices=["build", "status"],
        help="build: find or build every artefact. status: say where each one is.",
    )
    action = parser.parse_args(arguments).action
    signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        if action == "build":
            build()
        else:
            show_status()
    except ToolchainError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def build() -> None:
    """Find or build every artefact."""
    cache = open_cache()
    for artefact in all_artefacts(cache):
        cache.ensure(artefact)


def show_status() -> None:
    """Print where every artefact is."""
    cache = open_cache()
    for artefact in all_artefacts(cache):
        try:
            say(artefact.name, str(cache.find(artefact) or "not built: run make toolchain"))
        except ToolchainError as error:
            say(artefact.name, f"not built: {error}")


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    """Leave through every `finally`, so that a terminated build ends its programs."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
