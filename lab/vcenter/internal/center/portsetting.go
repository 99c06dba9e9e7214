package center

import (
	"reflect"

	"github.com/vmware/govmomi/vim25/types"
)

// switchPortSetting is the port configuration of a new distributed switch, as a vCenter makes it:
// untagged, every security policy on reject, all uplinks active.
func switchPortSetting(uplinks []string) *types.VMwareDVSPortSetting {
	boolean := func(value bool) *types.BoolPolicy { return &types.BoolPolicy{Value: &value} }
	text := func(value string) *types.StringPolicy { return &types.StringPolicy{Value: value} }
	shaping := func() *types.DVSTrafficShapingPolicy {
		return &types.DVSTrafficShapingPolicy{
			Enabled:          boolean(false),
			AverageBandwidth: &types.LongPolicy{Value: 100_000_000},
			PeakBandwidth:    &types.LongPolicy{Value: 100_000_000},
			BurstSize:        &types.LongPolicy{Value: 104_857_600},
		}
	}
	no := false

	return &types.VMwareDVSPortSetting{
		DVPortSetting: types.DVPortSetting{
			Blocked:                 boolean(false),
			VmDirectPathGen2Allowed: boolean(false),
			InShapingPolicy:         shaping(),
			OutShapingPolicy:        shaping(),
			VendorSpecificConfig:    &types.DVSVendorSpecificConfig{},
			NetworkResourcePoolKey:  text("-1"),
			FilterPolicy:            &types.DvsFilterPolicy{},
		},
		Vlan:   &types.VmwareDistributedVirtualSwitchVlanIdSpec{},
		QosTag: &types.IntPolicy{Value: -1},
		UplinkTeamingPolicy: &types.VmwareUplinkPortTeamingPolicy{
			Policy:         text("loadbalance_srcid"),
			ReversePolicy:  boolean(true),
			NotifySwitches: boolean(true),
			RollingOrder:   boolean(false),
			FailureCriteria: &types.DVSFailureCriteria{
				CheckSpeed:        text("minimum"),
				Speed:             &types.IntPolicy{Value: 10},
				CheckDuplex:       boolean(false),
				FullDuplex:        boolean(false),
				CheckErrorPercent: boolean(false),
				Percentage:        &types.IntPolicy{},
				CheckBeacon:       boolean(false),
			},
			UplinkPortOrder: &types.VMwareUplinkPortOrderPolicy{ActiveUplinkPort: uplinks},
		},
		SecurityPolicy: &types.DVSSecurityPolicy{
			AllowPromiscuous: boolean(false),
			MacChanges:       boolean(false),
			ForgedTransmits:  boolean(false),
		},
		IpfixEnabled: boolean(false),
		TxUplink:     boolean(false),
		LacpPolicy:   &types.VMwareUplinkLacpPolicy{Enable: boolean(false), Mode: text("passive")},
		MacManagementPolicy: &types.DVSMacManagementPolicy{
			AllowPromiscuous:  &no,
			MacChanges:        &no,
			ForgedTransmits:   &no,
			MacLearningPolicy: &types.DVSMacLearningPolicy{AllowUnicastFlooding: &no},
		},
	}
}

// inheritPortSetting is what a new port group has before anything is asked of it: the switch's
// configuration, every policy marked as inherited.
func inheritPortSetting(uplinks []string) *types.VMwareDVSPortSetting {
	setting := switchPortSetting(uplinks)
	markInherited(reflect.ValueOf(setting).Elem())

	return setting
}

// configurePort applies a specification to a port configuration, as CreateDVPortgroup_Task and
// ReconfigureDVPortgroup_Task do: what is not given stays, what is to be inherited comes from the parent.
func configurePort(current *types.VMwareDVSPortSetting, spec types.BaseDVPortSetting, parent *types.VMwareDVSPortSetting) {
	given, ok := spec.(*types.VMwareDVSPortSetting)
	if !ok {
		return
	}

	overlay(reflect.ValueOf(current).Elem(), reflect.ValueOf(given).Elem(), reflect.ValueOf(parent).Elem())
	alignSecurity(current, given)
}

// alignSecurity keeps the two forms of the security policy equal: MacManagementPolicy replaced
// SecurityPolicy, and a vCenter shows the same in both.
func alignSecurity(current, given *types.VMwareDVSPortSetting) {
	old, now := current.SecurityPolicy, current.MacManagementPolicy

	if given.MacManagementPolicy != nil && given.SecurityPolicy == nil {
		old.Inherited = now.Inherited
		old.AllowPromiscuous = &types.BoolPolicy{InheritablePolicy: now.InheritablePolicy, Value: now.AllowPromiscuous}
		old.MacChanges = &types.BoolPolicy{InheritablePolicy: now.InheritablePolicy, Value: now.MacChanges}
		old.ForgedTransmits = &types.BoolPolicy{InheritablePolicy: now.InheritablePolicy, Value: now.ForgedTransmits}

		return
	}

	now.Inherited = old.Inherited
	now.AllowPromiscuous = old.AllowPromiscuous.Value
	now.MacChanges = old.MacChanges.Value
	now.ForgedTransmits = old.ForgedTransmits.Value
}

var inheritable = reflect.TypeFor[types.InheritablePolicy]()

// overlay sets in current what spec gives. Where spec wants to inherit a single value, it is taken
// from the parent. All three are structures of one type.
func overlay(current, spec, parent reflect.Value) {
	if isLeaf(spec.Type()) && spec.FieldByName("Inherited").Bool() {
		current.Set(parent)
		return
	}

	for i := range spec.NumField() {
		given, into := spec.Field(i), current.Field(i)

		switch given.Kind() {
		case reflect.Pointer:
			switch {
			case given.IsNil():
			case given.Type().Elem().Kind() == reflect.Struct && !into.IsNil() && !parent.Field(i).IsNil():
				overlay(into.Elem(), given.Elem(), parent.Field(i).Elem())
			default:
				into.Set(given)
			}
		case reflect.Interface:
			switch {
			case given.IsNil():
			case given.Elem().Elem().FieldByName("Inherited").Bool():
				into.Set(parent.Field(i))
			default:
				into.Set(given)
			}
		case reflect.Slice:
			if !given.IsNil() || (given.Kind() == reflect.Slice && isLeaf(spec.Type())) {
				into.Set(given)
			}
		case reflect.Struct:
			if given.Type() == inheritable {
				into.Set(given)
			} else {
				overlay(into, given, parent.Field(i))
			}
		default:
			into.Set(given)
		}
	}
}

// isLeaf tells whether a policy holds a value itself, not further policies.
func isLeaf(t reflect.Type) bool {
	own, ok := t.FieldByName("Inherited")
	if !ok || len(own.Index) == 0 {
		return false
	}

	for i := range t.NumField() {
		field := t.Field(i).Type
		if field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.Struct {
			return false
		}
	}

	return true
}

// markInherited sets the mark of each policy below a structure.
func markInherited(v reflect.Value) {
	for i := range v.NumField() {
		field := v.Field(i)

		switch field.Kind() {
		case reflect.Pointer:
			if !field.IsNil() && field.Type().Elem().Kind() == reflect.Struct {
				markInherited(field.Elem())
			}
		case reflect.Interface:
			if !field.IsNil() {
				markInherited(field.Elem().Elem())
			}
		case reflect.Struct:
			if field.Type() == inheritable {
				field.FieldByName("Inherited").SetBool(true)
			} else {
				markInherited(field)
			}
		default: // a value, no policy
		}
	}
}
