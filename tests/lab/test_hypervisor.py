"""VMs become hosts: boot, power, disks, repair. Real hosts, over the ordinary vSphere API.

It does not prove what Pulumi makes of it, nor anything about a real ESXi.
"""

import os
import re
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyVmomi import vim

from lab.cgroup import open_groups
from lab.daemon import Daemon
from lab.down import remains
from lab.hypervisor.storage import loop_devices
from lab.layout import Layout
from lab.process import is_zombie
from tests.lab.conftest import run_lab
from tests.lab.estate import Estate, await_true, disk_change, wait
from tests.lab.machine import Make, ethernets, leg, reconfigure

pytestmark = pytest.mark.lab


def test_powered_on_vm_is_a_host_that_ssh_reaches(estate: Estate, make: Make) -> None:
    machine = make("sshd01")
    estate.await_tools(machine)
    address = machine.guest.ipAddress
    told = subprocess.run(
        [
            *("ssh", "-i", estate.key, "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", "UserKnownHostsFile=/dev/null", "-o", f"ProxyCommand={proxy(estate)}"),
            *(f"ansible@{address}", "hostname; sudo id -un; systemctl --failed --no-legend"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.stdout.split() == ["sshd01", "root"], told
    assert machine.guest.hostName == "sshd01"
    assert [nic.macAddress for nic in machine.guest.net] == [
        device.macAddress for device in ethernets(machine)
    ]


def test_host_has_the_memory_and_processors_of_its_vm(estate: Estate, make: Make) -> None:
    machine = make("memory01", memory_mib=192)
    estate.await_tools(machine)
    # Twice the VM's memory, kept: the kernel has to end it.
    hungry = "python3 -c 'x = bytearray(400 * 2**20); print(len(x))'"
    assert estate.attempt(machine, hungry).returncode == 137
    used = open_groups(estate.layout.name).memory_bytes(machine.config.instanceUuid)
    assert used is not None
    assert used < 192 * 2**20
    leader = estate.leader(machine)
    assert processors(machine) == 1
    wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(memoryMB=1024, numCPUs=2)))
    await_true("two processors", lambda: processors(machine) == 2)
    await_true("more memory", lambda: estate.attempt(machine, hungry).returncode == 0)
    assert estate.leader(machine) == leader, "while it runs"


def test_guest_root_cannot_open_the_disk_of_the_machine(estate: Estate, make: Make) -> None:
    machine = make("jail01", disks_gib=(1,))
    estate.await_tools(machine)
    root = os.stat("/").st_dev  # noqa: PTH116 - the device number, as stat gives it
    number = f"{os.major(root)} {os.minor(root)}"
    estate.run(machine, f"mknod /dev/stolen b {number}")
    attempt = estate.attempt(machine, "dd if=/dev/stolen of=/dev/null count=1")
    assert "Operation not permitted" in attempt.stderr
    # The control: its own disk it may open.
    estate.run(machine, "dd if=/dev/sdb of=/dev/null count=1")


def test_disks_follow_the_vm_and_keep_their_content(estate: Estate, make: Make) -> None:
    machine = make("disk01", disks_gib=(1, 2))
    estate.await_tools(machine)
    by_path = "/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:{}:0"
    assert estate.run(machine, f"blockdev --getsize64 {by_path.format(2)} /dev/sdb") == (
        f"{2 * 2**30}\n{2**30}"
    )
    estate.run(machine, "mkfs.ext4 -q /dev/sdb && mount /dev/sdb /mnt && echo kept >/mnt/text")
    estate.run(
        machine,
        "df --output=size -B1M /mnt | tail -1 | awk '$1 > 900 && $1 < 1024 {e=1} END {exit !e}'",
    )

    reconfigure(machine, disk_change(3, 3))
    await_true("the new disk", lambda: estate.attempt(machine, "test -b /dev/sdd").returncode == 0)
    assert estate.run(machine, f"blockdev --getsize64 {by_path.format(3)}") == str(3 * 2**30)

    second, third = disks(machine)[2], disks(machine)[3]
    second.capacityInKB = 4 * 2**20
    second.capacityInBytes = 4 * 2**30
    reconfigure(
        machine,
        vim.vm.device.VirtualDeviceSpec(operation="edit", device=second),
        vim.vm.device.VirtualDeviceSpec(operation="remove", fileOperation="destroy", device=third),
    )
    await_true(
        "the grown disk",
        lambda: estate.run(machine, "blockdev --getsize64 /dev/sdc") == str(4 * 2**30),
    )
    await_true(
        "the removed disk", lambda: estate.attempt(machine, "test ! -e /dev/sdd").returncode == 0
    )

    wait(machine.PowerOffVM_Task())
    estate.await_tools(machine, is_running=False)
    await_true("no loop device of a VM that is off", lambda: not loops(estate.layout, machine))
    wait(machine.PowerOnVM_Task())
    estate.await_tools(machine)
    assert estate.run(machine, "mount /dev/sdb /mnt && cat /mnt/text") == "kept"


def test_root_file_system_survives_power_off_and_reset(estate: Estate, make: Make) -> None:
    machine = make("root01")
    estate.await_tools(machine)
    key = estate.run(machine, "echo kept >/root/text; cat /etc/ssh/ssh_host_ed25519_key.pub")
    before = estate.leader(machine)
    wait(machine.ResetVM_Task())
    await_new_leader(estate, machine, before)
    assert estate.run(machine, "cat /root/text /etc/ssh/ssh_host_ed25519_key.pub") == f"kept\n{key}"
    before = estate.leader(machine)
    wait(machine.PowerOffVM_Task())
    wait(machine.PowerOnVM_Task())
    await_new_leader(estate, machine, before)
    assert estate.run(machine, "cat /root/text") == "kept"


def test_guest_shutdown_and_reboot_are_graceful(estate: Estate, make: Make) -> None:
    machine = make("power01")
    estate.await_tools(machine)
    estate.run(machine, stop_marker("/root/stopped"))
    before = estate.leader(machine)
    machine.RebootGuest()
    await_new_leader(estate, machine, before)
    assert estate.run(machine, "cat /root/stopped") == "stopped"
    machine.ShutdownGuest()
    await_true("power off", lambda: estate.power_state(machine) == "poweredOff")
    assert machine.guest.toolsRunningStatus == "guestToolsNotRunning"
    # At once: the agent may not have heard of the power-off that it made itself.
    wait(machine.PowerOnVM_Task())
    estate.await_tools(machine)
    assert estate.power_state(machine) == "poweredOn"


def test_reboot_and_poweroff_from_inside_are_followed(estate: Estate, make: Make) -> None:
    machine = make("inside01")
    estate.await_tools(machine)
    before = estate.leader(machine)
    estate.run(machine, "systemctl reboot")
    await_new_leader(estate, machine, before)
    assert estate.power_state(machine) == "poweredOn"
    estate.run(machine, "systemctl poweroff")
    await_true("power off", lambda: estate.power_state(machine) == "poweredOff")


def test_killed_host_is_started_again_on_its_file_system(estate: Estate, make: Make) -> None:
    machine = make("killed01")
    estate.await_tools(machine)
    estate.run(machine, "echo kept >/root/text")
    before = estate.leader(machine)
    # nspawn alone: its guest's processes live on, and must not be two of a kind.
    supervisor = parent(before)
    os.kill(supervisor, signal.SIGKILL)
    await_new_leader(estate, machine, before)
    assert is_zombie(before), "two of a kind"
    assert estate.run(machine, "cat /root/text") == "kept"


def test_new_agent_adopts_what_runs_and_clears_what_was_destroyed(
    estate: Estate, make: Make, management: Any
) -> None:
    layout = estate.layout
    machine = make("adopted01")
    doomed = estate.clone("doomed01", [leg(management)])
    estate.await_tools(machine)
    estate.await_tools(doomed)
    before = estate.leader(machine)
    uuid = doomed.config.instanceUuid
    agent = Daemon(layout, "agent").pid()
    assert agent is not None
    os.kill(agent, signal.SIGKILL)
    wait(doomed.PowerOffVM_Task())
    wait(doomed.Destroy_Task())
    run_lab(layout, "up")
    await_true("the destroyed VM's host is gone", lambda: not traces(layout, uuid))
    assert estate.leader(machine) == before
    # And it is followed again.
    machine.ShutdownGuest()
    await_true("power off", lambda: estate.power_state(machine) == "poweredOff")


def test_destroyed_vm_leaves_nothing(estate: Estate, management: Any) -> None:
    machine = estate.clone("gone01", [leg(management)], disks_gib=(1,))
    estate.await_tools(machine)
    uuid = machine.config.instanceUuid
    wait(machine.PowerOffVM_Task())
    wait(machine.Destroy_Task())
    await_true("nothing is left", lambda: not traces(estate.layout, uuid))


def test_status_names_the_vms_with_state_and_address(estate: Estate, make: Make) -> None:
    machine = make("status01")
    estate.await_tools(machine)
    shown = run_lab(estate.layout, "status")
    assert re.search(rf"status01 +up +{machine.guest.ipAddress}/24 +\d+ +512 +1", shown), shown


def test_lab_down_leaves_nothing_after_everything_was_killed(estate: Estate) -> None:
    layout = Layout("labcrash")
    run_lab(layout, "up")
    doomed = Estate(layout, estate.key)
    port_group = doomed.find(vim.dvs.DistributedVirtualPortgroup, "provider-management")
    machine = doomed.clone("crash01", [leg(port_group)], disks_gib=(1,))
    doomed.await_tools(machine)
    doomed.close()
    for role in ("agent", "vcenter", "packages"):
        pid = Daemon(layout, role).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    # Even what says that there was a lab.
    subprocess.run(["umount", "--lazy", layout.run], check=True)
    run_lab(layout, "down")
    assert remains(layout) == []
    assert Daemon(layout, "agent").pid() is None


def test_labs_that_come_up_at_once_each_have_a_vcenter_of_their_own() -> None:
    layouts = [Layout(f"labtwin{number}") for number in range(1, 5)]
    try:
        with ThreadPoolExecutor() as engineers:
            list(engineers.map(lambda layout: run_lab(layout, "up"), layouts))
        ports = {layout.port_file.read_text() for layout in layouts}
        assert len(ports) == len(layouts)
    finally:
        for layout in layouts:
            run_lab(layout, "down")


def proxy(estate: Estate) -> str:
    """Return the bastion_proxy_command of the lab."""
    described = run_lab(estate.layout, "describe")
    return re.search(r"^bastion_proxy_command: (.*)$", described, re.MULTILINE)[1]  # type: ignore[index]


def disks(machine: Any) -> dict[int, Any]:
    """Return a VM's disks by unit."""
    return {
        device.unitNumber: device
        for device in machine.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualDisk)
    }


def stop_marker(file: str) -> str:
    """Return a command that makes systemd write a file when it stops in an orderly way."""
    return (
        "systemd-run --quiet --unit=stop-marker --property=RemainAfterExit=yes "
        f"--property='ExecStop=/bin/sh -c \"echo stopped >{file}\"' /bin/true"
    )


def await_new_leader(estate: Estate, machine: Any, before: int) -> None:
    """Wait until a host has another systemd than before, and is up."""
    uuid = machine.config.instanceUuid
    groups = open_groups(estate.layout.name)
    await_true("the old systemd is gone", lambda: before not in groups.pids(uuid))
    estate.await_tools(machine, is_running=False)
    estate.await_tools(machine)


def parent(pid: int) -> int:
    """Return the parent of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^PPid:\s+(\d+)$", status, re.MULTILINE)[1])  # type: ignore[index]


def processors(machine: Any) -> float:
    """Return how many a host may use, as the kernel limits it."""
    for group in Path("/sys/fs/cgroup").rglob(f"*{machine.config.instanceUuid}*"):
        if (quota := group / "cpu.cfs_quota_us").is_file():  # cgroup v1
            return int(quota.read_text()) / int((group / "cpu.cfs_period_us").read_text())
        if (limit := group / "cpu.max").is_file():  # cgroup v2
            quota_us, period_us = limit.read_text().split()
            return int(quota_us) / int(period_us)
    message = f"{machine.name}: has no group that limits processors"
    raise AssertionError(message)


def loops(layout: Layout, machine: Any) -> list[str]:
    """Return the loop devices of a VM's disks."""
    return list(loop_devices(layout.host_state(machine.config.instanceUuid)).values())


def traces(layout: Layout, uuid: str) -> list[str]:
    """Return what is left of a host."""
    found = [line for line in remains(layout) if uuid in line]
    found += [
        str(path) for path in (layout.host_state(uuid), layout.host_run(uuid)) if path.exists()
    ]
    return found
