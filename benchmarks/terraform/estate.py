"""Declare to terraform what infra.components declares to Pulumi: resource by resource the same.

Responsible for terraform's JSON syntax. Must not run anything.
"""

from typing import Any

from infra.components.first_boot import guestinfo
from infra.components.server import GUEST_NETWORK_TIMEOUT_MIN
from infra.plan.model import Plan, Server
from infra.settings import Settings

PROVIDER = "hashicorp/vsphere"


def declare(plan: Plan, settings: Settings) -> dict[str, Any]:
    """Declare a whole estate.

    Args:
        plan: of the tenant.
        settings: of the stack that Pulumi deploys.

    Returns:
        The content of main.tf.json. Where and who vCenter is comes from the environment.
    """
    return {
        "terraform": {"required_providers": {"vsphere": {"source": PROVIDER}}},
        "provider": {"vsphere": {}},
        "data": _look_ups(settings),
        "resource": {
            "vsphere_folder": {
                "estate": {
                    "path": plan.tenant,
                    "type": "vm",
                    "datacenter_id": "${data.vsphere_datacenter.shared.id}",
                }
            },
            "vsphere_resource_pool": {
                "estate": {
                    "name": plan.tenant,
                    "parent_resource_pool_id": (
                        "${data.vsphere_compute_cluster.shared.resource_pool_id}"
                    ),
                    "cpu_limit": plan.limits.cpu_mhz,
                    "memory_limit": plan.limits.memory_mib,
                }
            },
            "vsphere_tag_category": {
                "zone": {
                    "name": f"{plan.tenant}-zone",
                    "description": "Zone of the tenant's network in which a server lives",
                    "cardinality": "SINGLE",
                    "associable_types": ["VirtualMachine"],
                }
            },
            "vsphere_tag": {
                zone: {"name": zone, "category_id": "${vsphere_tag_category.zone.id}"}
                for zone in sorted({segment.zone for segment in plan.segments.values()})
            },
            "vsphere_distributed_port_group": _port_groups(plan),
            "vsphere_virtual_machine": {
                key: _machine(server, plan, settings) for key, server in plan.servers.items()
            },
            "vsphere_compute_cluster_vm_anti_affinity_rule": {
                role: {
                    "name": f"{plan.tenant}-{role}",
                    "compute_cluster_id": "${data.vsphere_compute_cluster.shared.id}",
                    "virtual_machine_ids": [
                        f"${{vsphere_virtual_machine.{key}.id}}" for key in members
                    ],
                    "mandatory": True,
                }
                for role, members in plan.separations.items()
            },
        },
    }


def _look_ups(settings: Settings) -> dict[str, Any]:
    datacenter = settings.datacenter
    inside = {"datacenter_id": "${data.vsphere_datacenter.shared.id}"}
    names = {
        "compute_cluster": datacenter.cluster,
        "datastore": datacenter.datastore,
        "distributed_virtual_switch": datacenter.switch,
        "network": settings.management.port_group,
        "virtual_machine": datacenter.template,
    }
    return {"vsphere_datacenter": {"shared": {"name": datacenter.name}}} | {
        f"vsphere_{kind}": {"shared": {"name": name, **inside}} for kind, name in names.items()
    }


def _port_groups(plan: Plan) -> dict[str, Any]:
    return {
        key: {
            "name": f"{plan.tenant}-{key}",
            "description": f"{plan.name}: zone {segment.zone}, {segment.prefix}",
            "distributed_virtual_switch_uuid": (
                "${data.vsphere_distributed_virtual_switch.shared.id}"
            ),
            "type": "earlyBinding",
            "vlan_id": segment.vlan,
            "allow_promiscuous": False,
            "allow_mac_changes": False,
            "allow_forged_transmits": False,
            "security_policy_override_allowed": False,
            "vlan_override_allowed": False,
            "traffic_filter_override_allowed": False,
            "block_override_allowed": False,
            "live_port_moving_allowed": False,
        }
        for key, segment in plan.segments.items()
    }


def _machine(server: Server, plan: Plan, settings: Settings) -> dict[str, Any]:
    template = "data.vsphere_virtual_machine.shared"
    addresses = {
        nic.device: nic.address or settings.management.bastion_interface for nic in server.nics
    }
    networks = {
        nic.device: f"${{vsphere_distributed_port_group.{nic.segment}.id}}"
        if nic.segment
        else "${data.vsphere_network.shared.id}"
        for nic in server.nics
    }
    root = {
        "label": "root",
        "unit_number": 0,
        "size": f"${{{template}.disks[0].size}}",
        "thin_provisioned": f"${{{template}.disks[0].thin_provisioned}}",
    }
    volumes = [
        {
            "label": name,
            "unit_number": volume.unit,
            "size": volume.size_gib,
            "thin_provisioned": True,
        }
        for name, volume in server.volumes.items()
    ]
    return {
        "name": server.name,
        "folder": "${vsphere_folder.estate.path}",
        "resource_pool_id": "${vsphere_resource_pool.estate.id}",
        "datastore_id": "${data.vsphere_datastore.shared.id}",
        "num_cpus": server.vcpu,
        "memory": server.memory_mib,
        "cpu_hot_add_enabled": True,
        "memory_hot_add_enabled": True,
        "guest_id": f"${{{template}.guest_id}}",
        "firmware": f"${{{template}.firmware}}",
        "scsi_type": f"${{{template}.scsi_type}}",
        "network_interface": [
            {
                "network_id": networks[nic.device],
                "adapter_type": f"${{{template}.network_interface_types[0]}}",
                "use_static_mac": True,
                "mac_address": nic.mac,
            }
            for nic in server.nics
        ],
        "disk": [root, *volumes],
        "clone": {"template_uuid": f"${{{template}.id}}"},
        "extra_config": guestinfo(
            server,
            addresses,
            plan.resolver,
            plan.domain,
            plan.resolver,
            settings.management_public_key,
        ),
        "tags": [f"${{vsphere_tag.{server.zone}.id}}"],
        "wait_for_guest_net_timeout": GUEST_NETWORK_TIMEOUT_MIN,
        "wait_for_guest_net_routable": False,
    }
