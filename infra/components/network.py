"""Realise segments as distributed port groups."""

from dataclasses import dataclass

import pulumi
import pulumi_vsphere as vsphere


@dataclass(frozen=True, kw_only=True)
class NetworkSegmentArgs:
    """Inputs of one segment.

    port_group: its name in vCenter. vlan_id: 802.1Q, 2-4094. switch_uuid: of an existing switch.
    """

    port_group: str
    vlan_id: int
    description: str
    switch_uuid: pulumi.Input[str]


class NetworkSegment(pulumi.ComponentResource):
    """One segment: a port group with its own VLAN that lets no guest act as another.

    Promiscuous mode, MAC changes and forged transmits are rejected explicitly, and no port may
    override that: a switch's defaults differ between versions and can be changed by others. What
    a port got before an override was forbidden goes when its NIC is disconnected.
    """

    port_group_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: NetworkSegmentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("tenant:network:NetworkSegment", name, None, opts)
        port_group = vsphere.DistributedPortGroup(
            f"{args.port_group}-port-group",
            name=args.port_group,
            description=args.description,
            distributed_virtual_switch_uuid=args.switch_uuid,
            type="earlyBinding",
            vlan_id=args.vlan_id,
            allow_promiscuous=False,
            allow_mac_changes=False,
            allow_forged_transmits=False,
            netflow_enabled=False,
            security_policy_override_allowed=False,
            vlan_override_allowed=False,
            netflow_override_allowed=False,
            shaping_override_allowed=False,
            uplink_teaming_override_allowed=False,
            network_resource_pool_override_allowed=False,
            traffic_filter_override_allowed=False,
            block_override_allowed=False,
            live_port_moving_allowed=False,
            port_config_reset_at_disconnect=True,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.port_group_id = port_group.id
        self.register_outputs({"port_group_id": self.port_group_id})
