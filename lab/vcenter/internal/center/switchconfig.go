package center

import (
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// ReconfigureDvsTask also changes where a switch sends records of flows, and which ports it mirrors.
// The simulator knows of a switch's hosts alone.
func (s *distributedSwitch) ReconfigureDvsTask(ctx *simulator.Context, req *types.ReconfigureDvs_Task) soap.HasFault {
	spec, ok := req.Spec.(*types.VMwareDVSConfigSpec)
	if !ok {
		return s.DistributedVirtualSwitch.ReconfigureDvsTask(ctx, req)
	}

	task := createTask(ctx, s.DistributedVirtualSwitch, "reconfigureDvs",
		func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
			if fault := s.reconfigure(ctx, spec); fault != nil {
				return nil, fault
			}
			hosts := s.DistributedVirtualSwitch.ReconfigureDvsTask(ctx, req)

			return finish(ctx, hosts.(*methods.ReconfigureDvs_TaskBody).Res.Returnval)
		})

	return &methods.ReconfigureDvs_TaskBody{Res: &types.ReconfigureDvs_TaskResponse{Returnval: task.Run(ctx)}}
}

func (s *distributedSwitch) reconfigure(ctx *simulator.Context, spec *types.VMwareDVSConfigSpec) types.BaseMethodFault {
	config := *s.Config.(*types.VMwareDVSConfigInfo)
	if spec.ConfigVersion != "" && spec.ConfigVersion != config.ConfigVersion {
		return &types.ConcurrentAccess{}
	}

	sessions, fault := mirrorSessions(config.VspanSession, spec.VspanConfigSpec)
	if fault != nil {
		return fault
	}
	config.VspanSession = sessions
	if spec.IpfixConfig != nil {
		config.IpfixConfig = spec.IpfixConfig
	}

	version, err := strconv.Atoi(config.ConfigVersion)
	if err != nil {
		return &types.SystemErrorFault{Reason: "config version " + config.ConfigVersion + " is not a number"}
	}
	config.ConfigVersion = strconv.Itoa(version + 1)

	ctx.Update(s.DistributedVirtualSwitch, []types.PropertyChange{{Name: "config", Val: &config}})

	return nil
}

// mirrorSessions applies changes to the sessions that mirror ports, entirely or not at all.
func mirrorSessions(current []types.VMwareVspanSession, changes []types.VMwareDVSVspanConfigSpec) ([]types.VMwareVspanSession, types.BaseMethodFault) {
	sessions := slices.Clone(current)

	for i := range changes {
		session := changes[i].VspanSession

		if types.ConfigSpecOperation(changes[i].Operation) == types.ConfigSpecOperationAdd {
			session.Key = uuid.NewString()
			sessions = append(sessions, session)
			continue
		}

		place := slices.IndexFunc(sessions, func(s types.VMwareVspanSession) bool { return s.Key == session.Key })
		if place < 0 {
			return nil, &types.InvalidArgument{InvalidProperty: "spec.vspanConfigSpec.vspanSession.key"}
		}
		if types.ConfigSpecOperation(changes[i].Operation) == types.ConfigSpecOperationRemove {
			sessions = slices.Delete(sessions, place, place+1)
		} else {
			sessions[place] = session
		}
	}

	return sessions, nil
}
