package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type folder struct{ *simulator.Folder }

// CreateVMTask makes a virtual machine from nothing and completes it.
func (f *folder) CreateVMTask(ctx *simulator.Context, req *types.CreateVM_Task) soap.HasFault {
	task := createTask(ctx, f.Folder, "createVm",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			if fault := f.checkMachine(ctx, req); fault != nil {
				return nil, fault
			}
			identify(&req.Config)
			assignKeys(esx.VirtualDevice, req.Config.DeviceChange)

			created := f.Folder.CreateVMTask(ctx, req)
			result, fault := finish(ctx, created.(*methods.CreateVM_TaskBody).Res.Returnval)
			if fault != nil {
				return nil, fault
			}

			vm := ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
			ctx.WithLock(vm, func() { completeMachine(ctx, vm) })

			return result, nil
		})

	return &methods.CreateVM_TaskBody{Res: &types.CreateVM_TaskResponse{Returnval: task.Run(ctx)}}
}

// checkMachine refuses what the simulator would crash on.
func (f *folder) checkMachine(ctx *simulator.Context, req *types.CreateVM_Task) types.BaseMethodFault {
	owner, ok := find[*simulator.ResourcePool](ctx, req.Pool)
	if !ok {
		return &types.ManagedObjectNotFound{Obj: req.Pool}
	}
	compute, ok := find[*simulator.ClusterComputeResource](ctx, owner.Owner)
	if !ok || len(compute.Host) == 0 {
		return new(types.NoCompatibleHost)
	}
	if files := req.Config.Files; files == nil || !isDatastore(ctx, compute.Host[0], files.VmPathName) {
		return &types.InvalidVmConfig{Property: "configSpec.files.vmPathName"}
	}
	if twin := ctx.Map.FindByName(req.Config.Name, f.ChildEntity); twin != nil {
		return &types.DuplicateName{Name: req.Config.Name, Object: twin.Reference()}
	}

	return nil
}
