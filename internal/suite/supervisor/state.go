package supervisor

import (
	"cmp"
	"slices"
	"time"
)

// Times of the restart rule. The original's fixed ten seconds are too long for a short failure and too short for a
// lasting one.
const (
	// StartPeriod is how long after its first start the failure of a needed component still stops the suite.
	StartPeriod = 10 * time.Second

	// The delay before a restart doubles from FirstDelay to LastDelay, and begins anew after the component ran for
	// StablePeriod.
	FirstDelay   = 100 * time.Millisecond
	LastDelay    = time.Minute
	StablePeriod = time.Minute

	// PriorityWait is how long those of lower priority wait for a component that was started but does not serve yet.
	PriorityWait = 10 * time.Second
)

type phase int

const (
	waiting  phase = iota // to be started at due
	starting              // told to start
	running               // serves
	stopping              // told to stop
)

type unit struct {
	Component
	phase    phase
	run      uint64 // number of the current or last start; stale reports name another
	due      time.Time
	first    time.Time // of the first start
	begun    time.Time // of the last start
	served   bool      // it was ready once
	failures int       // in a row
	removed  bool      // from the configuration
	next     *Component
}

// State is what the supervisor knows of the components. Its methods never wait; the caller passes the time.
type State struct {
	units  map[string]*unit
	runs   uint64
	jitter func() float64 // from 0 to 1
	known  bool           // Configure was called
}

// NewState makes a state without components.
func NewState(jitter func() float64) *State {
	return &State{units: make(map[string]*unit), jitter: jitter}
}

// Op is what is to be done with a component.
type Op int

const (
	Start Op = iota
	Stop
	Forget // it was waiting for its restart when it was removed
)

// Action is a decision of the state. The outcome of a Start or Stop is told to Ready or Ended with its Run.
type Action struct {
	Op        Op
	Component Component
	Run       uint64
}

// Configure makes the list the components to run. Those not in the list are stopped, whatever their kind; those whose
// fields changed are stopped and started anew.
func (s *State) Configure(now time.Time, list []Component) []Action {
	s.known = true
	var actions []Action
	wanted := make(map[string]Component, len(list))
	for _, c := range list {
		wanted[c.Name] = c
	}
	for _, u := range s.sorted() {
		c, ok := wanted[u.Name]
		switch {
		case !ok:
			u.removed, u.next = true, nil
		case c != u.Component:
			u.removed, u.next = false, &c
		default:
			if u.phase == stopping {
				u.next = &c // it was removed and is wanted again before it ended
			} else {
				u.next = nil
			}
			u.removed = false
			continue
		}
		switch u.phase {
		case waiting:
			if u.removed {
				delete(s.units, u.Name)
				actions = append(actions, Action{Forget, u.Component, u.run})
			} else {
				s.units[u.Name] = &unit{Component: c, due: now}
			}
		case starting, running:
			u.phase = stopping
			actions = append(actions, Action{Stop, u.Component, u.run})
		}
	}
	for _, c := range list {
		if _, ok := s.units[c.Name]; !ok {
			s.units[c.Name] = &unit{Component: c, due: now}
		}
	}
	return actions
}

// Due returns the starts whose time has come, by falling priority.
func (s *State) Due(now time.Time) []Action {
	var actions []Action
	for _, u := range s.sorted() {
		if u.phase != waiting || now.Before(s.startTime(u)) || s.occupied(u) {
			continue
		}
		s.runs++
		u.phase, u.run, u.begun = starting, s.runs, now
		if u.first.IsZero() {
			u.first = now
		}
		actions = append(actions, Action{Start, u.Component, u.run})
	}
	return actions
}

// Next is the earliest time at which Due has something to return, if nothing else happens before.
func (s *State) Next() (next time.Time, ok bool) {
	for _, u := range s.units {
		if u.phase != waiting || s.occupied(u) {
			continue
		}
		if t := s.startTime(u); !ok || t.Before(next) {
			next, ok = t, true
		}
	}
	return next, ok
}

// startTime is when a waiting unit may start: when it is due, and those of higher priority that are on their first
// start serve or had PriorityWait for it.
func (s *State) startTime(u *unit) time.Time {
	at := u.due
	for _, other := range s.units {
		if other.Priority <= u.Priority || other.served {
			continue
		}
		var wait time.Time
		switch {
		case other.phase == starting:
			wait = other.begun.Add(PriorityWait)
		case other.phase == waiting && other.first.IsZero() && !s.occupied(other):
			wait = other.due.Add(PriorityWait)
		}
		if wait.After(at) {
			at = wait
		}
	}
	return at
}

// occupied tells whether another entry of the same module still runs, which happens when an entry was renamed.
func (s *State) occupied(u *unit) bool {
	for _, other := range s.units {
		if other != u && other.Module == u.Module && other.phase != waiting {
			return true
		}
	}
	return false
}

// Wants tells whether a start is still wanted.
func (s *State) Wants(name string, run uint64) bool {
	u := s.units[name]
	return u != nil && u.run == run && u.phase == starting
}

// Ready says that a start succeeded. The result tells whether it is still wanted.
func (s *State) Ready(name string, run uint64) bool {
	if !s.Wants(name, run) {
		return false
	}
	u := s.units[name]
	u.phase, u.served = running, true
	return true
}

// Outcome is what the end of a component means.
type Outcome int

const (
	Ignored     Outcome = iota // a stale report
	Stopped                    // as it was told
	Restarting                 // it failed and is started again
	Unsatisfied                // it failed and the suite cannot go on without it
)

// Ended says that a component is not running any more.
func (s *State) Ended(now time.Time, name string, run uint64) Outcome {
	u := s.units[name]
	if u == nil || u.run != run || u.phase == waiting {
		return Ignored
	}
	if u.phase == stopping {
		delete(s.units, name)
		if u.next != nil {
			s.units[name] = &unit{Component: *u.next, due: now}
		}
		return Stopped
	}
	if u.Kind == Core || u.Kind == Needed && (!u.served || now.Sub(u.first) < StartPeriod) {
		delete(s.units, name)
		return Unsatisfied
	}
	if now.Sub(u.begun) >= StablePeriod {
		u.failures = 0
	}
	u.failures++
	u.phase, u.due = waiting, now.Add(s.delay(u.failures))
	return Restarting
}

// delay varies by a fifth, so that components that fail together do not come back together.
func (s *State) delay(failures int) time.Duration {
	d := FirstDelay
	for range failures - 1 {
		if d *= 2; d >= LastDelay {
			d = LastDelay
			break
		}
	}
	return time.Duration(float64(d) * (0.8 + 0.4*s.jitter()))
}

// Settled tells whether components are configured and each has served or failed once: the start is complete.
func (s *State) Settled() bool {
	if !s.known {
		return false
	}
	for _, u := range s.units {
		if !u.served && u.failures == 0 {
			return false
		}
	}
	return true
}

// Clear forgets all components: the suite stops.
func (s *State) Clear() { clear(s.units) }

// Active lists the components that were told to start and have not ended, and their runs.
func (s *State) Active() map[Component]uint64 {
	active := make(map[Component]uint64)
	for _, u := range s.units {
		if u.phase != waiting {
			active[u.Component] = u.run
		}
	}
	return active
}

// Runs tells whether an entry for the program is configured, or still runs.
func (s *State) Runs(program string) bool {
	for _, u := range s.units {
		if u.Program == program {
			return true
		}
	}
	return false
}

// Uses tells whether a process hosts a component that runs or is to run.
func (s *State) Uses(process string) bool {
	for _, u := range s.units {
		if u.Process == process || u.next != nil && u.next.Process == process {
			return true
		}
	}
	return false
}

// sorted gives the units by falling priority, then by name.
func (s *State) sorted() []*unit {
	list := make([]*unit, 0, len(s.units))
	for _, u := range s.units {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b *unit) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name))
	})
	return list
}
