package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	datacenter    = "dc1"
	machineFolder = "hostwright"
	poolName      = "hostwright"
	templateName  = "tiny"
	hostsEach     = 2
)

// clusters are the failure domains, each with the datastore that only its hosts see.
var clusters = []struct{ name, datastore string }{{"c1", "ds1"}, {"c2", "ds2"}}

// portGroups are distributed, as at most sites.
var portGroups = []string{"app", "db"}

// templateFolders each have a template of the same name: a path is clear, the bare name is not.
var templateFolders = []string{"templates", "old"}

// builder furnishes an empty vCenter through its own API.
type builder struct {
	ctx     context.Context
	client  *vim25.Client
	data    string
	folders *object.DatacenterFolders
	dvs     *object.DistributedVirtualSwitch
}

// furnish gives the empty vCenter the inventory that every sandbox has.
func (s *site) furnish(data string) error {
	ctx := context.Background()
	client, err := vim25.NewClient(ctx, s.service)
	if err != nil {
		return err
	}
	dc, err := object.NewRootFolder(client).CreateDatacenter(ctx, datacenter)
	if err != nil {
		return err
	}
	folders, err := dc.Folders(ctx)
	if err != nil {
		return err
	}
	b := &builder{ctx: ctx, client: client, data: data, folders: folders}
	if err := b.networks(); err != nil {
		return fmt.Errorf("networks: %w", err)
	}
	var pools []*object.ResourcePool
	for _, c := range clusters {
		pool, err := b.cluster(c.name, c.datastore)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", c.name, err)
		}
		pools = append(pools, pool)
	}
	if _, err := folders.VmFolder.CreateFolder(ctx, machineFolder); err != nil {
		return err
	}
	for _, name := range templateFolders {
		if err := b.template(name, pools[0]); err != nil {
			return fmt.Errorf("template in %s: %w", name, err)
		}
	}
	s.oneOfEachNetwork(dc.Reference())
	return nil
}

// oneOfEachNetwork: the simulator lists a datacenter's network once for each host that has it.
func (s *site) oneOfEachNetwork(dc types.ManagedObjectReference) {
	object := s.registry.Get(dc).(*simulator.Datacenter)
	var networks []types.ManagedObjectReference
	for _, network := range object.Network {
		if !slices.Contains(networks, network) {
			networks = append(networks, network)
		}
	}
	s.locked(object, func(ctx *simulator.Context) {
		ctx.Update(object, []types.PropertyChange{{Name: "network", Val: networks}})
	})
}

func (b *builder) wait(task *object.Task, err error) (types.AnyType, error) {
	if err != nil {
		return nil, err
	}
	info, err := task.WaitForResult(b.ctx)
	if err != nil {
		return nil, err
	}
	return info.Result, nil
}

func (b *builder) networks() error {
	spec := types.DVSCreateSpec{ConfigSpec: &types.VMwareDVSConfigSpec{DVSConfigSpec: types.DVSConfigSpec{Name: "dvs"}}}
	made, err := b.wait(b.folders.NetworkFolder.CreateDVS(b.ctx, spec))
	if err != nil {
		return err
	}
	b.dvs = object.NewDistributedVirtualSwitch(b.client, made.(types.ManagedObjectReference))
	for _, name := range portGroups {
		group := types.DVPortgroupConfigSpec{
			Name:     name,
			Type:     string(types.DistributedVirtualPortgroupPortgroupTypeEarlyBinding),
			NumPorts: 1024,
		}
		if _, err := b.wait(b.dvs.AddPortgroup(b.ctx, []types.DVPortgroupConfigSpec{group})); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) cluster(name, datastore string) (*object.ResourcePool, error) {
	cluster, err := b.folders.HostFolder.CreateCluster(b.ctx, name, types.ClusterConfigSpecEx{})
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(b.data, datastore)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	for number := 1; number <= hostsEach; number++ {
		spec := types.HostConnectSpec{HostName: fmt.Sprintf("esx%d.%s.lab", number, name)}
		made, err := b.wait(cluster.AddHost(b.ctx, spec, true, nil, nil))
		if err != nil {
			return nil, err
		}
		host := object.NewHostSystem(b.client, made.(types.ManagedObjectReference))
		if err := b.attach(host, datastore, folder); err != nil {
			return nil, err
		}
	}
	root, err := cluster.ResourcePool(b.ctx)
	if err != nil {
		return nil, err
	}
	return root.Create(b.ctx, poolName, types.DefaultResourceConfigSpec())
}

// attach connects a host to the switch and to its cluster's datastore.
func (b *builder) attach(host *object.HostSystem, datastore, folder string) error {
	member := &types.DVSConfigSpec{Host: []types.DistributedVirtualSwitchHostMemberConfigSpec{{
		Operation: string(types.ConfigSpecOperationAdd),
		Host:      host.Reference(),
	}}}
	if _, err := b.wait(b.dvs.Reconfigure(b.ctx, member)); err != nil {
		return err
	}
	system, err := host.ConfigManager().DatastoreSystem(b.ctx)
	if err != nil {
		return err
	}
	_, err = system.CreateLocalDatastore(b.ctx, datastore, folder)
	return err
}

// template makes a template with one CPU, 512 MiB, a disk of 1 GiB and a NIC on the first port group.
func (b *builder) template(folder string, pool *object.ResourcePool) error {
	parent, err := b.folders.VmFolder.CreateFolder(b.ctx, folder)
	if err != nil {
		return err
	}
	backing, err := b.backing(portGroups[0])
	if err != nil {
		return err
	}
	devices := object.VirtualDeviceList{}
	scsi, err := devices.CreateSCSIController("pvscsi")
	if err != nil {
		return err
	}
	home := fmt.Sprintf("[%s] %s-%s", clusters[0].datastore, folder, templateName)
	disk := devices.CreateDisk(scsi.(*types.ParaVirtualSCSIController), types.ManagedObjectReference{}, home+"/disk.vmdk")
	disk.CapacityInKB = 1 << 20
	nic, err := devices.CreateEthernetCard("vmxnet3", backing)
	if err != nil {
		return err
	}
	scsi.GetVirtualDevice().Key, disk.Key, disk.ControllerKey, nic.GetVirtualDevice().Key = 1000, 2000, 1000, 4000 // a vCenter's
	giveMAC(nic.(types.BaseVirtualEthernetCard).GetVirtualEthernetCard())
	changes, err := append(devices, scsi, disk, nic).ConfigSpec(types.VirtualDeviceConfigSpecOperationAdd)
	if err != nil {
		return err
	}
	spec := types.VirtualMachineConfigSpec{
		Name:         templateName,
		GuestId:      string(types.VirtualMachineGuestOsIdentifierOtherLinux64Guest),
		NumCPUs:      1,
		MemoryMB:     512,
		Files:        &types.VirtualMachineFileInfo{VmPathName: home},
		DeviceChange: changes,
	}
	made, err := b.wait(parent.CreateVM(b.ctx, spec, pool, nil))
	if err != nil {
		return err
	}
	return object.NewVirtualMachine(b.client, made.(types.ManagedObjectReference)).MarkAsTemplate(b.ctx)
}

func (b *builder) backing(name string) (types.BaseVirtualDeviceBackingInfo, error) {
	children, err := b.folders.NetworkFolder.Children(b.ctx)
	if err != nil {
		return nil, err
	}
	for _, child := range children {
		group, ok := child.(*object.DistributedVirtualPortgroup)
		if !ok {
			continue
		}
		if found, err := group.ObjectName(b.ctx); err != nil || found == name {
			if err != nil {
				return nil, err
			}
			return group.EthernetCardBackingInfo(b.ctx)
		}
	}
	return nil, fmt.Errorf("no port group is called %s", name)
}
