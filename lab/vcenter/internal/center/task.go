package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// work is what a task does and what it ends with.
type work = func(*simulator.Task) (types.AnyType, types.BaseMethodFault)

// createTask makes a task on an object. It fails if a mishap struck the call that it belongs to.
func createTask(ctx *simulator.Context, object mo.Reference, name string, run work) *simulator.Task {
	if fault := struck(ctx); fault != nil {
		run = func(*simulator.Task) (types.AnyType, types.BaseMethodFault) { return nil, fault }
	}

	return simulator.CreateTask(object, name, run)
}

// finish waits for a task of the simulator and returns what it ended with.
func finish(ctx *simulator.Context, task types.ManagedObjectReference) (types.AnyType, types.BaseMethodFault) {
	t := ctx.Map.Get(task).(*simulator.Task)
	t.Wait()

	if t.Info.Error != nil {
		return nil, t.Info.Error.Fault
	}

	return t.Info.Result, nil
}

// awaitTasks waits for every task that the simulator has started.
func awaitTasks(ctx *simulator.Context) {
	for _, task := range ctx.Map.AllReference("Task") {
		task.(*simulator.Task).Wait()
	}
}
