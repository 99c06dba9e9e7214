package center

import (
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

// What a virtual machine can have at most.
// Source: vSphere configuration maximums, for hardware version 13.
const (
	maxCPUs      = 128
	minMemoryMiB = 4
	maxMemoryMiB = 6 << 20
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
		Id:                              id,
		FullName:                        guestName(id),
		Family:                          guestFamily(id),
		SupportedMaxCPUs:                maxCPUs,
		NumSupportedPhysicalSockets:     maxCPUs,
		NumSupportedCoresPerSocket:      maxCPUs,
		SupportedMinMemMB:               minMemoryMiB,
		SupportedMaxMemMB:               maxMemoryMiB,
		RecommendedMemMB:                1024,
		SupportedDiskControllerList:     []string{"ParaVirtualSCSIController", "VirtualLsiLogicSASController", "VirtualLsiLogicController"},
		RecommendedDiskController:       "ParaVirtualSCSIController",
		RecommendedSCSIController:       "ParaVirtualSCSIController",
		RecommendedCdromController:      "VirtualIDEController",
		RecommendedDiskSizeMB:           16 << 10,
		SupportedNumDisks:               60,
		SupportedEthernetCard:           []string{"VirtualVmxnet3", "VirtualE1000", "VirtualE1000e"},
		RecommendedEthernetCard:         "VirtualVmxnet3",
		SupportedFirmware:               []string{"bios", "efi"},
		RecommendedFirmware:             string(types.GuestOsDescriptorFirmwareTypeBios),
		SupportsMemoryHotAdd:            true,
		SupportsCpuHotAdd:               true,
		SupportsPvscsiControllerForBoot: true,
		SupportsHotPlugPCI:              true,
		SupportLevel:                    "supported",
		SupportedForCreate:              true,
	}
}
