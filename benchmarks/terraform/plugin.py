"""The vSphere provider as a plugin of terraform: what our plugin bridges, without the bridge.

Responsible for a plugin of exactly the modules that toolchain/provider lists.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from toolchain.artefact import Artefact, Log
from toolchain.checkout import ROOMS
from toolchain.golang import GoProgram, GoToolchain

_MAIN = Path(__file__).parent / "main.go"
_MODULE = (ROOMS / "provider" / "go.mod", ROOMS / "provider" / "go.sum")
_NAME = "terraform-provider-vsphere"


class TerraformPlugin(Artefact):
    """The provider; only a benchmark asks for it, so it is not in the toolchain's catalogue."""

    name = _NAME

    def __init__(self, go: GoToolchain) -> None:
        self._go = go

    def inputs(self) -> Sequence[Path]:
        """Return the program and the modules of the bridged one."""
        return [_MAIN, *_MODULE]

    def recipe(self) -> Sequence[str]:
        """Return the compiler with its settings."""
        return [self._go.description(), *self._program(Path()).recipe()]

    def build(self, destination: Path, log: Log) -> None:
        """Build the program in a module that has it beside the other's requirements."""
        module = destination / "module"
        module.mkdir()
        for file in (_MAIN, *_MODULE):
            shutil.copyfile(file, module / file.name)
        self._program(module).build(self._go.program(), destination, log)
        shutil.rmtree(module)

    @staticmethod
    def _program(module: Path) -> GoProgram:
        return GoProgram(module=module, package=".", name=_NAME)
