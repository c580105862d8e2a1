package main

import (
	"maps"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	lookEvery  = 20 * time.Millisecond
	lookAnyway = time.Second // the simulator changes some properties without saying so
	mostAtOnce = 100         // objects in one reply, as a vCenter's
)

type (
	ref = types.ManagedObjectReference
	// row is what was told of one object; rows of all, by the filter that told it.
	row  map[string]types.AnyType
	seen struct{ filter, object ref }
	rows map[seen]row
)

// waiter answers WaitForUpdatesEx by comparing what is with what it has told. The simulator's own collects everything
// anew for every single change: with 200 machines it falls minutes behind, and what it was not told it never sees.
type waiter struct {
	*simulator.PropertyCollector
	site *site
	told *told
}

// told is what one property collector has told its client.
type told struct {
	mu      sync.Mutex
	version int
	now     rows
	before  rows // of the version before, in case that reply was lost
	turn    int  // of the latest call: an earlier one ends when another begins
}

// waiters are what all collectors have told.
type waiters struct {
	mu  sync.Mutex
	all map[*simulator.PropertyCollector]*told
}

func (w *waiters) of(collector *simulator.PropertyCollector) *told {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*simulator.PropertyCollector]*told{}
	}
	if w.all[collector] == nil {
		w.all[collector] = new(told)
	}
	return w.all[collector]
}

// forget ends whatever waits with a collector.
func (w *waiters) forget(collector *simulator.PropertyCollector) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if told := w.all[collector]; told != nil {
		told.next()
		delete(w.all, collector)
	}
}

func (t *told) next() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn++
	return t.turn
}

func (t *told) isTurn(turn int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.turn == turn
}

// resume goes on from the version that the client has; false when it is none of ours.
func (t *told) resume(version string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch version {
	case "":
		t.version, t.now, t.before = 0, nil, nil
	case strconv.Itoa(t.version):
	case strconv.Itoa(t.version - 1):
		t.version, t.now = t.version-1, t.before
	default:
		return false
	}
	return true
}

// CancelWaitForUpdates ends the call that waits.
func (w *waiter) CancelWaitForUpdates(*types.CancelWaitForUpdates) soap.HasFault {
	w.told.next()
	return &methods.CancelWaitForUpdatesBody{Res: new(types.CancelWaitForUpdatesResponse)}
}

// DestroyPropertyCollector ends it, too.
func (w *waiter) DestroyPropertyCollector(ctx *simulator.Context, req *types.DestroyPropertyCollector) soap.HasFault {
	w.site.waiters.forget(w.PropertyCollector)
	return w.PropertyCollector.DestroyPropertyCollector(ctx, req)
}

// WaitForUpdatesEx returns the next changes, or nothing when the time is over.
func (w *waiter) WaitForUpdatesEx(ctx *simulator.Context, req *types.WaitForUpdatesEx) soap.HasFault {
	body := new(methods.WaitForUpdatesExBody)
	turn := w.told.next()
	if !w.told.resume(req.Version) {
		body.Fault_ = simulator.Fault("", new(types.InvalidCollectorVersion))
		return body
	}
	begin, most := time.Now(), mostAtOnce
	patience := time.Duration(1<<63 - 1)
	if req.Options != nil {
		if seconds := req.Options.MaxWaitSeconds; seconds != nil {
			patience = time.Duration(*seconds) * time.Second
		}
		if asked := int(req.Options.MaxObjectUpdates); asked > 0 {
			most = min(most, asked)
		}
	}
	looked, changes := time.Time{}, int64(-1)
	for {
		if count := w.site.changes.Load(); count != changes || time.Since(looked) > lookAnyway {
			looked, changes = time.Now(), count
			set, fault := w.look(ctx, most)
			if fault != nil {
				body.Fault_ = simulator.Fault("", fault)
				return body
			}
			if set != nil || req.Version == "" {
				body.Res = &types.WaitForUpdatesExResponse{Returnval: set}
				return body
			}
		}
		if time.Since(begin) >= patience {
			body.Res = new(types.WaitForUpdatesExResponse)
			return body
		}
		time.Sleep(lookEvery)
		if !w.told.isTurn(turn) {
			body.Fault_ = simulator.Fault("", new(types.RequestCanceled))
			return body
		}
	}
}

// look collects what is, and takes up to so many objects' differences to what was told as told.
func (w *waiter) look(ctx *simulator.Context, most int) (*types.UpdateSet, types.BaseMethodFault) {
	w.told.mu.Lock()
	defer w.told.mu.Unlock()
	set := new(types.UpdateSet)
	now := maps.Clone(w.told.now)
	if now == nil {
		now = rows{}
	}
	for _, filter := range w.Filter {
		found, fault := w.collect(ctx, filter)
		if fault != nil {
			return nil, fault
		}
		updates := now.updates(filter, found)
		if len(updates) > most {
			updates, set.Truncated = updates[:most], types.NewBool(true)
		}
		most -= len(updates)
		for _, update := range updates {
			key := seen{filter, update.Obj}
			if update.Kind == types.ObjectUpdateKindLeave {
				delete(now, key)
			} else {
				now[key] = found[update.Obj]
			}
		}
		if len(updates) > 0 {
			set.FilterSet = append(set.FilterSet, types.PropertyFilterUpdate{Filter: filter, ObjectSet: updates})
		}
	}
	if len(set.FilterSet) == 0 && w.told.version > 0 {
		return nil, nil
	}
	w.told.version++
	w.told.before, w.told.now = w.told.now, now
	set.Version = strconv.Itoa(w.told.version)
	return set, nil
}

// collect is what a filter selects now, by object.
func (w *waiter) collect(ctx *simulator.Context, of ref) (map[ref]row, types.BaseMethodFault) {
	filter, ok := ctx.Session.Get(of).(*simulator.PropertyFilter)
	if !ok {
		return nil, nil
	}
	ask := &types.RetrievePropertiesEx{SpecSet: []types.PropertyFilterSpec{filter.Spec}}
	answer := w.RetrievePropertiesEx(ctx, ask)
	if fault := answer.Fault(); fault != nil {
		return nil, fault.VimFault().(types.BaseMethodFault)
	}
	found := map[ref]row{}
	for _, object := range answer.(*methods.RetrievePropertiesExBody).Res.Returnval.Objects {
		found[object.Obj] = row{}
		for _, property := range object.PropSet {
			found[object.Obj][property.Name] = property.Val
		}
	}
	return found, nil
}

// updates are the differences of what is to what was told, those that left first.
func (r rows) updates(filter ref, found map[ref]row) []types.ObjectUpdate {
	var updates []types.ObjectUpdate
	for told := range r {
		if _, ok := found[told.object]; told.filter == filter && !ok {
			updates = append(updates, types.ObjectUpdate{Kind: types.ObjectUpdateKindLeave, Obj: told.object})
		}
	}
	for object, is := range found {
		was, known := r[seen{filter, object}]
		update := types.ObjectUpdate{Kind: types.ObjectUpdateKindEnter, Obj: object}
		if known {
			update.Kind = types.ObjectUpdateKindModify
		}
		for name, value := range is {
			if old, ok := was[name]; !ok || !reflect.DeepEqual(old, value) {
				update.ChangeSet = append(update.ChangeSet, assign(name, value))
			}
		}
		for name := range was {
			if _, ok := is[name]; !ok {
				update.ChangeSet = append(update.ChangeSet, assign(name, nil))
			}
		}
		if !known || len(update.ChangeSet) > 0 {
			updates = append(updates, update)
		}
	}
	return updates
}

func assign(name string, value types.AnyType) types.PropertyChange {
	return types.PropertyChange{Name: name, Op: types.PropertyChangeOpAssign, Val: value}
}
