"""A host's file system: the image, unchanged, under a layer of its own that survives power-off.

It must not know what runs on it.
"""

import shutil
from pathlib import Path

from lab.command import run
from lab.mount import is_mounted, unmount_below


class Root:
    """The file system of one host, below its directory of state."""

    def __init__(self, directory: Path, image: Path) -> None:
        """Take the host's directory and the image that a new host starts from."""
        self._directory = directory
        self._image = image
        self.path = directory / "root"

    def mount(self) -> None:
        """Mount it; make what is missing.

        The host keeps the image it first started from, also when there is a newer one: its own
        layer only fits on top of that.
        """
        if self.is_mounted():
            return
        for directory in (self.path, self._directory / "upper", self._directory / "work"):
            directory.mkdir(parents=True, exist_ok=True)
        lower = self._directory / "image"
        if not lower.is_symlink():
            lower.symlink_to(self._image)
        options = (
            f"lowerdir={lower.readlink()},"
            f"upperdir={self._directory / 'upper'},workdir={self._directory / 'work'}"
        )
        run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.path)])

    def is_mounted(self) -> bool:
        """Say whether it is mounted."""
        return is_mounted(self.path)

    def unmount(self) -> None:
        """Unmount it; its content stays."""
        unmount_below(self.path)

    def erase(self) -> None:
        """Remove it with all its content."""
        self.unmount()
        if self._directory.is_dir():
            shutil.rmtree(self._directory)
