package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/host"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/placement"
)

// troupe launches processes that only play their part on the command channel, and writes down what they are told.
type troupe struct {
	t         *testing.T
	hub       *bus.Hub
	started   []*actor
	said      chan string
	deaf      bool            // processes do not end when they are told to
	immortal  bool            // nor by signals
	silent    bool            // they never announce themselves
	failStart map[string]bool // components that do not start
	healed    atomic.Bool     // now they do
	launchErr error
}

type actor struct {
	troupe *troupe
	name   string
	pid    int
	conn   *bus.Conn
	calls  sync.WaitGroup // its announcement
	done   chan struct{}
}

func (f *troupe) Start(name string) (placement.Process, error) {
	if f.launchErr != nil {
		return nil, f.launchErr
	}
	a := &actor{troupe: f, name: name, pid: 100 + len(f.started), conn: f.hub.Connect(), done: make(chan struct{})}
	f.started = append(f.started, a)
	f.said <- "launch " + name
	if f.silent {
		return a, nil
	}
	a.calls.Go(func() {
		if _, err := a.conn.Register(context.Background(), host.ProcessName(name), a.answer); err != nil {
			f.t.Error(err)
		}
		if err := a.conn.Call(context.Background(), host.SupervisorName, host.CommandAnnounce, host.ProcessArgs{Process: name}, nil); err != nil {
			f.t.Error(err)
		}
	})
	return a, nil
}

func (a *actor) answer(_ context.Context, command string, raw json.RawMessage) (any, error) {
	var args host.ComponentArgs
	if raw != nil {
		if err := json.Unmarshal(raw, &args); err != nil {
			return nil, err
		}
	}
	a.troupe.said <- strings.TrimSpace(command + " " + args.Component)
	switch {
	case command == host.CommandStart && a.troupe.failStart[args.Component] && !a.troupe.healed.Load():
		return nil, errors.New("no port")
	case command == host.CommandShutdown && !a.troupe.deaf:
		go a.die()
	}
	return nil, nil
}

func (a *actor) die() {
	a.calls.Wait() // it may be told to end before it has the answer
	a.conn.Close()
	<-a.conn.Done()
	close(a.done)
}

func (a *actor) PID() int               { return a.pid }
func (a *actor) Done() <-chan struct{}  { return a.done }
func (a *actor) Status() (string, bool) { return "signal: killed", false }

func (a *actor) Signal(s os.Signal) error {
	a.troupe.said <- fmt.Sprint("signal ", s)
	if a.troupe.immortal {
		return placement.ErrShared
	}
	if s == syscall.SIGKILL {
		go a.die()
	}
	return nil
}

type scene struct {
	*testing.T
	*Supervisor
	troupe   *troupe
	released []string
	ended    chan error
	text     bytes.Buffer // the log
}

// scenes runs a test against a running supervisor, and sees to its end.
func scenes(t *testing.T, f *troupe, noKill bool, test func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		f.t, f.hub, f.said = t, bus.NewHub(), make(chan string, 1000)
		conn := f.hub.Connect()
		s := &scene{T: t, troupe: f, ended: make(chan error, 1)}
		root := logging.New(logging.Options{Stderr: &s.text})
		if err := root.Configure(logging.Config{}); err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		s.Supervisor = New(Options{Launcher: f, Bus: conn, NoKill: noKill, Log: root.Logger("Init"), Release: func(c string) { s.released = append(s.released, c) }})
		go func() { s.ended <- s.Supervisor.Run(context.Background()) }()
		test(s)
		s.Shutdown()
		<-s.Supervisor.ended
		for _, a := range f.started {
			a.conn.Close()
			<-a.conn.Done()
		}
		conn.Close()
		<-conn.Done()
		f.hub.Close()
	})
}

// expect compares what the processes were told since the last call.
func (s *scene) expect(want ...string) {
	s.Helper()
	synctest.Wait()
	var got []string
	for len(s.troupe.said) > 0 {
		got = append(got, <-s.troupe.said)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("told %v, want %v", got, want)
	}
}

func (s *scene) after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestProcessIsSharedAndRestarted(t *testing.T) {
	scenes(t, new(troupe), false, func(s *scene) {
		a, b := component("a", Dispensable, 1), component("b", Dispensable, 0)
		s.Configure([]Component{a, b})
		<-s.Started()
		s.expect("launch p", "start a", "start b")
		if rows := s.Processes(); len(rows) != 2 || rows[0] != (Row{100, "a", "a"}) || rows[1] != (Row{100, "b", "b"}) {
			t.Errorf("processes %v", rows)
		}
		s.troupe.started[0].die()
		synctest.Wait()
		if rows := s.Processes(); len(rows) != 0 {
			t.Errorf("processes %v of a dead process", rows)
		}
		s.after(FirstDelay * 2)
		if len(s.troupe.started) != 2 || len(s.Processes()) != 2 || s.Processes()[0].PID != 101 {
			t.Errorf("after the restart %v", s.Processes())
		}
		for len(s.troupe.said) > 0 {
			<-s.troupe.said
		}
		s.Configure([]Component{a})
		s.expect("stop b")
		s.Configure(nil)
		s.expect("stop a", "shutdown")
		if fmt.Sprint(s.released) != "[b a]" {
			t.Errorf("released %v", s.released)
		}
	})
}

func TestDeafProcess(t *testing.T) {
	scenes(t, &troupe{deaf: true}, false, func(s *scene) {
		s.Configure([]Component{component("a", Needed, 0)})
		s.expect("launch p", "start a")
		s.Shutdown()
		s.expect("shutdown")
		s.after(endGrace)
		s.expect("signal terminated")
		s.after(termGrace)
		s.expect("signal killed")
		if err := <-s.ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// A process that can be ended by nothing is given up: the parent must not stay for ever.
func TestImmortalProcess(t *testing.T) {
	scenes(t, &troupe{deaf: true, immortal: true}, false, func(s *scene) {
		s.Configure([]Component{component("a", Needed, 0)})
		<-s.Started()
		s.Shutdown()
		s.after(endGrace + termGrace)
		if err := <-s.ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestNoKill(t *testing.T) {
	scenes(t, &troupe{deaf: true}, true, func(s *scene) {
		s.Configure([]Component{component("a", Needed, 0)})
		s.expect("launch p", "start a")
		s.Shutdown()
		s.after(time.Hour)
		s.expect("shutdown")
		s.troupe.started[0].die()
	})
}

func TestUnsatisfied(t *testing.T) {
	for name, f := range map[string]*troupe{
		"component": {failStart: map[string]bool{"a": true}},
		"launch":    {launchErr: errors.New("no memory")},
		"silence":   {silent: true},
	} {
		t.Run(name, func(t *testing.T) {
			scenes(t, f, false, func(s *scene) {
				s.Configure([]Component{component("a", Needed, 0)})
				if err := <-s.ended; err == nil || !strings.HasPrefix(err.Error(), "a: ") {
					t.Errorf("ended with %v", err)
				}
				select {
				case <-s.Started():
					t.Error("the start was complete")
				default:
				}
			})
		})
	}
}

// A dispensable component that cannot start does not keep the suite from being complete, and is tried again.
func TestDispensableFailure(t *testing.T) {
	f := &troupe{failStart: map[string]bool{"a": true}}
	scenes(t, f, false, func(s *scene) {
		s.Configure([]Component{component("a", Dispensable, 0), component("b", Needed, 0)})
		<-s.Started()
		s.after(time.Minute)
		tries := 0
		for len(f.said) > 0 {
			if <-f.said == "start a" {
				tries++
			}
		}
		if tries < 5 || tries > 15 {
			t.Errorf("tried %d times in a minute", tries)
		}
		if n := strings.Count(s.text.String(), "no port"); n != 1 {
			t.Errorf("%d errors for one cause:\n%s", n, s.text.String())
		}
		f.healed.Store(true)
		s.after(2 * LastDelay)
		if n := strings.Count(s.text.String(), "component a serves again"); n != 1 {
			t.Errorf("success was told %d times:\n%s", n, s.text.String())
		}
	})
}

// What its host reports ends one component; the others of the process stay.
func TestReportedEnd(t *testing.T) {
	scenes(t, new(troupe), false, func(s *scene) {
		s.Configure([]Component{component("a", Dispensable, 0), component("b", Dispensable, 0)})
		<-s.Started()
		s.after(0)
		for len(s.troupe.said) > 0 {
			<-s.troupe.said
		}
		conn := s.troupe.started[0].conn
		if err := conn.Call(s.Context(), host.SupervisorName, host.CommandEnded, host.EndedArgs{Process: "p", Component: "a", Reason: "panic"}, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if rows := s.Processes(); len(rows) != 1 || rows[0].Name != "b" {
			t.Errorf("processes %v", rows)
		}
		s.after(FirstDelay * 2)
		s.expect("start a")
	})
}

// A component that is removed while its process is still coming up is not left running.
func TestRemovedWhileStarting(t *testing.T) {
	scenes(t, new(troupe), false, func(s *scene) {
		s.Configure([]Component{component("a", Dispensable, 0), component("b", Dispensable, 0)})
		s.Configure([]Component{component("b", Dispensable, 0)})
		s.after(time.Second)
		if rows := s.Processes(); len(rows) != 1 || rows[0].Name != "b" {
			t.Errorf("processes %v", rows)
		}
		last := ""
		for len(s.troupe.said) > 0 {
			if what := <-s.troupe.said; strings.HasSuffix(what, " a") {
				last = what
			}
		}
		if last != "stop a" && last != "" {
			t.Errorf("the last word to a is %q", last)
		}
	})
}
