package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

type switchManager struct {
	*simulator.DistributedVirtualSwitchManager
}

// QueryDvsByUuid finds a switch.
func (m *switchManager) QueryDvsByUuid(ctx *simulator.Context, req *types.QueryDvsByUuid) soap.HasFault {
	for _, entity := range ctx.Map.All("DistributedVirtualSwitch") {
		if s := entity.(*simulator.DistributedVirtualSwitch); s.Uuid == req.Uuid {
			return &methods.QueryDvsByUuidBody{Res: &types.QueryDvsByUuidResponse{Returnval: &s.Self}}
		}
	}

	return &methods.QueryDvsByUuidBody{Fault_: simulator.Fault("no switch with UUID "+req.Uuid, &types.NotFound{})}
}
