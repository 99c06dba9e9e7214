package center

import (
	"reflect"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// maxGone bounds the deleted objects that a filter remembers for clients that have not asked since.
const maxGone = 4096

// propertyFilter knows the selected objects with the properties that its clients were told.
// Its collector's state lock guards it.
type propertyFilter struct {
	mo.PropertyFilter

	collector *propertyCollector
	objects   map[types.ManagedObjectReference]*watchedObject
	gone      map[types.ManagedObjectReference]goneObject
	pending   map[types.ManagedObjectReference]bool // to be read again
	moved     bool                                  // to be selected again
}

// watchedObject is what is known of an object, with the number of the change that made it known.
type watchedObject struct {
	entered    int
	last       int
	properties map[string]watchedProperty
	missing    []types.MissingProperty
}

type watchedProperty struct {
	value   types.AnyType // nil when unset
	changed int
}

// goneObject is an object that was selected from one change to another.
type goneObject struct{ entered, left int }

func newPropertyFilter(c *propertyCollector, req *types.CreateFilter) *propertyFilter {
	f := &propertyFilter{
		collector: c,
		objects:   make(map[types.ManagedObjectReference]*watchedObject),
		gone:      make(map[types.ManagedObjectReference]goneObject),
		pending:   make(map[types.ManagedObjectReference]bool),
		moved:     true,
	}
	f.Self.Type = "PropertyFilter"
	f.Spec = req.Spec
	f.PartialUpdates = req.PartialUpdates

	return f
}

// DestroyPropertyFilter ends the filter. Others who wait on the collector go on.
func (f *propertyFilter) DestroyPropertyFilter(ctx *simulator.Context, _ *types.DestroyPropertyFilter) soap.HasFault {
	c := f.collector

	c.state.Lock()
	for i, filter := range c.filters {
		if filter == f {
			c.filters = append(c.filters[:i:i], c.filters[i+1:]...)
			break
		}
	}
	empty := len(c.filters) == 0
	c.state.Unlock()

	if empty {
		feedOf(ctx).detach(c)
	}
	ctx.Session.Remove(ctx, f.Self)

	return &methods.DestroyPropertyFilterBody{Res: new(types.DestroyPropertyFilterResponse)}
}

// check selects once, for the fault of a specification that cannot be followed.
func (f *propertyFilter) check(ctx *simulator.Context) types.BaseMethodFault {
	_, fault := f.retrieve(ctx, types.PropertyFilterSpec{ObjectSet: f.Spec.ObjectSet, PropSet: typesOnly(f.Spec.PropSet)})

	return fault
}

// mark notes changed objects, and whether to select anew.
func (f *propertyFilter) mark(changed map[types.ManagedObjectReference]bool, moved bool) {
	for ref := range changed {
		if f.objects[ref] != nil {
			f.pending[ref] = true
		}
	}
	f.moved = f.moved || moved
}

// refresh brings the known objects up to date and numbers what changed.
func (f *propertyFilter) refresh(ctx *simulator.Context) types.BaseMethodFault {
	if f.moved {
		if fault := f.selectAnew(ctx); fault != nil {
			return fault
		}
	}
	if len(f.pending) == 0 {
		return nil
	}

	spec := types.PropertyFilterSpec{PropSet: f.Spec.PropSet, ReportMissingObjectsInResults: new(bool)}
	*spec.ReportMissingObjectsInResults = true
	for ref := range f.pending {
		spec.ObjectSet = append(spec.ObjectSet, types.ObjectSpec{Obj: ref})
	}

	contents, fault := f.retrieve(ctx, spec)
	if fault != nil {
		return fault
	}

	missing := f.pending
	f.pending = make(map[types.ManagedObjectReference]bool)
	for i := range contents {
		delete(missing, contents[i].Obj)
		f.observe(&contents[i])
	}
	for ref := range missing {
		f.forget(ref)
	}

	return nil
}

// selectAnew finds which objects the specification selects now.
func (f *propertyFilter) selectAnew(ctx *simulator.Context) types.BaseMethodFault {
	report := true
	contents, fault := f.retrieve(ctx, types.PropertyFilterSpec{
		ObjectSet:                     f.Spec.ObjectSet,
		PropSet:                       typesOnly(f.Spec.PropSet),
		ReportMissingObjectsInResults: &report,
	})
	if fault != nil {
		return fault
	}
	f.moved = false

	feed := feedOf(ctx)
	selected := make(map[types.ManagedObjectReference]bool, len(contents))
	for i := range contents {
		ref := contents[i].Obj
		if !feed.isFinished(ref) {
			continue // its completion will make us select anew
		}
		selected[ref] = true
		if f.objects[ref] == nil {
			f.pending[ref] = true
		}
	}
	for ref := range f.objects {
		if !selected[ref] {
			f.forget(ref)
		}
	}

	return nil
}

// observe compares an object with what is known of it.
func (f *propertyFilter) observe(content *types.ObjectContent) {
	object := f.objects[content.Obj]
	if object == nil {
		object = &watchedObject{entered: f.collector.nextVersion(), properties: make(map[string]watchedProperty)}
		object.last = object.entered
		f.objects[content.Obj] = object
		delete(f.gone, content.Obj)
	}
	object.missing = content.MissingSet

	now := make(map[string]types.AnyType, len(content.PropSet))
	for _, property := range content.PropSet {
		now[property.Name] = property.Val
	}

	var changed []string
	for name, value := range now {
		if known, ok := object.properties[name]; !ok || !reflect.DeepEqual(known.value, value) {
			changed = append(changed, name)
		}
	}
	for name, known := range object.properties {
		if _, ok := now[name]; !ok && known.value != nil {
			changed = append(changed, name)
		}
	}
	if len(changed) == 0 {
		return
	}

	object.last = f.collector.nextVersion()
	for _, name := range changed {
		object.properties[name] = watchedProperty{value: now[name], changed: object.last}
	}
}

// forget notes that an object is no longer selected.
func (f *propertyFilter) forget(ref types.ManagedObjectReference) {
	delete(f.pending, ref)

	object := f.objects[ref]
	if object == nil {
		return
	}
	delete(f.objects, ref)

	if len(f.gone) >= maxGone {
		clear(f.gone)
	}
	f.gone[ref] = goneObject{entered: object.entered, left: f.collector.nextVersion()}
}

// retrieve reads properties, each object under its lock. The answer is a copy.
func (f *propertyFilter) retrieve(ctx *simulator.Context, spec types.PropertyFilterSpec) ([]types.ObjectContent, types.BaseMethodFault) {
	answer := f.collector.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{
		This:    f.collector.Self,
		SpecSet: []types.PropertyFilterSpec{spec},
	})
	if fault := asFault(answer); fault != nil {
		return nil, fault
	}

	return answer.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects, nil
}

// typesOnly are specifications that ask for no property.
func typesOnly(specs []types.PropertySpec) []types.PropertySpec {
	only := make([]types.PropertySpec, len(specs))
	for i := range specs {
		only[i].Type = specs[i].Type
	}

	return only
}
