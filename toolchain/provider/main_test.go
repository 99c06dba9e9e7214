package main

import (
	"testing"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// TestServesWhatComponentsUse checks the tokens and arguments that infra/components relies on
// against the bridged provider, so that an update of the bridge which renames one fails here and
// not in a deployment. It does not prove that a vCenter accepts them.
func TestServesWhatComponentsUse(t *testing.T) {
	info := provider()
	resources := map[string]struct {
		token     string
		arguments []string
	}{
		"vsphere_folder":        {"vsphere:index/folder:Folder", []string{"path", "type", "datacenter_id"}},
		"vsphere_resource_pool": {"vsphere:index/resourcePool:ResourcePool", []string{"cpu_limit", "memory_limit"}},
		"vsphere_distributed_port_group": {
			"vsphere:index/distributedPortGroup:DistributedPortGroup",
			[]string{
				"vlan_id", "allow_promiscuous", "allow_forged_transmits", "allow_mac_changes",
				"security_policy_override_allowed", "netflow_enabled", "netflow_override_allowed",
				"port_config_reset_at_disconnect",
			},
		},
		"vsphere_virtual_machine": {
			"vsphere:index/virtualMachine:VirtualMachine",
			[]string{"clone", "disk", "network_interface", "extra_config", "wait_for_guest_net_timeout"},
		},
		"vsphere_compute_cluster_vm_anti_affinity_rule": {
			"vsphere:index/computeClusterVmAntiAffinityRule:ComputeClusterVmAntiAffinityRule",
			[]string{"virtual_machine_ids", "mandatory"},
		},
		"vsphere_tag":          {"vsphere:index/tag:Tag", []string{"category_id"}},
		"vsphere_tag_category": {"vsphere:index/tagCategory:TagCategory", []string{"cardinality", "associable_types"}},
	}
	for name, want := range resources {
		resource := info.Resources[name]
		if resource == nil || string(resource.Tok) != want.token {
			t.Errorf("%s: want token %s, have %+v", name, want.token, resource)
			continue
		}
		schema := info.P.ResourcesMap().Get(name).Schema()
		for _, argument := range want.arguments {
			if _, ok := schema.GetOk(argument); !ok {
				t.Errorf("%s: no argument %s", name, argument)
			}
		}
	}
}

// TestServesWhatIsLookedUp checks the tokens of what the provider owns and a tenant only looks up.
func TestServesWhatIsLookedUp(t *testing.T) {
	for name, want := range map[string]string{
		"vsphere_datacenter":                 "vsphere:index/getDatacenter:getDatacenter",
		"vsphere_compute_cluster":            "vsphere:index/getComputeCluster:getComputeCluster",
		"vsphere_datastore":                  "vsphere:index/getDatastore:getDatastore",
		"vsphere_distributed_virtual_switch": "vsphere:index/getDistributedVirtualSwitch:getDistributedVirtualSwitch",
		"vsphere_network":                    "vsphere:index/getNetwork:getNetwork",
		"vsphere_virtual_machine":            "vsphere:index/getVirtualMachine:getVirtualMachine",
	} {
		source := provider().DataSources[name]
		if source == nil || string(source.Tok) != want {
			t.Errorf("%s: want token %s, have %+v", name, want, source)
		}
	}
}

// TestNamesPlurals checks that list arguments carry the plural names of the released SDK.
func TestNamesPlurals(t *testing.T) {
	schema := provider().P.ResourcesMap().Get("vsphere_virtual_machine").Schema()
	for name, want := range map[string]string{"disk": "disks", "network_interface": "networkInterfaces"} {
		if have := tfbridge.TerraformToPulumiNameV2(name, schema, nil); have != want {
			t.Errorf("%s: want %s, have %s", name, want, have)
		}
	}
}
