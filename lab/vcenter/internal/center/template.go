package center

import (
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/description"
)

// buildTemplate makes the virtual machine that servers are cloned from, and marks it as a template.
func buildTemplate(ctx *simulator.Context, datacenter *simulator.Datacenter, d *description.Datacenter) error {
	network := ctx.Map.Get(datacenter.NetworkFolder).(*simulator.Folder)
	group := ctx.Map.FindByName(d.Management.PortGroup, network.ChildEntity).(*simulator.DistributedVirtualPortgroup)
	compute := ctx.Map.Get(datacenter.HostFolder).(*simulator.Folder)
	pool := ctx.Map.FindByName(d.Cluster.Name, compute.ChildEntity).(*simulator.ClusterComputeResource).ResourcePool

	devices, err := templateDevices(ctx, d, group)
	if err != nil {
		return fmt.Errorf("devices of template %s: %w", d.Template.Name, err)
	}

	cores := int32(1)
	vms := &folder{ctx.Map.Get(datacenter.VmFolder).(*simulator.Folder)}
	created := vms.CreateVMTask(ctx, &types.CreateVM_Task{This: vms.Self, Pool: *pool, Config: types.VirtualMachineConfigSpec{
		Name:              d.Template.Name,
		GuestId:           d.Template.GuestID,
		Version:           types.HardwareVersion(d.Template.HardwareVersion).String(),
		Firmware:          string(types.GuestOsDescriptorFirmwareTypeBios),
		NumCPUs:           int32(d.Template.VCPU),
		NumCoresPerSocket: &cores,
		MemoryMB:          int64(d.Template.MemoryMiB),
		Files:             &types.VirtualMachineFileInfo{VmPathName: "[" + d.Datastores[0].Name + "]"},
		DeviceChange:      devices,
	}})

	result, fault := finish(ctx, created.(*methods.CreateVM_TaskBody).Res.Returnval)
	if fault != nil {
		return fmt.Errorf("create template %s: %w", d.Template.Name, faultError(fault))
	}

	vm := ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	ctx.Update(vm, []types.PropertyChange{{Name: "network", Val: (&virtualMachine{vm}).networks()}})
	if err := failure(vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})); err != nil {
		return fmt.Errorf("mark template %s: %w", d.Template.Name, err)
	}

	return nil
}

// templateDevices are a paravirtual SCSI controller with one thin disk, and one vmxnet3 NIC.
func templateDevices(ctx *simulator.Context, d *description.Datacenter, group *simulator.DistributedVirtualPortgroup) ([]types.BaseVirtualDeviceConfigSpec, error) {
	var devices object.VirtualDeviceList

	scsi, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return nil, fmt.Errorf("SCSI controller: %w", err)
	}

	thin := true
	file := fmt.Sprintf("[%s] %[2]s/%[2]s.vmdk", d.Datastores[0].Name, d.Template.Name)
	disk := devices.CreateDisk(scsi.(types.BaseVirtualController), types.ManagedObjectReference{}, file)
	disk.CapacityInKB = int64(d.Template.DiskGiB) * gib / 1024
	disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).ThinProvisioned = &thin

	nic, err := devices.CreateEthernetCard("vmxnet3", &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
		Port: types.DistributedVirtualSwitchPortConnection{
			PortgroupKey: group.Key,
			SwitchUuid:   (&portGroup{group}).dvs(ctx).Uuid,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("NIC: %w", err)
	}

	specs, err := object.VirtualDeviceList{scsi, disk, nic}.ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	if err != nil {
		return nil, fmt.Errorf("specification: %w", err)
	}

	return specs, nil
}
