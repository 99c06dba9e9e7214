package center

import (
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

// guestNames are the names a vCenter shows for the guests of this lab.
var guestNames = map[string]string{
	string(types.VirtualMachineGuestOsIdentifierDebian11_64Guest): "Debian GNU/Linux 11 (64-bit)",
	string(types.VirtualMachineGuestOsIdentifierDebian12_64Guest): "Debian GNU/Linux 12 (64-bit)",
}

func guestName(id string) string {
	if name, ok := guestNames[id]; ok {
		return name
	}

	return id
}

func guestFamily(id string) string {
	switch {
	case strings.HasPrefix(id, "win"):
		return string(types.VirtualMachineGuestOsFamilyWindowsGuest)
	case strings.HasPrefix(id, "darwin"):
		return string(types.VirtualMachineGuestOsFamilyDarwinGuestFamily)
	default:
		return string(types.VirtualMachineGuestOsFamilyLinuxGuest)
	}
}

func guestDescriptor(id string) types.GuestOsDescriptor {
	return types.GuestOsDescriptor{
		Id:                        id,
		FullName:                  guestName(id),
		Family:                    guestFamily(id),
		SupportedMaxCPUs:          128,
		SupportedMinMemMB:         4,
		SupportedMaxMemMB:         6 << 20,
		RecommendedMemMB:          1024,
		RecommendedDiskController: "ParaVirtualSCSIController",
		RecommendedEthernetCard:   "VirtualVmxnet3",
		RecommendedFirmware:       string(types.GuestOsDescriptorFirmwareTypeBios),
		SupportedEthernetCard:     []string{"VirtualVmxnet3", "VirtualE1000", "VirtualE1000e"},
		SupportedDiskControllerList: []string{
			"ParaVirtualSCSIController", "VirtualLsiLogicSASController", "VirtualLsiLogicController",
		},
	}
}
