package center_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// watcher follows all virtual machines as the hypervisor agent does.
type watcher struct {
	l         *lab
	client    *govmomi.Client
	collector types.ManagedObjectReference
	version   string
}

func (l *lab) watch(t *testing.T, client *govmomi.Client, collector types.ManagedObjectReference, names ...string) *watcher {
	t.Helper()

	v, err := view.NewManager(client.Client).CreateContainerView(l.ctx, client.ServiceContent.RootFolder, []string{"VirtualMachine"}, true)
	if err != nil {
		t.Fatal(err)
	}
	skip := true
	_, err = methods.CreateFilter(l.ctx, client.Client, &types.CreateFilter{This: collector, Spec: types.PropertyFilterSpec{
		ObjectSet: []types.ObjectSpec{{Obj: v.Reference(), Skip: &skip, SelectSet: []types.BaseSelectionSpec{
			&types.TraversalSpec{Type: "ContainerView", Path: "view"},
		}}},
		PropSet: []types.PropertySpec{{Type: "VirtualMachine", PathSet: names}},
	}})
	if err != nil {
		t.Fatal(err)
	}

	return &watcher{l: l, client: client, collector: collector}
}

// next returns the next updates; it waits for some.
func (w *watcher) next(t *testing.T, options types.WaitOptions) []types.ObjectUpdate {
	t.Helper()

	answer, err := methods.WaitForUpdatesEx(w.l.ctx, w.client.Client, &types.WaitForUpdatesEx{
		This: w.collector, Version: w.version, Options: &options,
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Returnval == nil {
		return nil
	}
	w.version = answer.Returnval.Version

	var updates []types.ObjectUpdate
	for _, set := range answer.Returnval.FilterSet {
		updates = append(updates, set.ObjectSet...)
	}

	return updates
}

func newCollector(t *testing.T, l *lab, client *govmomi.Client) types.ManagedObjectReference {
	t.Helper()

	c, err := property.DefaultCollector(client.Client).Create(l.ctx)
	if err != nil {
		t.Fatal(err)
	}

	return c.Reference()
}

func names(update types.ObjectUpdate) []string {
	var names []string
	for _, c := range update.ChangeSet {
		names = append(names, c.Name)
	}

	return names
}

func TestWatcherSeesALifeFromCloneToDestroy(t *testing.T) {
	l := newLab(t)
	w := l.watch(t, l.Client, newCollector(t, l, l.Client),
		"config.hardware", "config.extraConfig", "runtime.bootTime", "runtime.powerState", "guest.guestState")

	if enter := w.next(t, types.WaitOptions{}); len(enter) != 1 || enter[0].Kind != types.ObjectUpdateKindEnter {
		t.Fatalf("at first: %+v", enter)
	}

	vm := l.clone(t, "app01", nil)
	if u := w.next(t, types.WaitOptions{}); len(u) != 1 || u[0].Kind != types.ObjectUpdateKindEnter || u[0].Obj != vm.Reference() {
		t.Fatalf("after the clone: %+v", u)
	}

	steps := []struct {
		name string
		do   func() (*object.Task, error)
		want []string
	}{
		{"memory", func() (*object.Task, error) {
			return vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{MemoryMB: 2048})
		}, []string{"config.hardware"}},
		{"guestinfo", func() (*object.Task, error) {
			return vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{
				ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "guestinfo.metadata", Value: "e30="}},
			})
		}, []string{"config.extraConfig"}},
		{"power on", func() (*object.Task, error) { return vm.PowerOn(l.ctx) },
			[]string{"config.hardware", "runtime.bootTime", "runtime.powerState"}}, // NICs connect
		{"reset", func() (*object.Task, error) { return vm.Reset(l.ctx) }, []string{"runtime.bootTime"}},
	}
	for _, step := range steps {
		task, err := step.do()
		l.result(t, task, err)
		if u := w.next(t, types.WaitOptions{}); len(u) != 1 || u[0].Kind != types.ObjectUpdateKindModify || !slices.Equal(names(u[0]), step.want) {
			t.Errorf("%s: %+v", step.name, u)
		}
	}

	l.report(t, vm, account, running(mac(l.machine(t, vm), 0)))
	if err := vm.ShutdownGuest(l.ctx); err != nil {
		t.Fatal(err)
	}
	if u := w.next(t, types.WaitOptions{}); len(u) != 1 || u[0].ChangeSet[0].Val != "shuttingDown" {
		t.Errorf("shutdown: %+v", u)
	}

	task, err := vm.PowerOff(l.ctx)
	l.result(t, task, err)
	for _, c := range w.next(t, types.WaitOptions{})[0].ChangeSet {
		if c.Name == "runtime.bootTime" && (c.Val != nil || c.Op != types.PropertyChangeOpAssign) {
			t.Errorf("boot time after power off: %+v", c)
		}
	}

	task, err = vm.Destroy(l.ctx)
	l.result(t, task, err)
	if u := w.next(t, types.WaitOptions{}); len(u) != 1 || u[0].Kind != types.ObjectUpdateKindLeave || u[0].Obj != vm.Reference() {
		t.Errorf("destroy: %+v", u)
	}

	now := int32(0)
	if u := w.next(t, types.WaitOptions{MaxWaitSeconds: &now}); u != nil {
		t.Errorf("nothing happened, but: %+v", u)
	}
}

// The current provider waits for all its tasks on the one default collector of its session.
func TestManyWaitOnOneCollectorAndNoneHangs(t *testing.T) {
	l := newLab(t)
	const workers, rounds = 8, 4

	var group sync.WaitGroup
	failed := make(chan error, workers*rounds)

	for worker := range workers {
		group.Go(func() {
			for round := range rounds {
				failed <- func() error {
					name := fmt.Sprintf("vm-%d-%d", worker, round)
					task, err := l.startClone(name, nil)
					if err != nil {
						return err
					}
					info, err := task.WaitForResult(l.ctx)
					if err != nil {
						return err
					}
					vm := object.NewVirtualMachine(l.Client.Client, info.Result.(types.ManagedObjectReference))

					on, err := vm.PowerOn(l.ctx)
					if err != nil {
						return err
					}
					if err := on.Wait(l.ctx); err != nil {
						return err
					}
					// Waits for a property by a filter on the default collector, and destroys it.
					return property.WaitForUpdates(l.ctx, property.DefaultCollector(l.Client.Client), new(property.WaitFilter).Add(
						vm.Reference(), "VirtualMachine", []string{"runtime.powerState"}),
						func([]types.ObjectUpdate) bool { return true })
				}()
			}
		})
	}
	group.Wait()
	close(failed)

	for err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
}

// What the lab is for: a provider at work and the hypervisor agent watching it.
func TestWatcherAndWorkersTogether(t *testing.T) {
	l := newLab(t)
	const workers, rounds = 6, 4
	w := l.watch(t, l.login(t), l.ServiceContent.PropertyCollector,
		"config.hardware", "config.extraConfig", "config.instanceUuid", "runtime.bootTime", "runtime.powerState",
		"summary.config.template", "guest.guestState")

	failed := make(chan error, workers)
	for worker := range workers {
		go func() {
			failed <- func() error {
				for round := range rounds {
					task, err := l.startClone(fmt.Sprintf("vm-%d-%d", worker, round), nil)
					if err != nil {
						return err
					}
					info, err := task.WaitForResult(l.ctx)
					if err != nil {
						return err
					}
					vm := object.NewVirtualMachine(l.Client.Client, info.Result.(types.ManagedObjectReference))
					for _, act := range []func() (*object.Task, error){
						func() (*object.Task, error) {
							return vm.Reconfigure(l.ctx, types.VirtualMachineConfigSpec{MemoryMB: 2048})
						},
						func() (*object.Task, error) { return vm.PowerOn(l.ctx) },
						func() (*object.Task, error) { return vm.PowerOff(l.ctx) },
						func() (*object.Task, error) { return vm.Destroy(l.ctx) },
					} {
						task, err := act()
						if err != nil {
							return err
						}
						if err := task.Wait(l.ctx); err != nil {
							return err
						}
					}
				}
				return nil
			}()
		}()
	}

	known := make(map[types.ManagedObjectReference]bool)
	follow := func(wait int32) bool {
		updates := w.next(t, types.WaitOptions{MaxWaitSeconds: &wait})
		for _, update := range updates {
			switch {
			case update.Kind == types.ObjectUpdateKindEnter && known[update.Obj]:
				t.Errorf("%s entered twice", update.Obj)
			case update.Kind != types.ObjectUpdateKindEnter && !known[update.Obj]:
				t.Errorf("%s: %s before it entered", update.Obj, update.Kind)
			}
			known[update.Obj] = update.Kind != types.ObjectUpdateKindLeave
		}
		return updates != nil
	}

	for left := workers; left > 0; {
		follow(1)
		select {
		case err := <-failed:
			left--
			if err != nil {
				t.Error(err)
			}
		default: // still at work
		}
	}
	for follow(0) { // until nothing is new
	}

	if !known[l.template.Reference()] {
		t.Error("the template is gone")
	}
	for ref, there := range known {
		if there && ref != l.template.Reference() {
			t.Errorf("%s was destroyed, and the watcher not told", ref)
		}
	}
}

func TestTwoSessionsHearOfTheSameChange(t *testing.T) {
	l := newLab(t)
	other := l.login(t)

	// The default collectors of both sessions have one reference.
	first := l.watch(t, l.Client, l.ServiceContent.PropertyCollector, "name")
	second := l.watch(t, other, other.ServiceContent.PropertyCollector, "name")
	first.next(t, types.WaitOptions{})
	second.next(t, types.WaitOptions{})

	vm := l.clone(t, "app01", nil)

	for i, w := range []*watcher{first, second} {
		if u := w.next(t, types.WaitOptions{}); len(u) != 1 || u[0].Obj != vm.Reference() {
			t.Errorf("session %d: %+v", i, u)
		}
	}
}

func TestTwoWaitersOnOneCollectorHearOfTheSameChange(t *testing.T) {
	l := newLab(t)
	first := l.watch(t, l.Client, newCollector(t, l, l.Client), "name")
	first.next(t, types.WaitOptions{})
	second := *first

	l.clone(t, "app01", nil)

	for i, w := range []*watcher{first, &second} {
		if u := w.next(t, types.WaitOptions{}); len(u) != 1 {
			t.Errorf("waiter %d: %+v", i, u)
		}
	}
}

func TestUpdatesComeInPortions(t *testing.T) {
	l := newLab(t)
	for i := range 4 {
		l.clone(t, fmt.Sprintf("app%02d", i), nil)
	}
	w := l.watch(t, l.Client, newCollector(t, l, l.Client), "name")

	seen := make(map[types.ManagedObjectReference]bool)
	for _, want := range []int{2, 2, 1} { // the template is one, too
		portion := w.next(t, types.WaitOptions{MaxObjectUpdates: 2})
		if len(portion) != want {
			t.Fatalf("portion of %d: %+v", want, portion)
		}
		for _, update := range portion {
			seen[update.Obj] = true
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d objects", len(seen))
	}
}

func TestEndOfACollectorEndsTheWaiting(t *testing.T) {
	l := newLab(t)

	for name, end := range map[string]func(types.ManagedObjectReference) error{
		"cancel": func(ref types.ManagedObjectReference) error {
			_, err := methods.CancelWaitForUpdates(l.ctx, l.Client.Client, &types.CancelWaitForUpdates{This: ref})
			return err
		},
		"destroy": func(ref types.ManagedObjectReference) error {
			_, err := methods.DestroyPropertyCollector(l.ctx, l.Client.Client, &types.DestroyPropertyCollector{This: ref})
			return err
		},
	} {
		w := l.watch(t, l.Client, newCollector(t, l, l.Client), "name")
		w.next(t, types.WaitOptions{})

		waited := make(chan error, 1)
		ctx, cancel := context.WithCancel(l.ctx)
		go func() {
			// Again and again: the end may come between two calls.
			for {
				_, err := methods.WaitForUpdatesEx(ctx, l.Client.Client, &types.WaitForUpdatesEx{This: w.collector, Version: w.version})
				if err != nil {
					waited <- err
					return
				}
			}
		}()
		for ended := false; !ended; {
			if err := end(w.collector); err != nil && name == "cancel" {
				t.Fatal(err)
			}
			select {
			case err := <-waited:
				if !soap.IsSoapFault(err) {
					t.Errorf("%s: %v", name, err)
				}
				ended = true
			case <-l.ctx.Done():
				t.Fatalf("%s: still waiting", name)
			default: // the waiting had not begun when it was ended
			}
		}
		cancel()
	}
}

func TestVersionOfAnotherCollectorIsInvalid(t *testing.T) {
	l := newLab(t)
	w := l.watch(t, l.Client, newCollector(t, l, l.Client), "name")

	for _, version := range []string{"4711", "nonsense"} {
		_, err := methods.WaitForUpdatesEx(l.ctx, l.Client.Client, &types.WaitForUpdatesEx{This: w.collector, Version: version})
		if err == nil || !soap.IsSoapFault(err) {
			t.Fatalf("version %s: %v", version, err)
		}
		if _, ok := soap.ToSoapFault(err).VimFault().(types.InvalidCollectorVersion); !ok {
			t.Errorf("version %s: fault %T", version, soap.ToSoapFault(err).VimFault())
		}
	}
}

func TestFilterOnAMissingObjectIsRefused(t *testing.T) {
	l := newLab(t)

	_, err := methods.CreateFilter(l.ctx, l.Client.Client, &types.CreateFilter{
		This: newCollector(t, l, l.Client),
		Spec: types.PropertyFilterSpec{
			ObjectSet: []types.ObjectSpec{{Obj: types.ManagedObjectReference{Type: "VirtualMachine", Value: "vm-9999"}}},
			PropSet:   []types.PropertySpec{{Type: "VirtualMachine", PathSet: []string{"name"}}},
		},
	})
	if err == nil || !soap.IsSoapFault(err) {
		t.Fatal(err)
	}
	if _, ok := soap.ToSoapFault(err).VimFault().(types.ManagedObjectNotFound); !ok {
		t.Errorf("fault %T", soap.ToSoapFault(err).VimFault())
	}
}

func TestStoppedCenterEndsAllWaiting(t *testing.T) {
	l := newLab(t)
	w := l.watch(t, l.Client, newCollector(t, l, l.Client), "name")
	w.next(t, types.WaitOptions{})

	waited := make(chan error, 1)
	go func() {
		_, err := methods.WaitForUpdatesEx(l.ctx, l.Client.Client, &types.WaitForUpdatesEx{This: w.collector, Version: w.version})
		waited <- err
	}()
	l.center.Release()

	select {
	case err := <-waited:
		if err == nil {
			t.Error("an update that nobody made")
		}
	case <-l.ctx.Done():
		t.Error(errors.New("still waiting"))
	}
}
