"""Realise a whole plan: the tenant's share of the datacenter and everything in it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_vsphere as vsphere

from infra.components.datacenter import Shared
from infra.components.first_boot import guestinfo
from infra.components.network import NetworkSegment, NetworkSegmentArgs
from infra.components.server import Server, ServerArgs
from infra.plan.model import Plan
from infra.plan.tunnel import find_way_in


@dataclass(frozen=True, kw_only=True)
class EstateArgs:
    """Inputs of a tenant's estate.

    management_address: the bastion's leg in provider-management, with prefix length.
    public_key: opens the management account of a new server.
    """

    plan: Plan
    shared: Shared
    management_address: str
    public_key: str
    is_protected: bool


class Estate(pulumi.ComponentResource):
    """Folder, resource pool, tags, port groups, servers and their separation over hosts."""

    uuids: dict[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: EstateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tenant:estate:Estate", name, None, opts)
        plan, shared = args.plan, args.shared
        child = pulumi.ResourceOptions(parent=self)
        folder = vsphere.Folder(
            f"{name}-folder",
            path=name,
            type="vm",
            datacenter_id=shared.datacenter_id,
            opts=child,
        )
        pool = vsphere.ResourcePool(
            f"{name}-resource-pool",
            name=name,
            parent_resource_pool_id=shared.root_pool_id,
            cpu_limit=plan.limits.cpu_mhz,
            memory_limit=plan.limits.memory_mib,
            opts=child,
        )
        zone_tags = self._tag_zones(name, sorted({s.zone for s in plan.segments.values()}))
        segments = {
            key: NetworkSegment(
                f"{name}-{key}-segment",
                NetworkSegmentArgs(
                    port_group=f"{name}-{key}",
                    vlan_id=segment.vlan,
                    description=f"{plan.name}: zone {segment.zone}, {segment.prefix}",
                    switch_uuid=shared.switch_uuid,
                ),
                pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(name=f"{name}-{key}")]),
            )
            for key, segment in plan.segments.items()
        }
        servers = self._create_servers(args, folder, pool, zone_tags, segments)
        for role, members in plan.separations.items():
            vsphere.ComputeClusterVmAntiAffinityRule(
                f"{name}-{role}-separation",
                name=f"{name}-{role}",
                compute_cluster_id=shared.cluster_id,
                virtual_machine_ids=[servers[key].vm_id for key in members],
                mandatory=True,
                opts=child,
            )
        self.uuids = {key: server.uuid for key, server in servers.items()}
        self.register_outputs({"uuids": self.uuids})

    def _tag_zones(self, name: str, zones: list[str]) -> dict[str, pulumi.Output[str]]:
        category = vsphere.TagCategory(
            f"{name}-zone-category",
            name=f"{name}-zone",
            description="Zone of the tenant's network in which a server lives",
            cardinality="SINGLE",
            associable_types=["VirtualMachine"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return {
            zone: vsphere.Tag(
                f"{name}-{zone}-zone-tag",
                name=zone,
                category_id=category.id,
                opts=pulumi.ResourceOptions(
                    parent=self, aliases=[pulumi.Alias(name=f"{name}-{zone}-tag")]
                ),
            ).id
            for zone in zones
        }

    def _create_servers(
        self,
        args: EstateArgs,
        folder: vsphere.Folder,
        pool: vsphere.ResourcePool,
        zone_tags: Mapping[str, pulumi.Output[str]],
        segments: Mapping[str, NetworkSegment],
    ) -> dict[str, Server]:
        plan = args.plan
        servers = {}
        for key, server in plan.servers.items():
            addresses = {
                nic.device: nic.address if nic.segment else args.management_address
                for nic in server.nics
            }
            networks = {
                nic.device: _find_network(nic.segment, segments, args.shared) for nic in server.nics
            }
            servers[key] = Server(
                server.name,
                ServerArgs(
                    vcpu=server.vcpu,
                    memory_mib=server.memory_mib,
                    nics=server.nics,
                    volumes=server.volumes,
                    template=args.shared.template,
                    datastore_id=args.shared.datastore_id,
                    guestinfo=guestinfo(
                        server,
                        addresses,
                        plan.resolver,
                        plan.domain,
                        find_way_in(plan, key),
                        args.public_key,
                    ),
                    is_protected=args.is_protected,
                    network_ids=networks,
                    folder=folder.path,
                    resource_pool_id=pool.id,
                    tag_ids=[zone_tags[server.zone]],
                ),
                pulumi.ResourceOptions(parent=self),
            )
        return servers


def _find_network(
    name: str | None, segments: Mapping[str, NetworkSegment], shared: Shared
) -> pulumi.Input[str]:
    """Give the port group of a NIC: the tenant's own, or one of the provider's."""
    if name is None:
        return shared.management_network_id
    if name in segments:
        return segments[name].port_group_id
    return shared.outside_network_ids[name]
