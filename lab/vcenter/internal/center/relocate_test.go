package center_test

import (
	"slices"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *lab) newPool(t *testing.T, under *object.ResourcePool, name string) *object.ResourcePool {
	t.Helper()

	pool, err := under.Create(l.ctx, name, types.DefaultResourceConfigSpec())
	if err != nil {
		t.Fatal(err)
	}

	return pool
}

func (l *lab) machinesOf(t *testing.T, pool *object.ResourcePool) []types.ManagedObjectReference {
	t.Helper()

	var p mo.ResourcePool
	l.read(t, pool.Reference(), &p, "vm")

	return p.Vm
}

func TestMachineMovesIntoAnotherPool(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)
	first, second := l.newPool(t, l.pool, "first"), l.newPool(t, l.pool, "second")

	_, err := methods.MoveIntoResourcePool(l.ctx, l.Client.Client, &types.MoveIntoResourcePool{
		This: first.Reference(),
		List: []types.ManagedObjectReference{vm.Reference()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if *l.machine(t, vm).ResourcePool != first.Reference() || !slices.Contains(l.machinesOf(t, first), vm.Reference()) {
		t.Error("not in the first pool")
	}

	to := second.Reference()
	task, err := vm.Relocate(l.ctx, types.VirtualMachineRelocateSpec{Pool: &to}, types.VirtualMachineMovePriorityDefaultPriority)
	l.result(t, task, err)
	if *l.machine(t, vm).ResourcePool != to || !slices.Contains(l.machinesOf(t, second), vm.Reference()) || len(l.machinesOf(t, first)) > 0 {
		t.Error("not in the second pool alone")
	}
}

func TestPoolCannotBecomeItsOwnAncestor(t *testing.T) {
	l := newLab(t)
	parent := l.newPool(t, l.pool, "parent")
	child := l.newPool(t, parent, "child")

	move := func(pool, under *object.ResourcePool) error {
		_, err := methods.MoveIntoResourcePool(l.ctx, l.Client.Client, &types.MoveIntoResourcePool{
			This: under.Reference(),
			List: []types.ManagedObjectReference{pool.Reference()},
		})
		return err
	}

	if move(parent, child) == nil {
		t.Error("the parent is below its child")
	}
	if err := move(child, l.pool); err != nil {
		t.Error(err)
	}
	if err := move(parent, child); err != nil { // now they are brothers
		t.Error(err)
	}
}

func TestMachineMovesToAnotherHost(t *testing.T) {
	l := newLab(t)
	vm := l.clone(t, "app01", nil)

	hosts, err := l.finder.HostSystemList(l.ctx, "*")
	if err != nil {
		t.Fatal(err)
	}
	from := *l.machine(t, vm).Runtime.Host
	for _, host := range hosts {
		to := host.Reference()
		if to == from {
			continue
		}
		task, err := vm.Relocate(l.ctx, types.VirtualMachineRelocateSpec{Host: &to}, types.VirtualMachineMovePriorityDefaultPriority)
		l.result(t, task, err)

		var now, before mo.HostSystem
		l.read(t, to, &now, "vm")
		l.read(t, from, &before, "vm")
		if *l.machine(t, vm).Runtime.Host != to || !slices.Contains(now.Vm, vm.Reference()) || slices.Contains(before.Vm, vm.Reference()) {
			t.Errorf("on %v, not %v", l.machine(t, vm).Runtime.Host, to)
		}
	}
}
