package center

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/description"
)

type distributedSwitch struct {
	*simulator.DistributedVirtualSwitch
}

// CreateDVPortgroupTask creates one port group; the task's result is its reference.
func (s *distributedSwitch) CreateDVPortgroupTask(ctx *simulator.Context, req *types.CreateDVPortgroup_Task) soap.HasFault {
	task := createTask(ctx, s.DistributedVirtualSwitch, "createDVPortgroup",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			return s.addPortGroup(ctx, req.Spec)
		})

	return &methods.CreateDVPortgroup_TaskBody{
		Res: &types.CreateDVPortgroup_TaskResponse{Returnval: task.Run(ctx)},
	}
}

// AddDVPortgroupTask creates several port groups.
func (s *distributedSwitch) AddDVPortgroupTask(ctx *simulator.Context, req *types.AddDVPortgroup_Task) soap.HasFault {
	task := createTask(ctx, s.DistributedVirtualSwitch, "addDVPortgroup",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			for i := range req.Spec {
				if _, fault := s.addPortGroup(ctx, req.Spec[i]); fault != nil {
					return nil, fault
				}
			}

			return nil, nil
		})

	return &methods.AddDVPortgroup_TaskBody{
		Res: &types.AddDVPortgroup_TaskResponse{Returnval: task.Run(ctx)},
	}
}

// addPortGroup lets the simulator put the port group into the inventory, complete from its first
// moment: watchers see it at once.
func (s *distributedSwitch) addPortGroup(ctx *simulator.Context, spec types.DVPortgroupConfigSpec) (types.AnyType, types.BaseMethodFault) {
	if spec.Name == "" {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.name"}
	}
	if fault := s.validVLAN(spec.DefaultPortConfig); fault != nil {
		return nil, fault
	}

	setting := inheritPortSetting(s.uplinks())
	configurePort(setting, spec.DefaultPortConfig, inheritPortSetting(s.uplinks()))
	spec.DefaultPortConfig = setting

	if spec.Type == "" {
		spec.Type = string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding)
	}
	if spec.BackingType == "" {
		spec.BackingType = string(types.DistributedVirtualPortgroupBackingTypeStandard)
	}
	if spec.AutoExpand == nil {
		expand := spec.Type == string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding)
		spec.AutoExpand = &expand
	}
	if spec.NumPorts == 0 && *spec.AutoExpand {
		spec.NumPorts = 8
	}
	if spec.VmVnicNetworkResourcePoolKey == "" {
		spec.VmVnicNetworkResourcePoolKey = "-1"
	}
	spec.Policy = completePolicy(spec.Policy)
	spec.ConfigVersion = "0"

	before := s.Portgroup
	added := s.DistributedVirtualSwitch.AddDVPortgroupTask(ctx, &types.AddDVPortgroup_Task{
		This: s.Self,
		Spec: []types.DVPortgroupConfigSpec{spec},
	})
	if _, fault := finish(ctx, added.(*methods.AddDVPortgroup_TaskBody).Res.Returnval); fault != nil {
		return nil, fault
	}

	for _, ref := range s.Portgroup {
		if !slices.Contains(before, ref) {
			return ref, nil
		}
	}

	return nil, &types.SystemErrorFault{Reason: "the new port group is not on its switch"}
}

func (s *distributedSwitch) uplinks() []string {
	return s.Config.GetDVSConfigInfo().UplinkPortPolicy.(*types.DVSNameArrayUplinkPortPolicy).UplinkPortName
}

// validVLAN refuses what 802.1Q does not have, and private VLANs that the switch does not have. VLAN 0
// is a vCenter's way to say untagged.
func (s *distributedSwitch) validVLAN(setting types.BaseDVPortSetting) types.BaseMethodFault {
	given, ok := setting.(*types.VMwareDVSPortSetting)
	if !ok {
		return nil
	}

	switch vlan := given.Vlan.(type) {
	case *types.VmwareDistributedVirtualSwitchVlanIdSpec:
		if vlan.VlanId < 0 || vlan.VlanId > 4094 {
			return &types.InvalidArgument{InvalidProperty: "spec.defaultPortConfig.vlan.vlanId"}
		}
	case *types.VmwareDistributedVirtualSwitchPvlanSpec:
		isSecondary := func(entry types.VMwareDVSPvlanMapEntry) bool { return entry.SecondaryVlanId == vlan.PvlanId }
		if !slices.ContainsFunc(s.Config.(*types.VMwareDVSConfigInfo).PvlanConfig, isSecondary) {
			return &types.InvalidArgument{InvalidProperty: "spec.defaultPortConfig.vlan.pvlanId"}
		}
	}

	return nil
}

// buildSwitch makes the distributed switch, its uplinks and the provider's port groups.
func buildSwitch(ctx *simulator.Context, datacenter *simulator.Datacenter, d *description.Datacenter, hosts []*simulator.HostSystem) error {
	network := ctx.Map.Get(datacenter.NetworkFolder).(*simulator.Folder)
	setting := switchPortSetting(d.Switch.Uplinks)

	created := network.CreateDVSTask(ctx, &types.CreateDVS_Task{This: network.Self, Spec: types.DVSCreateSpec{
		ConfigSpec: &types.VMwareDVSConfigSpec{
			DVSConfigSpec: types.DVSConfigSpec{
				Name:                          d.Switch.Name,
				ConfigVersion:                 "1",
				UplinkPortPolicy:              &types.DVSNameArrayUplinkPortPolicy{UplinkPortName: d.Switch.Uplinks},
				DefaultPortConfig:             setting,
				DefaultProxySwitchMaxNumPorts: 512,
				NetworkResourceControlVersion: string(types.DistributedVirtualSwitchNetworkResourceControlVersionVersion3),
				Policy:                        &types.DVSPolicy{},
			},
			MaxMtu:                      1500,
			LacpApiVersion:              string(types.VMwareDvsLacpApiVersionMultipleLag),
			MulticastFilteringMode:      string(types.VMwareDvsMulticastFilteringModeLegacyFiltering),
			LinkDiscoveryProtocolConfig: &types.LinkDiscoveryProtocolConfig{Protocol: "cdp", Operation: "listen"},
			IpfixConfig:                 &types.VMwareIpfixConfig{ActiveFlowTimeout: 60, IdleFlowTimeout: 15},
		},
	}})

	result, fault := finish(ctx, created.(*methods.CreateDVS_TaskBody).Res.Returnval)
	if fault != nil {
		return fmt.Errorf("create switch %s: %w", d.Switch.Name, faultError(fault))
	}
	awaitTasks(ctx) // the simulator adds the port group of the uplinks by a task of its own

	s := &distributedSwitch{ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.DistributedVirtualSwitch)}
	completeSwitch(ctx, s)
	s.Config.(*types.VMwareDVSConfigInfo).PvlanConfig = privateVLANs(d.Management)

	if err := joinHosts(ctx, s, hosts); err != nil {
		return err
	}

	vlan := &types.VmwareDistributedVirtualSwitchPvlanSpec{PvlanId: int32(d.Management.IsolatedVLAN)}
	if _, fault := s.addPortGroup(ctx, types.DVPortgroupConfigSpec{
		Name:              d.Management.PortGroup,
		DefaultPortConfig: &types.VMwareDVSPortSetting{Vlan: vlan},
	}); fault != nil {
		return fmt.Errorf("create port group %s: %w", d.Management.PortGroup, faultError(fault))
	}

	for _, n := range d.Networks {
		vlan := &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: int32(n.VLAN)}
		if _, fault := s.addPortGroup(ctx, types.DVPortgroupConfigSpec{
			Name:              n.PortGroup,
			DefaultPortConfig: &types.VMwareDVSPortSetting{Vlan: vlan},
		}); fault != nil {
			return fmt.Errorf("create port group %s: %w", n.PortGroup, faultError(fault))
		}
	}

	return nil
}

// privateVLANs are the two sides of the management network: every primary VLAN has a promiscuous side
// of the same number.
func privateVLANs(d description.Management) []types.VMwareDVSPvlanMapEntry {
	primary := int32(d.VLAN)

	return []types.VMwareDVSPvlanMapEntry{
		{
			PrimaryVlanId:   primary,
			SecondaryVlanId: primary,
			PvlanType:       string(types.VmwareDistributedVirtualSwitchPvlanPortTypePromiscuous),
		},
		{
			PrimaryVlanId:   primary,
			SecondaryVlanId: int32(d.IsolatedVLAN),
			PvlanType:       string(types.VmwareDistributedVirtualSwitchPvlanPortTypeIsolated),
		},
	}
}

// completeSwitch fills what the simulator leaves empty of a switch and of its uplinks' port group.
func completeSwitch(ctx *simulator.Context, s *distributedSwitch) {
	config := s.Config.GetDVSConfigInfo()
	config.CreateTime = time.Now()
	config.ProductInfo = *s.Summary.ProductInfo
	config.NetworkResourceManagementEnabled = true
	config.UplinkPortgroup = slices.Clone(s.Portgroup)

	yes := true
	for _, ref := range s.Portgroup {
		uplinks := ctx.Map.Get(ref).(*simulator.DistributedVirtualPortgroup)

		setting := inheritPortSetting(s.uplinks())
		configurePort(setting, uplinks.Config.DefaultPortConfig, inheritPortSetting(s.uplinks()))
		uplinks.Config.DefaultPortConfig = setting
		uplinks.Config.Policy = completePolicy(uplinks.Config.Policy)
		uplinks.Config.Uplink = &yes
		uplinks.Config.BackingType = string(types.DistributedVirtualPortgroupBackingTypeStandard)
		uplinks.Config.ConfigVersion = "0"
	}
}

func joinHosts(ctx *simulator.Context, s *distributedSwitch, hosts []*simulator.HostSystem) error {
	for i, host := range hosts {
		joined := s.ReconfigureDvsTask(ctx, &types.ReconfigureDvs_Task{This: s.Self, Spec: &types.DVSConfigSpec{
			Host: []types.DistributedVirtualSwitchHostMemberConfigSpec{{
				Operation: string(types.ConfigSpecOperationAdd),
				Host:      host.Self,
			}},
		}})
		if _, fault := finish(ctx, joined.(*methods.ReconfigureDvs_TaskBody).Res.Returnval); fault != nil {
			return fmt.Errorf("add host %s to the switch: %w", host.Name, faultError(fault))
		}

		config := s.Config.GetDVSConfigInfo()
		config.Host = append(config.Host, types.DistributedVirtualSwitchHostMember{
			Status: string(types.DistributedVirtualSwitchHostMemberHostComponentStateUp),
			Config: types.DistributedVirtualSwitchHostMemberConfigInfo{
				Host:                &host.Self,
				MaxProxySwitchPorts: 512,
				Backing:             pnicBacking(s, i),
			},
		})
	}

	return nil
}

// pnicBacking connects each uplink of a host to one of its physical NICs.
func pnicBacking(s *distributedSwitch, host int) *types.DistributedVirtualSwitchHostMemberPnicBacking {
	backing := new(types.DistributedVirtualSwitchHostMemberPnicBacking)

	for i := range s.uplinks() {
		backing.PnicSpec = append(backing.PnicSpec, types.DistributedVirtualSwitchHostMemberPnicSpec{
			PnicDevice:    "vmnic" + strconv.Itoa(i),
			UplinkPortKey: strconv.Itoa(host*len(s.uplinks()) + i),
		})
	}

	return backing
}
