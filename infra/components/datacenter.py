"""Look up the provider's shared parts by name. Creates nothing."""

from dataclasses import dataclass

import pulumi_vsphere as vsphere

from infra.settings import Datacenter


@dataclass(frozen=True, kw_only=True)
class Template:
    """The VM template that servers are cloned from. disk_gib: of its one disk."""

    id: str
    guest_id: str
    firmware: str
    scsi_type: str
    adapter_type: str
    disk_gib: int
    is_thin: bool


@dataclass(frozen=True, kw_only=True)
class Shared:
    """vCenter ids of the parts that the provider owns and every tenant uses."""

    datacenter_id: str
    cluster_id: str
    root_pool_id: str
    datastore_id: str
    switch_uuid: str
    management_network_id: str
    template: Template


def look_up(datacenter: Datacenter, management_port_group: str) -> Shared:
    """Find the shared parts in vCenter.

    Args:
        datacenter: their names.
        management_port_group: name of the provider-management port group.

    Returns:
        Their ids.

    Raises:
        Exception: Pulumi's own, naming what vCenter does not know.
    """
    dc = vsphere.get_datacenter(name=datacenter.name)
    cluster = vsphere.get_compute_cluster(name=datacenter.cluster, datacenter_id=dc.id)
    datastore = vsphere.get_datastore(name=datacenter.datastore, datacenter_id=dc.id)
    switch = vsphere.get_distributed_virtual_switch(name=datacenter.switch, datacenter_id=dc.id)
    network = vsphere.get_network(name=management_port_group, datacenter_id=dc.id)
    template = vsphere.get_virtual_machine(name=datacenter.template, datacenter_id=dc.id)
    root_disk = template.disks[0]
    return Shared(
        datacenter_id=dc.id,
        cluster_id=cluster.id,
        root_pool_id=cluster.resource_pool_id,
        datastore_id=datastore.id,
        switch_uuid=switch.id,
        management_network_id=network.id,
        template=Template(
            id=template.id,
            guest_id=template.guest_id or "",
            firmware=template.firmware or "bios",
            scsi_type=template.scsi_type,
            adapter_type=template.network_interface_types[0],
            disk_gib=root_disk.size,
            is_thin=root_disk.thin_provisioned,
        ),
    )
