package center

import (
	"slices"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// environmentBrowser is the cluster's: what its hosts offer to a new virtual machine.
type environmentBrowser struct{ *simulator.EnvironmentBrowser }

// QueryConfigOption answers for the hardware version that is asked for, or the hosts' newest.
func (*environmentBrowser) QueryConfigOption(req *types.QueryConfigOption) soap.HasFault {
	return answerOption(req, hostHardwareVersion)
}

// QueryConfigOptionEx is QueryConfigOption, for some guest operating systems only.
func (*environmentBrowser) QueryConfigOptionEx(req *types.QueryConfigOptionEx) soap.HasFault {
	return answerOptionEx(req, hostHardwareVersion)
}

// machineBrowser is a virtual machine's own environment browser. Asked for no version in
// particular, it answers for the one that the virtual machine has.
//
// The simulator gives all the cluster's, so that the provider takes every virtual machine for an
// outdated one and upgrades it at each change.
type machineBrowser struct {
	mo.EnvironmentBrowser

	machine types.ManagedObjectReference
}

// browserReference is that of a virtual machine's environment browser.
func browserReference(machine types.ManagedObjectReference) types.ManagedObjectReference {
	return types.ManagedObjectReference{
		Type:  "EnvironmentBrowser",
		Value: "envbrowser-" + strings.TrimPrefix(machine.Value, "vm-"),
	}
}

// QueryConfigOption answers for the hardware version that is asked for, or the machine's.
func (b *machineBrowser) QueryConfigOption(ctx *simulator.Context, req *types.QueryConfigOption) soap.HasFault {
	return answerOption(req, b.hardwareVersion(ctx))
}

// QueryConfigOptionEx is QueryConfigOption, for some guest operating systems only.
func (b *machineBrowser) QueryConfigOptionEx(ctx *simulator.Context, req *types.QueryConfigOptionEx) soap.HasFault {
	return answerOptionEx(req, b.hardwareVersion(ctx))
}

// QueryConfigOptionDescriptor lists the hardware versions that the cluster runs.
func (b *machineBrowser) QueryConfigOptionDescriptor(ctx *simulator.Context, req *types.QueryConfigOptionDescriptor) soap.HasFault {
	return b.ofCluster(ctx).QueryConfigOptionDescriptor(ctx, req)
}

// QueryConfigTarget lists what the machine's host offers.
func (b *machineBrowser) QueryConfigTarget(ctx *simulator.Context, req *types.QueryConfigTarget) soap.HasFault {
	return b.ofCluster(ctx).QueryConfigTarget(ctx, req)
}

func (b *machineBrowser) hardwareVersion(ctx *simulator.Context) types.HardwareVersion {
	version := hostHardwareVersion

	if vm, ok := find[*simulator.VirtualMachine](ctx, b.machine); ok {
		ctx.WithLock(vm, func() {
			if own, err := types.ParseHardwareVersion(vm.Config.Version); err == nil {
				version = own
			}
		})
	}

	return version
}

func (b *machineBrowser) ofCluster(ctx *simulator.Context) *simulator.EnvironmentBrowser {
	return clusterBrowser(ctx, ctx.Map.Any("ClusterComputeResource").(*simulator.ClusterComputeResource))
}

func answerOption(req *types.QueryConfigOption, version types.HardwareVersion) soap.HasFault {
	return &methods.QueryConfigOptionBody{
		Res: &types.QueryConfigOptionResponse{Returnval: configOption(req.Key, version, nil)},
	}
}

func answerOptionEx(req *types.QueryConfigOptionEx, version types.HardwareVersion) soap.HasFault {
	spec := req.Spec
	if spec == nil {
		spec = new(types.EnvironmentBrowserConfigOptionQuerySpec)
	}

	return &methods.QueryConfigOptionExBody{
		Res: &types.QueryConfigOptionExResponse{Returnval: configOption(spec.Key, version, spec.GuestId)},
	}
}

// configOption is made anew for each answer: answers are encoded after the lock is released.
//
// Args: key is the wanted version such as vmx-13, or empty; without guest IDs that exist, all
// guests are described.
func configOption(key string, version types.HardwareVersion, guestIDs []string) *types.VirtualMachineConfigOption {
	if wanted, err := types.ParseHardwareVersion(key); err == nil {
		version = wanted
	}

	option := &types.VirtualMachineConfigOption{
		Version:              version.String(),
		Description:          "ESXi virtual machine, hardware version " + version.String(),
		HardwareOptions:      hardwareOption(version),
		DefaultDevice:        esx.VirtualDevice,
		SupportedMonitorType: []string{"release"},
	}

	known := types.VirtualMachineGuestOsIdentifier("").Values()
	anyKnown := slices.ContainsFunc(known, func(id types.VirtualMachineGuestOsIdentifier) bool {
		return slices.Contains(guestIDs, string(id))
	})
	for _, id := range known {
		if !anyKnown || slices.Contains(guestIDs, string(id)) {
			option.GuestOSDescriptor = append(option.GuestOSDescriptor, guestDescriptor(string(id)))
		}
	}

	return option
}

// hardwareOption is what a virtual machine of a hardware version can have.
func hardwareOption(version types.HardwareVersion) types.VirtualHardwareOption {
	shares := func(least, most, usual int32) types.ResourceAllocationOption {
		return types.ResourceAllocationOption{SharesOption: types.SharesOption{
			SharesOption: types.IntOption{Min: least, Max: most, DefaultValue: usual},
			DefaultLevel: types.SharesLevelNormal,
		}}
	}
	exactly := func(n int32) types.IntOption { return types.IntOption{Min: n, Max: n, DefaultValue: n} }

	option := types.VirtualHardwareOption{
		HwVersion:             int32(version),
		NumCoresPerSocket:     types.IntOption{Min: 1, Max: maxCPUs, DefaultValue: 1},
		MemoryMB:              types.LongOption{Min: minMemoryMiB, Max: maxMemoryMiB, DefaultValue: 1024},
		NumPCIControllers:     exactly(1),
		NumIDEControllers:     exactly(2),
		NumUSBControllers:     types.IntOption{Max: 1},
		NumUSBXHCIControllers: types.IntOption{Max: 1},
		NumSIOControllers:     exactly(1),
		NumPS2Controllers:     exactly(1),
		ResourceConfigOption: types.ResourceConfigOption{
			CpuAllocationOption:    shares(1, 1_000_000, 1000),
			MemoryAllocationOption: shares(0, 1_000_000, 10),
		},
	}
	for n := int32(1); n <= maxCPUs; n++ {
		option.NumCPU = append(option.NumCPU, n)
	}

	return option
}

// describeHardware lists the virtual hardware that the hosts of a cluster run.
func describeHardware(ctx *simulator.Context, cluster *simulator.ClusterComputeResource) {
	browser := clusterBrowser(ctx, cluster)

	var descriptors []types.VirtualMachineConfigOptionDescriptor
	for _, version := range types.GetHardwareVersions() {
		if version > hostHardwareVersion {
			continue
		}
		descriptors = append(descriptors, types.VirtualMachineConfigOptionDescriptor{
			Key:                 version.String(),
			Description:         "hardware version " + version.String(),
			Host:                cluster.Host,
			CreateSupported:     true,
			DefaultConfigOption: version == hostHardwareVersion,
			RunSupported:        true,
			UpgradeSupported:    true,
		})
	}
	browser.QueryConfigOptionDescriptorResponse.Returnval = descriptors
}

func clusterBrowser(ctx *simulator.Context, cluster *simulator.ClusterComputeResource) *simulator.EnvironmentBrowser {
	return ctx.Map.Get(*cluster.EnvironmentBrowser).(*simulator.EnvironmentBrowser)
}
