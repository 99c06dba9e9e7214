"""The vSphere provider plugin.

Responsible for a plugin in pulumi's plugin cache; it must not decide what is deployed with it.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolchain.artefact import Artefact, Log
from toolchain.checkout import PROGRAMS, ROOMS
from toolchain.error import ToolchainError
from toolchain.golang import GoProgram, GoToolchain
from toolchain.pulumi_cli import pulumi_environment

VERSION = "4.18.2"
"""Of pulumi-vsphere in requirements.in: the Python SDK asks for exactly this plugin."""

_PLUGIN = GoProgram(module=ROOMS / "provider", package=".", name="pulumi-resource-vsphere")
_MARK = "municipal-cloud.key"


class VspherePlugin(Artefact):
    """`pulumi-resource-vsphere`: the released one when it is installed, else the lab's bridge.

    Ours carries a file with its key into the plugin cache. So a released plugin, which has none, is
    never replaced, and an outdated one of ours always is.
    """

    name = "pulumi-resource-vsphere"

    def __init__(self, go: GoToolchain) -> None:
        self._go = go

    def inputs(self) -> Sequence[Path]:
        """Return the bridge's module."""
        return [_PLUGIN.module]

    def recipe(self) -> Sequence[str]:
        """Return the version and the compiler with its settings."""
        return [VERSION, self._go.description(), *_PLUGIN.recipe()]

    def provided(self) -> Path | None:
        """Return the directory of the installed plugin when it is not one of ours."""
        directory = installed_directory()
        is_ours = (directory / _MARK).exists()
        return directory if _is_complete(directory) and not is_ours else None

    def build(self, destination: Path, log: Log) -> None:
        """Build the bridge and put its key beside it."""
        _PLUGIN.build(self._go.program(), destination, log)
        (destination / _MARK).write_text(f"{self.key()}\n", encoding="utf-8")

    def publish(self, directory: Path, key: str) -> None:
        """Install the plugin with pulumi, unless this one or a released one is there."""
        installed = installed_directory()
        if directory == installed:
            return
        mark = installed / _MARK
        is_current = mark.is_file() and mark.read_text(encoding="utf-8").strip() == key
        if is_current and _is_complete(installed):
            return
        argv = [
            str(PROGRAMS / "pulumi"), "plugin", "install", "resource", "vsphere", VERSION,
            "--file", str(directory), "--reinstall",
        ]  # fmt: skip
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            check=False,
            env=pulumi_environment(),
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            message = f"{self.name}: {' '.join(argv)} fails: {said}"
            raise ToolchainError(message)


def installed_directory() -> Path:
    """Return where pulumi keeps this plugin: below PULUMI_HOME, which is ~/.pulumi unless set."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return home / "plugins" / f"resource-vsphere-v{VERSION}"


def _is_complete(directory: Path) -> bool:
    """Say whether pulumi finished installing the plugin here.

    While it installs one, and after it was killed at that, a `.partial` file lies beside it.
    """
    partial = directory.with_name(f"{directory.name}.partial")
    return (directory / _PLUGIN.name).is_file() and not partial.exists()
