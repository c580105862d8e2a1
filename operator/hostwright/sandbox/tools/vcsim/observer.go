package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// taskNames are a vCenter's names for tasks, by the simulator's: its description ids and its method names differ.
var taskNames = map[string]struct{ method, description string }{
	"PowerOn":       {"PowerOnVM_Task", "VirtualMachine.powerOn"},
	"PowerOff":      {"PowerOffVM_Task", "VirtualMachine.powerOff"},
	"Suspend":       {"SuspendVM_Task", "VirtualMachine.suspend"},
	"Reset":         {"ResetVM_Task", "VirtualMachine.reset"},
	"ReconfigVm":    {"ReconfigVM_Task", "VirtualMachine.reconfigure"},
	"Rename":        {"Rename_Task", "ManagedEntity.rename"},
	"Destroy":       {"Destroy_Task", "VirtualMachine.destroy"},
	"CreateVm":      {"CreateVM_Task", "Folder.createVm"},
	"CreateVM_Task": {"CreateVM_Task", "Folder.createVm"},
	"ShutdownGuest": {"ShutdownGuest", "VirtualMachine.shutdownGuest"},
}

var observerRef = types.ManagedObjectReference{Type: "Hostwright", Value: "observer"}

// reference is what the simulator wants of whoever observes its objects.
type reference types.ManagedObjectReference

func (r reference) Reference() types.ManagedObjectReference { return types.ManagedObjectReference(r) }

// observer sees all objects come and go. It names tasks as a vCenter does, and does after them what the simulator forgets.
type observer struct {
	reference
	site *site
}

// PutObject is called when an object appears, before anyone else can lock it.
func (o *observer) PutObject(_ *simulator.Context, object mo.Reference) {
	o.site.changes.Add(1)
	switch appeared := object.(type) {
	case *simulator.VirtualMachine:
		if hold := o.site.creation.appeared.Load(); hold != nil {
			(*hold)(appeared)
		}
	case *simulator.Task:
		if appeared.Execute != nil {
			o.complete(appeared)
		}
	}
}

// RemoveObject is called when one disappears.
func (o *observer) RemoveObject(_ *simulator.Context, object types.ManagedObjectReference) {
	o.site.changes.Add(1)
	if object.Type == "VirtualMachine" {
		o.site.guests.forget(object)
	}
}

// UpdateObject is called for each change that the simulator tells of.
func (o *observer) UpdateObject(*simulator.Context, mo.Reference, []types.PropertyChange) {
	o.site.changes.Add(1)
}

// complete gives a task its real name, and lets it fail where a test wants that.
func (o *observer) complete(task *simulator.Task) {
	names, known := taskNames[task.Info.Name]
	vm, isMachine := o.site.registry.Get(*task.Info.Entity).(*simulator.VirtualMachine)
	entity := task.Info.EntityName
	if named, ok := o.site.registry.Get(*task.Info.Entity).(mo.Entity); ok {
		entity = named.Entity().Name
	}
	if known {
		o.site.locked(task, func(*simulator.Context) {
			task.Info.Name, task.Info.DescriptionId, task.Info.EntityName = names.method, names.description, entity
		})
	}
	execute := task.Execute
	task.Execute = func(running *simulator.Task) (types.AnyType, types.BaseMethodFault) {
		if !isMachine || o.site.creation.isMaking(vm.Self) && names.method != "PowerOnVM_Task" {
			return execute(running)
		}
		if fault := o.site.rules.taskFault(names.method, entity); fault != nil {
			return nil, fault
		}
		before := leaves(vm)
		result, fault := execute(running)
		if fault == nil {
			o.after(names.method, vm, before)
		}
		return result, fault
	}
}

// after does what follows from a task; the task holds the machine's lock.
func (o *observer) after(task string, vm *simulator.VirtualMachine, before []types.PropertyChange) {
	switch task {
	case "PowerOnVM_Task":
		o.site.booted(vm)
	case "PowerOffVM_Task", "SuspendVM_Task":
		o.site.guests.stopped(vm)
	case "ReconfigVM_Task", "Rename_Task":
		var changes []types.PropertyChange
		for number, leaf := range leaves(vm) {
			if leaf.Val != before[number].Val {
				changes = append(changes, leaf)
			}
		}
		if len(changes) > 0 {
			o.site.update(vm, changes...)
		}
		if o.site.guests.listens(vm) {
			o.site.guests.show(vm)
		}
	}
}

// leaves are the properties that the simulator sets without telling who waits for updates.
func leaves(vm *simulator.VirtualMachine) []types.PropertyChange {
	hardware := vm.Config.Hardware
	flag := func(value *bool) bool { return value != nil && *value }
	return []types.PropertyChange{
		{Name: "name", Val: vm.Name},
		{Name: "config.name", Val: vm.Name},
		{Name: "config.annotation", Val: vm.Config.Annotation},
		{Name: "config.uuid", Val: vm.Config.Uuid},
		{Name: "config.instanceUuid", Val: vm.Config.InstanceUuid},
		{Name: "config.guestId", Val: vm.Config.GuestId},
		{Name: "config.hardware.numCPU", Val: hardware.NumCPU},
		{Name: "config.hardware.memoryMB", Val: hardware.MemoryMB},
		{Name: "config.hardware.numCoresPerSocket", Val: hardware.NumCoresPerSocket},
		{Name: "config.cpuHotAddEnabled", Val: flag(vm.Config.CpuHotAddEnabled)},
		{Name: "config.memoryHotAddEnabled", Val: flag(vm.Config.MemoryHotAddEnabled)},
		{Name: "summary.config.name", Val: vm.Name},
		{Name: "summary.config.numCpu", Val: hardware.NumCPU},
		{Name: "summary.config.memorySizeMB", Val: hardware.MemoryMB},
		{Name: "summary.config.annotation", Val: vm.Config.Annotation},
	}
}
