package center

import (
	"maps"
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// derived are the types that a reference of a base type may mean.
var derived = map[string][]string{
	"ComputeResource": {"ClusterComputeResource"},
	"Folder":          {"StoragePod"},
	"ManagedEntity":   slices.Sorted(maps.Keys(viewable)),
	"Network":         {"DistributedVirtualPortgroup", "OpaqueNetwork"},
	"ResourcePool":    {"VirtualApp"},
}

// resolve is the reference of the object that a client means. For a vCenter the value identifies
// it, and the provider looks for clusters as ComputeResource; the simulator wants the exact type.
func resolve(ctx *simulator.Context, ref types.ManagedObjectReference) types.ManagedObjectReference {
	if ctx.Map.Get(ref) != nil {
		return ref
	}
	for _, kind := range derived[ref.Type] {
		if exact := (types.ManagedObjectReference{Type: kind, Value: ref.Value}); ctx.Map.Get(exact) != nil {
			return exact
		}
	}

	return ref
}

// resolveSpecs makes the references of specifications exact.
func resolveSpecs(ctx *simulator.Context, specs []types.PropertyFilterSpec) {
	for i := range specs {
		for j := range specs[i].ObjectSet {
			specs[i].ObjectSet[j].Obj = resolve(ctx, specs[i].ObjectSet[j].Obj)
		}
	}
}

// RetrieveProperties reads properties at once.
func (c *propertyCollector) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	answer := c.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{This: req.This, SpecSet: req.SpecSet})

	body, ok := answer.(*methods.RetrievePropertiesExBody)
	if !ok || body.Fault_ != nil {
		return &methods.RetrievePropertiesBody{Fault_: answer.Fault()}
	}

	return &methods.RetrievePropertiesBody{Res: &types.RetrievePropertiesResponse{Returnval: body.Res.Returnval.Objects}}
}

// RetrievePropertiesEx reads properties, in portions if the client wants.
func (c *propertyCollector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	resolveSpecs(ctx, req.SpecSet)

	return c.PropertyCollector.RetrievePropertiesEx(ctx, req)
}
