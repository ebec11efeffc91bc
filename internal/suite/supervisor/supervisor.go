package supervisor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/host"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/placement"
)

// Events published when the module of a component begins and ends to answer, with ModuleEvent.
const (
	EventModuleStarted = "module_started"
	EventModuleStopped = "module_stopped"
)

// ModuleEvent names a module.
type ModuleEvent struct {
	Module string `json:"module"`
}

// Options are what a supervisor is given.
type Options struct {
	Launcher placement.Launcher
	Bus      *bus.Conn
	Log      *logging.Logger
	Release  func(component string) // closes the sockets of a component that was removed
	NoKill   bool                   // never send signals: wait for every process however long it takes
}

// Row is one line of show_processes.
type Row struct {
	PID    int
	Name   string // of the entry in Init/components
	Module string
}

// Supervisor runs a State. One goroutine, Run, owns everything but rows.
type Supervisor struct {
	options   Options
	state     *State
	processes map[string]*process
	events    chan func()
	started   chan struct{}
	settled   bool
	closing   bool
	failed    error // the core or needed failure because of which the suite stops
	ended     chan struct{}
	rows      atomic.Pointer[[]Row]

	// complaints holds the reason that was last logged for a component that failed and has not served since: a failure
	// that lasts, such as a port in use, is one error in the log and not one for each attempt.
	complaints map[string]string
}

// New makes a supervisor without components.
func New(o Options) *Supervisor {
	s := &Supervisor{
		options:   o,
		state:     NewState(rand.Float64),
		processes: make(map[string]*process),
		events:    make(chan func()),
		started:   make(chan struct{}),
		ended:     make(chan struct{}),

		complaints: make(map[string]string),
	}
	s.rows.Store(new([]Row))
	return s
}

// Started is closed when every component of the first configuration has served or failed.
func (s *Supervisor) Started() <-chan struct{} { return s.started }

// Processes lists the running components by process id.
func (s *Supervisor) Processes() []Row { return *s.rows.Load() }

// Configure makes the list the components to run. It returns before they do.
func (s *Supervisor) Configure(list []Component) {
	s.post(func() {
		if !s.closing {
			s.perform(s.state.Configure(time.Now(), list))
		}
	})
}

// Unavailable reports an entry that cannot be run at all and was accepted nevertheless.
func (s *Supervisor) Unavailable(name, why string) { s.options.Log.Log(msgStartException, name, why) }

// Shutdown stops everything; Run returns when it has ended.
func (s *Supervisor) Shutdown() { s.post(s.shutdown) }

// post has f called by Run; nothing happens when Run has returned.
func (s *Supervisor) post(f func()) {
	select {
	case s.events <- f:
	case <-s.ended:
	}
}

// Run supervises until Shutdown, or until a component fails without which the suite cannot go on: that is the error.
// The command channel being lost is such a failure, too.
func (s *Supervisor) Run(ctx context.Context) error {
	defer close(s.ended)
	unregister, err := s.options.Bus.Register(ctx, host.SupervisorName, s.answer)
	if err != nil {
		return err
	}
	defer unregister()
	timer := time.NewTimer(0)
	defer timer.Stop()
	lost := s.options.Bus.Done()
	for {
		s.publish()
		if s.closing && len(s.processes) == 0 {
			return s.failed
		}
		select {
		case f := <-s.events:
			f()
		case <-timer.C:
		case <-lost:
			lost = nil
			s.options.Log.Log(msgMsgqDisappeared)
			s.failed = cmp.Or(s.failed, s.options.Bus.Err())
			s.shutdown()
		}
		s.perform(s.state.Due(time.Now()))
		s.tidy()
		if next, ok := s.state.Next(); ok {
			timer.Reset(time.Until(next))
		}
	}
}

// publish shows the outside what runs, and notices that the start is complete.
func (s *Supervisor) publish() {
	var rows []Row
	for c := range s.state.Active() {
		if p := s.processes[c.Process]; p != nil && p.process != nil {
			rows = append(rows, Row{p.process.PID(), c.Name, c.Module})
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Name, b.Name)) })
	s.rows.Store(&rows)
	if !s.settled && !s.closing && s.state.Settled() {
		s.settled = true
		close(s.started)
	}
}

func (s *Supervisor) perform(actions []Action) {
	for _, a := range actions {
		switch a.Op {
		case Start:
			s.begin(a)
		case Stop:
			s.options.Log.Log(msgComponentStop, a.Component.Name)
			go s.stop(a)
		case Forget:
			delete(s.complaints, a.Component.Name)
			s.options.Log.Log(msgRestartSkipped, a.Component.Name)
			s.options.Release(a.Component.Program)
		}
	}
}

// begin starts a component in its process, which is started first if need be.
func (s *Supervisor) begin(a Action) {
	p := s.processes[a.Component.Process]
	if p != nil && p.stopping {
		go func() { // one of that name is on its way out
			<-p.gone
			s.post(func() { s.begin(a) })
		}()
		return
	}
	if !s.state.Wants(a.Component.Name, a.Run) {
		return
	}
	if _, failed := s.complaints[a.Component.Name]; failed {
		s.options.Log.Log(msgComponentRestart, a.Component.Name)
	} else {
		s.options.Log.Log(msgComponentStart, a.Component.Name)
	}
	if p == nil {
		p = s.launch(a.Component.Process)
	}
	go func() {
		err := s.start(p, a)
		s.post(func() {
			if err != nil {
				s.componentEnded(a.Component, a.Run, err.Error())
				return
			}
			if !s.state.Ready(a.Component.Name, a.Run) {
				go s.stop(a) // removed while it was starting
				return
			}
			if _, failed := s.complaints[a.Component.Name]; failed {
				delete(s.complaints, a.Component.Name)
				s.options.Log.Log(msgComponentRecovered, a.Component.Name)
			}
			s.tell(EventModuleStarted, a.Component)
		})
	}()
}

// start runs in a goroutine of its own.
func (s *Supervisor) start(p *process, a Action) error {
	select {
	case <-p.up:
	case <-p.gone:
		return fmt.Errorf("process %s: %s", p.name, p.how)
	case <-time.After(announceLimit):
		_ = p.process.Signal(os.Kill) // what cannot be killed is given up when the suite stops
		return fmt.Errorf("process %s did not report within %v", p.name, announceLimit)
	}
	ctx, cancel := context.WithTimeout(context.Background(), host.StartLimit)
	defer cancel()
	return s.options.Bus.Call(ctx, host.ProcessName(p.name), host.CommandStart, host.ComponentArgs{Component: a.Component.Program}, nil)
}

// stop runs in a goroutine of its own. A component that does not stop takes its process with it.
func (s *Supervisor) stop(a Action) {
	ctx, cancel := context.WithTimeout(context.Background(), host.StopGrace+bus.DefaultTimeout)
	defer cancel()
	err := s.options.Bus.Call(ctx, host.ProcessName(a.Component.Process), host.CommandStop,
		host.ComponentArgs{Component: a.Component.Program}, nil)
	s.post(func() {
		// A process that does not answer yet is coming up: when the component has started in it, the start is found
		// to be unwanted, and we are back here.
		if err != nil && !errors.Is(err, bus.ErrNotRunning) {
			s.options.Log.Log(msgStopFailed, a.Component.Name, err)
			if p := s.processes[a.Component.Process]; p != nil && !s.options.NoKill {
				_ = s.kill(p, os.Kill) // a group of goroutines cannot be: what hangs stays behind, and was reported
			}
		}
		s.componentEnded(a.Component, a.Run, "")
	})
}

// componentEnded takes the report of an end, of which there may be several: by the call that started the component, by
// its host, and by the end of its process.
func (s *Supervisor) componentEnded(c Component, run uint64, reason string) {
	switch s.state.Ended(time.Now(), c.Name, run) {
	case Ignored:
		return
	case Stopped:
		delete(s.complaints, c.Name)
		if !s.state.Runs(c.Program) {
			s.options.Release(c.Program)
		}
	case Restarting:
		if s.complaints[c.Name] == reason {
			s.options.Log.Log(msgComponentStillFails, c.Name, reason)
			break
		}
		s.complaints[c.Name] = reason
		s.options.Log.Log(msgComponentFailed, c.Name, reason)
	case Unsatisfied:
		s.options.Log.Log(msgComponentFailed, c.Name, reason)
		s.options.Log.Log(msgComponentUnsatisfied, c.Name)
		if s.failed == nil {
			s.failed = fmt.Errorf("%s: %s", c.Name, reason)
		}
		s.shutdown()
	}
	s.tell(EventModuleStopped, c)
}

func (s *Supervisor) tell(event string, c Component) {
	// An error means that the command channel is lost, which Run notices.
	_ = s.options.Bus.Publish(event, ModuleEvent{c.Module})
}

// answer takes what hosts report.
func (s *Supervisor) answer(_ context.Context, command string, raw json.RawMessage) (any, error) {
	switch command {
	case host.CommandAnnounce:
		var args host.ProcessArgs
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
		s.post(func() {
			if p := s.processes[args.Process]; p != nil {
				p.announced()
				if p.stopping && s.options.NoKill {
					go s.end(p) // it could not be asked before, and will not be signalled
				}
			}
		})
		return nil, nil
	case host.CommandEnded:
		var args host.EndedArgs
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
		s.post(func() {
			for c, run := range s.state.Active() {
				if c.Program == args.Component && c.Process == args.Process {
					s.componentEnded(c, run, args.Reason)
				}
			}
		})
		return nil, nil
	}
	return nil, &bus.Error{Code: 2, Text: "unknown command " + command}
}

func (s *Supervisor) shutdown() {
	if s.closing {
		return
	}
	s.closing = true
	s.options.Log.Log(msgShutdown)
	s.state.Clear()
}

// tidy stops the processes that host nothing any more.
func (s *Supervisor) tidy() {
	for _, name := range slices.Sorted(maps.Keys(s.processes)) {
		if p := s.processes[name]; !p.stopping && !s.state.Uses(name) {
			p.stopping = true
			s.options.Log.Log(msgStopProcess, name)
			go s.end(p)
		}
	}
}
