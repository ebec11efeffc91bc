package dhcpddns

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/suite/bus"
)

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// modelSuite is the module that changes the zones of the suite, at the command channel of a suite: the component of the model
// test calls it from its process.
type modelSuite struct {
	t    *testing.T
	path string
	dns  *servertest.Server
	dies atomic.Bool // with one of three calls

	mu   sync.Mutex
	conn *bus.Conn // nil: it does not run
}

func newModelSuite(t *testing.T, path string, dns *servertest.Server) *modelSuite {
	t.Helper()
	l, err := bus.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	hub := bus.NewHub()
	served := make(chan error, 1)
	go func() { served <- l.Serve(hub) }()
	s := &modelSuite{t: t, path: path, dns: dns}
	t.Cleanup(func() {
		s.stop()
		if err := errors.Join(l.Close(), <-served); err != nil {
			t.Error(err)
		}
		hub.Close()
	})
	s.start()
	return s
}

// start lets it run.
func (s *modelSuite) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		return
	}
	conn, err := bus.Dial(context.Background(), s.path)
	if err == nil {
		_, err = conn.Register(context.Background(), ddnsName, s.answer)
	}
	if err != nil {
		s.t.Error(err)
		return
	}
	s.conn = conn
}

// stop ends its connection, as the end of its process does.
func (s *modelSuite) stop() {
	s.mu.Lock()
	conn := s.conn
	s.conn = nil
	s.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

func (s *modelSuite) answer(ctx context.Context, command string, raw json.RawMessage) (any, error) {
	dies := 0
	if s.dies.Load() {
		dies = rand.IntN(6)
	}
	if dies == 1 {
		return s.die()
	}
	result, err := s.work(ctx, command, raw)
	if errors.Is(err, servertest.ErrSilent) {
		<-ctx.Done()
	}
	if dies == 2 {
		return s.die()
	}
	return result, err
}

// die ends the process that was asked, and starts another one. Its handler must have returned before.
func (s *modelSuite) die() (any, error) {
	go func() {
		s.stop()
		s.start()
	}()
	return nil, bus.ErrNotRunning // what the hub tells for it
}

func (s *modelSuite) work(ctx context.Context, command string, raw json.RawMessage) (any, error) {
	if command == "look" {
		var l update.Look
		if err := json.Unmarshal(raw, &l); err != nil {
			return nil, err
		}
		var zone wire.Name
		if l.Zone != "" {
			zone = wire.MustParseName(l.Zone)
		}
		var types []wire.Type
		for _, text := range l.Types {
			t, err := wire.ParseType(text)
			if err != nil {
				return nil, err
			}
			types = append(types, t)
		}
		return s.dns.Look(ctx, zone, wire.MustParseName(l.Name), types...)
	}
	var call update.Call
	if err := json.Unmarshal(raw, &call); err != nil {
		return nil, err
	}
	ts, err := call.Unpack()
	if err != nil {
		return nil, err
	}
	errs, err := s.dns.Update(ctx, ts)
	if err != nil {
		return nil, err
	}
	var reply update.Reply
	reply.Refuse(errs, func(_, _ int, err error) wire.Rcode { return update.Rcode(err) })
	return reply, nil
}
