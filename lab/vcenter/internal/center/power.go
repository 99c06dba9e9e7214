package center

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Watchers of a virtual machine read it under its lock, which a task holds to its end. So they see
// power state, boot time and guest change together.

// PowerOnVMTask starts the virtual machine; runtime.bootTime identifies the boot.
func (vm *virtualMachine) PowerOnVMTask(ctx *simulator.Context, req *types.PowerOnVM_Task) soap.HasFault {
	if vm.Config.Template {
		return vm.VirtualMachine.PowerOnVMTask(ctx, req) // refuses
	}

	task := createTask(ctx, vm.VirtualMachine, "powerOn",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) { return nil, vm.powerOn(ctx) })

	return &methods.PowerOnVM_TaskBody{Res: &types.PowerOnVM_TaskResponse{Returnval: task.Run(ctx)}}
}

func (vm *virtualMachine) powerOn(ctx *simulator.Context) types.BaseMethodFault {
	started := vm.VirtualMachine.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self})
	if _, fault := finish(ctx, started.(*methods.PowerOnVM_TaskBody).Res.Returnval); fault != nil {
		return fault
	}
	vm.boot(ctx)

	return nil
}

// PowerOffVMTask stops the virtual machine at once.
func (vm *virtualMachine) PowerOffVMTask(ctx *simulator.Context, _ *types.PowerOffVM_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "powerOff",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			stopped := vm.VirtualMachine.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self})
			if _, fault := finish(ctx, stopped.(*methods.PowerOffVM_TaskBody).Res.Returnval); fault != nil {
				return nil, fault
			}
			vm.setBootTime(ctx, nil)

			return nil, nil
		})

	return &methods.PowerOffVM_TaskBody{Res: &types.PowerOffVM_TaskResponse{Returnval: task.Run(ctx)}}
}

// ResetVMTask restarts the virtual machine without asking its guest. It stays powered on.
func (vm *virtualMachine) ResetVMTask(ctx *simulator.Context, _ *types.ResetVM_Task) soap.HasFault {
	task := createTask(ctx, vm.VirtualMachine, "reset",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			if state := vm.Runtime.PowerState; state != types.VirtualMachinePowerStatePoweredOn {
				return nil, &types.InvalidPowerState{
					RequestedState: types.VirtualMachinePowerStatePoweredOn,
					ExistingState:  state,
				}
			}
			vm.boot(ctx)

			return nil, nil
		})

	return &methods.ResetVM_TaskBody{Res: &types.ResetVM_TaskResponse{Returnval: task.Run(ctx)}}
}

// datacenter overrides the way to power on several virtual machines, for the sake of their boot time.
type datacenter struct{ *simulator.Datacenter }

// PowerOnMultiVMTask starts virtual machines; the result names a task for each.
func (d *datacenter) PowerOnMultiVMTask(ctx *simulator.Context, req *types.PowerOnMultiVM_Task) soap.HasFault {
	task := createTask(ctx, d.Datacenter, "powerOnMultiVM",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			var result types.ClusterPowerOnVmResult

			for _, ref := range req.Vm {
				machine, ok := find[*simulator.VirtualMachine](ctx, ref)
				if !ok {
					return nil, &types.ManagedObjectNotFound{Obj: ref}
				}

				// A task needs a context of its own: the lock of a virtual machine belongs to one.
				own := &simulator.Context{Context: ctx.Context, Session: ctx.Session, Map: ctx.Map}
				own.WithLock(machine, func() {
					answer := (&virtualMachine{machine}).PowerOnVMTask(own, &types.PowerOnVM_Task{This: ref})
					if body, ok := answer.(*methods.PowerOnVM_TaskBody); ok && body.Res != nil {
						result.Attempted = append(result.Attempted, types.ClusterAttemptedVmInfo{Vm: ref, Task: &body.Res.Returnval})
					} else {
						result.NotAttempted = append(result.NotAttempted, types.ClusterNotAttemptedVmInfo{
							Vm:    ref,
							Fault: types.LocalizedMethodFault{Fault: asFault(answer)},
						})
					}
				})
			}

			return result, nil
		})

	return &methods.PowerOnMultiVM_TaskBody{Res: &types.PowerOnMultiVM_TaskResponse{Returnval: task.Run(ctx)}}
}

// boot begins a new boot: another boot time, and a guest of which nothing is known yet.
func (vm *virtualMachine) boot(ctx *simulator.Context) {
	now := time.Now()
	vm.setBootTime(ctx, &now)
}

func (vm *virtualMachine) setBootTime(ctx *simulator.Context, at *time.Time) {
	guest := *vm.Guest
	clearGuest(&guest)

	var value types.AnyType // a nil pointer in an interface is not nil
	if at != nil {
		value = *at
	}

	ctx.Update(vm.VirtualMachine, append(guestChanges(&guest),
		types.PropertyChange{Name: "runtime.bootTime", Val: value},
		types.PropertyChange{Name: "summary.runtime.bootTime", Val: value},
	))
}
