package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// rule is something that happens to the next calls of a method. As in the control endpoint's JSON.
type rule struct {
	Method  string  `json:"method"`
	Object  string  `json:"object"`  // only calls to the machine of this name (CloneVM_Task: the clone's); empty: all
	Do      string  `json:"do"`      // fault, taskFault, drop (never applied), lose (applied, no reply), slow, slowReply
	Fault   string  `json:"fault"`   // the type's name, such as NoPermission
	Message string  `json:"message"` // its words, else a vCenter's
	Seconds float64 `json:"seconds"` // for slow and slowReply
	Times   int     `json:"times"`   // for how many calls; negative: for all
	ID      int     `json:"id"`
	Hits    int     `json:"hits"`
}

const (
	doFault, doTaskFault, doDrop, doLose, doSlow, doSlowReply = "fault", "taskFault", "drop", "lose", "slow", "slowReply"
)

// rules are asked for each call and each task, in the order in which they were made.
type rules struct {
	mu   sync.Mutex
	all  []*rule
	last int
}

func (r *rules) add(new rule) (int, error) {
	if new.Method == "" {
		return 0, fmt.Errorf("a rule needs a method, such as CloneVM_Task")
	}
	switch new.Do {
	case doFault, doTaskFault:
		if _, err := namedFault(new.Fault); err != nil {
			return 0, err
		}
	case doSlow, doSlowReply:
		if new.Seconds <= 0 {
			return 0, fmt.Errorf("%s needs seconds", new.Do)
		}
	case doDrop, doLose:
	default:
		return 0, fmt.Errorf("a rule cannot do %q", new.Do)
	}
	if new.Times == 0 {
		new.Times = 1
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	new.ID = r.last
	r.all = append(r.all, &new)
	return new.ID, nil
}

func (r *rules) list() []rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	listed := []rule{}
	for _, each := range r.all {
		listed = append(listed, *each)
	}
	return listed
}

func (r *rules) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
}

// take gives the first live rule that does one of these things to a call, and counts it.
func (r *rules) take(method, object string, does ...string) (rule, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, each := range r.all {
		if each.Times == 0 || each.Method != method || (each.Object != "" && each.Object != object) {
			continue
		}
		if slices.Contains(does, each.Do) {
			each.Hits++
			if each.Times > 0 {
				each.Times--
			}
			return *each, true
		}
	}
	return rule{}, false
}

// taskFault is the fault that a test wants a task to end with.
func (r *rules) taskFault(method, object string) types.BaseMethodFault {
	taken, ok := r.take(method, object, doTaskFault)
	if !ok {
		return nil
	}
	fault, err := namedFault(taken.Fault)
	if err != nil {
		panic(err) // add has looked
	}
	return fault
}

func (r rule) pause() { time.Sleep(time.Duration(r.Seconds * float64(time.Second))) }
