package center

import (
	"slices"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type cluster struct {
	*simulator.ClusterComputeResource
}

// ReconfigureComputeResourceTask changes rules by their key, as a real vCenter does; the simulator
// looks for the name, so that no rule can be renamed. Watchers are told.
func (c *cluster) ReconfigureComputeResourceTask(ctx *simulator.Context, req *types.ReconfigureComputeResource_Task) soap.HasFault {
	task := createTask(ctx, c.ClusterComputeResource, "reconfigureCluster",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			spec, ok := req.Spec.(*types.ClusterConfigSpecEx)
			if ok {
				if fault := c.checkRules(ctx, spec.RulesSpec); fault != nil {
					return nil, fault
				}
				spec.RulesSpec = c.editRules(spec.RulesSpec)
			}

			changed := c.ClusterComputeResource.ReconfigureComputeResourceTask(ctx, req)
			if _, fault := finish(ctx, changed.(*methods.ReconfigureComputeResource_TaskBody).Res.Returnval); fault != nil {
				return nil, fault
			}
			ctx.Update(c.ClusterComputeResource, []types.PropertyChange{
				{Name: "configurationEx", Val: c.ConfigurationEx},
			})

			return nil, nil
		})

	return &methods.ReconfigureComputeResource_TaskBody{
		Res: &types.ReconfigureComputeResource_TaskResponse{Returnval: task.Run(ctx)},
	}
}

// editRules carries out the edits and returns what is left for the simulator.
func (c *cluster) editRules(specs []types.ClusterRuleSpec) []types.ClusterRuleSpec {
	config := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	var rest []types.ClusterRuleSpec

	for _, spec := range specs {
		if spec.Operation != types.ArrayUpdateOperationEdit {
			rest = append(rest, spec)
			continue
		}
		for i, rule := range config.Rule {
			if known := rule.GetClusterRuleInfo(); known.Key == spec.Info.GetClusterRuleInfo().Key {
				spec.Info.GetClusterRuleInfo().RuleUuid = known.RuleUuid
				config.Rule[i] = spec.Info
			}
		}
	}

	return rest
}

// checkRules refuses a rule that does not exist, and virtual machines that do not.
func (c *cluster) checkRules(ctx *simulator.Context, specs []types.ClusterRuleSpec) types.BaseMethodFault {
	keys := make(map[int32]bool)
	for _, rule := range c.ConfigurationEx.(*types.ClusterConfigInfoEx).Rule {
		keys[rule.GetClusterRuleInfo().Key] = true
	}

	for _, spec := range specs {
		if spec.Operation == types.ArrayUpdateOperationRemove {
			if key, ok := spec.RemoveKey.(int32); !ok || !keys[key] {
				return &types.InvalidArgument{InvalidProperty: "spec.rulesSpec.removeKey"}
			}
			continue
		}
		if spec.Info == nil || (spec.Operation == types.ArrayUpdateOperationEdit && !keys[spec.Info.GetClusterRuleInfo().Key]) {
			return &types.InvalidArgument{InvalidProperty: "spec.rulesSpec.info"}
		}
		if apart, ok := spec.Info.(*types.ClusterAntiAffinityRuleSpec); ok {
			for _, ref := range apart.Vm {
				if _, ok := find[*simulator.VirtualMachine](ctx, ref); !ok {
					return &types.ManagedObjectNotFound{Obj: ref}
				}
			}
		}
	}

	return nil
}

// forgetMachine takes a deleted virtual machine out of the rules of its cluster.
func forgetMachine(ctx *simulator.Context, machine types.ManagedObjectReference) {
	for _, entity := range ctx.Map.All("ClusterComputeResource") {
		c := entity.(*simulator.ClusterComputeResource)
		ctx.WithLock(c, func() {
			for _, rule := range c.ConfigurationEx.(*types.ClusterConfigInfoEx).Rule {
				if apart, ok := rule.(*types.ClusterAntiAffinityRuleSpec); ok {
					apart.Vm = slices.DeleteFunc(apart.Vm, func(ref types.ManagedObjectReference) bool { return ref == machine })
				}
			}
		})
	}
}
