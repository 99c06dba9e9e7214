package center

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/vmware/govmomi/vim25/types"
)

// numberedUpdate is a change to one object of one filter.
type numberedUpdate struct {
	version int
	filter  *propertyFilter
	update  types.ObjectUpdate
}

// changesAfter is what a client that has seen a version has not seen yet.
//
// Args: limit is the greatest number of objects, or 0. Each object's last change has a number of
// its own, so a set that is cut off continues after the number of its last object.
func changesAfter(c *propertyCollector, since, limit int) *types.UpdateSet {
	var updates []numberedUpdate
	for _, filter := range c.filters {
		updates = append(updates, filter.changesAfter(since)...)
	}
	slices.SortFunc(updates, func(a, b numberedUpdate) int { return cmp.Compare(a.version, b.version) })

	set := &types.UpdateSet{Version: strconv.Itoa(c.version)}
	if limit > 0 && len(updates) > limit {
		updates = updates[:limit]
		truncated := true
		set.Truncated = &truncated
		set.Version = strconv.Itoa(updates[limit-1].version)
	}

	for _, filter := range c.filters {
		of := types.PropertyFilterUpdate{Filter: filter.Self}
		for _, u := range updates {
			if u.filter == filter {
				of.ObjectSet = append(of.ObjectSet, u.update)
			}
		}
		if len(of.ObjectSet) > 0 {
			set.FilterSet = append(set.FilterSet, of)
		}
	}

	return set
}

func (f *propertyFilter) changesAfter(since int) []numberedUpdate {
	var updates []numberedUpdate

	for ref, object := range f.objects {
		if object.last <= since {
			continue
		}
		update := types.ObjectUpdate{Obj: ref, Kind: types.ObjectUpdateKindModify}
		if object.entered > since {
			update.Kind = types.ObjectUpdateKindEnter
			update.MissingSet = object.missing
		}
		for _, name := range slices.Sorted(maps.Keys(object.properties)) {
			property := object.properties[name]
			if property.changed <= since || (update.Kind == types.ObjectUpdateKindEnter && property.value == nil) {
				continue
			}
			update.ChangeSet = append(update.ChangeSet, types.PropertyChange{
				Name: name,
				Op:   types.PropertyChangeOpAssign,
				Val:  property.value,
			})
		}
		updates = append(updates, numberedUpdate{object.last, f, update})
	}

	for ref, object := range f.gone {
		if object.left > since && object.entered <= since {
			updates = append(updates, numberedUpdate{
				object.left, f, types.ObjectUpdate{Obj: ref, Kind: types.ObjectUpdateKindLeave},
			})
		}
	}

	return updates
}
