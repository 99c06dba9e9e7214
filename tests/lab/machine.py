"""VMs of nobody's record: their NICs, and changes of them."""

import itertools
from collections.abc import Callable
from typing import Any

from pyVmomi import vim

from tests.lab.estate import NicWish, wait

Make = Callable[..., Any]
"""Makes a VM with a leg in provider-management (name, more legs, what `Estate.clone` takes)."""

_numbers = itertools.count(11)


def leg(port_group: Any, network: str = "10.255.0") -> NicWish:
    """Return a NIC with an address and a MAC that no other test has."""
    number = next(_numbers)
    return NicWish(port_group, f"00:50:56:01:00:{number:02x}", f"{network}.{number}/24")


def ethernets(machine: Any) -> list[Any]:
    """Return a VM's NICs in order."""
    return [
        device
        for device in machine.config.hardware.device
        if isinstance(device, vim.vm.device.VirtualEthernetCard)
    ]


def reconfigure(machine: Any, *changes: Any) -> None:
    """Change devices of a VM."""
    wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=list(changes))))
