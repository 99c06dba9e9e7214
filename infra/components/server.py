"""Realise servers as virtual machines cloned from the provider's template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_vsphere as vsphere

from infra.components.datacenter import Template
from infra.components.storage import describe_disks
from infra.plan.model import Nic, Volume

GUEST_NETWORK_TIMEOUT_MIN = 5
"""How long a new server may take until its tools report an address."""


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """Inputs of one server.

    nics: in device order; network_ids: port group by device. guestinfo: first-boot data.
    tag_ids: vCenter tags. is_protected: refuse deletion while it has volumes.
    """

    vcpu: int
    memory_mib: int
    nics: tuple[Nic, ...]
    volumes: Mapping[str, Volume]
    template: Template
    datastore_id: str
    guestinfo: Mapping[str, str]
    is_protected: bool
    network_ids: Mapping[str, pulumi.Input[str]]
    folder: pulumi.Input[str]
    resource_pool_id: pulumi.Input[str]
    tag_ids: Sequence[pulumi.Input[str]]


class Server(pulumi.ComponentResource):
    """One virtual machine with its disks.

    Its disks are deleted with it; with is_protected a server that has volumes refuses deletion
    until somebody unprotects it in a reviewed change.
    """

    uuid: pulumi.Output[str]
    vm_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tenant:server:Server", name, None, opts)
        machine = vsphere.VirtualMachine(
            f"{name}-vm",
            name=name,
            folder=args.folder,
            resource_pool_id=args.resource_pool_id,
            datastore_id=args.datastore_id,
            num_cpus=args.vcpu,
            memory=args.memory_mib,
            # More of either comes without a restart; less of it restarts the server.
            cpu_hot_add_enabled=True,
            memory_hot_add_enabled=True,
            guest_id=args.template.guest_id,
            firmware=args.template.firmware,
            scsi_type=args.template.scsi_type,
            network_interfaces=[
                vsphere.VirtualMachineNetworkInterfaceArgs(
                    network_id=args.network_ids[nic.device],
                    adapter_type=args.template.adapter_type,
                    use_static_mac=True,
                    mac_address=nic.mac,
                )
                for nic in args.nics
            ],
            disks=describe_disks(args.template, args.volumes),
            clone=vsphere.VirtualMachineCloneArgs(template_uuid=args.template.id),
            extra_config=dict(args.guestinfo),
            tags=list(args.tag_ids),
            wait_for_guest_net_timeout=GUEST_NETWORK_TIMEOUT_MIN,
            # The edge has no default gateway, which "routable" would ask for.
            wait_for_guest_net_routable=False,
            opts=pulumi.ResourceOptions(
                parent=self, protect=args.is_protected and bool(args.volumes)
            ),
        )
        self.uuid = machine.uuid
        self.vm_id = machine.id
        self.register_outputs({"uuid": self.uuid, "vm_id": self.vm_id})
