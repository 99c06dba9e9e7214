"""Give a port group another setting in the vCenter, and know when it is in force in the fabric."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyVmomi import vim

from lab.command import run
from lab.fabric import namespace
from lab.process import until
from tests.lab.estate import POLICIES, Estate, wait

Switch = vim.dvs.VmwareDistributedVirtualSwitch

APPLIED_WITHIN_S = 60
"""A change in the vCenter reaches the fabric by way of the agent."""


@contextmanager
def change_setting(estate: Estate, group: str, **policy: Any) -> Iterator[None]:
    """Give a port group another policy meanwhile, in the vCenter and in the fabric."""
    port_group = estate.find(vim.dvs.DistributedVirtualPortgroup, group)
    former = port_group.config.defaultPortConfig
    kept = {name: getattr(former, name) for name in policy}
    before = read_fabric(estate)
    put_setting(port_group, Switch.VmwarePortConfigPolicy(**policy))
    await_fabric(estate, lambda now: now != before)
    try:
        yield
    finally:
        put_setting(port_group, Switch.VmwarePortConfigPolicy(**kept))
        await_fabric(estate, lambda now: now == before)


def put_setting(port_group: Any, policy: Any) -> None:
    """Give a port group another policy in the vCenter."""
    specification = vim.dvs.DistributedVirtualPortgroup.ConfigSpec(
        configVersion=port_group.config.configVersion, defaultPortConfig=policy
    )
    wait(port_group.ReconfigureDVPortgroup_Task(specification))


def read_fabric(estate: Estate) -> str:
    """Return where every port is plugged in and which rules it has."""
    inside = ["nsenter", f"--net={namespace.path(estate.layout.fabric)}"]
    return run([*inside, "bridge", "-d", "link"]) + run(
        [*inside, "nft", "--stateless", "list", "ruleset"]
    )


def await_fabric(estate: Estate, is_wanted: Callable[[str], bool]) -> None:
    """Wait until the agent has brought a change there, all of it."""
    former = ""
    for _ in until(APPLIED_WITHIN_S):
        now = read_fabric(estate)
        if is_wanted(now) and now == former:
            return
        former = now
    message = f"the fabric was not changed within {APPLIED_WITHIN_S} s"
    raise AssertionError(message)


def security(**accepted: bool) -> Any:
    """Return the security policy that accepts only this."""
    policies = {
        name: vim.BoolPolicy(inherited=False, value=accepted.get(name, False)) for name in POLICIES
    }
    return Switch.SecurityPolicy(inherited=False, **policies)
