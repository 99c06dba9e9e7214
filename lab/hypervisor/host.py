"""One host: a Debian under systemd-nspawn in a network namespace made beforehand.

Responsible for what it takes to start, change and stop it. It decides nothing (see decision.py)
and keeps nothing in memory that the kernel does not know as well.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.cgroup import Groups, Limits
from lab.error import LabError
from lab.fabric import namespace
from lab.fabric.port import Port
from lab.fabric.switch import Switch
from lab.hypervisor import guest, storage
from lab.hypervisor.decision import Ending, Observation
from lab.hypervisor.guestinfo import environment_file
from lab.hypervisor.machine import Machine, Nic
from lab.hypervisor.root import Root
from lab.hypervisor.storage import Storage
from lab.layout import Layout
from lab.process import environment, inner_pids, is_zombie, until

# What marks the processes around a host, on the machine: `lab status` and a new agent find a
# host's boot and name there.
HOST_MARK = "LAB_HOST"
NAME_MARK = "LAB_HOST_NAME"
BOOT_MARK = "LAB_HOST_BOOT"

# systemd(1), "Signals": start poweroff.target and reboot.target.
POWER_OFF_SIGNAL = signal.SIGRTMIN + 4
REBOOT_SIGNAL = signal.SIGRTMIN + 5

# Of the set that nspawn leaves a guest, what a Debian server with its own file systems, firewall
# and accounts works without. CAP_SYS_ADMIN must stay: systemd mounts, and so does the server.
# CAP_SYS_RESOURCE stays where the machine has it: without it no mounted file system can grow.
_DROPPED = ("CAP_AUDIT_CONTROL", "CAP_LINUX_IMMUTABLE", "CAP_SYS_TTY_CONFIG")

# Runs around nspawn, so that its exit code is known also to an agent that did not start it.
_SUPERVISE = (
    'ending=$1 boot=$2; shift 2; "$@"; printf "%s %s\\n" "$boot" $? >"$ending.new"; '
    'mv "$ending.new" "$ending"'
)

# Runs in the guest before systemd: the disks must be there when it mounts the file systems.
_START = (
    "set -e; mkdir -p /dev/disk/by-path; while [ $# -gt 0 ]; do "
    'mknod -m 660 "/dev/$1" b "$3" "$4"; chown root:disk "/dev/$1"; '
    'ln -s "../../$1" "/dev/disk/by-path/$2"; shift 4; done; exec /sbin/init'
)


@dataclass(frozen=True)
class Running:
    """The processes of a running host.

    supervisor: ends when the host has ended. leader: systemd of the host, None until it starts.
    """

    supervisor: int
    leader: int | None
    boot: str
    name: str


def find_running(groups: Groups, uuid: str) -> Running | None:
    """Return the processes of a host, from its group; None when it does not run."""
    supervisors = []
    leader = None
    for pid in groups.pids(uuid):
        inner = inner_pids(pid)
        if len(inner) == 1 and not is_zombie(pid):
            marks = environment(pid)
            if BOOT_MARK in marks:
                supervisors.append((pid, marks))
        elif len(inner) == 2 and inner[1] == 1:
            leader = pid
    if not supervisors:
        return None
    # The shell around nspawn started first; without it (killed) nspawn itself is what remains.
    pid, marks = supervisors[0]
    return Running(pid, leader, marks[BOOT_MARK], marks[NAME_MARK])


class Host:
    """The host of one VM."""

    def __init__(
        self, layout: Layout, uuid: str, image: Path, switch: Switch, groups: Groups
    ) -> None:
        """Take where it lives and what it is connected to."""
        self.uuid = uuid
        self.namespace = layout.host_namespace(uuid)
        self._mark = f"{layout.name}/{uuid}"
        self._run = layout.host_run(uuid)
        self._switch = switch
        self._groups = groups
        self._root = Root(layout.host_state(uuid), image)
        self._storage = Storage(layout.host_state(uuid))
        # Unique in the fabric, and short enough to leave room for a NIC's key.
        self._port_prefix = f"{uuid.replace('-', '')[:8]}-"
        self._child: subprocess.Popen[bytes] | None = None

    def observe(self) -> tuple[Observation, Running | None]:
        """Return what the kernel shows."""
        self._collect()
        running = find_running(self._groups, self.uuid)
        is_wired = namespace.is_namespace(self.namespace)
        has_traces = (
            running is not None
            or is_wired
            or self.uuid in self._groups.uuids()
            or self._root.is_mounted()
            or bool(self._switch.port_names(self._port_prefix))
        )
        observation = Observation(
            # Without its namespace it is out of reach for good, and as bad as ended.
            boot=running.boot if running and is_wired else None,
            ending=self._ending(),
            has_traces=has_traces,
        )
        return observation, running

    def boot(self, machine: Machine) -> None:
        """Start it; everything it needs is there before its first process is."""
        self._run.mkdir(parents=True, exist_ok=True)
        self._ending_file.unlink(missing_ok=True)
        self._root.mount()
        devices = [(disk, self._storage.ensure(disk)) for disk in machine.disks]
        namespace.ensure(self.namespace)
        for number, nic in enumerate(machine.nics):
            port = self._port(machine, nic, nic.mac)
            self._switch.connect(port, self.namespace, f"eth{number}")
        self._write_guestinfo(machine)
        limits = _limits(machine, frozenset(device for _, device in devices))
        command = [
            *self._groups.prepare(self.uuid, limits),
            "nsenter",
            f"--net={namespace.path(self.namespace)}",
            "/bin/sh",
            "-c",
            _SUPERVISE,
            "supervise-host",
            str(self._ending_file),
            machine.boot,
            *self._nspawn(),
            "/bin/sh",
            "-c",
            _START,
            "start-host",
        ]
        for disk, (major, minor) in devices:
            command += [disk.node, disk.by_path, str(major), str(minor)]
        marks = {HOST_MARK: self._mark, NAME_MARK: machine.name, BOOT_MARK: machine.boot}
        with (self._run / "console").open("wb") as console:
            # A session of its own: the host outlives this agent.
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    "PATH": os.environ["PATH"],
                    # The guest routes and filters: it must be able to write its own network
                    # settings. systemd-nspawn's only way to allow just that.
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
                    **marks,
                },
            )
        self._await_start()

    def follow(self, machine: Machine, macs: Mapping[int, str]) -> None:
        """Bring the ports of some NICs to the address that the guest has given them.

        macs: NIC key -> address.
        """
        for nic in machine.nics:
            if nic.key in macs:
                self._switch.connect(self._port(machine, nic, macs[nic.key]), self.namespace, "")

    def adapt(self, machine: Machine, running: Running, macs: Mapping[int, str]) -> None:
        """Bring the NICs, disks, limits and guestinfo of a running host to what is wanted.

        macs: NIC key -> address that the guest has given it.
        """
        indexes = self.nic_indexes()
        for nic in machine.nics:
            mac = macs.get(nic.key, nic.mac)
            self._switch.connect(
                self._port(machine, nic, mac), self.namespace, self._free_interface(nic, indexes)
            )
        for key in set(indexes) - {nic.key for nic in machine.nics}:
            self._switch.disconnect(self._port_name(key))
        devices = [(disk, self._storage.ensure(disk)) for disk in machine.disks]
        limits = _limits(machine, frozenset(device for _, device in devices))
        self._groups.limit(self.uuid, limits)
        if running.leader is not None:
            for disk, device in devices:
                storage.plug(running.leader, disk, device)
            storage.unplug_others(running.leader, machine.disks)
        self.tidy(machine)
        self._write_guestinfo(machine)

    def tidy(self, machine: Machine) -> None:
        """Remove the disks that the VM no longer has."""
        wanted = {disk.key for disk in machine.disks}
        for key in self._storage.existing_keys():
            if key not in wanted:
                self._storage.remove(key)

    def stop(self) -> None:
        """Kill it and take away everything but its file system and disks."""
        self._groups.remove(self.uuid)
        # The ports first: the kernel removes those of a namespace some time after the namespace.
        for name in self._switch.port_names(self._port_prefix):
            self._switch.disconnect(name)
        namespace.remove(self.namespace)
        self._root.unmount()
        self._storage.detach_all()

    def erase(self) -> None:
        """Remove its file system and disks."""
        self._root.erase()
        if self._run.is_dir():
            shutil.rmtree(self._run)

    def nic_indexes(self) -> dict[int, int]:
        """Return, for each NIC that is plugged in, its interface index in the host."""
        ports = self._switch.port_names(self._port_prefix)
        return {int(name.rpartition("-")[2]): index for name, index in ports.items()}

    def effective_macs(self) -> dict[int, str]:
        """Return the address that each NIC has now: its own, or another that the guest took."""
        return guest.effective_macs(self.namespace, self.nic_indexes())

    def complain(self, text: str) -> None:
        """Write down why this VM is no host at the moment, for `lab status`; "" takes it back."""
        self._run.mkdir(parents=True, exist_ok=True)
        file = self._run / "complaint"
        if text:
            file.write_text(text + "\n", encoding="utf-8")
        else:
            file.unlink(missing_ok=True)

    def supervisor(self) -> int | None:
        """Return the process that ends when the host has ended; None when it does not run."""
        running = find_running(self._groups, self.uuid)
        return running.supervisor if running else None

    def _await_start(self) -> None:
        """Wait until the group shows the host: from then on everybody can see that it runs."""
        for _ in until(10):
            if find_running(self._groups, self.uuid) is not None:
                return
            if self._child is not None and self._child.poll() is not None:
                break
        told = (self._run / "console").read_text(encoding="utf-8", errors="replace").strip()
        message = f"{self.uuid}: systemd-nspawn did not start: {told or 'it said nothing'}."
        raise LabError(message)

    def _collect(self) -> None:
        """Collect the process that this agent started when it has ended."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    @property
    def _ending_file(self) -> Path:
        return self._run / "ending"

    def _ending(self) -> Ending | None:
        try:
            boot, code = self._ending_file.read_text(encoding="utf-8").rsplit(maxsplit=1)
        except FileNotFoundError:
            return None
        return Ending(boot, int(code))

    def _nspawn(self) -> list[str]:
        guestinfo = self._run / "guestinfo.env"
        return [
            "systemd-nspawn",
            "--quiet",
            "--settings=no",
            "--register=no",
            "--keep-unit",
            f"--directory={self._root.path}",
            f"--machine={self.uuid}",
            # A VM's systemd takes its machine id from the VM; the name is cloud-init's to give.
            f"--uuid={self.uuid}",
            "--hostname=localhost",
            "--capability=CAP_NET_ADMIN",
            f"--drop-capability={','.join(_DROPPED)}",
            "--kill-signal=SIGRTMIN+3",
            "--console=read-only",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            f"--bind-ro={guestinfo}:/etc/guestinfo.env",
        ]

    def _write_guestinfo(self, machine: Machine) -> None:
        """Write what cloud-init reads in place of VMware's guest calls: on tmpfs, for root only.

        In place, not by a new file: the running guest has this very file mounted.
        """
        file = self._run / "guestinfo.env"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(environment_file(machine.guestinfo))

    def _port_name(self, key: int) -> str:
        return f"{self._port_prefix}{key}"

    def _port(self, machine: Machine, nic: Nic, effective_mac: str) -> Port:
        return Port(
            name=self._port_name(nic.key),
            alias=f"{machine.name} {nic.mac}",
            segment=nic.segment,
            security=nic.security,
            mac=nic.mac,
            effective_mac=effective_mac,
            is_connected=nic.is_connected,
        )

    def _free_interface(self, nic: Nic, indexes: dict[int, int]) -> str:
        """Return a name for the interface of a NIC that is plugged into a running host."""
        if nic.key in indexes:
            return ""
        taken = guest.interface_names(self.namespace)
        return next(name for number in range(99) if (name := f"eth{number}") not in taken)


def _limits(machine: Machine, devices: frozenset[tuple[int, int]]) -> Limits:
    return Limits(memory_mib=machine.memory_mib, vcpu=machine.vcpu, block_devices=devices)
