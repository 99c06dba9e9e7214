"""Pulumi's command line with its Python language host.

Responsible for the two as one artefact, laid out as a release is; it must not know the plugins.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from toolchain.artefact import Artefact, Log
from toolchain.checkout import PROGRAMS, ROOMS, link_program
from toolchain.error import ToolchainError
from toolchain.golang import GoProgram, GoToolchain, go_environment
from toolchain.machine import ask, find_program
from toolchain.version import Version, parse_version

VERSION = "3.274.1"
MINIMUM = Version(3, 272, 0)
"""The engine must not be older than the Python SDK, pulumi in requirements.in."""

_SDK = "github.com/pulumi/pulumi/sdk/v3"
_HOST = "pulumi-language-python"
_EXECUTOR = "pulumi-language-python-exec"

_COMMAND_LINE = GoProgram(
    module=ROOMS / "pulumi",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    name="pulumi",
    # Without it the Automation API refuses the command line as too old.
    variables=(f"{_SDK}/go/common/version.Version=v{VERSION}",),
)
# A module of its own: the last host that the module proxy serves is older than the command line.
_LANGUAGE_HOST = GoProgram(
    module=ROOMS / "language", package=f"{_SDK}/python/cmd/{_HOST}", name=_HOST
)


class PulumiCli(Artefact):
    """`pulumi`, `pulumi-language-python` and its executor in one directory.

    In one, because the command line warns at every run when the language host it finds on PATH is
    not the one beside itself, and because the host looks for its executor beside itself.
    """

    name = "pulumi"

    def __init__(self, go: GoToolchain, cache_root: Path) -> None:
        self._go = go
        self._cache_root = cache_root

    def inputs(self) -> Sequence[Path]:
        """Return the two modules."""
        return [_COMMAND_LINE.module, _LANGUAGE_HOST.module]

    def recipe(self) -> Sequence[str]:
        """Return the compiler and its settings."""
        return [self._go.description(), *_COMMAND_LINE.recipe(), *_LANGUAGE_HOST.recipe()]

    def provided(self) -> Path | None:
        """Return the directory of the `pulumi` on PATH when it is suitable.

        Suitable: the same major version, not older than the Python SDK, with the Python language
        host and its executor beside it, as in a release.
        """
        program = find_program("pulumi", outside=[PROGRAMS, self._cache_root])
        if program is None:
            return None
        said = ask([str(program), "version"], environment=pulumi_environment())
        version = parse_version(said) if said else None
        if version is None or version.major != MINIMUM.major or version < MINIMUM:
            return None
        directory = program.resolve().parent
        complete = all((directory / name).is_file() for name in (_HOST, _EXECUTOR))
        return directory if complete else None

    def build(self, destination: Path, log: Log) -> None:
        """Build both programs and copy the executor from the module of the command line's SDK."""
        for program in (_COMMAND_LINE, _LANGUAGE_HOST):
            program.build(self._go.program(), destination, log)
        executor = destination / _EXECUTOR
        shutil.copyfile(self._sdk_directory() / "python" / "cmd" / _EXECUTOR, executor)
        executor.chmod(0o755)

    def publish(self, directory: Path, key: str) -> None:  # noqa: ARG002 - the links name the key
        """Link the programs into the virtual environment."""
        for name in ("pulumi", _HOST, _EXECUTOR):
            link_program(directory / name)

    def _sdk_directory(self) -> Path:
        """Return where the module cache has the SDK, unpacked and verified by the build."""
        argv = [
            str(self._go.program()), "-C", str(_COMMAND_LINE.module),
            "list", "-m", "-f", "{{.Dir}}", _SDK,
        ]  # fmt: skip
        said = ask(argv, environment=go_environment())
        if not said:
            message = f"pulumi: {' '.join(argv)} fails. Run it to see why."
            raise ToolchainError(message)
        return Path(said)


def pulumi_environment() -> dict[str, str]:
    """Return the environment in which we call pulumi: it asks nobody for a newer version."""
    return os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
