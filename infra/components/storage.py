"""Describe a server's disks: the template's root disk and the volumes of the plan."""

from collections.abc import Mapping

import pulumi_vsphere as vsphere

from infra.components.datacenter import Template
from infra.plan.model import Volume


def describe_disks(
    template: Template, volumes: Mapping[str, Volume]
) -> list[vsphere.VirtualMachineDiskArgs]:
    """Describe all disks of one server.

    A disk's label and unit number are its identity: both come from the record, so adding or
    removing a volume never touches another. Deleting a volume deletes its data.

    Args:
        template: gives the root disk, unit 0.
        volumes: further disks by name.

    Returns:
        Root disk first, volumes by unit number.
    """
    root = vsphere.VirtualMachineDiskArgs(
        label="root",
        unit_number=0,
        size=template.disk_gib,
        thin_provisioned=template.is_thin,
    )
    further = [
        vsphere.VirtualMachineDiskArgs(
            label=name, unit_number=volume.unit, size=volume.size_gib, thin_provisioned=True
        )
        for name, volume in sorted(volumes.items(), key=lambda item: item[1].unit)
    ]
    return [root, *further]
