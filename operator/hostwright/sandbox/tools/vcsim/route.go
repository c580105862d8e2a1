package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// ours is no object's reference: the simulator prefers an object it knows by the call's reference over the one that
// route returns, so route takes the reference away.
var ours = types.ManagedObjectReference{Type: "Hostwright", Value: "ours"}

// corrected are the methods that our machine answers instead of the simulator's.
var corrected = map[string]bool{
	"CloneVM_Task": true, "ReconfigVM_Task": true, "Rename_Task": true, "ResetVM_Task": true,
	"RebootGuest": true, "ShutdownGuest": true, "SetCustomValue": true, "setCustomValue": true,
}

// waited are those that our collector of properties answers.
var waited = map[string]bool{"WaitForUpdatesEx": true, "CancelWaitForUpdates": true, "DestroyPropertyCollector": true}

// read are those, too, that tell properties at once.
var read = map[string]bool{"RetrievePropertiesEx": true, "ContinueRetrievePropertiesEx": true}

// route chooses who answers a call.
func (s *site) route(ctx *simulator.Context, method *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	if ctx.Session == nil {
		return nil, withoutSession(method)
	}
	s.sessions.seen(ctx.Session)
	if method.This.Type == "PropertyCollector" && waited[method.Name] {
		if collector, ok := ctx.Session.Get(method.This).(*simulator.PropertyCollector); ok {
			method.This = ours
			return &waiter{PropertyCollector: collector, site: s, told: s.waiters.of(collector)}, nil
		}
	}
	if method.This.Type == "PropertyCollector" && read[method.Name] {
		if collector, ok := ctx.Session.Get(method.This).(*simulator.PropertyCollector); ok {
			method.This = ours
			return &waiter{PropertyCollector: collector, site: s}, nil
		}
	}
	switch object := s.registry.Get(method.This).(type) {
	case *simulator.VirtualMachine:
		if corrected[method.Name] {
			method.This = ours
			return &machine{VirtualMachine: object, site: s}, nil
		}
	case *simulator.CustomFieldsManager:
		if method.Name == "SetField" {
			method.This = ours
			return &fields{CustomFieldsManager: object, site: s}, nil
		}
	}
	return nil, nil
}

// withoutSession refuses what the simulator would answer half: a vCenter shows its properties to nobody without a login.
func withoutSession(method *simulator.Method) types.BaseMethodFault {
	var specs []types.PropertyFilterSpec
	switch body := method.Body.(type) {
	case *types.RetrieveProperties:
		specs = body.SpecSet
	case *types.RetrievePropertiesEx:
		specs = body.SpecSet
	}
	for _, spec := range specs {
		for _, each := range spec.ObjectSet {
			if each.Obj != vim25.ServiceInstance {
				return notAuthenticated(each.Obj)
			}
		}
	}
	return nil
}

func notAuthenticated(object types.ManagedObjectReference) *types.NotAuthenticated {
	return &types.NotAuthenticated{NoPermission: types.NoPermission{Object: &object, PrivilegeId: "System.View"}}
}
