package center_test

import (
	"slices"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vapi/tags"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

func TestClusterHasWhatItsHostsAddUpTo(t *testing.T) {
	l := newLab(t)

	cluster, err := l.finder.ClusterComputeResource(l.ctx, "cluster01")
	if err != nil {
		t.Fatal(err)
	}
	var c mo.ClusterComputeResource
	l.read(t, cluster.Reference(), &c, "summary", "host", "resourcePool")

	summary := c.Summary.GetComputeResourceSummary()
	if len(c.Host) != 2 || summary.TotalCpu != 2*16*2400 || summary.TotalMemory != 2*131072<<20 {
		t.Errorf("cluster: %+v", summary)
	}

	var pool mo.ResourcePool
	l.read(t, *c.ResourcePool, &pool, "config")
	if *pool.Config.CpuAllocation.Limit != 2*16*2400 || *pool.Config.MemoryAllocation.Limit != 2*131072 {
		t.Errorf("root pool: %+v", pool.Config)
	}
}

func TestDatastoreHasItsCapacity(t *testing.T) {
	l := newLab(t)

	datastore, err := l.finder.Datastore(l.ctx, "datastore01")
	if err != nil {
		t.Fatal(err)
	}
	var d mo.Datastore
	l.read(t, datastore.Reference(), &d, "summary", "host")

	if d.Summary.Capacity != 4096<<30 || d.Summary.Type != "VMFS" || len(d.Host) != 2 {
		t.Errorf("datastore: %+v on %d hosts", d.Summary, len(d.Host))
	}
}

func TestResourcePoolsKeepTheirOwnLimits(t *testing.T) {
	l := newLab(t)

	pools := make(map[string]*object.ResourcePool)
	for _, name := range []string{"werkendam", "lelystad"} {
		spec := types.DefaultResourceConfigSpec()
		spec.MemoryAllocation.Limit = types.NewInt64(int64(len(name)) * 1024)
		pool, err := l.pool.Create(l.ctx, name, spec)
		if err != nil {
			t.Fatal(err)
		}
		pools[name] = pool
	}

	no := false
	change := types.DefaultResourceConfigSpec()
	change.MemoryAllocation.Limit = types.NewInt64(4096)
	change.MemoryAllocation.ExpandableReservation = &no
	if err := pools["werkendam"].UpdateConfig(l.ctx, "werkendam", &change); err != nil {
		t.Fatal(err) // its own name is no duplicate
	}

	var changed, other mo.ResourcePool
	l.read(t, pools["werkendam"].Reference(), &changed)
	l.read(t, pools["lelystad"].Reference(), &other)

	if m := changed.Config.MemoryAllocation; *m.Limit != 4096 || *m.ExpandableReservation {
		t.Errorf("memory: %+v", m)
	}
	if changed.Config.ScaleDescendantsShares != "disabled" {
		t.Errorf("scale descendants' shares: %q", changed.Config.ScaleDescendantsShares)
	}
	if name := changed.Summary.GetResourcePoolSummary().Name; name != "werkendam" {
		t.Errorf("summary of werkendam names %s", name)
	}
	if *other.Config.MemoryAllocation.Limit != 8*1024 {
		t.Errorf("the other pool: %+v", other.Config.MemoryAllocation)
	}
}

func TestAntiAffinityRuleLives(t *testing.T) {
	l := newLab(t)
	first, second := l.clone(t, "db01", nil), l.clone(t, "db02", nil)

	cluster, err := l.finder.DefaultClusterComputeResource(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	rule := &types.ClusterAntiAffinityRuleSpec{
		ClusterRuleInfo: types.ClusterRuleInfo{Name: "db", Enabled: &yes},
		Vm:              []types.ManagedObjectReference{first.Reference(), second.Reference()},
	}
	change := func(operation types.ArrayUpdateOperation) (*object.Task, error) {
		return cluster.Reconfigure(l.ctx, &types.ClusterConfigSpecEx{RulesSpec: []types.ClusterRuleSpec{{
			ArrayUpdateSpec: types.ArrayUpdateSpec{Operation: operation},
			Info:            rule,
		}}}, true)
	}
	rules := func() []types.BaseClusterRuleInfo {
		config, err := cluster.Configuration(l.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return config.Rule
	}

	task, err := change(types.ArrayUpdateOperationAdd)
	l.result(t, task, err)
	added := *rules()[0].GetClusterRuleInfo()

	rule.Key, rule.Name = added.Key, "databases"
	task, err = change(types.ArrayUpdateOperationEdit)
	l.result(t, task, err)
	if renamed := rules()[0].GetClusterRuleInfo(); renamed.Name != "databases" || renamed.RuleUuid != added.RuleUuid {
		t.Errorf("renamed: %+v, was %+v", renamed, added)
	}

	task, err = second.Destroy(l.ctx)
	l.result(t, task, err)
	if left := rules()[0].(*types.ClusterAntiAffinityRuleSpec).Vm; !slices.Equal(left, []types.ManagedObjectReference{first.Reference()}) {
		t.Errorf("after a machine went: %v", left)
	}

	rule.Vm = append(rule.Vm, second.Reference())
	task, err = change(types.ArrayUpdateOperationEdit)
	failure[*types.ManagedObjectNotFound](t, l, task, err)

	rule.Key = 4711
	task, err = change(types.ArrayUpdateOperationEdit)
	failure[*types.InvalidArgument](t, l, task, err)
}

func TestTagCategoryHoldsTypesWithoutPrefix(t *testing.T) {
	l := newLab(t)

	client := rest.NewClient(l.Client.Client)
	if err := client.Login(l.ctx, l.endpoint(account).User); err != nil {
		t.Fatal(err)
	}
	manager := tags.NewManager(client)

	id, err := manager.CreateCategory(l.ctx, &tags.Category{
		Name:            "tenant",
		Cardinality:     "SINGLE",
		AssociableTypes: []string{"urn:vim25:VirtualMachine"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.UpdateCategory(l.ctx, &tags.Category{
		ID:              id,
		AssociableTypes: []string{"urn:vim25:Folder", "urn:vim25:VirtualMachine"}, // another order
	}); err != nil {
		t.Fatal(err)
	}

	category, err := manager.GetCategory(l.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(category.AssociableTypes, []string{"VirtualMachine", "Folder"}) {
		t.Errorf("types: %v", category.AssociableTypes)
	}

	tag, err := manager.CreateTag(l.ctx, &tags.Tag{Name: "werkendam", CategoryID: id})
	if err != nil {
		t.Fatal(err)
	}
	s := l.switchObject(t)
	if err := manager.AttachTag(l.ctx, tag, s); err != nil {
		t.Fatal(err)
	}
	attached, err := manager.ListAttachedObjects(l.ctx, tag)
	if err != nil {
		t.Fatal(err)
	}
	if len(attached) != 1 || attached[0].Reference() != s.Reference() {
		t.Errorf("attached to %v", attached)
	}
}

func TestViewHoldsWhatIsInItsContainer(t *testing.T) {
	l := newLab(t)

	tenant, err := l.folder.CreateFolder(l.ctx, "werkendam")
	if err != nil {
		t.Fatal(err)
	}
	vm := l.clone(t, "app01", nil)
	task, err := tenant.MoveInto(l.ctx, []types.ManagedObjectReference{vm.Reference()})
	l.result(t, task, err)

	for _, c := range []struct {
		name      string
		container types.ManagedObjectReference
		types     []string
		deep      bool
		want      int
	}{
		{"all machines", l.ServiceContent.RootFolder, []string{"VirtualMachine"}, true, 2},
		{"machines right in the root", l.ServiceContent.RootFolder, []string{"VirtualMachine"}, false, 0},
		{"machines of the folder", tenant.Reference(), []string{"VirtualMachine"}, false, 1},
		{"machines of the pool", l.pool.Reference(), []string{"VirtualMachine"}, true, 1}, // a template is in none
		{"networks", l.ServiceContent.RootFolder, []string{"Network"}, true, 5},           // four port groups, VM Network
		{"switches", l.ServiceContent.RootFolder, []string{"VmwareDistributedVirtualSwitch"}, true, 1},
		{"hosts and machines", l.ServiceContent.RootFolder, []string{"HostSystem", "VirtualMachine"}, true, 4},
	} {
		v, err := view.NewManager(l.Client.Client).CreateContainerView(l.ctx, c.container, c.types, c.deep)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var content mo.ContainerView
		l.read(t, v.Reference(), &content, "view")
		if len(content.View) != c.want {
			t.Errorf("%s: %v", c.name, content.View)
		}
	}

	if _, err := view.NewManager(l.Client.Client).CreateContainerView(l.ctx, l.ServiceContent.RootFolder, []string{"Nonsense"}, true); err == nil {
		t.Error("a view of nonsense")
	}
}

func TestReferenceMayNameTheBaseType(t *testing.T) {
	l := newLab(t)

	cluster, err := l.finder.DefaultClusterComputeResource(l.ctx)
	if err != nil {
		t.Fatal(err)
	}
	base := types.ManagedObjectReference{Type: "ComputeResource", Value: cluster.Reference().Value}

	var c mo.ComputeResource
	l.read(t, base, &c, "host")
	if len(c.Host) != 2 {
		t.Errorf("hosts: %v", c.Host)
	}
}
