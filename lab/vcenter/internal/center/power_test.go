package center_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/center"
)

// report sends a guest report as the hypervisor agent does and returns the status of the answer.
func (l *lab) report(t *testing.T, vm *object.VirtualMachine, as center.Credentials, body any) int {
	t.Helper()

	text, ok := body.(string)
	if !ok {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded)
	}

	request, err := http.NewRequestWithContext(l.ctx, http.MethodPut,
		l.server.URL+"/lab/guest/"+vm.Reference().Value, bytes.NewBufferString(text))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(as.User, as.Password)

	answer, err := l.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}

	return answer.StatusCode
}

// running is a report of a guest with one NIC.
func running(mac string) map[string]any {
	return map[string]any{
		"host_name":     "app01",
		"tools_running": true,
		"nics":          []any{map[string]any{"mac": mac, "addresses": []string{"10.21.20.11/24"}, "gateway": "10.21.20.1"}},
	}
}

func (l *lab) runningMachine(t *testing.T) *object.VirtualMachine {
	t.Helper()

	vm := l.clone(t, "app01", nil)
	l.powerOn(t, vm)
	if status := l.report(t, vm, account, running(mac(l.machine(t, vm), 0))); status != http.StatusNoContent {
		t.Fatalf("report: status %d", status)
	}

	return vm
}

func TestBootTimeIsTheIdentityOfABoot(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)

	if at := l.machine(t, vm).Runtime.BootTime; at != nil {
		t.Fatalf("never booted, but at %s", at)
	}

	l.powerOn(t, vm)
	first := l.machine(t, vm).Runtime.BootTime
	if first == nil {
		t.Fatal("no boot time after power on")
	}

	task, err := vm.Reset(l.ctx)
	l.result(t, task, err)
	m := l.machine(t, vm)
	if m.Runtime.BootTime == nil || !m.Runtime.BootTime.After(*first) {
		t.Errorf("boot time %v after a reset of a machine booted %v", m.Runtime.BootTime, first)
	}
	if m.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		t.Errorf("%s after a reset", m.Runtime.PowerState)
	}

	task, err = vm.PowerOff(l.ctx)
	l.result(t, task, err)
	if at := l.machine(t, vm).Runtime.BootTime; at != nil {
		t.Errorf("off, but booted at %s", at)
	}

	task, err = vm.Reset(l.ctx)
	failure[*types.InvalidPowerState](t, l, task, err)
}

func TestPowerOnByTheDatacenterIsABootToo(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)

	datacenter, err := l.finder.DefaultDatacenter(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	task, err := datacenter.PowerOnVM(l.ctx, []types.ManagedObjectReference{vm.Reference()})
	result := l.result(t, task, err).(types.ClusterPowerOnVmResult)
	l.result(t, object.NewTask(l.Client.Client, *result.Attempted[0].Task), nil)

	if l.machine(t, vm).Runtime.BootTime == nil {
		t.Error("no boot time")
	}
}

func TestTemplateCannotBePoweredOn(t *testing.T) {
	l := newLab(t)

	if _, err := l.template.PowerOn(l.ctx); err == nil {
		t.Error("powered on a template")
	}
}

func TestGuestWithoutToolsCannotBeAsked(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	l.powerOn(t, vm)

	for name, err := range map[string]error{"shutdown": vm.ShutdownGuest(l.ctx), "reboot": vm.RebootGuest(l.ctx)} {
		if err == nil || !soap.IsSoapFault(err) {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := soap.ToSoapFault(err).VimFault().(types.ToolsUnavailable); !ok {
			t.Errorf("%s: fault %T instead of ToolsUnavailable", name, soap.ToSoapFault(err).VimFault())
		}
	}
}

func TestAskedGuestShowsWhatItIsDoing(t *testing.T) {
	l := newLab(t)
	vm := l.runningMachine(t)

	if err := vm.RebootGuest(l.ctx); err != nil {
		t.Fatal(err)
	}
	if state := l.machine(t, vm).Guest.GuestState; state != string(types.VirtualMachineGuestStateResetting) {
		t.Errorf("guest state %s", state)
	}

	if err := vm.ShutdownGuest(l.ctx); err != nil {
		t.Fatal(err)
	}
	// A report that crosses the request must not hide it from the agent.
	l.report(t, vm, account, running(mac(l.machine(t, vm), 0)))

	m := l.machine(t, vm)
	if m.Guest.GuestState != string(types.VirtualMachineGuestStateShuttingDown) {
		t.Errorf("guest state %s", m.Guest.GuestState)
	}
	if m.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		t.Error("the guest is only asked, not powered off")
	}
}

func TestReportedGuestIsShown(t *testing.T) {
	l := newLab(t)
	m := l.machine(t, l.runningMachine(t))

	g := m.Guest
	if g.HostName != "app01" || g.IpAddress != "10.21.20.11" || g.GuestState != "running" ||
		g.ToolsRunningStatus != "guestToolsRunning" || g.ToolsStatus != "toolsOk" || g.GuestId != "debian12_64Guest" {
		t.Errorf("guest: %+v", g)
	}
	if m.Summary.Guest.IpAddress != "10.21.20.11" || m.GuestHeartbeatStatus != types.ManagedEntityStatusGreen {
		t.Errorf("summary: %+v", m.Summary.Guest)
	}

	if len(g.Net) != 1 || g.Net[0].Network != "provider-management" || g.Net[0].DeviceConfigId != 4000 ||
		g.Net[0].IpConfig.IpAddress[0].PrefixLength != 24 {
		t.Errorf("NICs: %+v", g.Net)
	}
	routes := fmt.Sprint(len(g.IpStack[0].IpRouteConfig.IpRoute))
	if first := g.IpStack[0].IpRouteConfig.IpRoute[0]; routes != "2" || first.Network != "0.0.0.0" || first.Gateway.IpAddress != "10.21.20.1" {
		t.Errorf("routes: %+v", g.IpStack[0].IpRouteConfig.IpRoute)
	}
}

func TestGuestIsForgottenWhenItStops(t *testing.T) {
	l := newLab(t)

	for name, stop := range map[string]func(*object.VirtualMachine){
		"reset":    func(vm *object.VirtualMachine) { task, err := vm.Reset(l.ctx); l.result(t, task, err) },
		"no tools": func(vm *object.VirtualMachine) { l.report(t, vm, account, map[string]any{"tools_running": false}) },
		"off":      func(vm *object.VirtualMachine) { task, err := vm.PowerOff(l.ctx); l.result(t, task, err) },
	} {
		vm := l.clone(t, "app01", nil)
		l.powerOn(t, vm)
		l.report(t, vm, account, running(mac(l.machine(t, vm), 0)))

		stop(vm)

		if g := l.machine(t, vm).Guest; g.IpAddress != "" || len(g.Net) != 0 || g.ToolsRunningStatus != "guestToolsNotRunning" {
			t.Errorf("%s: guest %+v", name, g)
		}

		if name != "off" {
			task, err := vm.PowerOff(l.ctx)
			l.result(t, task, err)
		}
		task, err := vm.Destroy(l.ctx)
		l.result(t, task, err)
	}
}

func TestReportThatCannotBeTrueIsRefused(t *testing.T) {
	l := newLab(t)
	off := l.clone(t, "off01", nil)
	on := l.clone(t, "app01", nil)
	l.powerOn(t, on)
	address := mac(l.machine(t, on), 0)
	nobody := object.NewVirtualMachine(l.Client.Client, types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-9999"})
	stranger := center.Credentials{User: account.User, Password: "wrong"}

	for name, c := range map[string]struct {
		vm   *object.VirtualMachine
		as   center.Credentials
		body any
		want int
	}{
		"wrong password":       {on, stranger, running(address), http.StatusUnauthorized},
		"no machine":           {nobody, account, running(address), http.StatusNotFound},
		"machine is off":       {off, account, running(address), http.StatusConflict},
		"not its NIC":          {on, account, running("00:50:56:00:99:99"), http.StatusBadRequest},
		"not a MAC":            {on, account, running("eth0"), http.StatusBadRequest},
		"not JSON":             {on, account, "{", http.StatusBadRequest},
		"unknown key":          {on, account, map[string]any{"tools": true}, http.StatusBadRequest},
		"address not a prefix": {on, account, `{"tools_running":true,"nics":[{"mac":"` + address + `","addresses":["10.0.0.1"]}]}`, http.StatusBadRequest},
	} {
		if status := l.report(t, c.vm, c.as, c.body); status != c.want {
			t.Errorf("%s: status %d instead of %d", name, status, c.want)
		}
	}

	if g := l.machine(t, on).Guest; g.IpAddress != "" {
		t.Errorf("a refused report was taken: %+v", g)
	}
}
