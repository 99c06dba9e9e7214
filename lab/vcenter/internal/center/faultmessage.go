package center

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/vmware/govmomi/vim25/types"
)

// faultMessage says what a fault is to a person, in the words of a vCenter where they are known.
// The simulator gives the name of a Go type.
func faultMessage(fault types.BaseMethodFault) string {
	switch f := fault.(type) {
	case *types.ConcurrentAccess:
		return "The object was changed by somebody else meanwhile."
	case *types.CpuHotPlugNotSupported:
		return "CPU hot plug is not supported for this virtual machine."
	case *types.DuplicateName:
		return fmt.Sprintf("The name '%s' already exists.", f.Name)
	case *types.HostNotConnected:
		return "Unable to communicate with the remote host, since it is disconnected."
	case *types.InsufficientMemoryResourcesFault:
		return "The available Memory resources in the parent resource pool are insufficient for the operation."
	case *types.InvalidArgument:
		return "A specified parameter was not correct: " + f.InvalidProperty
	case *types.InvalidDatastorePath:
		return fmt.Sprintf("Invalid datastore path '%s'.", f.DatastorePath)
	case *types.InvalidDeviceBacking:
		return fmt.Sprintf("Incompatible device backing specified for device '%d': %s", f.DeviceIndex, f.Property)
	case *types.InvalidDeviceSpec:
		return fmt.Sprintf("Invalid configuration for device '%d'.", f.DeviceIndex)
	case *types.InvalidPowerState:
		return fmt.Sprintf("The attempted operation cannot be performed in the current state (%s).", f.ExistingState)
	case *types.InvalidVmConfig:
		return "Invalid configuration of the virtual machine: " + f.Property
	case *types.ManagedObjectNotFound:
		return fmt.Sprintf("The object '%s:%s' has already been deleted or has not been completely created", f.Obj.Type, f.Obj.Value)
	case *types.MemoryHotPlugNotSupported:
		return "Memory hot plug is not supported for this virtual machine."
	case *types.NoDiskSpace:
		return fmt.Sprintf("Insufficient disk space on datastore '%s'.", f.Datastore)
	case *types.NoPermission:
		return "Permission to perform this operation was denied."
	case *types.NotSupported:
		return "The operation is not supported on the object."
	case *types.ResourceInUse:
		return fmt.Sprintf("The resource '%s' is in use.", f.Name)
	case *types.SystemErrorFault:
		return "A general system error occurred: " + f.Reason
	case *types.TooManyDevices:
		return fmt.Sprintf("The number of devices exceeds the maximum: %s", f.Property)
	default:
		return words(reflect.TypeOf(fault).Elem().Name())
	}
}

// words takes the name of a type apart: NoCompatibleHost is "No compatible host."
func words(name string) string {
	var b strings.Builder

	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}

	return b.String() + "."
}
