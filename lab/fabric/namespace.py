"""Network namespaces by name, as `ip netns` shows them.

Responsible for making, entering and removing them; what is inside is the business of others.
"""

import ctypes
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from pyroute2 import IPRoute, netns

from lab.error import LabError

_DIRECTORY = Path("/run/netns")
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

Result = TypeVar("Result")


def path(name: str) -> Path:
    """Return the file that stands for a namespace."""
    return _DIRECTORY / name


def existing(prefix: str) -> list[str]:
    """Return the names of all namespaces that begin with `prefix`, sorted."""
    if not _DIRECTORY.is_dir():
        return []
    return sorted(entry.name for entry in _DIRECTORY.iterdir() if entry.name.startswith(prefix))


def is_namespace(name: str) -> bool:
    """Say whether the namespace exists; the file alone, as a crash leaves it, is none."""
    # A bind mount of nsfs sits on another file system than the directory around it.
    try:
        return path(name).stat().st_dev != _DIRECTORY.stat().st_dev
    except FileNotFoundError:
        return False


def ensure(name: str) -> bool:
    """Make the namespace if there is none, with loopback down and no forwarding.

    Returns:
        Whether it was made now.
    """
    if is_namespace(name):
        return False
    # A file without a namespace behind it would make the next line fail.
    path(name).unlink(missing_ok=True)
    netns.create(name)
    # The kernel copies IPv4 settings from the machine, which may well forward; a new host does not.
    run_inside(name, lambda: write_setting("ipv4/ip_forward", "0"))
    return True


def remove(name: str) -> None:
    """Remove the namespace, if there is one, with all interfaces in it."""
    if is_namespace(name):
        netns.remove(name)
    else:
        path(name).unlink(missing_ok=True)


def write_setting(setting: str, value: str) -> None:
    """Write a setting below /proc/sys/net of the namespace that the calling thread is in."""
    Path(f"/proc/sys/net/{setting}").write_text(value, encoding="ascii")


def run_inside(name: str, function: Callable[[], Result]) -> Result:
    """Run a function in a network namespace and return its result.

    It runs in a thread of its own that ends afterwards, so that no other code of this process
    ever finds itself in there. A socket that it makes stays in the namespace.
    """
    return _run_entered(path(name), _CLONE_NEWNET, function)


def with_link(name: str, function: Callable[[IPRoute], Result]) -> Result:
    """Run a function with a netlink connection to a network namespace; return its result.

    Not IPRoute's own parameter for this: it forks the whole process for each connection, which a
    program with threads must not do.
    """

    def connect_and_run() -> Result:
        with IPRoute() as link:
            return function(link)

    return run_inside(name, connect_and_run)


def read_host_name(pid: int) -> str:
    """Return the host name in the UTS namespace of a process."""
    return _run_entered(Path(f"/proc/{pid}/ns/uts"), _CLONE_NEWUTS, lambda: os.uname().nodename)


def _run_entered(namespace: Path, kind: int, function: Callable[[], Result]) -> Result:
    def enter_and_run() -> Result:
        try:
            descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            message = f"{namespace}: this namespace does not exist. Run `lab up`."
            raise LabError(message) from error
        try:
            if _libc.setns(descriptor, kind) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), str(namespace))
        finally:
            os.close(descriptor)
        return function()

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="inside") as executor:
        return executor.submit(enter_and_run).result()
