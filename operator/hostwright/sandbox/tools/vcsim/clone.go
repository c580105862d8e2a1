package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

var clonesBegun atomic.Int64

// cloning is one CloneVM_Task: the simulator's own drops CloneSpec.config and powerOn, keeps the template's MACs, derives
// both UUIDs from the name, so that a second machine of a name has those of the first, and takes no time.
type cloning struct {
	site   *site
	source *simulator.VirtualMachine
	req    *types.CloneVM_Task
	task   *simulator.Task
}

// CloneVMTask starts a task that takes the time it is told to, and at its end makes the machine, all of it at once.
func (m *machine) CloneVMTask(ctx *simulator.Context, req *types.CloneVM_Task) soap.HasFault {
	body := new(methods.CloneVM_TaskBody)
	folder, ok := m.site.registry.Get(req.Folder).(*simulator.Folder)
	if !ok {
		body.Fault_ = simulator.Fault("", &types.ManagedObjectNotFound{Obj: req.Folder})
		return body
	}
	if req.Spec.Location.Pool == nil && m.Config.Template {
		body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "spec.location.pool"})
		return body
	}
	c := &cloning{site: m.site, source: m.VirtualMachine, req: req}
	user := ""
	if ctx.Session != nil {
		user = ctx.Session.UserName
	}
	c.begin(user)
	go c.run(folder)
	body.Res = &types.CloneVM_TaskResponse{Returnval: c.task.Self}
	return body
}

// begin puts the task into the inventory. It is no task of the simulator's own machinery, which holds the template's
// lock as long as a task runs: nobody could read the template, nor clone it twice at a time.
func (c *cloning) begin(user string) {
	self := types.ManagedObjectReference{Type: "Task", Value: fmt.Sprintf("task-clone-%d", clonesBegun.Add(1))}
	now := time.Now()
	c.task = new(simulator.Task)
	c.task.Self = self
	c.task.Info = types.TaskInfo{
		Key: self.Value, Task: self, Name: "CloneVM_Task", DescriptionId: "VirtualMachine.clone",
		Entity: &c.source.Self, EntityName: c.source.Name, State: types.TaskInfoStateRunning, Cancelable: true,
		Reason: &types.TaskReasonUser{UserName: user}, QueueTime: now, StartTime: &now,
	}
	c.site.registry.Put(c.task)
}

func (c *cloning) run(folder *simulator.Folder) {
	c.last(c.site.settings.clone, c.tell)
	var result types.AnyType
	fault := c.site.rules.taskFault("CloneVM_Task", c.req.Name)
	if fault == nil {
		result, fault = c.make(folder)
	}
	if made, ok := result.(types.ManagedObjectReference); ok {
		c.last(c.site.settings.bare, func(int32) {})
		c.site.bare.set(made, false)
		c.site.changes.Add(1)
	}
	c.site.locked(c.task, func(ctx *simulator.Context) {
		if c.cancelled() {
			return
		}
		changes := []types.PropertyChange{
			{Name: "info.completeTime", Val: time.Now()},
			{Name: "info.state", Val: types.TaskInfoStateSuccess},
			{Name: "info.result", Val: result},
		}
		if fault != nil {
			changes[1].Val = types.TaskInfoStateError
			changes[2] = types.PropertyChange{Name: "info.error", Val: types.LocalizedMethodFault{
				Fault: fault, LocalizedMessage: message(fault),
			}}
		}
		ctx.Update(c.task, changes)
	})
}

// last lets time pass: asked again and again, so that a test may let it run on, or end it.
func (c *cloning) last(how func() time.Duration, tell func(progress int32)) {
	begin := time.Now()
	for {
		passed, all := time.Since(begin), how()
		if passed >= all {
			return
		}
		tell(int32(100 * passed / all))
		time.Sleep(10 * time.Millisecond)
	}
}

// tell says how far the task is, in per cent.
func (c *cloning) tell(progress int32) {
	c.site.locked(c.task, func(ctx *simulator.Context) {
		if c.task.Info.Progress != progress {
			ctx.Update(c.task, []types.PropertyChange{{Name: "info.progress", Val: progress}})
		}
	})
}

func (c *cloning) cancelled() bool { return c.task.Info.State == types.TaskInfoStateError }

// make creates the machine and keeps it locked until all of it is there: as on a vCenter, nobody sees it without its
// extraConfig.
func (c *cloning) make(folder *simulator.Folder) (types.AnyType, types.BaseMethodFault) {
	c.site.creation.Lock()
	defer c.site.creation.Unlock()
	ctx := c.site.context()
	var stopped bool
	ctx.WithLock(c.task, func() { stopped = c.cancelled() })
	if stopped {
		return nil, nil
	}
	if fault := c.site.duplicate(c.req.Name, folder); fault != nil {
		return nil, fault
	}
	place, fault := c.place()
	if fault != nil {
		return nil, fault
	}
	defer c.site.creation.hold(ctx, c.site.registry)()
	create := &types.CreateVM_Task{This: folder.Self, Config: c.config(place), Pool: place.pool, Host: &place.host}
	result, fault := c.site.await(folder.CreateVMTask(ctx, create))
	if fault != nil {
		return nil, fault
	}
	vm := c.site.registry.Get(result.(types.ManagedObjectReference)).(*simulator.VirtualMachine)
	c.site.bare.set(vm.Self, c.site.settings.bare() > 0)
	return vm.Self, c.finish(ctx, vm)
}

// finish applies what creation has not: changes of devices, the rest of the config, and power.
func (c *cloning) finish(ctx *simulator.Context, vm *simulator.VirtualMachine) types.BaseMethodFault {
	rest := types.VirtualMachineConfigSpec{}
	if c.req.Spec.Config != nil {
		rest = *c.req.Spec.Config
		rest.Name, rest.Uuid, rest.InstanceUuid, rest.Files, rest.ExtraConfig = "", "", "", nil, nil // applied already
	}
	rest.DeviceChange = append(c.req.Spec.Location.DeviceChange, rest.DeviceChange...)
	giveMACs(rest.DeviceChange)
	_, fault := c.site.await(vm.ReconfigVMTask(ctx, &types.ReconfigVM_Task{This: vm.Self, Spec: rest}))
	if fault != nil {
		_, _ = c.site.await(vm.DestroyTask(ctx, &types.Destroy_Task{This: vm.Self}))
		return fault
	}
	c.site.guests.stopped(vm)
	switch {
	case c.req.Spec.Template:
		vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})
	case c.req.Spec.PowerOn:
		_, fault = c.site.await(vm.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self}))
	}
	return fault
}

// place is where a machine comes to.
type place struct {
	pool, host types.ManagedObjectReference
	datastore  string
}

// place looks for a host of the pool's cluster; the datastore must be one that the host sees.
func (c *cloning) place() (place, types.BaseMethodFault) {
	location := c.req.Spec.Location
	pool := location.Pool
	if pool == nil {
		pool = c.source.ResourcePool
	}
	invalid := func(property string) (place, types.BaseMethodFault) {
		return place{}, &types.InvalidArgument{InvalidProperty: property}
	}
	resource, ok := c.site.registry.Get(*pool).(*simulator.ResourcePool)
	if !ok {
		return invalid("spec.location.pool")
	}
	cluster, ok := c.site.registry.Get(resource.Owner).(*simulator.ClusterComputeResource)
	if !ok || len(cluster.Host) == 0 {
		return invalid("spec.location.pool")
	}
	chosen := cluster.Host[int(clonesBegun.Load())%len(cluster.Host)]
	if location.Host != nil {
		chosen = *location.Host
	}
	host, ok := c.site.registry.Get(chosen).(*simulator.HostSystem)
	if !ok || simulator.FindReference(cluster.Host, chosen) == nil {
		return invalid("spec.location.host")
	}
	datastore := c.source.Datastore[0]
	if location.Datastore != nil {
		datastore = *location.Datastore
	}
	store, ok := c.site.registry.Get(datastore).(*simulator.Datastore)
	if !ok {
		return invalid("spec.location.datastore")
	}
	if simulator.FindReference(host.Datastore, datastore) == nil {
		return place{}, &types.InvalidDatastore{Datastore: &datastore, Name: store.Name}
	}
	return place{pool: *pool, host: chosen, datastore: store.Name}, nil
}

// config is the source's, under the new name, with what CloneSpec.config says of identity and size.
func (c *cloning) config(at place) types.VirtualMachineConfigSpec {
	has := c.source.Config
	wants := c.req.Spec.Config
	if wants == nil {
		wants = new(types.VirtualMachineConfigSpec)
	}
	config := types.VirtualMachineConfigSpec{
		Name:              c.req.Name,
		Version:           has.Version,
		GuestId:           has.GuestId,
		Annotation:        has.Annotation,
		Uuid:              or(wants.Uuid, uuid.NewString()),
		InstanceUuid:      or(wants.InstanceUuid, uuid.NewString()),
		NumCPUs:           or(wants.NumCPUs, has.Hardware.NumCPU),
		MemoryMB:          or(wants.MemoryMB, int64(has.Hardware.MemoryMB)),
		NumCoresPerSocket: or(wants.NumCoresPerSocket, has.Hardware.NumCoresPerSocket),
		Files:             &types.VirtualMachineFileInfo{VmPathName: fmt.Sprintf("[%s] %s", at.datastore, fileName(c.req.Name))},
		DeviceChange:      copyDevices(c.source),
	}
	config.ExtraConfig = mergeOptions(has.ExtraConfig, wants.ExtraConfig)
	return config
}

// mergeOptions lays the second over the first; an empty value removes a key. `govcsim` is the simulator's own.
func mergeOptions(first, second []types.BaseOptionValue) []types.BaseOptionValue {
	values := map[string]any{}
	var keys []string
	for _, each := range append(append([]types.BaseOptionValue{}, first...), second...) {
		option := each.GetOptionValue()
		if _, known := values[option.Key]; !known {
			keys = append(keys, option.Key)
		}
		values[option.Key] = option.Value
	}
	var merged []types.BaseOptionValue
	for _, key := range keys {
		if key != "govcsim" && values[key] != "" {
			merged = append(merged, &types.OptionValue{Key: key, Value: values[key]})
		}
	}
	return merged
}

// copyDevices copies all devices but those that every new machine has; disks are made anew, and generated MACs too.
func copyDevices(source *simulator.VirtualMachine) []types.BaseVirtualDeviceConfigSpec {
	var changes []types.BaseVirtualDeviceConfigSpec
	defaults := object.VirtualDeviceList(esx.VirtualDevice)
	devices := object.VirtualDeviceList(deepCopy(source.Config.Hardware.Device))
	for _, device := range devices {
		if defaults.Find(devices.Name(device)) != nil {
			continue
		}
		change := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: device}
		switch copied := device.(type) {
		case *types.VirtualDisk:
			change.FileOperation = types.VirtualDeviceConfigSpecFileOperationCreate
			backing := copied.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
			backing.FileName, backing.Parent, backing.Datastore = "", nil, nil
		case types.BaseVirtualEthernetCard:
			card := copied.GetVirtualEthernetCard()
			if card.AddressType != string(types.VirtualEthernetCardMacTypeManual) {
				card.MacAddress = ""
			}
			giveMAC(card)
		}
		changes = append(changes, change)
	}
	return changes
}

func or[T comparable](first, second T) T {
	var zero T
	if first != zero {
		return first
	}
	return second
}

// fileName is a machine's folder on the datastore; the name may hold what a path may not.
func fileName(name string) string {
	return strings.NewReplacer("/", "_", "\\", "_", "%", "_").Replace(name)
}

func deepCopy(devices []types.BaseVirtualDevice) []types.BaseVirtualDevice {
	var written bytes.Buffer
	if err := xml.NewEncoder(&written).Encode(types.ArrayOfVirtualDevice{VirtualDevice: devices}); err != nil {
		panic(err) // they came from XML
	}
	decoder := xml.NewDecoder(&written)
	decoder.TypeFunc = types.TypeFunc()
	var copied types.ArrayOfVirtualDevice
	if err := decoder.Decode(&copied); err != nil {
		panic(err)
	}
	return copied.VirtualDevice
}
