"""The properties of a host's scope on cgroup v2."""

from pathlib import Path

from lab.cgroup import Limits
from lab.cgroup.scope import ScopeGroups


def test_scope_is_limited_and_may_open_its_own_disks_only() -> None:
    groups = ScopeGroups(Path("/sys/fs/cgroup"), "lab")
    limits = Limits(memory_mib=512, vcpu=2, block_devices=frozenset({(7, 3)}))
    command = groups.prepare("5020aaaa", limits)
    assert command[:2] == ["systemd-run", "--scope"]
    assert "--unit=lab-lab-5020aaaa.scope" in command
    properties = [part.removeprefix("--property=") for part in command if "property" in part]
    assert {"Delegate=yes", "MemoryMax=512M", "CPUQuota=200%"} <= set(properties)
    assert properties.index("DevicePolicy=strict") < len(properties)
    assert [entry for entry in properties if "block" in entry] == [
        "DeviceAllow=block-* m",
        "DeviceAllow=/dev/block/7:3 rw",
    ]
