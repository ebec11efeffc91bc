package placement

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"bundy/internal/suite/sockets"
)

func TestSingle(t *testing.T) {
	for name, test := range map[string]struct {
		run   func(context.Context, string) error
		text  string
		clean bool
	}{
		"in order": {func(ctx context.Context, _ string) error { <-ctx.Done(); return nil }, "ended", true},
		"error":    {func(_ context.Context, name string) error { return errors.New(name + " broke") }, "bundy-dns broke", false},
		"panic":    {func(context.Context, string) error { panic("ouch") }, "panic: ouch\n", false},
	} {
		p, err := NewSingle(test.run).Start("bundy-dns")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Signal(os.Kill); !errors.Is(err, ErrShared) || p.PID() != os.Getpid() {
			t.Errorf("%s: SIGKILL in process %d: %v", name, p.PID(), err)
		}
		if err := p.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-p.Done()
		if text, clean := p.Status(); !strings.HasPrefix(text, test.text) || clean != test.clean {
			t.Errorf("%s: %q, %v", name, text, clean)
		}
	}
}

// A child is this test binary, which TestMain keeps waiting for its signal.
func TestGrouped(t *testing.T) {
	keeper := sockets.NewKeeper(nil)
	defer keeper.Close()
	g := NewGrouped(keeper, nil, nil)
	defer g.Close()
	p, err := g.Start("bundy-child")
	if err != nil {
		t.Fatal(err)
	}
	if group, err := syscall.Getpgid(p.PID()); err != nil || group != p.PID() {
		t.Errorf("process %d is in group %d: %v", p.PID(), group, err)
	}
	if err := p.Signal(os.Kill); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if text, clean := p.Status(); clean || text != "signal: killed" {
		t.Errorf("status %q, %v", text, clean)
	}
	if err := p.Signal(os.Kill); err != nil {
		t.Errorf("signal to a process that has ended: %v", err)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(EnvProcess) != "" {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		<-signals
	}
	os.Exit(m.Run())
}
