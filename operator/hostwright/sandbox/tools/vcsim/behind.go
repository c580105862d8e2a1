package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Things done to a machine behind the back of whoever manages it: by hand in the vSphere client, say.

// finished waits for a task; its fault is the error.
func (s *site) finished(answer soap.HasFault) error {
	if _, fault := s.await(answer); fault != nil {
		return fmt.Errorf("%T: %s", fault, message(fault))
	}
	return nil
}

func (s *site) power(vm *simulator.VirtualMachine, what *order) error {
	ctx := s.context()
	switch what.State {
	case "on":
		return s.finished(vm.PowerOnVMTask(ctx, &types.PowerOnVM_Task{This: vm.Self}))
	case "off":
		return s.finished(vm.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self}))
	case "suspended":
		return s.finished(vm.SuspendVMTask(ctx, &types.SuspendVM_Task{This: vm.Self}))
	}
	return fmt.Errorf("power is on, off or suspended, not %q", what.State)
}

func (s *site) rename(vm *simulator.VirtualMachine, what *order) error {
	mine := &machine{VirtualMachine: vm, site: s}
	return s.finished(mine.RenameTask(s.context(), &types.Rename_Task{This: vm.Self, NewName: what.To}))
}

// cloneBehind copies a machine as the vSphere client does: extraConfig and all.
func (s *site) cloneBehind(vm *simulator.VirtualMachine, what *order) error {
	folder := *vm.Parent
	if what.Folder != "" {
		found, err := s.folder(what.Folder)
		if err != nil {
			return err
		}
		folder = found.Self
	}
	mine := &machine{VirtualMachine: vm, site: s}
	return s.finished(mine.CloneVMTask(s.context(), &types.CloneVM_Task{This: vm.Self, Folder: folder, Name: what.To}))
}

func (s *site) destroy(vm *simulator.VirtualMachine, _ *order) error {
	if vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
		if err := s.power(vm, &order{State: "off"}); err != nil {
			return err
		}
	}
	return s.finished(vm.DestroyTask(s.context(), &types.Destroy_Task{This: vm.Self}))
}

// configure changes even a running machine: what hot-plug forbids is not the test's concern.
func (s *site) configure(vm *simulator.VirtualMachine, what *order) error {
	spec := types.VirtualMachineConfigSpec{NumCPUs: what.CPU, MemoryMB: what.MemoryMiB}
	for key, value := range what.ExtraConfig {
		spec.ExtraConfig = append(spec.ExtraConfig, &types.OptionValue{Key: key, Value: value})
	}
	if err := s.finished(vm.ReconfigVMTask(s.context(), &types.ReconfigVM_Task{This: vm.Self, Spec: spec})); err != nil {
		return err
	}
	manager := &fields{CustomFieldsManager: s.registry.CustomFieldsManager(), site: s}
	for name, value := range what.Attributes {
		ctx := s.context()
		key, known := int32(0), false
		for _, field := range manager.Field {
			if field.Name == name {
				key, known = field.Key, true
			}
		}
		if !known {
			manager.AddCustomFieldDef(ctx, &types.AddCustomFieldDef{This: manager.Self, Name: name, MoType: "VirtualMachine"})
			key = manager.Field[len(manager.Field)-1].Key
		}
		if fault := manager.SetField(ctx, &types.SetField{This: manager.Self, Entity: vm.Self, Key: key, Value: value}).Fault(); fault != nil {
			return fmt.Errorf("%s: %s", name, fault.String)
		}
	}
	return nil
}

func (s *site) guest(vm *simulator.VirtualMachine, what *order) error {
	s.locked(vm, func(*simulator.Context) {
		s.guests.with(vm.Self, func(guest *guest) {
			if what.Tools != nil {
				guest.noTools = !*what.Tools
			}
			if what.Deaf != nil {
				guest.deaf = *what.Deaf
			}
			for mac, addresses := range what.Addresses {
				guest.addresses[mac] = addresses
			}
		})
		s.guests.show(vm)
	})
	return nil
}
