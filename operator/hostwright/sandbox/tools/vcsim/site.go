package main

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// site is the vCenter with all that we know beside it.
type site struct {
	service  *simulator.Service
	registry *simulator.Registry
	settings settings
	guests   guests
	rules    rules
	calls    calls
	sessions sessions
	creation creation
	waiters  waiters
	bare     bare
	changes  atomic.Int64 // how many there were, to any object
}

func newSite(service *simulator.Service) *site {
	s := &site{service: service, registry: service.Context.Map, settings: newSettings()}
	s.guests.site = s
	return s
}

// correct puts our corrections in place; the inventory is there already.
func (s *site) correct() {
	s.registry.AddHandler(&observer{reference: reference(observerRef), site: s})
	s.registry.Handler = s.route
}

// context is a new owner of the simulator's locks.
func (s *site) context() *simulator.Context {
	c := *s.service.Context
	c.Context = context.Background()
	return &c
}

// update changes properties and tells all who wait for updates; the caller holds the object's lock.
func (s *site) update(object mo.Reference, changes ...types.PropertyChange) {
	s.context().Update(object, changes)
}

// locked runs a function with the lock of an object.
func (s *site) locked(object mo.Reference, run func(*simulator.Context)) {
	ctx := s.context()
	ctx.WithLock(object, func() { run(ctx) })
}

// path is the inventory path of an object, as govc and the vSphere client show it.
func (s *site) path(object mo.Entity) string {
	var names []string
	for object != nil && object.Entity().Parent != nil {
		names = append([]string{object.Entity().Name}, names...)
		object, _ = s.registry.Get(*object.Entity().Parent).(mo.Entity)
	}
	return "/" + strings.Join(names, "/")
}

// find gives the machine of a reference (`vm-12`), a path or a name; a name must be the only one.
func (s *site) find(which string) (*simulator.VirtualMachine, error) {
	var found []*simulator.VirtualMachine
	for _, entity := range s.registry.All("VirtualMachine") {
		vm := entity.(*simulator.VirtualMachine)
		if vm.Self.Value == which || s.path(vm) == which {
			return vm, nil
		}
		if vm.Name == which {
			found = append(found, vm)
		}
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("%d machines are called %q", len(found), which)
	}
	return found[0], nil
}

// creation serializes the last, short step of clones: the machine that appears meanwhile is the clone.
type creation struct {
	sync.Mutex
	appeared atomic.Pointer[func(*simulator.VirtualMachine)]
	of       atomic.Pointer[types.ManagedObjectReference]
}

// hold keeps the machine that appears next locked for a context, until the returned function is called.
func (c *creation) hold(ctx *simulator.Context, registry *simulator.Registry) func() {
	unlock := func() {}
	appeared := func(vm *simulator.VirtualMachine) {
		c.appeared.Store(nil)
		c.of.Store(&vm.Self)
		unlock = registry.AcquireLock(ctx, vm)
	}
	c.appeared.Store(&appeared)
	return func() {
		c.appeared.Store(nil)
		c.of.Store(nil)
		unlock()
	}
}

// isMaking tells whether a machine is one that is being made.
func (c *creation) isMaking(machine types.ManagedObjectReference) bool {
	of := c.of.Load()
	return of != nil && *of == machine
}

// await waits for the task that a method has started, and gives its result.
func (s *site) await(answer soap.HasFault) (types.AnyType, types.BaseMethodFault) {
	if fault := answer.Fault(); fault != nil {
		if named, ok := fault.VimFault().(types.BaseMethodFault); ok {
			return nil, named
		}
		return nil, &types.SystemError{Reason: fault.String}
	}
	task := reflect.ValueOf(answer).Elem().FieldByName("Res").Elem().FieldByName("Returnval")
	running := s.registry.Get(task.Interface().(types.ManagedObjectReference)).(*simulator.Task)
	for { // its own Wait does not know the tasks that we make
		var info types.TaskInfo
		s.locked(running, func(*simulator.Context) { info = running.Info })
		switch {
		case info.State == types.TaskInfoStateSuccess:
			return info.Result, nil
		case info.State == types.TaskInfoStateError && info.Error != nil:
			return nil, info.Error.Fault
		}
		time.Sleep(2 * time.Millisecond)
	}
}
