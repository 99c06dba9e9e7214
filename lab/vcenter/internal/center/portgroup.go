package center

import (
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type portGroup struct {
	*simulator.DistributedVirtualPortgroup
}

// ReconfigureDVPortgroupTask changes what the specification gives and leaves the rest, and tells
// those who watch. The simulator replaces everything, silently.
func (p *portGroup) ReconfigureDVPortgroupTask(ctx *simulator.Context, req *types.ReconfigureDVPortgroup_Task) soap.HasFault {
	task := createTask(ctx, p.DistributedVirtualPortgroup, "reconfigureDvPortgroup",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return nil, p.reconfigure(ctx, req.Spec)
		})

	return &methods.ReconfigureDVPortgroup_TaskBody{
		Res: &types.ReconfigureDVPortgroup_TaskResponse{Returnval: task.Run(ctx)},
	}
}

func (p *portGroup) reconfigure(ctx *simulator.Context, spec types.DVPortgroupConfigSpec) types.BaseMethodFault {
	if spec.ConfigVersion != "" && spec.ConfigVersion != p.Config.ConfigVersion {
		return &types.ConcurrentAccess{}
	}
	parent := p.dvs(ctx)
	if fault := parent.validVLAN(spec.DefaultPortConfig); fault != nil {
		return fault
	}

	changes := make([]types.PropertyChange, 0, 2)

	if spec.Name != "" && spec.Name != p.Name {
		if twin := ctx.Map.FindByName(spec.Name, parent.Portgroup); twin != nil {
			return &types.DuplicateName{Name: spec.Name, Object: twin.Reference()}
		}
		ctx.WithLock(parent.DistributedVirtualSwitch, func() {
			for i, name := range parent.Summary.PortgroupName {
				if name == p.Name {
					parent.Summary.PortgroupName[i] = spec.Name
				}
			}
		})
		summary := *p.Summary.GetNetworkSummary()
		summary.Name = spec.Name
		changes = append(changes,
			types.PropertyChange{Name: "name", Val: spec.Name},
			types.PropertyChange{Name: "summary", Val: summary})
	}

	config := p.Config
	setting := new(types.VMwareDVSPortSetting)
	deepCopy(config.DefaultPortConfig, setting)
	configurePort(setting, spec.DefaultPortConfig, inheritPortSetting(parent.uplinks()))
	config.DefaultPortConfig = setting

	for _, text := range []struct {
		given string
		into  *string
	}{
		{spec.Name, &config.Name},
		{spec.Description, &config.Description},
		{spec.Type, &config.Type},
		{spec.PortNameFormat, &config.PortNameFormat},
		{spec.VmVnicNetworkResourcePoolKey, &config.VmVnicNetworkResourcePoolKey},
	} {
		if text.given != "" {
			*text.into = text.given
		}
	}
	if spec.NumPorts != 0 {
		config.NumPorts = spec.NumPorts
	}
	if spec.AutoExpand != nil {
		config.AutoExpand = spec.AutoExpand
	}
	if spec.Policy != nil {
		config.Policy = completePolicy(spec.Policy)
	}

	version, err := strconv.Atoi(config.ConfigVersion)
	if err != nil {
		return &types.SystemErrorFault{Reason: "config version " + config.ConfigVersion + " is not a number"}
	}
	config.ConfigVersion = strconv.Itoa(version + 1)

	ctx.Update(p.DistributedVirtualPortgroup, append(changes, types.PropertyChange{Name: "config", Val: config}))

	return nil
}

// DestroyTask refuses while a virtual machine is connected, as a real vCenter does.
func (p *portGroup) DestroyTask(ctx *simulator.Context, req *types.Destroy_Task) soap.HasFault {
	if len(connectedMachines(ctx, p.Self)) == 0 {
		return p.DistributedVirtualPortgroup.DestroyTask(ctx, req)
	}

	task := createTask(ctx, p.DistributedVirtualPortgroup, "destroy",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return nil, &types.ResourceInUse{Type: p.Self.Type, Name: p.Name}
		})

	return &methods.Destroy_TaskBody{Res: &types.Destroy_TaskResponse{Returnval: task.Run(ctx)}}
}

func (p *portGroup) dvs(ctx *simulator.Context) *distributedSwitch {
	return &distributedSwitch{ctx.Map.Get(*p.Config.DistributedVirtualSwitch).(*simulator.DistributedVirtualSwitch)}
}

// connectedMachines are the virtual machines with a NIC in a port group.
func connectedMachines(ctx *simulator.Context, network types.ManagedObjectReference) []mo.Entity {
	var connected []mo.Entity

	for _, entity := range ctx.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		ctx.WithLock(vm, func() {
			for _, nic := range ethernetCards(vm) {
				backing, ok := nic.Backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo)
				if ok && backing.Port.PortgroupKey == network.Value {
					connected = append(connected, vm)
					return
				}
			}
		})
	}

	return connected
}

// completePolicy fills what a port group's policy leaves open with what a vCenter has by default.
func completePolicy(given types.BaseDVPortgroupPolicy) *types.VMwareDVSPortgroupPolicy {
	policy, ok := given.(*types.VMwareDVSPortgroupPolicy)
	if !ok {
		policy = &types.VMwareDVSPortgroupPolicy{DVPortgroupPolicy: types.DVPortgroupPolicy{
			BlockOverrideAllowed:        true,
			PortConfigResetAtDisconnect: true,
		}}
	}

	no := false
	for _, allowed := range []**bool{
		&policy.NetworkResourcePoolOverrideAllowed,
		&policy.TrafficFilterOverrideAllowed,
		&policy.IpfixOverrideAllowed,
		&policy.MacManagementOverrideAllowed,
	} {
		if *allowed == nil {
			*allowed = &no
		}
	}

	return policy
}
