package main

import (
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// bare are the machines that stand in their folder while they are being made: nobody can read their config yet.
type bare struct {
	mu  sync.Mutex
	all map[types.ManagedObjectReference]bool
}

func (b *bare) set(machine types.ManagedObjectReference, is bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[types.ManagedObjectReference]bool{}
	}
	if is {
		b.all[machine] = true
	} else {
		delete(b.all, machine)
	}
}

// RetrievePropertiesEx leaves out the config of those, for who waits for updates as well.
func (w *waiter) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	answer := w.PropertyCollector.RetrievePropertiesEx(ctx, req)
	if body, ok := answer.(*methods.RetrievePropertiesExBody); ok && body.Res != nil && body.Res.Returnval != nil {
		w.site.bare.strip(body.Res.Returnval.Objects)
	}
	return answer
}

// ContinueRetrievePropertiesEx gives the next page of such an answer.
func (w *waiter) ContinueRetrievePropertiesEx(ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	answer := w.PropertyCollector.ContinueRetrievePropertiesEx(ctx, req)
	if body, ok := answer.(*methods.ContinueRetrievePropertiesExBody); ok && body.Res != nil {
		w.site.bare.strip(body.Res.Returnval.Objects)
	}
	return answer
}

func (b *bare) strip(objects []types.ObjectContent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for number := range objects {
		object := &objects[number]
		if !b.all[object.Obj] {
			continue
		}
		var readable []types.DynamicProperty
		for _, property := range object.PropSet {
			if property.Name != "config" && !strings.HasPrefix(property.Name, "config.") {
				readable = append(readable, property)
			}
		}
		object.PropSet = readable
	}
}
