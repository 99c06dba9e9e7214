"""What the lab is made of, built from the lab's own directories.

Responsible for when they are built; it must not know what they do, and imports nothing of them.
"""

from collections.abc import Sequence
from pathlib import Path

from toolchain.artefact import Artefact, Log
from toolchain.checkout import ROOT, link_program
from toolchain.golang import GoProgram, GoToolchain

_VCENTER = GoProgram(module=ROOT / "lab" / "vcenter", package=".", name="lab-vcenter")
_IMAGE = ROOT / "lab" / "image"


class LabVcenter(Artefact):
    """The lab's vCenter, one program."""

    name = "lab-vcenter"

    def __init__(self, go: GoToolchain) -> None:
        self._go = go

    def inputs(self) -> Sequence[Path]:
        """Return its module."""
        return [_VCENTER.module]

    def recipe(self) -> Sequence[str]:
        """Return the compiler with its settings."""
        return [self._go.description(), *_VCENTER.recipe()]

    def build(self, destination: Path, log: Log) -> None:
        """Build the program."""
        _VCENTER.build(self._go.program(), destination, log)

    def publish(self, directory: Path, key: str) -> None:  # noqa: ARG002 - the link names the key
        """Link the program into the virtual environment."""
        link_program(directory / _VCENTER.name)


class HostImage(Artefact):
    """The root file system of the lab's hosts, as lab/image/build makes it."""

    name = "host-image"

    def inputs(self) -> Sequence[Path]:
        """Return the image's directory."""
        return [_IMAGE]

    def recipe(self) -> Sequence[str]:
        """Return nothing: the directory says it all."""
        return []

    def build(self, destination: Path, log: Log) -> None:
        """Run the image's own build."""
        log.run([str(_IMAGE / "build"), str(destination)], directory=_IMAGE)
