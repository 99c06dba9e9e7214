package center_test

import (
	"slices"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func TestTemplateIsWhatTheDescriptionSays(t *testing.T) {
	l := newLab(t)

	m := l.machine(t, l.template)

	if c := m.Config; !c.Template || c.GuestId != "debian12_64Guest" || c.Version != "vmx-13" || c.Firmware != "bios" {
		t.Errorf("config: %+v", c)
	}
	if m.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOff {
		t.Errorf("power state %s", m.Runtime.PowerState)
	}

	devices := object.VirtualDeviceList(m.Config.Hardware.Device)
	disks := devices.SelectByType((*types.VirtualDisk)(nil))
	if len(disks) != 1 || disks[0].(*types.VirtualDisk).CapacityInKB != 8<<20 {
		t.Errorf("disks: %+v", disks)
	}
	if len(devices.SelectByType((*types.ParaVirtualSCSIController)(nil))) != 1 {
		t.Error("no paravirtual SCSI controller")
	}
	if len(devices.SelectByType((*types.VirtualVmxnet3)(nil))) != 1 {
		t.Error("no vmxnet3 NIC")
	}
}

func TestCloneIsCompleteAndItsOwn(t *testing.T) {
	l := newLab(t)

	first := l.machine(t, l.clone(t, "app01", nil))
	second := l.machine(t, l.clone(t, "app02", nil))

	c := first.Config
	if c.Template || c.GuestId != "debian12_64Guest" || c.GuestFullName != "Debian GNU/Linux 12 (64-bit)" ||
		c.Version != "vmx-13" || c.Firmware != "bios" || c.SwapPlacement != "inherit" {
		t.Errorf("config: %+v", c)
	}
	if len(c.ExtraConfig) != 0 {
		t.Errorf("extra config that nobody asked for: %+v", c.ExtraConfig)
	}
	if first.Config.InstanceUuid == second.Config.InstanceUuid || first.Config.Uuid == second.Config.Uuid {
		t.Error("two clones share an identity")
	}
	if mac(first, 0) == mac(second, 0) {
		t.Errorf("two clones share the MAC %s", mac(first, 0))
	}
	if first.Guest.IpAddress != "" || len(first.Guest.Net) != 0 || first.Guest.GuestState != "notRunning" {
		t.Errorf("guest of a machine that never ran: %+v", first.Guest)
	}
}

func TestSuccessorOfTheSameNameIsAnother(t *testing.T) {
	l := newLab(t)
	identities := func(m mo.VirtualMachine) []string {
		disk := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil))[0].(*types.VirtualDisk)
		return []string{m.Config.Uuid, m.Config.InstanceUuid, disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).Uuid}
	}

	vm := l.clone(t, "app01", nil)
	first := identities(l.machine(t, vm))
	task, err := vm.Destroy(l.ctx)
	l.result(t, task, err)
	second := identities(l.machine(t, l.clone(t, "app01", nil)))

	for i := range first {
		if first[i] == "" || first[i] == second[i] {
			t.Errorf("identity %d: %s, then %s", i, first[i], second[i])
		}
	}
}

func mac(m mo.VirtualMachine, place int) string {
	cards := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualEthernetCard)(nil))

	return cards[place].(types.BaseVirtualEthernetCard).GetVirtualEthernetCard().MacAddress
}

func TestCloneAppliesTheWholeSpecification(t *testing.T) {
	l := newLab(t)
	group := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "data", DefaultPortConfig: vlan(1103)})

	devices := object.VirtualDeviceList(l.machine(t, l.template).Config.Hardware.Device)
	nic := devices.SelectByType((*types.VirtualEthernetCard)(nil))[0].(*types.VirtualVmxnet3)
	nic.AddressType, nic.MacAddress = string(types.VirtualEthernetCardMacTypeManual), "00:50:56:00:01:02"
	nic.Backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo).Port.PortgroupKey = group.Value

	m := l.machine(t, l.clone(t, "db01", &types.VirtualMachineConfigSpec{
		Annotation:  "database",
		NumCPUs:     2,
		MemoryMB:    2048,
		ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "guestinfo.metadata", Value: "e30="}},
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationEdit, Device: nic},
			addDisk(devices, 1, 20),
		},
	}))

	if m.Config.Annotation != "database" || m.Config.Hardware.NumCPU != 2 || m.Config.Hardware.MemoryMB != 2048 {
		t.Errorf("config: %+v", m.Config)
	}
	if mac(m, 0) != "00:50:56:00:01:02" {
		t.Errorf("MAC %s", mac(m, 0))
	}
	if !slices.Equal(m.Network, []types.ManagedObjectReference{group}) {
		t.Errorf("networks %v", m.Network)
	}
	if disks := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil)); len(disks) != 2 {
		t.Errorf("%d disks", len(disks))
	}
	if option := m.Config.ExtraConfig[0].GetOptionValue(); option.Key != "guestinfo.metadata" || option.Value != "e30=" {
		t.Errorf("extra config: %+v", option)
	}
}

// addDisk asks for a thin disk of a size on a unit of the SCSI controller.
func addDisk(devices object.VirtualDeviceList, unit int32, sizeGiB int64) *types.VirtualDeviceConfigSpec {
	thin := true

	return &types.VirtualDeviceConfigSpec{
		Operation:     types.VirtualDeviceConfigSpecOperationAdd,
		FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate,
		Device: &types.VirtualDisk{
			CapacityInKB: sizeGiB << 20,
			VirtualDevice: types.VirtualDevice{
				Key:           -1,
				ControllerKey: devices.SelectByType((*types.ParaVirtualSCSIController)(nil))[0].GetVirtualDevice().Key,
				UnitNumber:    &unit,
				Backing: &types.VirtualDiskFlatVer2BackingInfo{
					DiskMode:        string(types.VirtualDiskModePersistent),
					ThinProvisioned: &thin,
				},
			},
		},
	}
}

func TestFailedCloneLeavesNothing(t *testing.T) {
	l := newLab(t)

	task, err := l.startClone("app01", &types.VirtualMachineConfigSpec{
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{unknownPortGroup()},
	})
	failure[*types.InvalidDeviceBacking](t, l, task, err)

	if _, err := l.finder.VirtualMachine(l.ctx, "app01"); err == nil {
		t.Error("the failed clone is still there")
	}
}

func unknownPortGroup() *types.VirtualDeviceConfigSpec {
	return &types.VirtualDeviceConfigSpec{
		Operation: types.VirtualDeviceConfigSpecOperationAdd,
		Device: &types.VirtualVmxnet3{VirtualVmxnet: types.VirtualVmxnet{VirtualEthernetCard: types.VirtualEthernetCard{
			VirtualDevice: types.VirtualDevice{Key: -1, Backing: &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
				Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: "dvportgroup-999"},
			}},
		}}},
	}
}

func TestCloneWithATakenNameIsDuplicate(t *testing.T) {
	l := newLab(t)
	l.clone(t, "app01", nil)

	task, err := l.startClone("app01", nil)
	failure[*types.DuplicateName](t, l, task, err)
}

func TestFailedReconfigureChangesNothing(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	devices := object.VirtualDeviceList(l.machine(t, vm).Config.Hardware.Device)

	task, err := vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{
		NumCPUs:      4,
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{addDisk(devices, 1, 5), addDisk(devices, 1, 6)}, // one unit twice
	})
	failure[*types.InvalidDeviceSpec](t, l, task, err)

	m := l.machine(t, vm)
	if m.Config.Hardware.NumCPU != 1 {
		t.Errorf("%d CPUs", m.Config.Hardware.NumCPU)
	}
	if disks := object.VirtualDeviceList(m.Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil)); len(disks) != 1 {
		t.Errorf("%d disks", len(disks))
	}
}

func TestCPUOfARunningMachineNeedsHotPlug(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	l.powerOn(t, vm)

	task, err := vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{NumCPUs: 4})
	failure[*types.CpuHotPlugNotSupported](t, l, task, err)

	task, err = vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{MemoryMB: 4096})
	failure[*types.MemoryHotPlugNotSupported](t, l, task, err)
}

func TestEleventhNICIsRefused(t *testing.T) {
	l := newLab(t)
	group := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "data", DefaultPortConfig: vlan(1103)})
	vm := l.clone(t, "edge01", nil)

	var s mo.DistributedVirtualSwitch
	l.read(t, l.switchObject(t).Reference(), &s, "uuid")

	var changes []types.BaseVirtualDeviceConfigSpec
	for range 10 { // the template has one
		nic := unknownPortGroup()
		nic.Device.GetVirtualDevice().Backing = &types.VirtualEthernetCardDistributedVirtualPortBackingInfo{
			Port: types.DistributedVirtualSwitchPortConnection{PortgroupKey: group.Value, SwitchUuid: s.Uuid},
		}
		changes = append(changes, nic)
	}

	task, err := vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{DeviceChange: changes[:9]})
	l.result(t, task, err)

	task, err = vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{DeviceChange: changes[9:]})
	failure[*types.TooManyDevices](t, l, task, err)

	macs := make(map[string]bool)
	for place := range 10 {
		macs[mac(l.machine(t, vm), place)] = true
	}
	if len(macs) != 10 {
		t.Errorf("10 NICs have %d MACs", len(macs))
	}
}

func TestUnknownDatastoreIsAFaultNotACrash(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	devices := object.VirtualDeviceList(l.machine(t, vm).Config.Hardware.Device)

	disk := addDisk(devices, 1, 5)
	disk.Device.GetVirtualDevice().Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName = "[nowhere] app01/data.vmdk"

	task, err := vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{disk}})
	failure[*types.InvalidDatastorePath](t, l, task, err)
}

func TestMachinesBrowserAnswersItsOwnHardwareVersion(t *testing.T) {
	l := newLab(t)
	m := l.machine(t, l.clone(t, "app01", nil))

	own, err := methods.QueryConfigOption(l.ctx, l.Client.Client, &types.QueryConfigOption{This: m.EnvironmentBrowser})
	if err != nil {
		t.Fatal(err)
	}
	if version := own.Returnval.HardwareOptions.HwVersion; version != 13 {
		t.Errorf("hardware version %d of a machine with 13", version)
	}

	cluster, err := l.finder.DefaultClusterComputeResource(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	browser, err := cluster.EnvironmentBrowser(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	option, err := browser.QueryConfigOption(l.ctx, &types.EnvironmentBrowserConfigOptionQuerySpec{GuestId: []string{"debian12_64Guest"}})
	if err != nil {
		t.Fatal(err)
	}
	if option.HardwareOptions.HwVersion != 21 || len(option.GuestOSDescriptor) != 1 {
		t.Errorf("hosts offer %+v", option.HardwareOptions)
	}
}

func TestMachineFromNothingIsComplete(t *testing.T) {
	l := newLab(t)

	task, err := l.folder.CreateVM(l.ctx, types.VirtualMachineConfigSpec{
		Name:    "blank",
		GuestId: "debian12_64Guest",
		Files:   &types.VirtualMachineFileInfo{VmPathName: "[datastore01]"},
	}, l.pool, nil)
	vm := object.NewVirtualMachine(l.Client.Client, l.result(t, task, err).(types.ManagedObjectReference))

	if m := l.machine(t, vm); m.Config.SwapPlacement != "inherit" {
		t.Errorf("swap placement %q", m.Config.SwapPlacement)
	}

	task, err = l.folder.CreateVM(l.ctx, types.VirtualMachineConfigSpec{
		Name:  "lost",
		Files: &types.VirtualMachineFileInfo{VmPathName: "[nowhere]"},
	}, l.pool, nil)
	failure[*types.InvalidVmConfig](t, l, task, err)
}

func TestDestroyedMachineGivesItsSpaceBack(t *testing.T) {
	l := newLab(t)

	datastore, err := l.finder.Datastore(l.ctx, "datastore01")
	if err != nil {
		t.Fatal(err)
	}
	free := func() int64 {
		var d mo.Datastore
		l.read(t, datastore.Reference(), &d, "summary", "vm")
		return d.Summary.FreeSpace
	}

	before := free()
	vm := l.clone(t, "app01", nil)
	if now := free(); now != before-8<<30 {
		t.Errorf("free: %d, then %d", before, now)
	}

	for range 5 { // the name is free at once
		task, err := vm.Destroy(l.ctx)
		l.result(t, task, err)
		if now := free(); now != before {
			t.Errorf("free: %d, then %d", before, now)
		}
		vm = l.clone(t, "app01", nil)
		if path := l.machine(t, vm).Config.Files.VmPathName; path != "[datastore01] app01/app01.vmx" {
			t.Errorf("path %s", path)
		}
	}
}

func TestRunningMachineCannotBeDestroyed(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	l.powerOn(t, vm)

	task, err := vm.Destroy(l.ctx)
	failure[*types.InvalidPowerState](t, l, task, err)

	if disks := object.VirtualDeviceList(l.machine(t, vm).Config.Hardware.Device).SelectByType((*types.VirtualDisk)(nil)); len(disks) != 1 {
		t.Errorf("%d disks", len(disks))
	}
}
