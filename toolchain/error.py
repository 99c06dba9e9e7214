"""The one error of the toolchain.

Responsible for the exit code that goes with it; it must not print.
"""


class ToolchainError(Exception):
    """An artefact cannot be found or built; the message says why and what to do."""

    exit_code = 4
