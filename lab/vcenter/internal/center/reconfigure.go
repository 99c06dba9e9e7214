package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// maxEthernetCards is how many NICs a virtual machine can have.
// Source: vSphere configuration maximums.
const maxEthernetCards = 10

// ReconfigVMTask changes a virtual machine entirely or, with a fault, not at all.
func (vm *virtualMachine) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "reconfigVm",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return nil, vm.reconfigure(ctx, req.Spec)
		})

	return &methods.ReconfigVM_TaskBody{Res: &types.ReconfigVM_TaskResponse{Returnval: task.Run(ctx)}}
}

func (vm *virtualMachine) reconfigure(ctx *simulator.Context, spec types.VirtualMachineConfigSpec) types.BaseMethodFault {
	if fault := vm.checkHotPlug(&spec); fault != nil {
		return fault
	}
	if fault := vm.checkDevices(ctx, spec.DeviceChange); fault != nil {
		return fault
	}

	assignKeys(vm.Config.Hardware.Device, spec.DeviceChange)

	before := simulator.Checkpoint(vm.VirtualMachine).(*mo.VirtualMachine)

	changed := vm.VirtualMachine.ReconfigVMTask(ctx, &types.ReconfigVM_Task{This: vm.Self, Spec: spec})
	if _, fault := finish(ctx, changed.(*methods.ReconfigVM_TaskBody).Res.Returnval); fault != nil {
		ctx.Update(vm.VirtualMachine, []types.PropertyChange{
			{Name: "name", Val: before.Name},
			{Name: "config", Val: before.Config},
			{Name: "summary.config", Val: before.Summary.Config},
			{Name: "network", Val: before.Network},
			{Name: "guest.net", Val: before.Guest.Net},
		})

		return fault
	}

	changes := []types.PropertyChange{
		{Name: "guest.net", Val: before.Guest.Net}, // only the guest itself knows its addresses
		{Name: "network", Val: vm.networks()},
	}
	if spec.SwapPlacement != "" {
		changes = append(changes, types.PropertyChange{Name: "config.swapPlacement", Val: spec.SwapPlacement})
	}
	if spec.GuestId != "" {
		name := guestName(spec.GuestId)
		changes = append(changes,
			types.PropertyChange{Name: "config.guestFullName", Val: name},
			types.PropertyChange{Name: "summary.config.guestFullName", Val: name})
	}
	ctx.Update(vm.VirtualMachine, changes)

	return nil
}

// checkHotPlug refuses what needs the virtual machine to be off.
func (vm *virtualMachine) checkHotPlug(spec *types.VirtualMachineConfigSpec) types.BaseMethodFault {
	if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff {
		return nil
	}

	hardware := vm.Config.Hardware

	if spec.NumCPUs != 0 && spec.NumCPUs != hardware.NumCPU {
		allowed := vm.Config.CpuHotAddEnabled
		if spec.NumCPUs < hardware.NumCPU {
			allowed = vm.Config.CpuHotRemoveEnabled
		}
		if allowed == nil || !*allowed {
			return new(types.CpuHotPlugNotSupported)
		}
	}

	if spec.MemoryMB != 0 && spec.MemoryMB != int64(hardware.MemoryMB) {
		allowed := vm.Config.MemoryHotAddEnabled
		if spec.MemoryMB < int64(hardware.MemoryMB) || allowed == nil || !*allowed {
			return new(types.MemoryHotPlugNotSupported)
		}
	}

	return nil
}

// checkDevices refuses devices whose backing does not exist: the simulator takes them or crashes.
// A NIC without an address gets one here.
func (vm *virtualMachine) checkDevices(ctx *simulator.Context, changes []types.BaseVirtualDeviceConfigSpec) types.BaseMethodFault {
	cards := len(ethernetCards(vm.VirtualMachine))

	for i := range changes {
		spec := changes[i].GetVirtualDeviceConfigSpec()
		if spec.Device == nil {
			return invalidDevice(i, "device")
		}
		if spec.Operation == types.VirtualDeviceConfigSpecOperationRemove {
			if _, ok := spec.Device.(types.BaseVirtualEthernetCard); ok {
				cards--
			}
			continue
		}

		switch device := spec.Device.(type) {
		case types.BaseVirtualEthernetCard:
			if spec.Operation == types.VirtualDeviceConfigSpecOperationAdd {
				cards++
			}
			if cards > maxEthernetCards {
				return &types.TooManyDevices{InvalidVmConfig: types.InvalidVmConfig{Property: "VirtualEthernetCard"}}
			}
			if fault := vm.checkCard(ctx, i, device.GetVirtualEthernetCard(), cards); fault != nil {
				return fault
			}
		case *types.VirtualDisk:
			file, ok := device.Backing.(types.BaseVirtualDeviceFileBackingInfo)
			if !ok {
				return invalidDevice(i, "device.backing")
			}
			name := file.GetVirtualDeviceFileBackingInfo().FileName
			if name != "" && !isDatastore(ctx, *vm.Runtime.Host, name) {
				return &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: name}, DatastorePath: name}
			}
			if spec.FileOperation == types.VirtualDeviceConfigSpecFileOperationCreate {
				identifyDisk(device)
			}
		}
	}

	return nil
}

func (vm *virtualMachine) checkCard(ctx *simulator.Context, i int, card *types.VirtualEthernetCard, place int) types.BaseMethodFault {
	if backing, ok := card.Backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo); ok {
		key := types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey}

		group, ok := find[*simulator.DistributedVirtualPortgroup](ctx, key)
		if !ok {
			return invalidDevice(i, "device.backing.port.portgroupKey")
		}
		if parent := (&portGroup{group}).dvs(ctx); parent.Uuid != backing.Port.SwitchUuid {
			return invalidDevice(i, "device.backing.port.switchUuid")
		}
	}

	if card.MacAddress == "" {
		card.MacAddress = assignMAC(vm.VirtualMachine, place-1)
		if card.AddressType == "" {
			card.AddressType = string(types.VirtualEthernetCardMacTypeAssigned)
		}
	}

	return nil
}

func invalidDevice(index int, property string) types.BaseMethodFault {
	return &types.InvalidDeviceBacking{InvalidDeviceSpec: types.InvalidDeviceSpec{
		InvalidVmConfig: types.InvalidVmConfig{Property: "spec.deviceChange." + property},
		DeviceIndex:     int32(index),
	}}
}

// networks are the port groups that the virtual machine's NICs are in, each once.
func (vm *virtualMachine) networks() []types.ManagedObjectReference {
	var networks []types.ManagedObjectReference
	seen := make(map[types.ManagedObjectReference]bool)

	for _, card := range ethernetCards(vm.VirtualMachine) {
		var network types.ManagedObjectReference

		switch backing := card.Backing.(type) {
		case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
			network = types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey}
		case *types.VirtualEthernetCardNetworkBackingInfo:
			network = *backing.Network
		}
		if network.Value != "" && !seen[network] {
			seen[network] = true
			networks = append(networks, network)
		}
	}

	return networks
}
