package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

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
