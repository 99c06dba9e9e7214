"""Disks beyond the first: a sparse file of exact size behind a loop device of the machine.

It must not know what the guest keeps on them.
"""

import os
import stat
import threading
from pathlib import Path

from lab.command import run
from lab.error import LabError
from lab.hypervisor.machine import Disk

Device = tuple[int, int]
_BY_PATH = ("dev", "disk", "by-path")
_DISK_GROUP = 6  # "disk" on every Debian: base-passwd
_losetup_lock = threading.Lock()


def loop_devices(directory: Path) -> dict[Path, str]:
    """Return the loop devices whose file is at or below a directory: file -> name of the device."""
    found = {}
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            file = Path(backing.read_text(encoding="utf-8").rstrip("\n").removesuffix(" (deleted)"))
        except OSError:
            # Detached while we looked.
            continue
        if file.is_relative_to(directory):
            found[file] = backing.parts[3]
    return found


def detach(loop_name: str) -> None:
    """Detach a loop device; one that is still in use goes when it no longer is."""
    run(["losetup", "--detach", f"/dev/{loop_name}"])


class Storage:
    """The disks of one host, below its directory of state."""

    def __init__(self, directory: Path) -> None:
        """Take the host's directory."""
        self._directory = directory

    def ensure(self, disk: Disk) -> Device:
        """Make a disk, grow it, attach it: whatever is missing. Return its (major, minor).

        Raises:
            LabError: it is to become smaller, which would cut off data.
        """
        file = self._file(disk.key)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as handle:
            size_bytes = os.fstat(handle.fileno()).st_size
            if size_bytes > disk.capacity_bytes:
                message = (
                    f"disk {disk.key}: {size_bytes} bytes, and {disk.capacity_bytes} wanted. A "
                    "disk never shrinks. Remove it and add a new one."
                )
                raise LabError(message)
            if size_bytes < disk.capacity_bytes:
                handle.truncate(disk.capacity_bytes)
        # Two losetups at once can pick the same free device.
        with _losetup_lock:
            name = loop_devices(self._directory).get(file)
            if name is None:
                device = run(["losetup", "--find", "--show", str(file)]).strip()
                name = device.removeprefix("/dev/")
        sectors = int(_read_block(name, "size"))
        if sectors * 512 != disk.capacity_bytes:
            run(["losetup", "--set-capacity", f"/dev/{name}"])
        major, _, minor = _read_block(name, "dev").partition(":")
        return int(major), int(minor)

    def existing_keys(self) -> list[int]:
        """Return the keys of the disks that exist."""
        return sorted(int(file.stem.partition("-")[2]) for file in self._directory.glob("disk-*"))

    def remove(self, key: int) -> None:
        """Detach a disk and remove its content."""
        file = self._file(key)
        self._detach(file)
        file.unlink(missing_ok=True)

    def detach_all(self) -> None:
        """Detach all disks; their content stays."""
        for file in loop_devices(self._directory):
            self._detach(file)

    def _detach(self, file: Path) -> None:
        name = loop_devices(self._directory).get(file)
        if name is not None:
            detach(name)

    def _file(self, key: int) -> Path:
        return self._directory / f"disk-{key}.img"


def plug(leader: int, disk: Disk, device: Device) -> None:
    """Make the device node of a disk, and its by-path link, in a running guest."""
    with_nodes = open_beneath(leader, ("dev",), create=False)
    try:
        present = _node(with_nodes, disk.node)
        if present != device:
            if present is not None:
                os.unlink(disk.node, dir_fd=with_nodes)
            mode = stat.S_IFBLK | 0o660
            os.mknod(disk.node, mode, os.makedev(*device), dir_fd=with_nodes)
            os.chown(disk.node, 0, _DISK_GROUP, dir_fd=with_nodes, follow_symlinks=False)
    finally:
        os.close(with_nodes)
    with_links = open_beneath(leader, _BY_PATH, create=True)
    try:
        if disk.by_path not in _names(with_links):
            os.symlink(f"../../{disk.node}", disk.by_path, dir_fd=with_links)
    finally:
        os.close(with_links)


def unplug_others(leader: int, disks: tuple[Disk, ...]) -> None:
    """Remove the nodes and links of disks that a running guest no longer has."""
    nodes = {disk.node for disk in disks}
    links = {disk.by_path for disk in disks}
    directory = open_beneath(leader, ("dev",), create=False)
    try:
        for name in _names(directory):
            if name.startswith("sd") and name not in nodes and _node(directory, name) is not None:
                os.unlink(name, dir_fd=directory)
    finally:
        os.close(directory)
    directory = open_beneath(leader, _BY_PATH, create=True)
    try:
        for name in _names(directory):
            if name not in links:
                os.unlink(name, dir_fd=directory)
    finally:
        os.close(directory)


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def _node(directory: int, name: str) -> Device | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return os.major(status.st_rdev), os.minor(status.st_rdev)


def open_beneath(leader: int, parts: tuple[str, ...], *, create: bool) -> int:
    """Open a directory of a guest and follow no link on the way.

    Whoever is root in the guest could have put a link there that leads, seen from here, into the
    machine's own files.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    directory = os.open(f"/proc/{leader}/root", flags)
    for part in parts:
        try:
            if create and part not in _names(directory):
                os.mkdir(part, mode=0o755, dir_fd=directory)
            below = os.open(part, flags | os.O_NOFOLLOW, dir_fd=directory)
        finally:
            os.close(directory)
        directory = below
    return directory


def _read_block(loop_name: str, attribute: str) -> str:
    return Path(f"/sys/block/{loop_name}/{attribute}").read_text(encoding="ascii").strip()
