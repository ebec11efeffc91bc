package placement

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
)

// Single runs each process as goroutines of the parent.
type Single struct {
	run func(ctx context.Context, name string) error
}

// NewSingle makes a launcher; run is the whole life of one process.
func NewSingle(run func(ctx context.Context, name string) error) *Single { return &Single{run} }

// Start implements Launcher.
func (s *Single) Start(name string) (Process, error) {
	ctx, cancel := context.WithCancel(context.Background())
	g := &group{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(g.done)
		defer func() {
			if value := recover(); value != nil {
				g.err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
			}
		}()
		g.err = s.run(ctx, name)
	}()
	return g, nil
}

type group struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

func (g *group) PID() int              { return os.Getpid() }
func (g *group) Done() <-chan struct{} { return g.done }

func (g *group) Signal(s os.Signal) error {
	if s != syscall.SIGTERM {
		return ErrShared
	}
	g.cancel()
	return nil
}

func (g *group) Status() (string, bool) {
	if g.err == nil {
		return "ended", true
	}
	return g.err.Error(), false
}
