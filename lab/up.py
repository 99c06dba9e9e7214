"""Bring a lab up: whatever is not there or does not serve is made, the rest is left alone.

Responsible for the order. It must not know what happens in the lab afterwards.
"""

import json
import os
import secrets
import shutil
import socket
import ssl
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from ruamel.yaml import YAML

from lab import lock
from lab.command import run
from lab.daemon import Daemon
from lab.datacenter import DESCRIPTION, Datacenter, read_datacenter
from lab.error import LabError
from lab.fabric import namespace, station
from lab.fabric.switch import Switch
from lab.layout import Layout
from lab.mount import is_mounted
from lab.process import until
from toolchain import ToolchainError, locate

Tell = Callable[[str], None]

_USER = "lab@vsphere.local"
_FIRST_PORT = 8989
_PROXY_PORT = 3128
_PROXY_START_S = 180.0  # over a minute in emulation on a busy machine
_INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_INSTANCES = 8192  # a host takes about 15
_PROGRAMS = ("ip", "losetup", "mount", "nc", "nft", "nsenter", "systemd-nspawn", "umount")


def bring_up(layout: Layout, tell: Tell) -> None:
    """Make what is missing of a lab, and wait until all of it serves.

    Args:
        layout: which lab.
        tell: takes a line for the user as each step is done.

    Raises:
        LabError: something is missing on the machine, or does not come up in time.
    """
    _check_machine()
    _raise_inotify_limit(tell)
    datacenter = read_datacenter()
    image = _locate("host-image") / "root"
    vcenter_program = _locate("lab-vcenter") / "lab-vcenter"
    _make_directories(layout)
    _make_secrets(layout)
    agent = Daemon(layout, "agent")
    if _start_vcenter(layout, vcenter_program, tell):
        # One that followed a former vCenter would say it is ready before it follows this one.
        agent.stop()
    switch = Switch(layout.fabric)
    switch.ensure()
    management = datacenter.management
    station.ensure(switch, layout.provider, datacenter.management_segment, management.prefix)
    tell(f"fabric: station at {station.address(management.prefix)}, no route to outside")
    proxy = _start_packages(layout, datacenter, tell)
    _start_agent(agent, image, tell)
    _describe(layout, datacenter, proxy)
    tell(f"up: {layout.description_file}")


def _check_machine() -> None:
    if os.geteuid() != 0:
        message = "lab: hosts, namespaces and mounts are made by root only. Run it as root."
        raise LabError(message)
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        message = f"lab: {', '.join(missing)}: not installed. Run `make toolchain`."
        raise LabError(message)


def _raise_inotify_limit(tell: Tell) -> None:
    """Let the hosts' systemd have the inotify instances they need.

    The kernel counts them for root of all hosts and of the machine together and allows 128. A
    systemd that gets none does not fail: it waits for its mounts for ever, so hosts hang in boot.
    """
    present = int(_INOTIFY_LIMIT.read_text(encoding="ascii"))
    if present < _INOTIFY_INSTANCES:
        _INOTIFY_LIMIT.write_text(str(_INOTIFY_INSTANCES), encoding="ascii")
        tell(
            f"machine: raised fs.inotify.max_user_instances from {present} to {_INOTIFY_INSTANCES}"
        )


def _locate(artefact: str) -> Path:
    try:
        return locate(artefact)
    except ToolchainError as error:
        raise LabError(str(error)) from error


def _make_directories(layout: Layout) -> None:
    layout.run.mkdir(parents=True, exist_ok=True)
    if not is_mounted(layout.run):
        # Memory, and for root only: passwords and keys are in here.
        run(["mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", str(layout.run)])
    layout.state.mkdir(mode=0o700, parents=True, exist_ok=True)


def _make_secrets(layout: Layout) -> None:
    if not layout.password_file.exists():
        _write_secret(layout.password_file, secrets.token_urlsafe(24))
    if not layout.passphrase_file.exists():
        _write_secret(layout.passphrase_file, secrets.token_urlsafe(24))
    password = layout.password_file.read_text(encoding="ascii")
    credentials = json.dumps({"user": _USER, "password": password})
    _write_secret(layout.credentials_file, credentials)


def _start_vcenter(layout: Layout, program: Path, tell: Tell) -> bool:
    """Make sure that a vCenter answers; return whether it was started now."""
    vcenter = Daemon(layout, "vcenter")
    is_new = vcenter.pid() is None
    was_there = layout.certificate_file.exists()
    # Until it listens, its port is free for every lab that comes up.
    with lock.hold_directory(layout.run.parent):
        argv = [
            str(program),
            "-config",
            str(DESCRIPTION),
            "-listen",
            f"127.0.0.1:{_choose_port(layout)}",
            "-credentials",
            str(layout.credentials_file),
        ]
        if is_new:
            vcenter.start(argv)
        announced = json.loads(vcenter.await_announcement())
    if is_new and was_there:
        tell("vcenter: had ended, and its inventory with it; the hosts of its VMs will go")
        # States of stacks describe an inventory that is no more: they would only mislead.
        shutil.rmtree(layout.backend, ignore_errors=True)
    elif not is_new and not vcenter.runs_as(argv):
        tell("vcenter: runs as it was built before; `lab down` and `lab up` start today's")
    _write(layout.certificate_file, announced["certificate"])
    address = urllib.parse.urlsplit(announced["url"])
    host, port = address.hostname or "", address.port or 0
    _write(layout.port_file, str(port))
    trust = ssl.create_default_context(cadata=announced["certificate"])
    try:
        with (
            socket.create_connection((host, port), timeout=10) as plain,
            trust.wrap_socket(plain, server_hostname=host),
        ):
            tell(f"vcenter: {announced['url']}")
    except OSError as error:
        message = f"vcenter: {announced['url']}: does not answer: {error}. {vcenter.tail()}"
        raise LabError(message) from error
    return is_new


def _choose_port(layout: Layout) -> int:
    """Return the port of this lab's vCenter: the one it had, or the first that is free."""
    if layout.port_file.exists():
        return int(layout.port_file.read_text(encoding="ascii"))
    for port in range(_FIRST_PORT, _FIRST_PORT + 100):
        with socket.socket() as probe:
            # As a server would, so that connections of a former one do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"vcenter: no free port from {_FIRST_PORT} to {_FIRST_PORT + 99}. Free one."
    raise LabError(message)


def _start_packages(layout: Layout, datacenter: Datacenter, tell: Tell) -> str:
    packages = Daemon(layout, "packages")
    host = str(station.address(datacenter.management.prefix).ip)
    address = f"{host}:{_PROXY_PORT}"
    if packages.pid() is None or not _answers(layout, host):
        packages.stop()
        cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        # The socket listens in the station; what serves it stays outside, where the archives are.
        with station.listen(layout.provider, host, _PROXY_PORT) as listener:
            packages.start(
                [
                    sys.executable,
                    # Whatever lies in the current directory is not ours.
                    "-P",
                    "-m",
                    "lab.packages",
                    "--socket-fd",
                    str(listener.fileno()),
                    "--cache",
                    str(cache_home / "municipal-cloud" / "packages"),
                    "--log",
                    str(layout.run / "packages-requests.log"),
                ],
                pass_fds=[listener.fileno()],
            )
    for _ in until(_PROXY_START_S):
        if packages.has_ended():
            message = f"packages: ended before it served. {packages.tail()}"
            raise LabError(message)
        if _answers(layout, host):
            tell(f"packages: http://{address}")
            return address
    message = f"packages: {address} does not answer after {_PROXY_START_S:g} s. {packages.tail()}"
    raise LabError(message)


def _answers(layout: Layout, host: str) -> bool:
    """Say whether the proxy answers a request, from where the hosts will ask."""

    def ask() -> bool:
        try:
            with socket.create_connection((host, _PROXY_PORT), timeout=2) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return connection.recv(5) == b"HTTP/"
        except OSError:
            return False

    return namespace.run_inside(layout.provider, ask)


def _start_agent(agent: Daemon, image: Path, tell: Tell) -> None:
    argv = [sys.executable, "-P", "-m", "lab.hypervisor", "--image", str(image)]
    if not agent.runs_as(argv):
        # One with another image, too: hosts do not notice, the next agent adopts them.
        agent.stop()
        agent.start(argv)
    agent.await_announcement()
    tell("agent: follows the vCenter")


def _describe(layout: Layout, datacenter: Datacenter, proxy: str) -> None:
    """Write what a provider hands to an engineer: names and how to get in, nothing of the lab."""
    management = datacenter.management
    description = {
        "name": layout.name,
        "backend": f"file://{layout.backend}",
        "passphrase_file": str(layout.passphrase_file),
        "vcenter": {
            "server": f"127.0.0.1:{layout.port_file.read_text(encoding='ascii')}",
            "user": _USER,
            "password_file": str(layout.password_file),
            "allow_unverified_tls": True,
        },
        "datacenter": datacenter.datacenter,
        "cluster": datacenter.cluster.name,
        "datastore": next(iter(datacenter.datastores)),
        "switch": datacenter.switch.name,
        "template": datacenter.template.name,
        "management": {
            "port_group": management.port_group,
            "prefix": str(management.prefix),
            "package_proxy": proxy,
        },
        "bastion_proxy_command": (f"nsenter --net={namespace.path(layout.provider)} nc -N %h %p"),
        # What lives here is made to be taken down.
        "protect_volumes": False,
    }
    layout.backend.mkdir(exist_ok=True)
    fresh = layout.description_file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as handle:
        yaml = YAML()
        yaml.width = 1000
        yaml.dump(description, handle)
    fresh.rename(layout.description_file)


def _write(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text, encoding="ascii")
    fresh.rename(file)


def _write_secret(file: Path, text: str) -> None:
    fresh = file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(text)
    fresh.rename(file)
