package center_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/center"
	"municipal-cloud/lab/vcenter/internal/description"
)

// patience is how long anything in these tests may take before it counts as a hang.
const patience = 30 * time.Second

var account = center.Credentials{User: "lab@vsphere.local", Password: "correct horse"}

// lab is a served vCenter with the project's own description, and a client that is logged in.
type lab struct {
	*govmomi.Client

	ctx    context.Context
	center *center.Center
	server *httptest.Server
	finder *find.Finder // not safe for concurrent use

	template *object.VirtualMachine
	folder   *object.Folder
	pool     *object.ResourcePool
}

func newLab(t *testing.T) *lab {
	t.Helper()

	d, err := description.Load(filepath.Join("..", "..", "..", "datacenter.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	t.Setenv("TMPDIR", t.TempDir())
	server := httptest.NewUnstartedServer(nil)
	c, err := center.New(d, account, server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = c
	server.StartTLS()
	t.Cleanup(func() {
		c.Release()
		server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
			t.Errorf("left on disk: %v", left)
		}
	})

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)

	l := &lab{ctx: ctx, center: c, server: server}
	l.Client = l.login(t)
	l.finder = find.NewFinder(l.Client.Client)
	datacenter, err := l.finder.DefaultDatacenter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	l.finder.SetDatacenter(datacenter)

	if l.template, err = l.finder.VirtualMachine(ctx, "debian-12"); err != nil {
		t.Fatal(err)
	}
	if l.folder, err = l.finder.DefaultFolder(ctx); err != nil {
		t.Fatal(err)
	}
	if l.pool, err = l.finder.DefaultResourcePool(ctx); err != nil {
		t.Fatal(err)
	}

	return l
}

// endpoint is the address of the vCenter with credentials in it.
func (l *lab) endpoint(c center.Credentials) *url.URL {
	u, err := url.Parse(l.server.URL + "/sdk")
	if err != nil {
		panic(err) // the test server's own address
	}
	u.User = url.UserPassword(c.User, c.Password)

	return u
}

// login opens a further session.
func (l *lab) login(t *testing.T) *govmomi.Client {
	t.Helper()

	client, err := govmomi.NewClient(l.ctx, l.endpoint(account), true)
	if err != nil {
		t.Fatal(err)
	}

	return client
}

// read fetches properties of one object into dst.
func (l *lab) read(t *testing.T, ref types.ManagedObjectReference, dst any, names ...string) {
	t.Helper()

	if err := property.DefaultCollector(l.Client.Client).RetrieveOne(l.ctx, ref, names, dst); err != nil {
		t.Fatalf("read %s of %s: %v", names, ref, err)
	}
}

func (l *lab) machine(t *testing.T, vm *object.VirtualMachine) mo.VirtualMachine {
	t.Helper()

	var m mo.VirtualMachine
	l.read(t, vm.Reference(), &m)

	return m
}

// result waits for a task that must succeed.
func (l *lab) result(t *testing.T, task *object.Task, err error) types.AnyType {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
	info, err := task.WaitForResult(l.ctx)
	if err != nil {
		t.Fatalf("task: %v", err)
	}

	return info.Result
}

// failure waits for a task that must fail with a fault of the wanted type.
func failure[F types.BaseMethodFault](t *testing.T, l *lab, task *object.Task, err error) F {
	t.Helper()

	if err != nil {
		t.Fatal(err)
	}
	_, err = task.WaitForResult(l.ctx)

	var fault F
	if taskError, ok := err.(interface{ Fault() types.BaseMethodFault }); ok {
		if fault, ok := taskError.Fault().(F); ok {
			return fault
		}
		t.Fatalf("fault %T instead of %T", taskError.Fault(), fault)
	}
	t.Fatalf("%v instead of fault %T", err, fault)

	return fault
}

func (l *lab) clone(t *testing.T, name string, config *types.VirtualMachineConfigSpec) *object.VirtualMachine {
	t.Helper()

	task, err := l.startClone(name, config)

	return object.NewVirtualMachine(l.Client.Client, l.result(t, task, err).(types.ManagedObjectReference))
}

func (l *lab) startClone(name string, config *types.VirtualMachineConfigSpec) (*object.Task, error) {
	pool := l.pool.Reference()

	return l.template.Clone(l.ctx, l.folder, name, types.VirtualMachineCloneSpec{
		Location: types.VirtualMachineRelocateSpec{Pool: &pool},
		Config:   config,
	})
}

func (l *lab) powerOn(t *testing.T, vm *object.VirtualMachine) {
	t.Helper()

	task, err := vm.PowerOn(l.ctx)
	l.result(t, task, err)
}

// switchObject finds the distributed switch.
func (l *lab) switchObject(t *testing.T) *object.VmwareDistributedVirtualSwitch {
	t.Helper()

	network, err := l.finder.Network(l.ctx, "switch01")
	if err != nil {
		t.Fatal(err)
	}
	if ref := network.Reference(); ref.Type != "VmwareDistributedVirtualSwitch" {
		t.Fatalf("the switch is a %s", ref.Type)
	}

	return &object.VmwareDistributedVirtualSwitch{
		DistributedVirtualSwitch: *object.NewDistributedVirtualSwitch(l.Client.Client, network.Reference()),
	}
}
