package center

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type virtualMachine struct{ *simulator.VirtualMachine }

// completeMachine gives a new virtual machine what a real one has from the start, and takes away
// what the simulator invents.
func completeMachine(ctx *simulator.Context, vm *simulator.VirtualMachine) {
	config := *vm.Config
	config.SwapPlacement = string(types.VirtualMachineConfigInfoSwapPlacementTypeInherit)
	config.GuestFullName = guestName(config.GuestId)
	config.ExtraConfig = slices.DeleteFunc(slices.Clone(config.ExtraConfig), func(option types.BaseOptionValue) bool {
		return option.GetOptionValue().Key == "govcsim"
	})
	config.DefaultPowerOps = types.VirtualMachineDefaultPowerOpInfo{
		PowerOffType: "soft", SuspendType: "hard", ResetType: "soft",
		DefaultPowerOffType: "soft", DefaultSuspendType: "hard", DefaultResetType: "soft",
		StandbyAction: "checkpoint",
	}

	browser := &machineBrowser{machine: vm.Self}
	browser.Self = browserReference(vm.Self)
	ctx.Map.Put(browser)

	runtime := vm.Runtime
	runtime.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
	runtime.RecordReplayState = types.VirtualMachineRecordReplayStateInactive

	var guest types.GuestInfo
	clearGuest(&guest)

	ctx.Update(vm, append(guestChanges(&guest),
		types.PropertyChange{Name: "config", Val: config},
		types.PropertyChange{Name: "runtime", Val: runtime},
		types.PropertyChange{Name: "summary.runtime", Val: runtime},
		types.PropertyChange{Name: "summary.config.guestFullName", Val: config.GuestFullName},
		types.PropertyChange{Name: "environmentBrowser", Val: browser.Self},
	))
}

// ethernetCards are the NICs of a virtual machine, in the order of its devices.
func ethernetCards(vm *simulator.VirtualMachine) []*types.VirtualEthernetCard {
	var cards []*types.VirtualEthernetCard

	for _, device := range vm.Config.Hardware.Device {
		if card, ok := device.(types.BaseVirtualEthernetCard); ok {
			cards = append(cards, card.GetVirtualEthernetCard())
		}
	}

	return cards
}

// assignMAC makes an address as a vCenter assigns it, 00:50:56:80:00:00 to 00:50:56:bf:ff:ff,
// unique for the virtual machine and the place of the NIC in it.
func assignMAC(vm *simulator.VirtualMachine, place int) string {
	number, err := strconv.Atoi(strings.TrimPrefix(vm.Self.Value, "vm-"))
	if err != nil {
		panic("reference of a virtual machine without a number: " + vm.Self.Value) // the registry numbers them
	}
	n := number*maxEthernetCards + place

	return fmt.Sprintf("00:50:56:%02x:%02x:%02x", 0x80|(n>>16)&0x3f, n>>8&0xff, n&0xff)
}

// isDatastore tells whether a datastore path, such as `[datastore01] web01/web01.vmdk`, names a
// datastore that the virtual machine's host mounts.
func isDatastore(ctx *simulator.Context, host types.ManagedObjectReference, path string) bool {
	var p object.DatastorePath
	if !p.FromString(path) {
		return false
	}
	h, ok := find[*simulator.HostSystem](ctx, host)

	return ok && ctx.Map.FindByName(p.Datastore, h.Datastore) != nil
}
