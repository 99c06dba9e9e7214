package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// ShutdownGuest asks the guest to shut down and returns. The hypervisor agent sees the guest state,
// stops the host gracefully and then powers the virtual machine off.
func (vm *virtualMachine) ShutdownGuest(ctx *simulator.Context, _ *types.ShutdownGuest) soap.HasFault {
	if fault := vm.ask(ctx, types.VirtualMachineGuestStateShuttingDown); fault != nil {
		return &methods.ShutdownGuestBody{Fault_: simulator.Fault("cannot shut down the guest", fault)}
	}

	return &methods.ShutdownGuestBody{Res: new(types.ShutdownGuestResponse)}
}

// RebootGuest asks the guest to restart and returns.
func (vm *virtualMachine) RebootGuest(ctx *simulator.Context, _ *types.RebootGuest) soap.HasFault {
	if fault := vm.ask(ctx, types.VirtualMachineGuestStateResetting); fault != nil {
		return &methods.RebootGuestBody{Fault_: simulator.Fault("cannot restart the guest", fault)}
	}

	return &methods.RebootGuestBody{Res: new(types.RebootGuestResponse)}
}

// ask puts the guest into the state that it is to bring about itself.
func (vm *virtualMachine) ask(ctx *simulator.Context, state types.VirtualMachineGuestState) types.BaseMethodFault {
	if power := vm.Runtime.PowerState; power != types.VirtualMachinePowerStatePoweredOn {
		return &types.InvalidPowerState{
			RequestedState: types.VirtualMachinePowerStatePoweredOn,
			ExistingState:  power,
		}
	}
	if vm.Guest.ToolsRunningStatus != string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		return new(types.ToolsUnavailable)
	}

	ctx.Update(vm.VirtualMachine, []types.PropertyChange{{Name: "guest.guestState", Val: string(state)}})

	return nil
}

// clearGuest forgets what only running tools can tell.
func clearGuest(guest *types.GuestInfo) {
	*guest = types.GuestInfo{
		ToolsStatus:         types.VirtualMachineToolsStatusToolsNotRunning,
		ToolsVersionStatus:  string(types.VirtualMachineToolsVersionStatusGuestToolsUnmanaged),
		ToolsVersionStatus2: string(types.VirtualMachineToolsVersionStatusGuestToolsUnmanaged),
		ToolsRunningStatus:  string(types.VirtualMachineToolsRunningStatusGuestToolsNotRunning),
		ToolsVersion:        toolsVersion,
		ToolsInstallType:    string(types.VirtualMachineToolsInstallTypeGuestToolsTypeOpenVMTools),
		GuestState:          string(types.VirtualMachineGuestStateNotRunning),
	}
}

// toolsVersion is that of Debian 12's open-vm-tools, 12.2.0, in VMware's numbering.
const toolsVersion = "12416"

// guestChanges replaces the guest and what the summary repeats of it.
func guestChanges(guest *types.GuestInfo) []types.PropertyChange {
	heartbeat := types.ManagedEntityStatusGray
	if guest.ToolsRunningStatus == string(types.VirtualMachineToolsRunningStatusGuestToolsRunning) {
		heartbeat = types.ManagedEntityStatusGreen
	}

	return []types.PropertyChange{
		{Name: "guest", Val: *guest},
		{Name: "summary.guest", Val: types.VirtualMachineGuestSummary{
			GuestId:             guest.GuestId,
			GuestFullName:       guest.GuestFullName,
			ToolsStatus:         guest.ToolsStatus,
			ToolsVersionStatus:  guest.ToolsVersionStatus,
			ToolsVersionStatus2: guest.ToolsVersionStatus2,
			ToolsRunningStatus:  guest.ToolsRunningStatus,
			HostName:            guest.HostName,
			IpAddress:           guest.IpAddress,
		}},
		{Name: "guestHeartbeatStatus", Val: heartbeat},
		{Name: "summary.quickStats.guestHeartbeatStatus", Val: heartbeat},
	}
}
