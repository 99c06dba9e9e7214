package center

import (
	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The simulator derives identities from the names of files. A machine that replaces another of the
// same name would be taken for it, with its disks, by whoever keeps something by identity.

// identify gives a new virtual machine UUIDs of its own, unless it was given some.
func identify(spec *types.VirtualMachineConfigSpec) {
	for _, id := range []*string{&spec.Uuid, &spec.InstanceUuid} {
		if *id == "" {
			*id = uuid.NewString()
		}
	}
}

// identifyDisk gives a new disk a UUID of its own.
func identifyDisk(disk *types.VirtualDisk) {
	if backing, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
		backing.Uuid = uuid.NewString()
	}
}

// virtualDisks are the disks of a virtual machine, in the order of its devices.
func virtualDisks(vm *simulator.VirtualMachine) []*types.VirtualDisk {
	var disks []*types.VirtualDisk

	for _, device := range vm.Config.Hardware.Device {
		if disk, ok := device.(*types.VirtualDisk); ok {
			disks = append(disks, disk)
		}
	}

	return disks
}
