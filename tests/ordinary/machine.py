"""An ordinary Debian 12 machine: systemd, a kernel with modules, cgroup v2 alone; in emulation.

Responsible for booting it, running commands in it and switching it off. It knows no lab.
"""

import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEMORY_MIB = 6144
BOOT_S = 900


class MachineError(RuntimeError):
    """The machine or a command in it failed, or took too long."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One that runs. folder: with its key and its log; port: its ssh, on this machine."""

    folder: Path
    port: int

    def run(self, command: str, timeout_s: int) -> None:
        """Run a shell command as root, its words passed on.

        Raises:
            MachineError: it fails, or is not done in time.
        """
        bounded = f"timeout --kill-after=30 {timeout_s} bash -lc {shlex.quote(command)} 2>&1"
        code = subprocess.run([*self.ssh, bounded], check=False).returncode
        if code != 0:
            message = f"{command}: exit code {code} (124: not done in {timeout_s} s)"
            raise MachineError(message)

    @property
    def ssh(self) -> list[str]:
        """What reaches it, up to the command."""
        options = "BatchMode=yes StrictHostKeyChecking=no UserKnownHostsFile=/dev/null"
        options += " LogLevel=ERROR ConnectTimeout=20 ServerAliveInterval=30"
        return [
            "ssh",
            *(f"-o{option}" for option in options.split()),
            f"-i{self.folder / 'key'}",
            f"-p{self.port}",
            "root@127.0.0.1",
        ]

    def answers(self) -> bool:
        """Tell whether somebody can log in."""
        return subprocess.run([*self.ssh, "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def boot(folder: Path) -> Iterator[Machine]:
    """Boot what `build` made there; switch it off in the end.

    Raises:
        MachineError: it cannot be logged in to in time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        (folder / "console.log").open("w") as console,
        subprocess.Popen(
            [
                "qemu-system-x86_64",
                "-accel", "tcg,thread=multi",
                "-cpu", "max",
                "-smp", "2",
                "-m", str(MEMORY_MIB),
                "-kernel", str(folder / "kernel"),
                "-initrd", str(folder / "initrd"),
                "-append", "root=/dev/vda rw console=ttyS0",
                "-drive", f"file={folder / 'disk.ext4'},format=raw,if=virtio,cache=unsafe",
                "-netdev", f"user,id=outside,hostfwd=tcp:127.0.0.1:{port}-:22",
                "-device", "virtio-net-pci,netdev=outside",
                "-device", "virtio-rng-pci",
                "-display", "none",
                "-serial", "stdio",
                "-no-reboot",
            ],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=subprocess.STDOUT,
        ) as emulator,
    ):  # fmt: skip
        machine = Machine(folder=folder, port=port)
        try:
            deadline = time.monotonic() + BOOT_S
            while not machine.answers():
                if emulator.poll() is not None or time.monotonic() > deadline:
                    message = f"{console.name}: nobody can log in after {BOOT_S} s, or it ended"
                    raise MachineError(message)
                time.sleep(2)
            yield machine
        finally:
            emulator.terminate()
