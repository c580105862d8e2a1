package main

import (
	"slices"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// machine answers what the simulator's own machine answers otherwise than a vCenter's.
type machine struct {
	*simulator.VirtualMachine
	site *site
}

// task starts a task of this machine.
func (m *machine) task(ctx *simulator.Context, name string, run func() types.BaseMethodFault) types.ManagedObjectReference {
	return simulator.CreateTask(m.VirtualMachine, name, func(*simulator.Task) (types.AnyType, types.BaseMethodFault) {
		return nil, run()
	}).Run(ctx)
}

func (m *machine) isOn() bool {
	return m.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
}

func (m *machine) notOn() types.BaseMethodFault {
	return &types.InvalidPowerState{
		RequestedState: types.VirtualMachinePowerStatePoweredOn,
		ExistingState:  m.Runtime.PowerState,
	}
}

// taken is the fault when a sibling has the name already.
func (m *machine) taken(name string) types.BaseMethodFault {
	folder, ok := m.site.registry.Get(*m.Parent).(*simulator.Folder)
	if !ok || name == "" || name == m.Name {
		return nil
	}
	return m.site.duplicate(name, folder)
}

// duplicate is the fault when the folder has a child of that name.
func (s *site) duplicate(name string, folder *simulator.Folder) types.BaseMethodFault {
	for _, child := range folder.ChildEntity {
		if entity, ok := s.registry.Get(child).(mo.Entity); ok && entity.Entity().Name == name {
			return &types.DuplicateName{Name: name, Object: child}
		}
	}
	return nil
}

// RenameTask refuses a taken name as a vCenter does: with DuplicateName, not with InvalidArgument.
func (m *machine) RenameTask(ctx *simulator.Context, req *types.Rename_Task) soap.HasFault {
	fault := m.taken(req.NewName)
	if fault == nil {
		return simulator.RenameTask(ctx, m.VirtualMachine, req, true) // true: we have looked for namesakes
	}
	body := new(methods.Rename_TaskBody)
	task := m.task(ctx, "rename", func() types.BaseMethodFault { return fault })
	body.Res = &types.Rename_TaskResponse{Returnval: task}
	return body
}

// ReconfigVMTask refuses a change of CPU and memory while the machine runs, but for growth where hot-add is on.
func (m *machine) ReconfigVMTask(ctx *simulator.Context, req *types.ReconfigVM_Task) soap.HasFault {
	fault := m.hotPlug(&req.Spec)
	if fault == nil {
		fault = m.taken(req.Spec.Name)
	}
	req.Spec.ExtraConfig = slices.DeleteFunc(req.Spec.ExtraConfig, m.removesNothing)
	giveMACs(req.Spec.DeviceChange)
	if fault == nil {
		return m.VirtualMachine.ReconfigVMTask(ctx, req)
	}
	body := new(methods.ReconfigVM_TaskBody)
	task := m.task(ctx, "reconfigVm", func() types.BaseMethodFault { return fault })
	body.Res = &types.ReconfigVM_TaskResponse{Returnval: task}
	return body
}

// removesNothing: an option without a value removes the key; where there is none, the simulator would add an empty one.
func (m *machine) removesNothing(each types.BaseOptionValue) bool {
	option := each.GetOptionValue()
	return option.Value == "" && !slices.ContainsFunc(m.Config.ExtraConfig, func(has types.BaseOptionValue) bool {
		return has.GetOptionValue().Key == option.Key
	})
}

func (m *machine) hotPlug(spec *types.VirtualMachineConfigSpec) types.BaseMethodFault {
	if !m.isOn() {
		return nil
	}
	allowed := func(flag *bool) bool { return flag != nil && *flag }
	has := m.Config.Hardware
	if spec.NumCPUs != 0 && spec.NumCPUs != has.NumCPU && (spec.NumCPUs < has.NumCPU || !allowed(m.Config.CpuHotAddEnabled)) {
		return new(types.CpuHotPlugNotSupported)
	}
	memory := int64(has.MemoryMB)
	if spec.MemoryMB != 0 && spec.MemoryMB != memory && (spec.MemoryMB < memory || !allowed(m.Config.MemoryHotAddEnabled)) {
		return new(types.MemoryHotPlugNotSupported)
	}
	return nil
}

// ResetVMTask never shows the machine as powered off, as the simulator's does.
func (m *machine) ResetVMTask(ctx *simulator.Context, _ *types.ResetVM_Task) soap.HasFault {
	task := m.task(ctx, "reset", func() types.BaseMethodFault {
		if !m.isOn() {
			return m.notOn()
		}
		m.site.guests.stopped(m.VirtualMachine)
		m.site.booted(m.VirtualMachine)
		return nil
	})
	return &methods.ResetVM_TaskBody{Res: &types.ResetVM_TaskResponse{Returnval: task}}
}

// RebootGuest needs a guest that listens.
func (m *machine) RebootGuest(*simulator.Context, *types.RebootGuest) soap.HasFault {
	body := new(methods.RebootGuestBody)
	switch {
	case !m.isOn():
		body.Fault_ = simulator.Fault("", m.notOn())
	case !m.site.guests.listens(m.VirtualMachine):
		body.Fault_ = simulator.Fault("", new(types.ToolsUnavailable))
	default:
		m.site.guests.stopped(m.VirtualMachine)
		m.site.booted(m.VirtualMachine)
		body.Res = new(types.RebootGuestResponse)
	}
	return body
}

// ShutdownGuest returns at once; the guest goes down later, by itself, or never.
func (m *machine) ShutdownGuest(*simulator.Context, *types.ShutdownGuest) soap.HasFault {
	body := new(methods.ShutdownGuestBody)
	switch {
	case !m.isOn():
		body.Fault_ = simulator.Fault("", m.notOn())
	case !m.site.guests.listens(m.VirtualMachine):
		body.Fault_ = simulator.Fault("", new(types.ToolsUnavailable))
	default:
		body.Res = new(types.ShutdownGuestResponse)
		m.site.guests.shutDown(m.VirtualMachine)
	}
	return body
}

// SetCustomValue tells who waits for updates.
func (m *machine) SetCustomValue(ctx *simulator.Context, req *types.SetCustomValue) soap.HasFault {
	answer := m.VirtualMachine.SetCustomValue(ctx, req)
	m.site.tellFields(m.Self)
	return answer
}

// fields is the manager of custom fields, telling who waits for updates.
type fields struct {
	*simulator.CustomFieldsManager
	site *site
}

func (f *fields) SetField(ctx *simulator.Context, req *types.SetField) soap.HasFault {
	answer := f.CustomFieldsManager.SetField(ctx, req)
	f.site.tellFields(req.Entity)
	return answer
}

func (s *site) tellFields(of types.ManagedObjectReference) {
	object, ok := s.registry.Get(of).(mo.Entity)
	if !ok {
		return
	}
	entity := object.Entity()
	s.update(object,
		types.PropertyChange{Name: "customValue", Val: entity.CustomValue},
		types.PropertyChange{Name: "value", Val: entity.Value})
}

// booted records a start and lets the guest come up.
func (s *site) booted(vm *simulator.VirtualMachine) {
	now := time.Now()
	s.update(vm,
		types.PropertyChange{Name: "runtime.bootTime", Val: now},
		types.PropertyChange{Name: "summary.runtime.bootTime", Val: now})
	s.guests.started(vm)
}
