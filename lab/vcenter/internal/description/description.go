// Package description reads the start description of the lab's datacenter: what a provider has
// built before the first tenant arrives. It must not know how the vCenter realises it.
package description

import (
	"net/netip"
	"os"
	"path/filepath"
)

// Datacenter is everything the vCenter starts with.
type Datacenter struct {
	Name       string
	Cluster    Cluster
	Datastores []Datastore // sorted by name
	Switch     Switch
	Management Management
	Networks   []Network // sorted by name
	Template   Template
}

// Cluster is one compute cluster; its hosts are sorted by name.
type Cluster struct {
	Name  string
	Hosts []Host
}

// Host is one hypervisor of the cluster.
type Host struct {
	Name      string
	Cores     int
	MHz       int
	MemoryMiB int
}

// Datastore is storage that every host mounts.
type Datastore struct {
	Name        string
	CapacityGiB int
}

// Switch is the distributed switch. The order of the uplinks is the order of their teaming.
type Switch struct {
	Name    string
	Uplinks []string
}

// Management is the port group through which the provider reaches its tenants: the isolated side of
// a private VLAN, whose primary VLAN is the provider's own.
type Management struct {
	PortGroup    string
	VLAN         int
	IsolatedVLAN int
	Prefix       netip.Prefix
}

// Network is one of the provider's further port groups, which tenants' servers may have legs in.
type Network struct {
	PortGroup string
	VLAN      int
}

// Template is the virtual machine from which servers are cloned.
type Template struct {
	Name            string
	GuestID         string
	HardwareVersion int
	VCPU            int
	MemoryMiB       int
	DiskGiB         int
}

// Load reads and validates a description.
//
// It returns either the description or a Faults error that lists every fault of the file, each with
// file, line and path.
func Load(file string) (*Datacenter, error) {
	text, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		return nil, Faults{{File: file, What: err.Error() + ". Name a readable file with -config."}}
	}

	return Parse(file, text)
}
