package center

import (
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// DestroyTask removes the virtual machine and its files. When the task has ended, its name is free.
//
// The simulator ends the task while it still deletes: files of a successor of the same name went
// with those of its predecessor.
func (vm *virtualMachine) DestroyTask(ctx *simulator.Context, _ *types.Destroy_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "destroy",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) { return nil, vm.destroy(ctx) })

	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: task.Run(ctx)}}
}

func (vm *virtualMachine) destroy(ctx *simulator.Context) types.BaseMethodFault {
	if state := vm.Runtime.PowerState; state == types.VirtualMachinePowerStatePoweredOn {
		return &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOff,
			ExistingState:  state,
		}
	}

	datacenter := ctx.Map.Any("Datacenter").(*simulator.Datacenter).Self
	directory := vm.Config.Files.LogDirectory

	if fault := vm.dropDisks(ctx); fault != nil {
		return fault
	}
	if fault := asFault(vm.UnregisterVM(ctx, &types.UnregisterVM{This: vm.Self})); fault != nil {
		return fault
	}

	files := ctx.Map.FileManager()
	deleted := files.DeleteDatastoreFileTask(ctx, &types.DeleteDatastoreFile_Task{
		This:       files.Reference(),
		Name:       directory,
		Datacenter: &datacenter,
	})
	_, fault := finish(ctx, deleted.(*methods.DeleteDatastoreFile_TaskBody).Res.Returnval)

	return fault
}

// dropDisks deletes the disks, so that their space returns to the datastore. A template cannot be
// reconfigured, but it can be made a virtual machine.
func (vm *virtualMachine) dropDisks(ctx *simulator.Context) types.BaseMethodFault {
	vm.Config.Template = false

	disks := object.VirtualDeviceList(vm.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))
	specs, err := disks.ConfigSpec(types.VirtualDeviceConfigSpecOperationRemove)
	if err != nil {
		return &types.SystemErrorFault{Reason: err.Error()}
	}

	dropped := vm.VirtualMachine.ReconfigVMTask(ctx, &types.ReconfigVM_Task{
		This: vm.Self,
		Spec: types.VirtualMachineConfigSpec{DeviceChange: specs},
	})
	_, fault := finish(ctx, dropped.(*methods.ReconfigVM_TaskBody).Res.Returnval)

	return fault
}
