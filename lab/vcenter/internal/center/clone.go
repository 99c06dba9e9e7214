package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// CloneVMTask copies a virtual machine or a template and applies the whole specification.
//
// The simulator takes a few fields of the specification only and keeps quiet about devices it
// cannot make.
func (vm *virtualMachine) CloneVMTask(ctx *simulator.Context, req *types.CloneVM_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "cloneVm",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			if fault := vm.checkClone(ctx, req); fault != nil {
				return nil, fault
			}

			return vm.clone(ctx, req)
		})

	return &methods.CloneVM_TaskBody{Res: &types.CloneVM_TaskResponse{Returnval: task.Run(ctx)}}
}

// checkClone refuses what does not exist.
func (vm *virtualMachine) checkClone(ctx *simulator.Context, req *types.CloneVM_Task) types.BaseMethodFault {
	if req.Name == "" {
		return &types.InvalidName{Name: req.Name, Entity: &vm.Self}
	}
	if _, ok := find[*simulator.Folder](ctx, req.Folder); !ok {
		return &types.ManagedObjectNotFound{Obj: req.Folder}
	}

	location := req.Spec.Location
	if location.Pool == nil && vm.Config.Template {
		return &types.InvalidArgument{InvalidProperty: "spec.location.pool"}
	}
	for _, ref := range []*types.ManagedObjectReference{location.Pool, location.Datastore, location.Host} {
		if ref != nil && ctx.Map.Get(*ref) == nil {
			return &types.ManagedObjectNotFound{Obj: *ref}
		}
	}

	return nil
}

func (vm *virtualMachine) clone(ctx *simulator.Context, req *types.CloneVM_Task) (types.AnyType, types.BaseMethodFault) {
	plain := types.CloneVM_Task{This: req.This, Folder: req.Folder, Name: req.Name, Spec: types.VirtualMachineCloneSpec{
		Location: types.VirtualMachineRelocateSpec{
			Datastore: req.Spec.Location.Datastore,
			Pool:      req.Spec.Location.Pool,
			Host:      req.Spec.Location.Host,
		},
		Config: &types.VirtualMachineConfigSpec{},
	}}
	identify(plain.Spec.Config)

	cloned := vm.VirtualMachine.CloneVMTask(ctx, &plain)
	result, fault := finish(ctx, cloned.(*methods.CloneVM_TaskBody).Res.Returnval)
	if fault != nil {
		return nil, fault
	}

	clone := &virtualMachine{ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)}
	ctx.WithLock(clone.VirtualMachine, func() { fault = clone.become(ctx, vm, req) })

	if fault != nil {
		// Best effort: the caller is to learn why the clone failed, not why its remains stayed.
		removed := clone.DestroyTask(ctx, &types.Destroy_Task{This: clone.Self})
		_, _ = finish(ctx, removed.(*methods.Destroy_TaskBody).Res.Returnval)

		return nil, fault
	}

	return clone.Self, nil
}

// become gives a bare clone what it has from its source and from the specification.
func (vm *virtualMachine) become(ctx *simulator.Context, source *virtualMachine, req *types.CloneVM_Task) types.BaseMethodFault {
	completeMachine(ctx, vm.VirtualMachine)

	ctx.Update(vm.VirtualMachine, []types.PropertyChange{
		{Name: "config.firmware", Val: source.Config.Firmware},
		{Name: "config.annotation", Val: source.Config.Annotation},
		{Name: "config.swapPlacement", Val: source.Config.SwapPlacement},
		{Name: "config.extraConfig", Val: source.Config.ExtraConfig},
	})

	for _, disk := range virtualDisks(vm.VirtualMachine) {
		identifyDisk(disk)
	}
	// A clone has its own addresses, except those that a person gave.
	for place, card := range ethernetCards(vm.VirtualMachine) {
		if card.AddressType != string(types.VirtualEthernetCardMacTypeManual) {
			card.MacAddress = assignMAC(vm.VirtualMachine, place)
		}
	}

	spec := types.VirtualMachineConfigSpec{}
	if req.Spec.Config != nil {
		spec = *req.Spec.Config
	}
	spec.DeviceChange = append(req.Spec.Location.DeviceChange, spec.DeviceChange...)

	if fault := vm.reconfigure(ctx, spec); fault != nil {
		return fault
	}

	if req.Spec.Template {
		return asFault(vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self}))
	}
	if req.Spec.PowerOn {
		return vm.powerOn(ctx)
	}

	return nil
}

// asFault is the fault of an answer as a task ends with it.
func asFault(answer soap.HasFault) types.BaseMethodFault {
	if fault := answer.Fault(); fault != nil {
		return fault.VimFault().(types.BaseMethodFault)
	}

	return nil
}
