package center_test

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) reconfigureSwitch(t *testing.T, spec *types.VMwareDVSConfigSpec) *object.Task {
	t.Helper()

	task, err := l.switchObject(t).Reconfigure(l.ctx, spec)
	if err != nil {
		t.Fatal(err)
	}

	return task
}

func (l *lab) switchConfig(t *testing.T) *types.VMwareDVSConfigInfo {
	t.Helper()

	var s mo.DistributedVirtualSwitch
	l.read(t, l.switchObject(t).Reference(), &s, "config")

	return s.Config.(*types.VMwareDVSConfigInfo)
}

func TestSwitchHasNeitherCollectorNorMirrorFromTheStart(t *testing.T) {
	l := newLab(t)

	config := l.switchConfig(t)
	if config.IpfixConfig == nil || config.IpfixConfig.CollectorIpAddress != "" || len(config.VspanSession) > 0 {
		t.Errorf("collector %+v, mirrors %+v", config.IpfixConfig, config.VspanSession)
	}
}

func TestSwitchKeepsACollectorOfFlowRecords(t *testing.T) {
	l := newLab(t)

	before := l.switchConfig(t)
	l.result(t, l.reconfigureSwitch(t, &types.VMwareDVSConfigSpec{
		DVSConfigSpec: types.DVSConfigSpec{ConfigVersion: before.ConfigVersion},
		IpfixConfig:   &types.VMwareIpfixConfig{CollectorIpAddress: "10.255.0.66", CollectorPort: 2055, ActiveFlowTimeout: 60},
	}), nil)

	after := l.switchConfig(t)
	if after.IpfixConfig.CollectorIpAddress != "10.255.0.66" || after.ConfigVersion == before.ConfigVersion {
		t.Errorf("collector %+v, version %s", after.IpfixConfig, after.ConfigVersion)
	}
	if len(after.PvlanConfig) != 2 || len(after.Host) != 2 {
		t.Errorf("the rest has changed: %+v", after)
	}
}

func TestStaleVersionOfASwitchIsConcurrentAccess(t *testing.T) {
	l := newLab(t)

	failure[*types.ConcurrentAccess](t, l, l.reconfigureSwitch(t, &types.VMwareDVSConfigSpec{
		DVSConfigSpec: types.DVSConfigSpec{ConfigVersion: "77"},
	}), nil)
}

func mirror(operation types.ConfigSpecOperation, session types.VMwareVspanSession) *types.VMwareDVSConfigSpec {
	return &types.VMwareDVSConfigSpec{VspanConfigSpec: []types.VMwareDVSVspanConfigSpec{
		{Operation: string(operation), VspanSession: session},
	}}
}

func TestSessionThatMirrorsPortsIsMadeChangedAndRemoved(t *testing.T) {
	l := newLab(t)
	session := types.VMwareVspanSession{Name: "tap", SessionType: "encapsulatedRemoteMirrorSource"}

	l.result(t, l.reconfigureSwitch(t, mirror(types.ConfigSpecOperationAdd, session)), nil)
	made := l.switchConfig(t).VspanSession
	if len(made) != 1 || made[0].Key == "" || made[0].Name != "tap" {
		t.Fatalf("sessions: %+v", made)
	}

	made[0].Enabled = true
	l.result(t, l.reconfigureSwitch(t, mirror(types.ConfigSpecOperationEdit, made[0])), nil)
	if now := l.switchConfig(t).VspanSession; len(now) != 1 || !now[0].Enabled {
		t.Errorf("sessions: %+v", now)
	}

	l.result(t, l.reconfigureSwitch(t, mirror(types.ConfigSpecOperationRemove, made[0])), nil)
	if now := l.switchConfig(t).VspanSession; len(now) > 0 {
		t.Errorf("sessions: %+v", now)
	}
}

func TestMirrorThatIsNotThereIsInvalid(t *testing.T) {
	l := newLab(t)

	failure[*types.InvalidArgument](t, l,
		l.reconfigureSwitch(t, mirror(types.ConfigSpecOperationRemove, types.VMwareVspanSession{Key: "none"})), nil)
}

// port returns the one connected port of the switch: the template's.
func (l *lab) port(t *testing.T) types.DistributedVirtualPort {
	t.Helper()

	yes := true
	found, err := l.switchObject(t).FetchDVPorts(l.ctx, &types.DistributedVirtualSwitchPortCriteria{Connected: &yes})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 {
		t.Fatalf("%d ports", len(found))
	}

	return found[0]
}

func (l *lab) reconfigurePort(t *testing.T, key string, setting *types.VMwareDVSPortSetting) *object.Task {
	t.Helper()

	started, err := methods.ReconfigureDVPort_Task(l.ctx, l.Client.Client, &types.ReconfigureDVPort_Task{
		This: l.switchObject(t).Reference(),
		Port: []types.DVPortConfigSpec{{Operation: string(types.ConfigSpecOperationEdit), Key: key, Setting: setting}},
	})
	if err != nil {
		t.Fatal(err)
	}

	return object.NewTask(l.Client.Client, started.Returnval)
}

func (l *lab) setPolicy(t *testing.T, port types.DistributedVirtualPort, policy types.VMwareDVSPortgroupPolicy) {
	t.Helper()

	group := object.NewDistributedVirtualPortgroup(l.Client.Client,
		types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: port.PortgroupKey})
	task, err := group.Reconfigure(l.ctx, types.DVPortgroupConfigSpec{Policy: &policy})
	l.result(t, task, err)
}

func TestPortInheritsFromItsPortGroup(t *testing.T) {
	l := newLab(t)

	port := l.port(t)
	setting := port.Config.Setting.(*types.VMwareDVSPortSetting)

	if ref := *port.Connectee.ConnectedEntity; ref != l.template.Reference() {
		t.Errorf("connected: %v", ref)
	}
	vlan := setting.Vlan.(*types.VmwareDistributedVirtualSwitchPvlanSpec)
	if vlan.PvlanId != 100 || !vlan.Inherited || !setting.SecurityPolicy.ForgedTransmits.Inherited {
		t.Errorf("VLAN %+v, forged transmits %+v", vlan, setting.SecurityPolicy.ForgedTransmits)
	}
}

func TestPortDiffersOnlyWhereItsPortGroupLetsIt(t *testing.T) {
	l := newLab(t)
	key := l.port(t).Key

	fault := failure[*types.ConflictingConfiguration](t, l, l.reconfigurePort(t, key, vlan(1101)), nil)
	if path := fault.ConfigInConflict[0].PropertyPath; path != "setting.vlan" {
		t.Errorf("conflict: %s", path)
	}

	l.setPolicy(t, l.port(t), types.VMwareDVSPortgroupPolicy{VlanOverrideAllowed: true})
	l.result(t, l.reconfigurePort(t, key, vlan(1101)), nil)

	setting := l.port(t).Config.Setting.(*types.VMwareDVSPortSetting)
	now, ok := setting.Vlan.(*types.VmwareDistributedVirtualSwitchVlanIdSpec)
	if !ok || now.VlanId != 1101 || now.Inherited || !setting.SecurityPolicy.MacChanges.Inherited {
		t.Errorf("VLAN %+v, MAC changes %+v", setting.Vlan, setting.SecurityPolicy.MacChanges)
	}
}

func TestPortKeepsItsOwnSettingWhenOverridesAreForbiddenAgain(t *testing.T) {
	l := newLab(t)
	port, yes := l.port(t), true

	l.setPolicy(t, port, types.VMwareDVSPortgroupPolicy{MacManagementOverrideAllowed: &yes})
	l.result(t, l.reconfigurePort(t, port.Key, &types.VMwareDVSPortSetting{
		MacManagementPolicy: &types.DVSMacManagementPolicy{ForgedTransmits: &yes},
	}), nil)
	l.setPolicy(t, port, types.VMwareDVSPortgroupPolicy{})

	setting := l.port(t).Config.Setting.(*types.VMwareDVSPortSetting)
	if !*setting.MacManagementPolicy.ForgedTransmits || !*setting.SecurityPolicy.ForgedTransmits.Value {
		t.Errorf("forged transmits: %+v, %+v", setting.MacManagementPolicy, setting.SecurityPolicy.ForgedTransmits)
	}
}

func TestPortReturnsToItsPortGroupsVLAN(t *testing.T) {
	l := newLab(t)
	port := l.port(t)

	l.setPolicy(t, port, types.VMwareDVSPortgroupPolicy{VlanOverrideAllowed: true})
	l.result(t, l.reconfigurePort(t, port.Key, vlan(1101)), nil)
	back := vlan(0)
	back.Vlan.(*types.VmwareDistributedVirtualSwitchVlanIdSpec).Inherited = true
	l.result(t, l.reconfigurePort(t, port.Key, back), nil)

	now, ok := l.port(t).Config.Setting.(*types.VMwareDVSPortSetting).Vlan.(*types.VmwareDistributedVirtualSwitchPvlanSpec)
	if !ok || now.PvlanId != 100 || !now.Inherited {
		t.Errorf("VLAN %+v", now)
	}
}

func TestUnknownPortIsNotFound(t *testing.T) {
	l := newLab(t)

	failure[*types.NotFound](t, l, l.reconfigurePort(t, "77777", vlan(1101)), nil)
}
