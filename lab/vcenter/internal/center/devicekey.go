package center

import (
	"github.com/vmware/govmomi/vim25/types"
)

// Keys of devices begin here, by kind. A vCenter numbers them so, and clients have come to rely on it.
const (
	scsiKey = 1000
	diskKey = 2000
	nicKey  = 4000
)

// scsiUnits is how many places a SCSI controller has.
const scsiUnits = 16

// assignKeys gives devices that are to be added the keys that a vCenter gives. A specification
// marks them with keys of its own below zero, by which one may refer to another.
func assignKeys(present []types.BaseVirtualDevice, changes []types.BaseVirtualDeviceConfigSpec) {
	taken := make(map[int32]bool)
	for _, device := range present {
		taken[device.GetVirtualDevice().Key] = true
	}

	free := func(key int32) int32 {
		for taken[key] {
			key++
		}
		taken[key] = true

		return key
	}
	// Controllers come first: a disk's key follows from its controller's.
	given := make(map[int32]int32)
	eachAdded(changes, func(device types.BaseVirtualDevice) {
		if controller, ok := device.(types.BaseVirtualSCSIController); ok {
			d := device.GetVirtualDevice()
			old := d.Key
			d.Key = free(scsiKey + controller.GetVirtualSCSIController().BusNumber)
			given[old] = d.Key
		}
	})
	eachAdded(changes, func(device types.BaseVirtualDevice) {
		d := device.GetVirtualDevice()
		if key, ok := given[d.ControllerKey]; ok && d.ControllerKey <= 0 {
			d.ControllerKey = key
		}

		switch device.(type) {
		case types.BaseVirtualEthernetCard:
			d.Key = free(nicKey)
		case *types.VirtualDisk:
			if d.UnitNumber != nil && d.ControllerKey >= scsiKey {
				d.Key = free(diskKey + (d.ControllerKey-scsiKey)*scsiUnits + *d.UnitNumber)
			}
		}
	})
}

// eachAdded visits the devices that a specification adds without a key of their own.
func eachAdded(changes []types.BaseVirtualDeviceConfigSpec, visit func(types.BaseVirtualDevice)) {
	for _, change := range changes {
		spec := change.GetVirtualDeviceConfigSpec()
		if spec.Operation == types.VirtualDeviceConfigSpecOperationAdd && spec.Device != nil && spec.Device.GetVirtualDevice().Key <= 0 {
			visit(spec.Device)
		}
	}
}
