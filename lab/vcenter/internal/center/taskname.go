package center

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// methodNames are the methods behind the tasks that the simulator, and we like it, name otherwise.
// pyVmomi looks a task's method up by its name.
var methodNames = map[string]string{
	"AddDVPortgroup":         "AddDVPortgroup_Task",
	"CloneVm":                "CloneVM_Task",
	"CreateVm":               "CreateVM_Task",
	"CustomizeVm":            "CustomizeVM_Task",
	"PowerOff":               "PowerOffVM_Task",
	"PowerOn":                "PowerOnVM_Task",
	"ReconfigVm":             "ReconfigVM_Task",
	"ReconfigureDvPortgroup": "ReconfigureDVPortgroup_Task",
	"ReconfigureCluster":     "ReconfigureComputeResource_Task",
	"RegisterVm":             "RegisterVM_Task",
	"RelocateVm":             "RelocateVM_Task",
	"Reset":                  "ResetVM_Task",
	"RevertSnapshot":         "RevertToCurrentSnapshot_Task",
	"Suspend":                "SuspendVM_Task",
	"UpgradeVm":              "UpgradeVM_Task",
}

// describeTask gives a new task the names that a client sees: of its method, of the object that it
// works on, and of who asked for it.
func describeTask(ctx *simulator.Context, task *simulator.Task, user string) {
	info := &task.Info

	if name, ok := methodNames[info.Name]; ok {
		info.Name = name
	} else if _, ok := types.TypeFunc()(info.Name + "_Task"); ok {
		info.Name += "_Task"
	}
	if entity, ok := ctx.Map.Get(*info.Entity).(mo.Entity); ok {
		info.EntityName = entity.Entity().Name
	}
	info.Reason = &types.TaskReasonUser{UserName: user}
}
