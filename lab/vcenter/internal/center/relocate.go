package center

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// MoveIntoResourcePool moves virtual machines and resource pools below this one.
func (p *resourcePool) MoveIntoResourcePool(ctx *simulator.Context, req *types.MoveIntoResourcePool) soap.HasFault {
	for _, ref := range req.List {
		switch object := ctx.Map.Get(ref).(type) {
		case *simulator.VirtualMachine:
			ctx.WithLock(object, func() { movePool(ctx, object, p.ResourcePool) })
		case *simulator.ResourcePool:
			if fault := p.adopt(ctx, object); fault != nil {
				return &methods.MoveIntoResourcePoolBody{Fault_: simulator.Fault("cannot move "+ref.Value, fault)}
			}
		default:
			fault := &types.ManagedObjectNotFound{Obj: ref}
			return &methods.MoveIntoResourcePoolBody{Fault_: simulator.Fault("nothing to move", fault)}
		}
	}

	return &methods.MoveIntoResourcePoolBody{Res: new(types.MoveIntoResourcePoolResponse)}
}

// adopt takes another pool as a child, unless it is the root or would be its own ancestor.
func (p *resourcePool) adopt(ctx *simulator.Context, child *simulator.ResourcePool) types.BaseMethodFault {
	former, ok := find[*simulator.ResourcePool](ctx, *child.Parent)
	if !ok {
		return &types.InvalidArgument{InvalidProperty: "list"}
	}
	for up := p.ResourcePool; ; {
		if up.Self == child.Self {
			return &types.InvalidArgument{InvalidProperty: "list"}
		}
		if up, ok = find[*simulator.ResourcePool](ctx, *up.Parent); !ok {
			break
		}
	}

	ctx.Map.RemoveReference(ctx, former, &former.ResourcePool.ResourcePool, child.Self)
	ctx.Map.AddReference(ctx, p.ResourcePool, &p.ResourcePool.ResourcePool.ResourcePool, child.Self)
	ctx.WithLock(child, func() {
		ctx.Update(child, []types.PropertyChange{{Name: "parent", Val: p.Self}})
	})

	return nil
}

// movePool moves a virtual machine, whose lock is held, into another resource pool.
func movePool(ctx *simulator.Context, vm *simulator.VirtualMachine, to *simulator.ResourcePool) {
	if vm.ResourcePool != nil {
		if from, ok := find[*simulator.ResourcePool](ctx, *vm.ResourcePool); ok {
			ctx.Map.RemoveReference(ctx, from, &from.Vm, vm.Self)
		}
	}
	ctx.Map.AddReference(ctx, to, &to.Vm, vm.Self)
	ctx.Update(vm, []types.PropertyChange{{Name: "resourcePool", Val: to.Self}})
}

// RelocateVMTask moves a virtual machine to another host, resource pool or folder. Its files stay:
// the lab does not move storage.
func (vm *virtualMachine) RelocateVMTask(ctx *simulator.Context, req *types.RelocateVM_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "relocateVm",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) { return nil, vm.relocate(ctx, req.Spec) })

	return &methods.RelocateVM_TaskBody{Res: &types.RelocateVM_TaskResponse{Returnval: task.Run(ctx)}}
}

func (vm *virtualMachine) relocate(ctx *simulator.Context, spec types.VirtualMachineRelocateSpec) types.BaseMethodFault {
	for _, ref := range []*types.ManagedObjectReference{spec.Datastore, spec.Folder, spec.Host, spec.Pool} {
		if ref != nil && ctx.Map.Get(*ref) == nil {
			return &types.ManagedObjectNotFound{Obj: *ref}
		}
	}

	stays := func(ref types.ManagedObjectReference) bool { return slices.Contains(vm.Datastore, ref) }
	if spec.Datastore != nil && !stays(*spec.Datastore) {
		return new(types.NotSupported)
	}
	for _, disk := range spec.Disk {
		if !stays(disk.Datastore) {
			return new(types.NotSupported)
		}
	}

	if spec.Pool != nil {
		to, ok := find[*simulator.ResourcePool](ctx, *spec.Pool)
		if !ok {
			return &types.InvalidArgument{InvalidProperty: "spec.pool"}
		}
		movePool(ctx, vm.VirtualMachine, to)
	}
	if spec.Host != nil {
		to, ok := find[*simulator.HostSystem](ctx, *spec.Host)
		if !ok {
			return &types.InvalidArgument{InvalidProperty: "spec.host"}
		}
		vm.moveHost(ctx, to)
	}
	if spec.Folder != nil {
		moved := vm.VirtualMachine.RelocateVMTask(ctx, &types.RelocateVM_Task{
			This: vm.Self,
			Spec: types.VirtualMachineRelocateSpec{Folder: spec.Folder},
		})
		if _, fault := finish(ctx, moved.(*methods.RelocateVM_TaskBody).Res.Returnval); fault != nil {
			return fault
		}
	}
	if len(spec.DeviceChange) > 0 {
		return vm.reconfigure(ctx, types.VirtualMachineConfigSpec{DeviceChange: spec.DeviceChange})
	}

	return nil
}

func (vm *virtualMachine) moveHost(ctx *simulator.Context, to *simulator.HostSystem) {
	if from, ok := find[*simulator.HostSystem](ctx, *vm.Runtime.Host); ok {
		ctx.Map.RemoveReference(ctx, from, &from.Vm, vm.Self)
	}
	ctx.Map.AddReference(ctx, to, &to.Vm, vm.Self)
	ctx.Update(vm.VirtualMachine, []types.PropertyChange{
		{Name: "runtime.host", Val: to.Self},
		{Name: "summary.runtime.host", Val: to.Self},
	})
}
