package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bundy/internal/suite/bus"
	"bundy/internal/suite/config"
	"bundy/internal/suite/logging"
	"bundy/internal/suite/module"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
	"bundy/internal/suite/sockets"
)

// twin is a component whose behaviour the test chooses.
type twin struct {
	run     func(ctx context.Context, ready func()) error
	prepare func(doc schema.Document) error
	call    func(command string, args map[string]json.RawMessage) (any, error)
	stats   func() map[string]any
	word    string // of the configuration in force
	log     []string
}

func (c *twin) Run(ctx context.Context, ready func()) error {
	if c.run != nil {
		return c.run(ctx, ready)
	}
	ready()
	<-ctx.Done()
	return nil
}

func (c *twin) Prepare(_ context.Context, doc schema.Document) (module.Change, error) {
	if c.prepare != nil {
		if err := c.prepare(doc); err != nil {
			return nil, err
		}
	}
	word, _ := doc["Twin"]["word"].(string)
	return module.Swap(
		func() { c.word, c.log = word, append(c.log, "apply "+word) },
		func() { c.log = append(c.log, "discard "+word) },
	), nil
}

func (c *twin) Call(_ context.Context, command string, args map[string]json.RawMessage) (any, error) {
	return c.call(command, args)
}

func (c *twin) Stats() map[string]any { return c.stats() }

// stage is a host with a hub, a configuration, and one twin that can be started.
type stage struct {
	*testing.T
	hub   *bus.Hub
	own   *bus.Conn // of the host
	bus   *bus.Conn // of the test
	host  *Host
	doc   atomic.Pointer[schema.Document]
	ended chan error
}

func newStage(t *testing.T, c *twin) *stage {
	s := &stage{T: t, hub: bus.NewHub(), ended: make(chan error, 10)}
	s.own, s.bus = s.hub.Connect(), s.hub.Connect()
	s.store("stored")
	spec := schema.New("Twin", "A twin.", struct {
		Word string `json:"word" default:"" help:"A word."`
	}{}, paths.Paths{})
	spec.Command("say", "Say it.", struct {
		Times int `json:"times" default:"1" optional:"true" help:"How often."`
	}{})
	spec.Statistic(struct {
		N int `json:"n" default:"0" help:"A number."`
	}{})
	s.host = New(Options{
		Process: "bundy-test",
		Table: []*module.Descriptor{{
			Component: "bundy-twin", Spec: spec, Watches: []string{"tsig_keys"},
			New: func(doc schema.Document, _ module.Deps) (module.Component, error) {
				c.word, _ = doc["Twin"]["word"].(string)
				if c.word == "bad" {
					return nil, errors.New("bad word")
				}
				return c, nil
			},
		}},
		Bus:     s.own,
		Sockets: sockets.NewKeeper(nil).For,
		Document: func(context.Context) (schema.Document, error) {
			return *s.doc.Load(), nil
		},
		Ended: func(component string, reason error) { s.ended <- fmt.Errorf("%s: %w", component, reason) },
	})
	return s
}

func (s *stage) store(word string) {
	s.doc.Store(&schema.Document{"Twin": {"word": word, schema.GenerationKey: int64(1)}, "Other": {"x": "y"}})
}

func (s *stage) start() {
	s.Helper()
	if err := s.host.Start(s.Context(), "bundy-twin"); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) close() {
	if err := s.host.StopAll(); err != nil {
		s.Error(err)
	}
	s.own.Close()
	s.bus.Close()
	<-s.own.Done()
	<-s.bus.Done()
	s.hub.Close()
}

func (s *stage) prepare(ctx context.Context, ticket, word string) error {
	doc, err := json.Marshal(schema.Document{"Twin": {"word": word}, "Other": {}})
	if err != nil {
		return err
	}
	return s.bus.Call(ctx, ModuleName("Twin"), CommandPrepare, PrepareArgs{Ticket: ticket, Document: doc}, nil)
}

func (s *stage) finish(command, ticket string) error {
	return s.bus.Call(s.Context(), ModuleName("Twin"), command, TicketArgs{Ticket: ticket}, nil)
}

func stages(t *testing.T, c *twin, test func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, c)
		test(s)
		s.close()
	})
}

func TestCommands(t *testing.T) {
	c := &twin{
		stats: func() map[string]any { return map[string]any{"n": 5} },
		call:  func(command string, args map[string]json.RawMessage) (any, error) { return args["times"], nil },
	}
	stages(t, c, func(s *stage) {
		s.start()
		var n int
		if err := s.bus.Call(s.Context(), "Twin", "say", nil, &n); err != nil || n != 1 {
			s.Errorf("default of an argument: %d %v", n, err)
		}
		if err := s.bus.Call(s.Context(), "Twin", "say", map[string]any{"volume": 3}, nil); err == nil {
			s.Error("unknown argument accepted")
		}
		refusal, ok := errors.AsType[*bus.Error](s.bus.Call(s.Context(), "Twin", "sing", nil, nil))
		if !ok || refusal.Code != 2 {
			s.Errorf("unknown command: %v", refusal)
		}
		var stats map[string]int
		if err := s.bus.Call(s.Context(), "Twin", "getstats", nil, &stats); err != nil || stats["n"] != 5 {
			s.Errorf("statistics: %v %v", stats, err)
		}
		if err := s.host.Start(s.Context(), "bundy-twin"); err == nil {
			s.Error("started twice")
		}
		if err := s.host.Start(s.Context(), "bundy-nobody"); err == nil {
			s.Error("started a component that does not exist")
		}
		if err := s.host.Stop(s.Context(), "bundy-twin"); err != nil {
			s.Error(err)
		}
		if err := s.bus.Call(s.Context(), "Twin", "say", nil, nil); !errors.Is(err, bus.ErrNotRunning) {
			s.Errorf("after stop: %v", err)
		}
		s.start()
	})
}

func TestShutdownCommand(t *testing.T) {
	stages(t, new(twin), func(s *stage) {
		s.start()
		if err := s.bus.Call(s.Context(), "Twin", "shutdown", map[string]int{"pid": os.Getpid() + 1}, nil); err != nil {
			s.Error(err)
		}
		synctest.Wait()
		if len(s.ended) != 0 {
			s.Fatal("stopped by a command to another process")
		}
		if err := s.bus.Call(s.Context(), "Twin", "shutdown", map[string]int{"pid": os.Getpid()}, nil); err != nil {
			s.Error(err)
		}
		if err := <-s.ended; !strings.Contains(err.Error(), "stopped by command") {
			s.Error(err)
		}
	})
}

func TestTwoPhases(t *testing.T) {
	c := &twin{prepare: func(doc schema.Document) error {
		if doc["Twin"]["word"] == "no" {
			return errors.New("Twin/word: refused")
		}
		if _, ok := doc["Other"]; ok {
			return errors.New("a section that is neither own nor watched")
		}
		return nil
	}}
	stages(t, c, func(s *stage) {
		s.start()
		ctx := s.Context()
		for _, err := range []error{
			s.prepare(ctx, "1", "one"), s.finish(CommandApply, "1"),
			s.prepare(ctx, "2", "two"), s.finish(CommandDiscard, "2"),
		} {
			if err != nil {
				s.Error(err)
			}
		}
		if err := s.prepare(ctx, "3", "no"); err == nil || err.Error() != "Twin/word: refused" {
			s.Errorf("refusal: %v", err)
		}
		if err := s.finish(CommandApply, "2"); err == nil {
			s.Error("what was discarded was applied")
		}
		if c.word != "one" || strings.Join(c.log, ", ") != "apply one, discard two" {
			s.Errorf("word %q after %v", c.word, c.log)
		}
	})
}

// A change that nobody finishes holds up the next one, but not for ever.
func TestAbandonedChange(t *testing.T) {
	c := new(twin)
	stages(t, c, func(s *stage) {
		s.start()
		if err := s.prepare(s.Context(), "1", "one"); err != nil {
			s.Fatal(err)
		}
		if err := s.prepare(s.Context(), "2", "two"); err == nil {
			s.Error("two changes at once")
		}
		time.Sleep(abandonAfter)
		synctest.Wait()
		if err := s.prepare(s.Context(), "3", "three"); err != nil {
			s.Error(err)
		}
		if err := s.finish(CommandApply, "3"); err != nil {
			s.Error(err)
		}
		if strings.Join(c.log, ", ") != "discard one, apply three" {
			s.Errorf("log %v", c.log)
		}
	})
}

// A commit passes while the component is starting: the configuration manager did not know it.
func TestCommitDuringStart(t *testing.T) {
	c := new(twin)
	started := make(chan struct{})
	c.run = func(ctx context.Context, ready func()) error {
		<-started
		ready()
		<-ctx.Done()
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		started = make(chan struct{})
		s := newStage(t, c)
		got := make(chan error)
		go func() { got <- s.host.Start(t.Context(), "bundy-twin") }()
		synctest.Wait()
		s.store("newer")
		close(started)
		if err := <-got; err != nil {
			t.Error(err)
		}
		if c.word != "newer" {
			t.Errorf("serves with %q", c.word)
		}
		s.close()
	})
}

func TestFollow(t *testing.T) {
	c := &twin{prepare: func(doc schema.Document) error {
		if doc["Twin"]["word"] == "no" {
			return errors.New("refused")
		}
		return nil
	}}
	stages(t, c, func(s *stage) {
		defer s.host.Follow()()
		s.start()
		change := func(word string) {
			s.store(word)
			if err := s.bus.Publish(config.EventChanged, nil); err != nil {
				s.Error(err)
			}
			synctest.Wait()
		}
		change("stored")
		if len(c.log) != 0 {
			s.Errorf("nothing changed, but %v", c.log)
		}
		change("newer")
		if c.word != "newer" {
			s.Errorf("word %q", c.word)
		}
		change("no")
		if err := <-s.ended; !strings.Contains(err.Error(), "refused") {
			s.Errorf("ended with %v", err)
		}
	})
}

func TestFailures(t *testing.T) {
	serveThen := func(err error) func(context.Context, func()) error {
		return func(_ context.Context, ready func()) error { ready(); time.Sleep(time.Second); return err }
	}
	for name, test := range map[string]struct {
		twin  *twin
		want  string
		start bool // fails there
	}{
		"error at start":  {&twin{run: func(context.Context, func()) error { return errors.New("no port") }}, "no port", true},
		"return at start": {&twin{run: func(context.Context, func()) error { return nil }}, "without being told", true},
		"panic at start":  {&twin{run: func(context.Context, func()) error { panic("ouch") }}, "panic: ouch", true},
		"later error":     {&twin{run: serveThen(errors.New("disk"))}, "disk", false},
		"later return":    {&twin{run: serveThen(nil)}, "without being told", false},
	} {
		t.Run(name, func(t *testing.T) {
			stages(t, test.twin, func(s *stage) {
				err := s.host.Start(s.Context(), "bundy-twin")
				if !test.start {
					if err != nil {
						s.Fatal(err)
					}
					err = <-s.ended
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					s.Errorf("got %v, want %s", err, test.want)
				}
				if len(s.ended) != 0 {
					s.Errorf("reported twice: %v", <-s.ended)
				}
			})
		})
	}
	t.Run("New", func(t *testing.T) {
		stages(t, new(twin), func(s *stage) {
			s.store("bad")
			if err := s.host.Start(s.Context(), "bundy-twin"); err == nil || err.Error() != "bad word" {
				s.Errorf("got %v", err)
			}
			s.store("good")
			s.start()
		})
	})
}

// A panic in a command or a change ends the component that serves, and is an answer, not a silence.
func TestPanicBesideRun(t *testing.T) {
	c := &twin{
		call:    func(string, map[string]json.RawMessage) (any, error) { panic("in a command") },
		prepare: func(schema.Document) error { panic("in prepare") },
		stats:   func() map[string]any { panic("in stats") },
	}
	stages(t, c, func(s *stage) {
		for want, do := range map[string]func() error{
			"in a command": func() error { return s.bus.Call(s.Context(), "Twin", "say", nil, nil) },
			"in stats":     func() error { return s.bus.Call(s.Context(), "Twin", "getstats", nil, nil) },
			"in prepare":   func() error { return s.prepare(s.Context(), "1", "x") },
		} {
			s.start()
			if err := do(); err == nil || !strings.Contains(err.Error(), want) {
				s.Errorf("answer %v, want %s", err, want)
			}
			if err := <-s.ended; !strings.Contains(err.Error(), want) {
				s.Errorf("ended with %v, want %s", err, want)
			}
		}
	})
}

func TestComponentThatDoesNotStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newStage(t, &twin{run: func(_ context.Context, ready func()) error { ready(); <-release; return nil }})
		s.start()
		begin := time.Now()
		if err := s.host.Stop(t.Context(), "bundy-twin"); err == nil || time.Since(begin) != StopGrace {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		close(release)
		synctest.Wait()
		s.close()
	})
}

func TestRun(t *testing.T) {
	for _, end := range []string{"shutdown", "context", "channel"} {
		t.Run(end, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, new(twin))
				announced := make(chan string, 1)
				if _, err := s.bus.Register(t.Context(), SupervisorName, func(_ context.Context, command string, args json.RawMessage) (any, error) {
					announced <- command + string(args)
					return nil, nil
				}); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				got := make(chan error)
				go func() { got <- s.host.Run(ctx) }()
				if a := <-announced; a != `announce{"process":"bundy-test"}` {
					t.Errorf("announced %s", a)
				}
				at := ProcessName("bundy-test")
				if err := s.bus.Call(t.Context(), at, CommandStart, ComponentArgs{"bundy-twin"}, nil); err != nil {
					t.Fatal(err)
				}
				switch end {
				case "shutdown":
					if err := s.bus.Call(t.Context(), at, CommandShutdown, nil, nil); err != nil {
						t.Error(err)
					}
				case "context":
					cancel()
				case "channel":
					s.own.Close()
				}
				if err := <-got; (err != nil) != (end == "channel") {
					t.Errorf("ended with %v", err)
				}
				s.close()
			})
		})
	}
}

// A process that is told to stop while the supervisor has not yet answered its announcement ends in order, although the
// supervisor has begun to use it.
func TestStoppedWhileAnnouncing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped := false
		s := newStage(t, &twin{run: func(ctx context.Context, ready func()) error {
			ready()
			<-ctx.Done()
			stopped = true
			return nil
		}})
		release := make(chan struct{})
		if _, err := s.bus.Register(t.Context(), SupervisorName, func(context.Context, string, json.RawMessage) (any, error) {
			<-release
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		got := make(chan error)
		go func() { got <- s.host.Run(ctx) }()
		synctest.Wait()
		if err := s.bus.Call(t.Context(), ProcessName("bundy-test"), CommandStart, ComponentArgs{"bundy-twin"}, nil); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-got; err != nil || !stopped {
			t.Errorf("ended with %v; component stopped: %v", err, stopped)
		}
		close(release)
		s.close()
	})
}

func TestParseDocument(t *testing.T) {
	doc, err := ParseDocument([]byte(`{"Auth": {"n": 9007199254740993}}`))
	if err != nil || doc["Auth"]["n"] != int64(9007199254740993) {
		t.Errorf("got %v %v", doc, err)
	}
	for _, text := range []string{"", "[]", `{"Auth": 5}`, "{"} {
		if _, err := ParseDocument([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// A commit that removes a component ends it while it looks whether that commit concerns it: nothing went wrong.
func TestStoppedWhileCatchingUp(t *testing.T) {
	var text bytes.Buffer
	stages(t, &twin{}, func(s *stage) {
		root := logging.New(logging.Options{Stderr: &text})
		if err := root.Configure(logging.Config{}); err != nil {
			s.Fatal(err)
		}
		s.host.log = root.Logger("Init")
		s.start()
		s.host.options.Document = func(ctx context.Context) (schema.Document, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		go s.host.instances["bundy-twin"].catchUp()
		synctest.Wait()
		if err := s.host.Stop(s.Context(), "bundy-twin"); err != nil {
			s.Error(err)
		}
		synctest.Wait()
		root.Close()
	})
	if text.Len() > 0 {
		t.Errorf("log: %s", text.String())
	}
}

// TestFailedComponentThatDoesNotEnd panics in a command with a lock held that Run needs to end: the process gives up, as
// the component could never be started again in it.
func TestFailedComponentThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newStage(t, &twin{
			run:  func(_ context.Context, ready func()) error { ready(); <-release; return nil },
			call: func(string, map[string]json.RawMessage) (any, error) { panic("with the lock held") },
		})
		if _, err := s.bus.Register(t.Context(), SupervisorName, func(context.Context, string, json.RawMessage) (any, error) {
			return nil, nil
		}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.host.Run(t.Context()) }()
		synctest.Wait()
		s.start()
		if err := s.bus.Call(t.Context(), "Twin", "say", nil, nil); err == nil {
			t.Error("no answer to the command")
		}
		select {
		case err := <-ended:
			if err == nil || !strings.Contains(err.Error(), "with the lock held") {
				t.Errorf("the process ended with %v", err)
			}
		case <-time.After(3 * StopGrace):
			t.Error("the process goes on")
		}
		close(release)
		synctest.Wait()
		s.close()
	})
}
