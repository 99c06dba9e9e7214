"""The artefacts of the project, by name.

Responsible for which there are and in which order they are built; it must not build them itself.
"""

from collections.abc import Sequence
from pathlib import Path

from toolchain.artefact import Artefact
from toolchain.cache import Cache, default_root
from toolchain.error import ToolchainError
from toolchain.golang import GoToolchain
from toolchain.lab_parts import HostImage, LabVcenter
from toolchain.pulumi_cli import PulumiCli
from toolchain.vsphere_plugin import VspherePlugin


def open_cache() -> Cache:
    """Return the cache in the place that the environment names."""
    return Cache(default_root())


def all_artefacts(cache: Cache) -> Sequence[Artefact]:
    """Return every artefact, each after those it is built with."""
    go = GoToolchain(cache)
    return [go, LabVcenter(go), HostImage(), PulumiCli(go, default_root()), VspherePlugin(go)]


def locate(name: str) -> Path:
    """Return the directory that holds an artefact: the cache's, or the machine's own.

    Raises:
        ToolchainError: There is no artefact of this name, or it is not built.
    """
    cache = open_cache()
    artefacts = {artefact.name: artefact for artefact in all_artefacts(cache)}
    if name not in artefacts:
        message = f'unknown artefact "{name}". There are: {", ".join(artefacts)}.'
        raise ToolchainError(message)
    directory = cache.find(artefacts[name])
    if directory is None:
        message = f"{name}: not built in the form this checkout defines. Run make toolchain."
        raise ToolchainError(message)
    return directory
