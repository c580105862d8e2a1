package main

import (
	"sync"
	"time"
)

// call is one received call, as in the control endpoint's JSON.
type call struct {
	Number  int       `json:"number"`
	Method  string    `json:"method"`
	Object  string    `json:"object"`         // the reference, such as vm-12
	Name    string    `json:"name,omitempty"` // the machine's name; of CloneVM_Task the clone's
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	Outcome string    `json:"outcome"` // running, ok, dropped, lost, or the fault's type
}

// calls remember what was received, so that tests can go through all calls one by one.
type calls struct {
	mu   sync.Mutex
	all  []*call
	last int
}

const rememberedCalls = 100_000

func (c *calls) begin(method, object, name string) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	begun := &call{Number: c.last, Method: method, Object: object, Name: name, At: time.Now().UTC(), Outcome: "running"}
	c.all = append(c.all, begun)
	if len(c.all) > rememberedCalls {
		c.all = c.all[len(c.all)-rememberedCalls:]
	}
	return begun
}

func (c *calls) end(ended *call, outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended.Outcome, ended.Seconds = outcome, time.Since(ended.At).Seconds()
}

// since lists the calls after a number, all or those of one method.
func (c *calls) since(number int, method string) []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	listed := []call{}
	for _, each := range c.all {
		if each.Number > number && (method == "" || each.Method == method) {
			listed = append(listed, *each)
		}
	}
	return listed
}
