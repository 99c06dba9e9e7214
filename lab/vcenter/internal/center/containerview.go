package center

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type viewManager struct{ *simulator.ViewManager }

// containerView finds its objects when it is asked. The simulator's keeps a list, which it brings
// up to date by walking through folders that others change meanwhile.
type containerView struct {
	mo.ContainerView

	registry *simulator.Registry
	feed     *changeFeed
	wanted   map[string]bool // types of objects; empty for all
}

// viewable are the types that a view can hold, by the simulator's name.
var viewable = map[string]reflect.Type{
	"ClusterComputeResource":      reflect.TypeFor[mo.ClusterComputeResource](),
	"ComputeResource":             reflect.TypeFor[mo.ComputeResource](),
	"Datacenter":                  reflect.TypeFor[mo.Datacenter](),
	"Datastore":                   reflect.TypeFor[mo.Datastore](),
	"DistributedVirtualPortgroup": reflect.TypeFor[mo.DistributedVirtualPortgroup](),
	"DistributedVirtualSwitch":    reflect.TypeFor[mo.DistributedVirtualSwitch](),
	"Folder":                      reflect.TypeFor[mo.Folder](),
	"HostSystem":                  reflect.TypeFor[mo.HostSystem](),
	"Network":                     reflect.TypeFor[mo.Network](),
	"OpaqueNetwork":               reflect.TypeFor[mo.OpaqueNetwork](),
	"ResourcePool":                reflect.TypeFor[mo.ResourcePool](),
	"StoragePod":                  reflect.TypeFor[mo.StoragePod](),
	"VirtualApp":                  reflect.TypeFor[mo.VirtualApp](),
	"VirtualMachine":              reflect.TypeFor[mo.VirtualMachine](),
}

// CreateContainerView makes a view of what is in a container, by type.
func (m *viewManager) CreateContainerView(ctx *simulator.Context, req *types.CreateContainerView) soap.HasFault {
	if ctx.Map.Get(req.Container) == nil {
		fault := &types.ManagedObjectNotFound{Obj: req.Container}
		return &methods.CreateContainerViewBody{Fault_: simulator.Fault("no such container", fault)}
	}

	view := &containerView{registry: ctx.Map, feed: feedOf(ctx), wanted: make(map[string]bool)}
	view.Self.Type = "ContainerView"
	view.Container, view.Type, view.Recursive = req.Container, req.Type, req.Recursive

	for _, name := range req.Type {
		found := false
		for kind, t := range viewable {
			// A type stands for all that derive from it: Network for port groups.
			base, embedded := t.FieldByName(name)
			if kind == name || (embedded && base.Anonymous) {
				view.wanted[kind] = true
				found = true
			}
		}
		if !found {
			fault := &types.InvalidArgument{InvalidProperty: "type"}
			return &methods.CreateContainerViewBody{Fault_: simulator.Fault(name+" is not a type of managed entity", fault)}
		}
	}

	return &methods.CreateContainerViewBody{Res: &types.CreateContainerViewResponse{
		Returnval: ctx.Session.Put(view).Reference(),
	}}
}

// DestroyView ends the view.
func (v *containerView) DestroyView(ctx *simulator.Context, _ *types.DestroyView) soap.HasFault {
	ctx.Session.Remove(ctx, v.Self)

	return &methods.DestroyViewBody{Res: new(types.DestroyViewResponse)}
}

// Get is asked by the property collector for the managed object to read.
func (v *containerView) Get() mo.Reference {
	now := v.ContainerView

	kinds := v.wanted
	if len(kinds) == 0 {
		kinds = make(map[string]bool, len(viewable))
		for kind := range viewable {
			kinds[kind] = true
		}
	}
	for kind := range kinds {
		for _, entity := range v.registry.All(kind) {
			if v.contains(entity, v.Recursive) && v.feed.isFinished(entity.Reference()) {
				now.View = append(now.View, entity.Reference())
			}
		}
	}

	return &now
}

// contains tells whether an entity is in the view's container, directly or at any depth.
func (v *containerView) contains(entity mo.Entity, deep bool) bool {
	for _, parent := range parents(entity) {
		if parent == v.Container {
			return true
		}
		if next, ok := v.registry.Get(parent).(mo.Entity); deep && ok && v.contains(next, true) {
			return true
		}
	}

	return false
}

// parents are the containers that an entity is in: its folder, and a virtual machine's pool and host.
func parents(entity mo.Entity) []types.ManagedObjectReference {
	var refs []types.ManagedObjectReference

	if parent := entity.Entity().Parent; parent != nil {
		refs = append(refs, *parent)
	}
	if vm, ok := entity.(*simulator.VirtualMachine); ok {
		if pool := vm.ResourcePool; pool != nil {
			refs = append(refs, *pool)
		}
		if host := vm.Runtime.Host; host != nil {
			refs = append(refs, *host)
		}
	}

	return refs
}
