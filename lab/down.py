"""Take a lab down: nothing of it is left, whatever state it was in.

Works from what the kernel shows, so that it also clears up after a crash, or after somebody
removed half of it by hand.
"""

import shutil
from collections.abc import Callable

from lab.cgroup import open_groups
from lab.daemon import stop_all
from lab.error import LabError
from lab.fabric import namespace
from lab.hypervisor.storage import detach, loop_devices
from lab.layout import Layout
from lab.mount import mounted_below, unmount_below
from lab.process import until

Tell = Callable[[str], None]


def take_down(layout: Layout, tell: Tell) -> None:
    """Remove a lab: daemons, hosts, namespaces, mounts, loop devices, files, in this order.

    Args:
        layout: which lab.
        tell: takes a line for the user for each kind of thing that was there.

    Raises:
        LabError: something could not be removed.
    """
    # The agent first: it would bring the hosts back.
    daemons = stop_all(layout)
    if daemons:
        tell(f"ended {', '.join(daemons)}")
    groups = open_groups(layout.name)
    hosts = groups.uuids()
    groups.remove_all()
    if hosts:
        tell(f"ended {len(hosts)} hosts")
    names = namespace.existing(layout.namespace_prefix)
    for name in names:
        namespace.remove(name)
    if names:
        tell(f"removed {len(names)} network namespaces")
    for directory in (layout.state, layout.run):
        unmount_below(directory)
    for name in loop_devices(layout.state).values():
        detach(name)
    for directory in (layout.state, layout.run):
        if directory.is_dir():
            shutil.rmtree(directory)
    _check_gone(layout)
    layout.lock.unlink(missing_ok=True)
    for directory in (layout.state.parent, layout.run.parent):
        # Only when no other lab uses it.
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()


def remains(layout: Layout) -> list[str]:
    """Return what the kernel still shows of a lab, one line for each."""
    found = [f"host {uuid}" for uuid in open_groups(layout.name).uuids()]
    found += [f"namespace {name}" for name in namespace.existing(layout.namespace_prefix)]
    for directory in (layout.state, layout.run):
        found += [f"mount {target}" for target in mounted_below(directory)]
        found += [f"directory {directory}"] if directory.exists() else []
    found += [f"loop device {name}" for name in loop_devices(layout.state).values()]
    return found


def _check_gone(layout: Layout) -> None:
    # The kernel detaches a loop device when its last user is gone, which takes a moment.
    for _ in until(10):
        left = remains(layout)
        if not left:
            return
    message = f"lab {layout.name}: still there: {', '.join(left)}."
    raise LabError(message)
