package center

import (
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// collectorLife is how long a property collector is served that nobody has called: a session's.
const collectorLife = 30 * time.Minute

// changeFeed tells property collectors which objects changed. The registry has one.
//
// The simulator registers collectors under their reference, which the default collectors of all
// sessions share: only the last of them would hear of changes.
type changeFeed struct {
	mo.ExtensionManager // some managed object: the registry insists on one

	user string // who starts tasks

	mu         sync.Mutex
	collectors map[*propertyCollector]time.Time // with the time of the last call
	unfinished map[types.ManagedObjectReference]bool
	closed     chan struct{}
}

var feedReference = types.ManagedObjectReference{Type: "LabChangeFeed", Value: "changes"}

func newChangeFeed(user string) *changeFeed {
	f := &changeFeed{
		user:       user,
		collectors: make(map[*propertyCollector]time.Time),
		unfinished: make(map[types.ManagedObjectReference]bool),
		closed:     make(chan struct{}),
	}
	f.Self = feedReference

	return f
}

func feedOf(ctx *simulator.Context) *changeFeed {
	return ctx.Map.Get(feedReference).(*changeFeed)
}

// attach makes a collector hear of changes, or notes that it is still in use.
func (f *changeFeed) attach(c *propertyCollector) {
	now := time.Now()

	f.mu.Lock()
	defer f.mu.Unlock()

	f.collectors[c] = now
	for other, used := range f.collectors {
		if now.Sub(used) > collectorLife && !other.isWaiting() {
			delete(f.collectors, other)
		}
	}
}

func (f *changeFeed) detach(c *propertyCollector) {
	f.mu.Lock()
	defer f.mu.Unlock()

	delete(f.collectors, c)
}

// close ends all waiting.
func (f *changeFeed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()

	select {
	case <-f.closed:
	default:
		close(f.closed)
	}
}

// isFinished tells whether an object may be shown. The simulator puts a virtual machine into the
// inventory while it still builds it, without a lock.
func (f *changeFeed) isFinished(ref types.ManagedObjectReference) bool {
	f.mu.Lock()
	defer f.mu.Unlock()

	return !f.unfinished[ref]
}

func (f *changeFeed) publish(c change) {
	f.mu.Lock()
	defer f.mu.Unlock()

	for collector := range f.collectors {
		collector.mark(c)
	}
}

// change is what a collector needs to know of an event in the registry.
type change struct {
	ref types.ManagedObjectReference
	// moved says that objects may now be selected, or no longer: one came, went or moved.
	moved bool
}

// PutObject hears of a new object, and of one that moved. A virtual machine that is still being
// built has no name.
func (f *changeFeed) PutObject(ctx *simulator.Context, object mo.Reference) {
	ref := object.Reference()

	if task, ok := object.(*simulator.Task); ok {
		describeTask(ctx, task, f.user)
	}
	if vm, ok := object.(*simulator.VirtualMachine); ok && vm.Name == "" {
		f.mu.Lock()
		f.unfinished[ref] = true
		f.mu.Unlock()

		return
	}

	f.publish(change{ref: ref, moved: true})
}

// UpdateObject hears of a changed object. The last thing that the simulator does to a new virtual
// machine is to tell its name.
func (f *changeFeed) UpdateObject(_ *simulator.Context, object mo.Reference, changes []types.PropertyChange) {
	c := change{ref: object.Reference()}

	if task, ok := object.(*mo.Task); ok && task.Info.Error != nil {
		task.Info.Error.LocalizedMessage = faultMessage(task.Info.Error.Fault)
	}

	for i := range changes {
		switch name := changes[i].Name; {
		case name == "name":
			f.mu.Lock()
			if f.unfinished[c.ref] {
				delete(f.unfinished, c.ref)
				c.moved = true
			}
			f.mu.Unlock()
		case selects[name], strings.HasPrefix(name, "childEntity"):
			c.moved = true
		}
	}

	f.publish(c)
}

// RemoveObject hears of a deleted object. With a virtual machine goes what refers to it.
func (f *changeFeed) RemoveObject(ctx *simulator.Context, ref types.ManagedObjectReference) {
	if ref.Type == "VirtualMachine" {
		ctx.Map.Remove(ctx, browserReference(ref))
		forgetMachine(ctx, ref)
	}

	f.mu.Lock()
	delete(f.unfinished, ref)
	f.mu.Unlock()

	f.publish(change{ref: ref, moved: true})
}

// selects are the properties by which clients go from object to object.
var selects = map[string]bool{
	"parent": true, "resourcePool": true, "runtime.host": true, "view": true, "vm": true, "host": true,
	"network": true, "datastore": true, "portgroup": true, "recentTask": true,
}
