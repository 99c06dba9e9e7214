package center

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// A switch of the lab has a port for each NIC that is connected to it: what is free, nobody asks for.
// What was set on a port itself is kept in the simulator's own list, in the order in which it was set.

// FetchDVPorts tells of each port who is connected and what is in force there, with a mark at each
// policy that comes from the port group.
func (s *distributedSwitch) FetchDVPorts(ctx *simulator.Context, req *types.FetchDVPorts) soap.HasFault {
	var found []types.DistributedVirtualPort

	ctx.WithLock(s.DistributedVirtualSwitch, func() {
		found = slices.DeleteFunc(s.ports(ctx), func(port types.DistributedVirtualPort) bool {
			return !isWanted(&port, req.Criteria)
		})
	})

	return &methods.FetchDVPortsBody{Res: &types.FetchDVPortsResponse{Returnval: found}}
}

// ReconfigureDVPortTask sets policies on single ports, where their port group lets them differ.
func (s *distributedSwitch) ReconfigureDVPortTask(ctx *simulator.Context, req *types.ReconfigureDVPort_Task) soap.HasFault {
	task := createTask(ctx, s.DistributedVirtualSwitch, "reconfigurePort",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return nil, s.reconfigurePorts(ctx, req.Port)
		})

	return &methods.ReconfigureDVPort_TaskBody{Res: &types.ReconfigureDVPort_TaskResponse{Returnval: task.Run(ctx)}}
}

func (s *distributedSwitch) reconfigurePorts(ctx *simulator.Context, specs []types.DVPortConfigSpec) types.BaseMethodFault {
	ports := s.ports(ctx)
	var changed []types.DistributedVirtualPort

	for i := range specs {
		place := slices.IndexFunc(ports, func(port types.DistributedVirtualPort) bool { return port.Key == specs[i].Key })
		if place < 0 {
			return new(types.NotFound)
		}
		port := ports[place]
		if specs[i].ConfigVersion != "" && specs[i].ConfigVersion != port.Config.ConfigVersion {
			return new(types.ConcurrentAccess)
		}
		group, _ := find[*simulator.DistributedVirtualPortgroup](ctx, groupReference(port.PortgroupKey))
		if path := forbiddenOverride(group, specs[i].Setting); path != "" {
			return &types.ConflictingConfiguration{ConfigInConflict: []types.ConflictingConfigurationConfig{
				{Entity: &group.Self, PropertyPath: path},
			}}
		}

		port.Config.Setting = specs[i].Setting
		changed = append(changed, port)
	}

	s.Returnval = append(s.Returnval, changed...)

	return nil
}

// forbiddenOverride is the first policy of a setting that the port group keeps for itself, or nothing.
func forbiddenOverride(group *simulator.DistributedVirtualPortgroup, spec types.BaseDVPortSetting) string {
	setting, ok := spec.(*types.VMwareDVSPortSetting)
	if !ok {
		return ""
	}
	policy := group.Config.Policy.(*types.VMwareDVSPortgroupPolicy)

	for _, part := range []struct {
		path      string
		isGiven   bool
		isAllowed bool
	}{
		{"vlan", setting.Vlan != nil, policy.VlanOverrideAllowed},
		{"securityPolicy", setting.SecurityPolicy != nil, policy.SecurityPolicyOverrideAllowed},
		{"macManagementPolicy", setting.MacManagementPolicy != nil, *policy.MacManagementOverrideAllowed},
		{"uplinkTeamingPolicy", setting.UplinkTeamingPolicy != nil, policy.UplinkTeamingOverrideAllowed},
		{"ipfixEnabled", setting.IpfixEnabled != nil, *policy.IpfixOverrideAllowed},
		{"blocked", setting.Blocked != nil, policy.BlockOverrideAllowed},
		{"inShapingPolicy", setting.InShapingPolicy != nil, policy.ShapingOverrideAllowed},
		{"outShapingPolicy", setting.OutShapingPolicy != nil, policy.ShapingOverrideAllowed},
		{"filterPolicy", setting.FilterPolicy != nil, *policy.TrafficFilterOverrideAllowed},
		{"networkResourcePoolKey", setting.NetworkResourcePoolKey != nil, *policy.NetworkResourcePoolOverrideAllowed},
	} {
		if part.isGiven && !part.isAllowed {
			return "setting." + part.path
		}
	}

	return ""
}

// ports are all connected ports of the switch, in the order of their numbers.
func (s *distributedSwitch) ports(ctx *simulator.Context) []types.DistributedVirtualPort {
	var ports []types.DistributedVirtualPort

	for _, entity := range ctx.Map.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		ctx.WithLock(vm, func() {
			for place, card := range ethernetCards(vm) {
				backing, ok := card.Backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo)
				if !ok || backing.Port.SwitchUuid != s.Uuid {
					continue
				}
				ports = append(ports, types.DistributedVirtualPort{
					DvsUuid:      s.Uuid,
					Key:          portKey(vm, place),
					PortgroupKey: backing.Port.PortgroupKey,
					Connectee: &types.DistributedVirtualSwitchPortConnectee{
						ConnectedEntity: &vm.Self,
						NicKey:          strconv.Itoa(int(card.Key)),
						Type:            string(types.DistributedVirtualSwitchPortConnecteeConnecteeTypeVmVnic),
					},
				})
			}
		})
	}

	slices.SortFunc(ports, func(a, b types.DistributedVirtualPort) int {
		return cmp.Or(cmp.Compare(len(a.Key), len(b.Key)), cmp.Compare(a.Key, b.Key))
	})
	for i := range ports {
		s.complete(ctx, &ports[i])
	}

	return ports
}

// portKey is the number of a NIC's port, which it keeps as long as it exists.
func portKey(vm *simulator.VirtualMachine, place int) string {
	number, err := strconv.Atoi(strings.TrimPrefix(vm.Self.Value, "vm-"))
	if err != nil {
		panic("reference of a virtual machine without a number: " + vm.Self.Value) // the registry numbers them
	}

	return strconv.Itoa(number*maxEthernetCards + place)
}

// complete gives a port its effective setting: the port group's, and on it what was set on the port.
func (s *distributedSwitch) complete(ctx *simulator.Context, port *types.DistributedVirtualPort) {
	group, ok := find[*simulator.DistributedVirtualPortgroup](ctx, groupReference(port.PortgroupKey))
	if !ok {
		return
	}

	inherited := func() *types.VMwareDVSPortSetting {
		setting := new(types.VMwareDVSPortSetting)
		deepCopy(group.Config.DefaultPortConfig, setting)
		markInherited(reflect.ValueOf(setting).Elem())

		return setting
	}

	setting, version := inherited(), 0
	for i := range s.Returnval {
		if s.Returnval[i].Key == port.Key && s.Returnval[i].PortgroupKey == port.PortgroupKey {
			configurePort(setting, s.Returnval[i].Config.Setting, inherited())
			version++
		}
	}
	port.Config.Setting, port.Config.ConfigVersion = setting, strconv.Itoa(version)
}

func groupReference(key string) types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: key}
}

// isWanted tells whether a port meets the criteria of those that the lab's clients use.
func isWanted(port *types.DistributedVirtualPort, criteria *types.DistributedVirtualSwitchPortCriteria) bool {
	if criteria == nil {
		return true
	}
	if len(criteria.PortKey) > 0 && !slices.Contains(criteria.PortKey, port.Key) {
		return false
	}
	if criteria.Inside != nil && len(criteria.PortgroupKey) > 0 {
		return *criteria.Inside == slices.Contains(criteria.PortgroupKey, port.PortgroupKey)
	}

	return criteria.Connected == nil || *criteria.Connected
}
