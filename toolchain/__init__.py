"""Pinned builds of what the project needs and no Python package brings.

Responsible for finding or building the artefacts; it must not know what lab and infra do with them.
"""

from toolchain.catalogue import locate
from toolchain.error import ToolchainError

__all__ = ["ToolchainError", "locate"]
