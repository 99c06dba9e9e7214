"""Make and unmake the hosts of one Molecule scenario: VMs in a lab of their own.

`python -m tests.molecule create|destroy`, called by the playbooks in .config/molecule with
Molecule's environment. Must not know of roles.
"""

import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import yaml

from lab import lock
from lab.datacenter import read_datacenter
from lab.down import take_down
from lab.fabric import namespace
from lab.layout import Layout
from lab.process import until
from lab.up import bring_up
from tests.lab.estate import Estate, NicWish, make_key

BOOT_S = 120
"""How long a host may take until it lets us in: generous, a machine may do much else."""

_VLAN = 1000

Platform = dict[str, Any]


def create(layout: Layout, folder: Path, platforms: list[Platform]) -> None:
    """Bring a new lab up, clone and boot the hosts, wait until each lets us in.

    Args:
        layout: of the lab; one that was left over goes first.
        folder: Molecule's ephemeral directory; key and ssh configuration are put there.
        platforms: of the scenario.
    """
    with lock.hold(layout.lock, lambda: _tell("waiting for another `lab up` or `lab down`")):
        take_down(layout, _tell)
        bring_up(layout, _tell)
    for name in ("key", "key.pub"):
        (folder / name).unlink(missing_ok=True)
    estate = Estate(layout, make_key(folder))
    try:
        _clone_all(estate, platforms)
    finally:
        estate.close()
    ssh_config = folder / "ssh_config"
    ssh_config.write_text(_ssh_config(layout, folder, platforms))
    for platform in platforms:
        _await_login(ssh_config, platform["name"])


def _clone_all(estate: Estate, platforms: list[Platform]) -> None:
    management = read_datacenter().management
    names = {nic["segment"] for platform in platforms for nic in platform.get("nics", [])}
    groups = {
        name: estate.add_port_group(name, vlan) for vlan, name in enumerate(sorted(names), _VLAN)
    }
    # The management network itself; tenants' bastions have isolated ports of it, and these hosts
    # must meet each other.
    groups[""] = estate.add_port_group("hosts", management.vlan)
    for platform in platforms:
        address = f"{platform['address']}/{management.prefix.prefixlen}"
        nics = [{"segment": "", "address": address}, *platform.get("nics", [])]
        estate.clone(
            platform["name"],
            [
                NicWish(
                    groups[nic["segment"]],
                    _mac(f"{platform['name']} {number}"),
                    nic["address"],
                    nic.get("gateway"),
                )
                for number, nic in enumerate(nics)
            ],
            disks_gib=tuple(platform.get("disks_gib", ())),
        )


def _mac(nic: str) -> str:
    """Return an address from VMware's range for those that people assign, by the NIC's name."""
    number = zlib.crc32(nic.encode()) & 0x3FFFFF
    return f"00:50:56:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def _ssh_config(layout: Layout, folder: Path, platforms: list[Platform]) -> str:
    """Write the way to the hosts as the provider's station has it."""
    lines = []
    for platform in platforms:
        lines += [f"Host {platform['name']}", f"  HostName {platform['address']}"]
    lines += [
        "Host *",
        "  User ansible",
        f"  IdentityFile {folder}/key",
        "  IdentitiesOnly yes",
        f"  ProxyCommand nsenter --net={namespace.path(layout.provider)} nc -N %h %p",
        "  StrictHostKeyChecking no",
        "  UserKnownHostsFile /dev/null",
        "  BatchMode yes",
        "  ConnectTimeout 20",
        "  ServerAliveInterval 15",
        "  LogLevel ERROR",
    ]
    return "\n".join(lines) + "\n"


def _await_login(ssh_config: Path, host: str) -> None:
    command = ["ssh", "-F", ssh_config, host, "systemctl is-system-running --wait"]
    for _ in until(BOOT_S, pause_s=0.3):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.stdout.strip() == "running":
            return
    message = f"{host}: not running within {BOOT_S} s: {done.stdout}{done.stderr}"
    raise TimeoutError(message)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _layout() -> Layout:
    """Name the scenario's lab after it, as short as the name of a lab must be: munitdef."""
    role = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]).name.replace("_", "")
    return Layout(f"m{role:.12}{os.environ['MOLECULE_SCENARIO_NAME']:.3}")


def main() -> None:
    """Do what the one argument says, for the scenario in Molecule's environment."""
    if sys.argv[1] == "destroy":
        layout = _layout()
        with lock.hold(layout.lock, lambda: _tell("waiting for another `lab up` or `lab down`")):
            take_down(layout, _tell)
        return
    platforms = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text())["platforms"]
    create(_layout(), Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]), platforms)


if __name__ == "__main__":
    main()
