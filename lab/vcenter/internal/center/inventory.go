package center

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"municipal-cloud/lab/vcenter/internal/description"
)

const (
	mib = 1 << 20
	gib = 1 << 30
)

// build makes the inventory of the description: datacenter, cluster, hosts, storage, network, template.
func (c *Center) build(d *description.Datacenter) error {
	ctx := c.newContext()
	root := ctx.Map.Get(ctx.Map.Get(vim25.ServiceInstance).(*simulator.ServiceInstance).Content.RootFolder).(*simulator.Folder)

	made := root.CreateDatacenter(ctx, &types.CreateDatacenter{This: root.Self, Name: d.Name})
	if err := failure(made); err != nil {
		return fmt.Errorf("create datacenter %s: %w", d.Name, err)
	}
	datacenter := ctx.Map.Get(made.(*methods.CreateDatacenterBody).Res.Returnval).(*simulator.Datacenter)

	hosts, err := buildCluster(ctx, datacenter, d.Cluster)
	if err != nil {
		return err
	}

	for _, datastore := range d.Datastores {
		if err := c.buildDatastore(ctx, datastore, hosts); err != nil {
			return err
		}
	}

	if err := buildSwitch(ctx, datacenter, d, hosts); err != nil {
		return err
	}

	return buildTemplate(ctx, datacenter, d)
}

// buildCluster returns the hosts in the order of the description.
func buildCluster(ctx *simulator.Context, datacenter *simulator.Datacenter, d description.Cluster) ([]*simulator.HostSystem, error) {
	folder := ctx.Map.Get(datacenter.HostFolder).(*simulator.Folder)

	made := folder.CreateClusterEx(ctx, &types.CreateClusterEx{This: folder.Self, Name: d.Name})
	if err := failure(made); err != nil {
		return nil, fmt.Errorf("create cluster %s: %w", d.Name, err)
	}
	cluster := ctx.Map.Get(made.(*methods.CreateClusterExBody).Res.Returnval).(*simulator.ClusterComputeResource)

	var hosts []*simulator.HostSystem
	for _, h := range d.Hosts {
		host, err := addHost(ctx, cluster, h)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, host)
	}

	sumCluster(ctx, cluster, hosts)
	describeHardware(ctx, cluster)

	return hosts, nil
}

func addHost(ctx *simulator.Context, cluster *simulator.ClusterComputeResource, d description.Host) (*simulator.HostSystem, error) {
	added := cluster.AddHostTask(ctx, &types.AddHost_Task{
		This:        cluster.Self,
		Spec:        types.HostConnectSpec{HostName: d.Name},
		AsConnected: true,
	})

	result, fault := finish(ctx, added.(*methods.AddHost_TaskBody).Res.Returnval)
	if fault != nil {
		return nil, fmt.Errorf("add host %s: %w", d.Name, faultError(fault))
	}
	host := ctx.Map.Get(result.(types.ManagedObjectReference)).(*simulator.HostSystem)

	memory := int64(d.MemoryMiB) * mib
	cores := int16(d.Cores)

	summary := host.Summary.Hardware
	summary.NumCpuPkgs, summary.NumCpuCores, summary.NumCpuThreads = 1, cores, cores
	summary.CpuMhz = int32(d.MHz)
	summary.MemorySize = memory
	product := hostProduct()
	host.Config.Product, host.Summary.Config.Product = product, &product
	host.Summary.QuickStats = types.HostListSummaryQuickStats{}

	host.Hardware.CpuInfo = types.HostCpuInfo{NumCpuPackages: 1, NumCpuCores: cores, NumCpuThreads: cores, Hz: int64(d.MHz) * 1e6}
	host.Hardware.MemorySize = memory

	return host, nil
}

// sumCluster gives the cluster and its root resource pool what its hosts add up to.
func sumCluster(ctx *simulator.Context, cluster *simulator.ClusterComputeResource, hosts []*simulator.HostSystem) {
	var mhz, memory int64
	var cores int16

	for _, host := range hosts {
		hardware := host.Summary.Hardware
		mhz += int64(hardware.CpuMhz) * int64(hardware.NumCpuCores)
		memory += hardware.MemorySize
		cores += hardware.NumCpuCores
	}

	summary := cluster.Summary.GetComputeResourceSummary()
	summary.TotalCpu, summary.EffectiveCpu = int32(mhz), int32(mhz)
	summary.TotalMemory, summary.EffectiveMemory = memory, memory/mib
	summary.NumCpuCores, summary.NumCpuThreads = cores, cores
	summary.NumHosts, summary.NumEffectiveHosts = int32(len(hosts)), int32(len(hosts))

	pool := ctx.Map.Get(*cluster.ResourcePool).(*simulator.ResourcePool)
	completePool(pool)
	pool.Config.CpuAllocation.Reservation, pool.Config.CpuAllocation.Limit = &mhz, &mhz
	memoryMiB := memory / mib
	pool.Config.MemoryAllocation.Reservation, pool.Config.MemoryAllocation.Limit = &memoryMiB, &memoryMiB
	pool.Runtime.Cpu.MaxUsage, pool.Runtime.Memory.MaxUsage = mhz, memory
	pool.Summary.GetResourcePoolSummary().Runtime = pool.Runtime
}

func (c *Center) buildDatastore(ctx *simulator.Context, d description.Datastore, hosts []*simulator.HostSystem) error {
	directory := filepath.Join(c.home, d.Name)
	if err := os.Mkdir(directory, 0o700); err != nil {
		return fmt.Errorf("make the directory of datastore %s: %w", d.Name, err)
	}

	var datastore *simulator.Datastore
	for _, host := range hosts {
		system := ctx.Map.Get(*host.ConfigManager.DatastoreSystem).(*simulator.HostDatastoreSystem)

		mounted := system.CreateLocalDatastore(ctx, &types.CreateLocalDatastore{This: system.Self, Name: d.Name, Path: directory})
		if err := failure(mounted); err != nil {
			return fmt.Errorf("mount datastore %s on %s: %w", d.Name, host.Name, err)
		}
		if datastore == nil { // the first host creates it, the others mount it
			datastore = ctx.Map.Get(mounted.(*methods.CreateLocalDatastoreBody).Res.Returnval).(*simulator.Datastore)
		}
	}

	capacity := int64(d.CapacityGiB) * gib
	datastore.Summary.Type = string(types.HostFileSystemVolumeFileSystemTypeVMFS)
	datastore.Summary.Capacity, datastore.Summary.FreeSpace = capacity, capacity
	multiple := len(hosts) > 1
	datastore.Summary.MultipleHostAccess = &multiple
	info := datastore.Info.GetDatastoreInfo()
	info.FreeSpace, info.MaxFileSize, info.MaxMemoryFileSize = capacity, capacity, capacity

	return nil
}

// failure is the fault of a simulator's answer as an error, or nil.
func failure(answer soap.HasFault) error {
	if fault := answer.Fault(); fault != nil {
		return soap.WrapSoapFault(fault)
	}

	return nil
}

// faultError is a task's fault as an error.
func faultError(fault types.BaseMethodFault) error {
	return soap.WrapVimFault(fault)
}

// find returns the object under a reference when it is of the wanted kind, and not yet deleted.
func find[T mo.Reference](ctx *simulator.Context, ref types.ManagedObjectReference) (T, bool) {
	object, ok := ctx.Map.Get(ref).(T)

	return object, ok
}
