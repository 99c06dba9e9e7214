package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type resourcePool struct{ *simulator.ResourcePool }

// CreateResourcePool lets the simulator create the pool and completes it.
func (p *resourcePool) CreateResourcePool(ctx *simulator.Context, req *types.CreateResourcePool) soap.HasFault {
	answer := p.ResourcePool.CreateResourcePool(ctx, req)

	if body, ok := answer.(*methods.CreateResourcePoolBody); ok && body.Res != nil {
		if child, ok := find[*simulator.ResourcePool](ctx, body.Res.Returnval); ok {
			ctx.WithLock(child, func() {
				completePool(child)
				child.Config.ScaleDescendantsShares = scaleShares(req.Spec)
			})
		}
	}

	return answer
}

// UpdateConfig changes what the specification names. A pool may be told its own name again.
func (p *resourcePool) UpdateConfig(ctx *simulator.Context, req *types.UpdateConfig) soap.HasFault {
	if req.Name == p.Name {
		req.Name = ""
	}

	answer := p.ResourcePool.UpdateConfig(ctx, req)
	if answer.Fault() != nil {
		return answer
	}

	config := p.Config
	if spec := req.Config; spec != nil {
		if expandable := spec.CpuAllocation.ExpandableReservation; expandable != nil {
			config.CpuAllocation.ExpandableReservation = expandable
		}
		if expandable := spec.MemoryAllocation.ExpandableReservation; expandable != nil {
			config.MemoryAllocation.ExpandableReservation = expandable
		}
		if spec.ScaleDescendantsShares != "" {
			config.ScaleDescendantsShares = spec.ScaleDescendantsShares
		}
	}

	summary := *p.Summary.GetResourcePoolSummary()
	summary.Name, summary.Config = p.Name, config
	ctx.Update(p.ResourcePool, []types.PropertyChange{
		{Name: "name", Val: p.Name},
		{Name: "config", Val: config},
		{Name: "summary", Val: summary},
	})

	return answer
}

// completePool gives a pool a summary of its own (the simulator's pools share one) and the
// properties that a real one has.
func completePool(pool *simulator.ResourcePool) {
	if pool.Config.ScaleDescendantsShares == "" {
		pool.Config.ScaleDescendantsShares = string(types.ResourceConfigSpecScaleSharesBehaviorDisabled)
	}
	pool.Config.Entity = &pool.Self
	pool.Summary = &types.ResourcePoolSummary{Name: pool.Name, Config: pool.Config, Runtime: pool.Runtime}
}

func scaleShares(spec types.ResourceConfigSpec) string {
	if spec.ScaleDescendantsShares != "" {
		return spec.ScaleDescendantsShares
	}

	return string(types.ResourceConfigSpecScaleSharesBehaviorDisabled)
}
