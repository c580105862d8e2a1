package main

import (
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// sessions are the logins we have seen calls of.
type sessions struct {
	mu    sync.Mutex
	open  map[string]*simulator.Session
	ended map[string]bool // by us
}

// seen notes a session; one that has ended is not noted again by a call that was under way.
func (s *sessions) seen(session *simulator.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open, s.ended = map[string]*simulator.Session{}, map[string]bool{}
	}
	if !s.ended[session.Key] {
		s.open[session.Key] = session
	}
}

// wasEnded tells whether we have ended the session of a cookie.
func (s *sessions) wasEnded(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended[key]
}

// session is one login, as in the control endpoint's JSON.
type session struct {
	User  string    `json:"user"`
	Agent string    `json:"agent"`
	Login time.Time `json:"login"`
	Calls int64     `json:"calls"`
}

// list asks the simulator itself: who has logged out is not there.
func (s *site) listSessions() []session {
	mine := &simulator.Session{Registry: simulator.NewRegistry(), Map: s.registry}
	manager := mine.Get(s.registry.SessionManager().Reference()).(*simulator.SessionManager)
	listed := []session{}
	for _, each := range manager.SessionList {
		listed = append(listed, session{each.UserName, each.UserAgent, each.LoginTime, each.CallCount})
	}
	return listed
}

// endSessions ends all, as an administrator or a restarted vCenter would, and whatever waits for updates in them.
func (s *site) endSessions() int {
	s.sessions.mu.Lock()
	open := s.sessions.open
	s.sessions.open = map[string]*simulator.Session{}
	for key := range open {
		s.sessions.ended[key] = true
	}
	s.sessions.mu.Unlock()
	for _, each := range open {
		ctx := s.context()
		ctx.Session = each
		for _, collector := range each.AllReference("PropertyCollector") {
			if waiting, ok := collector.(*simulator.PropertyCollector); ok {
				s.waiters.forget(waiting)
			}
		}
		s.registry.SessionManager().Logout(ctx, new(types.Logout))
	}
	return len(open)
}
