package main

import (
	"sync"
	"time"
)

// settings are the times that things take.
type settings struct {
	*sync.Mutex
	Times
}

// Times are as in the control endpoint's JSON, in seconds.
type Times struct {
	Clone    float64 `json:"clone"`    // from CloneVM_Task to the machine
	Bare     float64 `json:"bare"`     // from there until its config can be read, and the task ends
	Boot     float64 `json:"boot"`     // from power-on until VMware Tools tell an address
	Shutdown float64 `json:"shutdown"` // from ShutdownGuest until the guest powers off
}

func newSettings() settings {
	return settings{Mutex: new(sync.Mutex), Times: Times{Clone: 0.2, Boot: 0.2, Shutdown: 0.2}}
}

func (s *settings) read(of func(Times) float64) time.Duration {
	s.Lock()
	defer s.Unlock()
	return time.Duration(of(s.Times) * float64(time.Second))
}

func (s *settings) clone() time.Duration { return s.read(func(t Times) float64 { return t.Clone }) }
func (s *settings) bare() time.Duration  { return s.read(func(t Times) float64 { return t.Bare }) }
func (s *settings) boot() time.Duration  { return s.read(func(t Times) float64 { return t.Boot }) }
func (s *settings) shutdown() time.Duration {
	return s.read(func(t Times) float64 { return t.Shutdown })
}
