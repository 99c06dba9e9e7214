package center

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// guestReport is what the hypervisor agent tells of a guest. A real ESXi uses a private protocol.
type guestReport struct {
	HostName     string     `json:"host_name"`
	ToolsRunning bool       `json:"tools_running"`
	NICs         []guestNIC `json:"nics"`
}

type guestNIC struct {
	MAC       string         `json:"mac"`
	Addresses []netip.Prefix `json:"addresses"`
	Gateway   *netip.Addr    `json:"gateway"`
}

// reportError is a report that cannot be accepted.
type reportError struct {
	status int
	what   string
}

func (e *reportError) Error() string { return e.what }

// putGuest accepts a report on one virtual machine: PUT /lab/guest/<reference value>.
func (c *Center) putGuest(w http.ResponseWriter, r *http.Request) {
	var report guestReport

	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&report); err != nil {
		http.Error(w, "not a guest report: "+err.Error(), http.StatusBadRequest)
		return
	}

	ctx := c.newContext()
	ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: r.PathValue("vm")}

	vm, ok := find[*simulator.VirtualMachine](ctx, ref)
	if !ok {
		http.Error(w, "no virtual machine "+ref.Value, http.StatusNotFound)
		return
	}

	var refused *reportError
	ctx.WithLock(vm, func() { refused = applyReport(ctx, vm, &report) })
	if refused != nil {
		http.Error(w, refused.what, refused.status)
		return
	}

	w.WriteHeader(http.StatusNoContent)
}

func applyReport(ctx *simulator.Context, vm *simulator.VirtualMachine, report *guestReport) *reportError {
	guest := *vm.Guest

	if !report.ToolsRunning {
		clearGuest(&guest)
		ctx.Update(vm, guestChanges(&guest))

		return nil
	}

	if state := vm.Runtime.PowerState; state != types.VirtualMachinePowerStatePoweredOn {
		return &reportError{http.StatusConflict, fmt.Sprintf("%s is %s: tools cannot run in it", vm.Self.Value, state)}
	}

	// A guest that was asked to go down is on its way until it has gone.
	asked := guest.GuestState == string(types.VirtualMachineGuestStateShuttingDown) ||
		guest.GuestState == string(types.VirtualMachineGuestStateResetting)
	state := string(types.VirtualMachineGuestStateRunning)
	if asked {
		state = guest.GuestState
	}

	clearGuest(&guest)
	yes := true
	guest.ToolsStatus = types.VirtualMachineToolsStatusToolsOk
	guest.ToolsRunningStatus = string(types.VirtualMachineToolsRunningStatusGuestToolsRunning)
	guest.GuestState = state
	guest.GuestId = vm.Config.GuestId
	guest.GuestFamily = guestFamily(vm.Config.GuestId)
	guest.GuestFullName = guestName(vm.Config.GuestId)
	guest.HostName = report.HostName
	guest.GuestOperationsReady = &yes
	guest.GuestStateChangeSupported = &yes

	var routes []types.NetIpRouteConfigInfoIpRoute
	for i, nic := range report.NICs {
		device, err := describeNIC(ctx, vm, nic)
		if err != nil {
			return err
		}
		guest.Net = append(guest.Net, *device)
		routes = append(routes, nicRoutes(i, nic)...)

		for _, address := range nic.Addresses {
			if guest.IpAddress == "" && address.Addr().Is4() {
				guest.IpAddress = address.Addr().String()
			}
		}
	}
	guest.IpStack = []types.GuestStackInfo{{
		DnsConfig:     &types.NetDnsConfigInfo{HostName: report.HostName},
		IpRouteConfig: &types.NetIpRouteConfigInfo{IpRoute: routes},
	}}

	ctx.Update(vm, guestChanges(&guest))

	return nil
}

// describeNIC finds the device that a reported NIC is, by its MAC.
func describeNIC(ctx *simulator.Context, vm *simulator.VirtualMachine, nic guestNIC) (*types.GuestNicInfo, *reportError) {
	mac, err := net.ParseMAC(nic.MAC)
	if err != nil {
		return nil, &reportError{http.StatusBadRequest, fmt.Sprintf("%q is not a MAC address", nic.MAC)}
	}

	for _, card := range ethernetCards(vm) {
		own, err := net.ParseMAC(card.MacAddress)
		if err != nil || own.String() != mac.String() {
			continue
		}

		info := &types.GuestNicInfo{
			Network:        networkName(ctx, card),
			MacAddress:     mac.String(),
			Connected:      true,
			DeviceConfigId: card.Key,
			IpConfig:       &types.NetIpConfigInfo{},
		}
		for _, address := range nic.Addresses {
			info.IpAddress = append(info.IpAddress, address.Addr().String())
			info.IpConfig.IpAddress = append(info.IpConfig.IpAddress, types.NetIpConfigInfoIpAddress{
				IpAddress:    address.Addr().String(),
				PrefixLength: int32(address.Bits()),
				State:        string(types.NetIpConfigInfoIpAddressStatusPreferred),
			})
		}

		return info, nil
	}

	return nil, &reportError{http.StatusBadRequest, fmt.Sprintf("%s has no NIC with MAC %s", vm.Self.Value, nic.MAC)}
}

// nicRoutes are the routes that addresses and gateway of the NIC at a place bring along.
func nicRoutes(place int, nic guestNIC) []types.NetIpRouteConfigInfoIpRoute {
	device := strconv.Itoa(place)
	var routes []types.NetIpRouteConfigInfoIpRoute

	if nic.Gateway != nil {
		network := "0.0.0.0"
		if nic.Gateway.Is6() {
			network = "::"
		}
		routes = append(routes, types.NetIpRouteConfigInfoIpRoute{
			Network: network,
			Gateway: types.NetIpRouteConfigInfoGateway{IpAddress: nic.Gateway.String(), Device: device},
		})
	}
	for _, address := range nic.Addresses {
		routes = append(routes, types.NetIpRouteConfigInfoIpRoute{
			Network:      address.Masked().Addr().String(),
			PrefixLength: int32(address.Bits()),
			Gateway:      types.NetIpRouteConfigInfoGateway{Device: device},
		})
	}

	return routes
}

func networkName(ctx *simulator.Context, card *types.VirtualEthernetCard) string {
	backing, ok := card.Backing.(*types.VirtualEthernetCardDistributedVirtualPortBackingInfo)
	if !ok {
		return ""
	}

	key := types.ManagedObjectReference{Type: "DistributedVirtualPortgroup", Value: backing.Port.PortgroupKey}
	if group, ok := find[*simulator.DistributedVirtualPortgroup](ctx, key); ok {
		return group.Name
	}

	return ""
}
