package center

import (
	"strconv"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// propertyCollector waits for changes in a way that any number of clients may use at once.
//
// The simulator's collector hands every change to whoever asks first and panics when a filter goes
// while another client waits. This one numbers the changes: a version is the number of the last
// change that a client has seen, so each gets all that came after.
//
// Two locks, always in this order: state, then marks. Changes are marked by whoever makes them,
// under that object's lock, so nobody may wait for an object while holding marks.
type propertyCollector struct {
	simulator.PropertyCollector

	state   sync.Mutex
	version int // number of the last change
	filters []*propertyFilter

	marks   sync.Mutex
	changed map[types.ManagedObjectReference]bool // since the filters were last brought up to date
	moved   bool                                  // so that filters select anew
	wake    chan struct{}                         // closed and replaced at each change
	cancel  chan struct{}                         // closed and replaced to end all waiting
	waiting int
}

// collectorCreation guards the moment in which a session gets its default collector, see override.
var collectorCreation sync.Mutex

// CreatePropertyCollector makes a further collector of the session.
func (c *propertyCollector) CreatePropertyCollector(ctx *simulator.Context, _ *types.CreatePropertyCollector) soap.HasFault {
	further := new(propertyCollector)
	further.Self.Type = "PropertyCollector"

	return &methods.CreatePropertyCollectorBody{Res: &types.CreatePropertyCollectorResponse{
		Returnval: ctx.Session.Put(further).Reference(),
	}}
}

// CreateFilter adds a filter. Its objects are the first changes it reports.
func (c *propertyCollector) CreateFilter(ctx *simulator.Context, req *types.CreateFilter) soap.HasFault {
	resolveSpecs(ctx, []types.PropertyFilterSpec{req.Spec})

	filter := newPropertyFilter(c, req)
	// What cannot be selected is refused now, as a real one does.
	if fault := filter.check(ctx); fault != nil {
		return &methods.CreateFilterBody{Fault_: simulator.Fault("", fault)}
	}

	ctx.Session.Put(filter)

	c.state.Lock()
	c.filters = append(c.filters, filter)
	c.state.Unlock()

	feedOf(ctx).attach(c)
	c.notify() // others who wait on this collector see the new filter

	return &methods.CreateFilterBody{Res: &types.CreateFilterResponse{Returnval: filter.Self}}
}

// DestroyPropertyCollector ends the collector, its filters and all waiting on it.
func (c *propertyCollector) DestroyPropertyCollector(ctx *simulator.Context, req *types.DestroyPropertyCollector) soap.HasFault {
	feedOf(ctx).detach(c)

	c.state.Lock()
	for _, filter := range c.filters {
		ctx.Session.Remove(ctx, filter.Self)
	}
	c.filters = nil
	c.state.Unlock()

	c.stop()
	ctx.Session.Remove(ctx, req.This)

	return &methods.DestroyPropertyCollectorBody{Res: new(types.DestroyPropertyCollectorResponse)}
}

// CancelWaitForUpdates ends all waiting on the collector.
func (c *propertyCollector) CancelWaitForUpdates(*types.CancelWaitForUpdates) soap.HasFault {
	c.stop()

	return &methods.CancelWaitForUpdatesBody{Res: new(types.CancelWaitForUpdatesResponse)}
}

// CheckForUpdates returns changes without waiting for any.
func (c *propertyCollector) CheckForUpdates(ctx *simulator.Context, req *types.CheckForUpdates) soap.HasFault {
	now := int32(0)

	set, fault := c.updates(ctx, req.Version, &types.WaitOptions{MaxWaitSeconds: &now})
	if fault != nil {
		return &methods.CheckForUpdatesBody{Fault_: simulator.Fault("", fault)}
	}

	return &methods.CheckForUpdatesBody{Res: &types.CheckForUpdatesResponse{Returnval: set}}
}

// WaitForUpdates waits for changes as long as it takes.
func (c *propertyCollector) WaitForUpdates(ctx *simulator.Context, req *types.WaitForUpdates) soap.HasFault {
	set, fault := c.updates(ctx, req.Version, nil)
	if fault != nil {
		return &methods.WaitForUpdatesBody{Fault_: simulator.Fault("", fault)}
	}

	return &methods.WaitForUpdatesBody{Res: &types.WaitForUpdatesResponse{Returnval: *set}}
}

// WaitForUpdatesEx waits for changes as long as the options say.
func (c *propertyCollector) WaitForUpdatesEx(ctx *simulator.Context, req *types.WaitForUpdatesEx) soap.HasFault {
	set, fault := c.updates(ctx, req.Version, req.Options)
	if fault != nil {
		return &methods.WaitForUpdatesExBody{Fault_: simulator.Fault("", fault)}
	}

	return &methods.WaitForUpdatesExBody{Res: &types.WaitForUpdatesExResponse{Returnval: set}}
}

// updates returns what changed after a version, or nil when nothing did until the time was over.
func (c *propertyCollector) updates(ctx *simulator.Context, version string, options *types.WaitOptions) (*types.UpdateSet, types.BaseMethodFault) {
	since, err := parseVersion(version)
	if err != nil {
		return nil, new(types.InvalidCollectorVersion)
	}

	var over <-chan time.Time // never, when nil
	limit := 0
	if options != nil {
		limit = int(options.MaxObjectUpdates)
		if s := options.MaxWaitSeconds; s != nil {
			timer := time.NewTimer(time.Duration(*s) * time.Second)
			defer timer.Stop()
			over = timer.C
		}
	}

	feed := feedOf(ctx)
	feed.attach(c)
	cancelled := c.beginWaiting()
	defer c.endWaiting()

	for {
		woken := c.awaken()

		set, fault := c.collect(ctx, since, limit)
		if fault != nil || set != nil {
			return set, fault
		}

		select {
		case <-woken:
		case <-cancelled:
			return nil, new(types.RequestCanceled)
		case <-feed.closed:
			return nil, new(types.RequestCanceled)
		case <-over:
			return nil, nil
		}
	}
}

// collect brings the filters up to date and returns what changed after a version. The first call
// of a client, without a version, is always answered.
func (c *propertyCollector) collect(ctx *simulator.Context, since, limit int) (*types.UpdateSet, types.BaseMethodFault) {
	c.state.Lock()
	defer c.state.Unlock()

	if c.version == 0 {
		c.version = 1
	}
	if since > c.version {
		return nil, new(types.InvalidCollectorVersion)
	}

	changed, moved := c.takeMarks()
	for _, filter := range c.filters {
		filter.mark(changed, moved)
	}
	for _, filter := range c.filters {
		if fault := filter.refresh(ctx); fault != nil {
			return nil, fault
		}
	}

	set := changesAfter(c, since, limit)
	if len(set.FilterSet) == 0 && since > 0 {
		return nil, nil
	}

	return set, nil
}

// nextVersion numbers a change. The first is 2: version 1 is that of a client that has seen nothing.
func (c *propertyCollector) nextVersion() int {
	c.version++

	return c.version
}

// mark notes a change for the next time somebody collects, and wakes those who wait.
func (c *propertyCollector) mark(m change) {
	c.marks.Lock()
	defer c.marks.Unlock()

	if c.changed == nil {
		c.changed = make(map[types.ManagedObjectReference]bool)
	}
	c.changed[m.ref] = true
	c.moved = c.moved || m.moved
	c.wakeLocked()
}

func (c *propertyCollector) takeMarks() (map[types.ManagedObjectReference]bool, bool) {
	c.marks.Lock()
	defer c.marks.Unlock()

	changed, moved := c.changed, c.moved
	c.changed, c.moved = nil, false

	return changed, moved
}

// isWaiting tells whether some client waits on the collector now.
func (c *propertyCollector) isWaiting() bool {
	c.marks.Lock()
	defer c.marks.Unlock()

	return c.waiting > 0
}

func (c *propertyCollector) beginWaiting() <-chan struct{} {
	c.marks.Lock()
	defer c.marks.Unlock()

	c.waiting++
	if c.cancel == nil {
		c.cancel = make(chan struct{})
	}

	return c.cancel
}

func (c *propertyCollector) endWaiting() {
	c.marks.Lock()
	defer c.marks.Unlock()

	c.waiting--
}

// awaken returns a channel that closes at the next change.
func (c *propertyCollector) awaken() <-chan struct{} {
	c.marks.Lock()
	defer c.marks.Unlock()

	if c.wake == nil {
		c.wake = make(chan struct{})
	}

	return c.wake
}

// notify wakes all who wait.
func (c *propertyCollector) notify() {
	c.marks.Lock()
	defer c.marks.Unlock()

	c.wakeLocked()
}

func (c *propertyCollector) wakeLocked() {
	if c.wake != nil {
		close(c.wake)
		c.wake = nil
	}
}

// stop sends all who wait away.
func (c *propertyCollector) stop() {
	c.marks.Lock()
	defer c.marks.Unlock()

	if c.cancel != nil {
		close(c.cancel)
		c.cancel = nil
	}
}

// parseVersion reads the number that a version is. None is zero: nothing seen yet.
func parseVersion(version string) (int, error) {
	if version == "" {
		return 0, nil
	}

	return strconv.Atoi(version)
}
