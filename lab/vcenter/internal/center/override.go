package center

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// wrap returns an object of ours around one of the simulator's, whose methods then win, or nil.
func wrap(object mo.Reference) mo.Reference {
	switch object := object.(type) {
	case *simulator.ClusterComputeResource:
		return &cluster{object}
	case *simulator.Datacenter:
		return &datacenter{object}
	case *simulator.DistributedVirtualPortgroup:
		return &portGroup{object}
	case *simulator.DistributedVirtualSwitch:
		return &distributedSwitch{object}
	case *simulator.DistributedVirtualSwitchManager:
		return &switchManager{object}
	case *simulator.EnvironmentBrowser:
		return &environmentBrowser{object}
	case *simulator.Folder:
		return &folder{object}
	case *simulator.ResourcePool:
		return &resourcePool{object}
	case *simulator.ViewManager:
		return &viewManager{object}
	case *simulator.VirtualMachine:
		return &virtualMachine{object}
	default:
		return nil
	}
}

// override makes the simulator call our wrapper of an object instead of the object itself.
//
// The simulator asks this hook first, but then prefers what the session finds under the reference
// of the call, which is its own object. A reference that no session finds leaves our choice in
// force; the request's body still carries the true one.
func override(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	method.This = resolve(ctx, method.This)

	object := ctx.Map.Get(method.This)
	if object == nil {
		return nil, nil
	}

	// The simulator makes a session's default collector at its first call. Two calls at once would
	// each make one, and a filter in the first would never be heard of again.
	if _, ok := object.(*propertyCollector); ok && ctx.Session != nil {
		collectorCreation.Lock()
		ctx.Session.Get(method.This)
		collectorCreation.Unlock()

		return nil, nil
	}

	wrapper := wrap(object)
	if wrapper == nil {
		return nil, nil
	}

	// Leave it to the simulator to say MethodNotFound, with the true reference.
	name := strings.Replace(method.Name, "_Task", "Task", 1)
	if !reflect.ValueOf(wrapper).MethodByName(name).IsValid() {
		return nil, nil
	}

	// Without a session the simulator refuses by the reference, so that must stay, too.
	if ctx.Session != nil {
		method.This.Type = "Override:" + method.This.Type
	}

	return wrapper, nil
}
