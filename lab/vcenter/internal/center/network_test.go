package center_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) portGroup(t *testing.T, spec types.DVPortgroupConfigSpec) types.ManagedObjectReference {
	t.Helper()

	created, err := methods.CreateDVPortgroup_Task(l.ctx, l.Client.Client, &types.CreateDVPortgroup_Task{
		This: l.switchObject(t).Reference(),
		Spec: spec,
	})
	if err != nil {
		t.Fatal(err)
	}
	ref, ok := l.result(t, object.NewTask(l.Client.Client, created.Returnval), nil).(types.ManagedObjectReference)
	if !ok {
		t.Fatal("the task's result is not a reference")
	}

	return ref
}

func (l *lab) portSetting(t *testing.T, ref types.ManagedObjectReference) *types.VMwareDVSPortSetting {
	t.Helper()

	var group mo.DistributedVirtualPortgroup
	l.read(t, ref, &group, "config")

	return group.Config.DefaultPortConfig.(*types.VMwareDVSPortSetting)
}

func vlan(id int32) *types.VMwareDVSPortSetting {
	return &types.VMwareDVSPortSetting{Vlan: &types.VmwareDistributedVirtualSwitchVlanIdSpec{VlanId: id}}
}

func TestSwitchIsFoundByUUIDWithItsUplinks(t *testing.T) {
	l := newLab(t)

	var s mo.DistributedVirtualSwitch
	l.read(t, l.switchObject(t).Reference(), &s)

	found, err := methods.QueryDvsByUuid(l.ctx, l.Client.Client, &types.QueryDvsByUuid{
		This: *l.ServiceContent.DvSwitchManager,
		Uuid: s.Uuid,
	})
	if err != nil {
		t.Fatal(err)
	}
	if *found.Returnval != l.switchObject(t).Reference() {
		t.Errorf("found %v", found.Returnval)
	}

	policy, ok := s.Config.GetDVSConfigInfo().UplinkPortPolicy.(*types.DVSNameArrayUplinkPortPolicy)
	if !ok || !slices.Equal(policy.UplinkPortName, []string{"uplink1", "uplink2"}) {
		t.Errorf("uplinks: %+v", s.Config.GetDVSConfigInfo().UplinkPortPolicy)
	}
	if hosts := len(s.Summary.HostMember); hosts != 2 {
		t.Errorf("%d hosts on the switch", hosts)
	}
}

func TestUnknownSwitchIsNotFound(t *testing.T) {
	l := newLab(t)

	_, err := methods.QueryDvsByUuid(l.ctx, l.Client.Client, &types.QueryDvsByUuid{
		This: *l.ServiceContent.DvSwitchManager,
		Uuid: "00 00",
	})
	if _, ok := soap.ToSoapFault(err).VimFault().(types.NotFound); !ok {
		t.Errorf("fault: %v", err)
	}
}

func TestNewPortGroupInheritsFromTheSwitch(t *testing.T) {
	l := newLab(t)

	setting := l.portSetting(t, l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: vlan(1101)}))

	if id := setting.Vlan.(*types.VmwareDistributedVirtualSwitchVlanIdSpec).VlanId; id != 1101 {
		t.Errorf("VLAN %d", id)
	}
	order := setting.UplinkTeamingPolicy.UplinkPortOrder
	if !order.Inherited || !slices.Equal(order.ActiveUplinkPort, []string{"uplink1", "uplink2"}) {
		t.Errorf("uplinks: %+v", order)
	}
	if promiscuous := setting.SecurityPolicy.AllowPromiscuous; !promiscuous.Inherited || *promiscuous.Value {
		t.Errorf("promiscuous: %+v", promiscuous)
	}
}

func TestReconfiguredPortGroupKeepsTheRest(t *testing.T) {
	l := newLab(t)
	yes := true

	setting := vlan(1101)
	setting.SecurityPolicy = &types.DVSSecurityPolicy{ForgedTransmits: &types.BoolPolicy{Value: &yes}}
	ref := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", Description: "desks", DefaultPortConfig: setting})

	task, err := object.NewDistributedVirtualPortgroup(l.Client.Client, ref).Reconfigure(l.ctx,
		types.DVPortgroupConfigSpec{ConfigVersion: "0", DefaultPortConfig: vlan(1201)})
	l.result(t, task, err)

	var group mo.DistributedVirtualPortgroup
	l.read(t, ref, &group, "config")
	now := l.portSetting(t, ref)

	if id := now.Vlan.(*types.VmwareDistributedVirtualSwitchVlanIdSpec).VlanId; id != 1201 {
		t.Errorf("VLAN %d", id)
	}
	if !*now.SecurityPolicy.ForgedTransmits.Value || !*now.MacManagementPolicy.ForgedTransmits {
		t.Errorf("forged transmits: %+v, %+v", now.SecurityPolicy.ForgedTransmits, now.MacManagementPolicy)
	}
	if group.Config.Description != "desks" || group.Config.Name != "office" || group.Config.ConfigVersion != "1" {
		t.Errorf("config: %+v", group.Config)
	}
}

func TestPortGroupReturnsToTheSwitchsPolicy(t *testing.T) {
	l := newLab(t)
	yes := true

	setting := vlan(1101)
	setting.SecurityPolicy = &types.DVSSecurityPolicy{MacChanges: &types.BoolPolicy{Value: &yes}}
	ref := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: setting})

	task, err := object.NewDistributedVirtualPortgroup(l.Client.Client, ref).Reconfigure(l.ctx, types.DVPortgroupConfigSpec{
		DefaultPortConfig: &types.VMwareDVSPortSetting{SecurityPolicy: &types.DVSSecurityPolicy{
			MacChanges: &types.BoolPolicy{InheritablePolicy: types.InheritablePolicy{Inherited: true}},
		}},
	})
	l.result(t, task, err)

	if changes := l.portSetting(t, ref).SecurityPolicy.MacChanges; !changes.Inherited || *changes.Value {
		t.Errorf("MAC changes: %+v", changes)
	}
}

func TestStaleConfigVersionIsConcurrentAccess(t *testing.T) {
	l := newLab(t)
	ref := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: vlan(1101)})

	task, err := object.NewDistributedVirtualPortgroup(l.Client.Client, ref).Reconfigure(l.ctx,
		types.DVPortgroupConfigSpec{ConfigVersion: "7", DefaultPortConfig: vlan(1201)})
	failure[*types.ConcurrentAccess](t, l, task, err)
}

func TestVLANOutsideIEEE8021QIsInvalid(t *testing.T) {
	l := newLab(t)

	created, err := methods.CreateDVPortgroup_Task(l.ctx, l.Client.Client, &types.CreateDVPortgroup_Task{
		This: l.switchObject(t).Reference(),
		Spec: types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: vlan(4095)},
	})
	if err != nil {
		t.Fatal(err)
	}
	failure[*types.InvalidArgument](t, l, object.NewTask(l.Client.Client, created.Returnval), nil)
}

func TestPortGroupInUseCannotBeDestroyed(t *testing.T) {
	l := newLab(t)

	management, err := l.finder.Network(l.ctx, "provider-management")
	if err != nil {
		t.Fatal(err)
	}
	group := object.NewDistributedVirtualPortgroup(l.Client.Client, management.Reference())

	task, err := group.Destroy(l.ctx) // the template's NIC is in it
	failure[*types.ResourceInUse](t, l, task, err)
}

func TestDestroyedPortGroupLeavesTheSwitch(t *testing.T) {
	l := newLab(t)
	ref := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: vlan(1101)})

	task, err := object.NewDistributedVirtualPortgroup(l.Client.Client, ref).Destroy(l.ctx)
	l.result(t, task, err)

	var s mo.DistributedVirtualSwitch
	l.read(t, l.switchObject(t).Reference(), &s, "portgroup")
	if slices.Contains(s.Portgroup, ref) {
		t.Error("still on the switch")
	}
}

func private(id int32) *types.VMwareDVSPortSetting {
	return &types.VMwareDVSPortSetting{Vlan: &types.VmwareDistributedVirtualSwitchPvlanSpec{PvlanId: id}}
}

func TestManagementPortGroupIsTheIsolatedSideOfAPrivateVLAN(t *testing.T) {
	l := newLab(t)

	var s mo.DistributedVirtualSwitch
	l.read(t, l.switchObject(t).Reference(), &s)

	sides := s.Config.(*types.VMwareDVSConfigInfo).PvlanConfig
	if !slices.Equal(sides, []types.VMwareDVSPvlanMapEntry{
		{PrimaryVlanId: 99, SecondaryVlanId: 99, PvlanType: "promiscuous"},
		{PrimaryVlanId: 99, SecondaryVlanId: 100, PvlanType: "isolated"},
	}) {
		t.Errorf("private VLANs: %+v", sides)
	}

	management, err := l.finder.Network(l.ctx, "provider-management")
	if err != nil {
		t.Fatal(err)
	}
	vlan, ok := l.portSetting(t, management.Reference()).Vlan.(*types.VmwareDistributedVirtualSwitchPvlanSpec)
	if !ok || vlan.PvlanId != 100 {
		t.Errorf("VLAN %+v", vlan)
	}
}

func TestNetworkOfTheProviderIsAPortGroupWithItsVLAN(t *testing.T) {
	l := newLab(t)

	internet, err := l.finder.Network(l.ctx, "internet")
	if err != nil {
		t.Fatal(err)
	}
	vlan, ok := l.portSetting(t, internet.Reference()).Vlan.(*types.VmwareDistributedVirtualSwitchVlanIdSpec)
	if !ok || vlan.VlanId != 95 {
		t.Errorf("VLAN %+v", vlan)
	}
}

func TestPrivateVLANThatTheSwitchDoesNotHaveIsInvalid(t *testing.T) {
	l := newLab(t)

	created, err := methods.CreateDVPortgroup_Task(l.ctx, l.Client.Client, &types.CreateDVPortgroup_Task{
		This: l.switchObject(t).Reference(),
		Spec: types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: private(101)},
	})
	if err != nil {
		t.Fatal(err)
	}
	failure[*types.InvalidArgument](t, l, object.NewTask(l.Client.Client, created.Returnval), nil)
}

func TestPortGroupLeavesAPrivateVLANAndReturns(t *testing.T) {
	l := newLab(t)
	ref := l.portGroup(t, types.DVPortgroupConfigSpec{Name: "office", DefaultPortConfig: private(100)})
	group := object.NewDistributedVirtualPortgroup(l.Client.Client, ref)

	for _, setting := range []*types.VMwareDVSPortSetting{vlan(99), private(100)} {
		task, err := group.Reconfigure(l.ctx, types.DVPortgroupConfigSpec{DefaultPortConfig: setting})
		l.result(t, task, err)

		if now := l.portSetting(t, ref).Vlan; !reflect.DeepEqual(now, setting.Vlan) {
			t.Errorf("VLAN %+v instead of %+v", now, setting.Vlan)
		}
	}
}
