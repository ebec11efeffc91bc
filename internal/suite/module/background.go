package module

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// Background is the goroutines that a component runs beside Run. In placement single all components share a process,
// so a panic in one of these goroutines, most likely about a message from the network, must not end it: Run learns of
// it from Failed and returns the error, which makes it a failure of that component alone.
type Background struct {
	wait   sync.WaitGroup
	failed chan error
}

// NewBackground makes a group without goroutines.
func NewBackground() *Background { return &Background{failed: make(chan error, 1)} }

// Go runs f in a goroutine of its own.
func (b *Background) Go(f func()) {
	b.wait.Go(func() {
		if err := Protect(func() error { f(); return nil }); err != nil {
			select {
			case b.failed <- err:
			default: // one reason to fail is enough
			}
		}
	})
}

// Failed delivers the first panic.
func (b *Background) Failed() <-chan error { return b.failed }

// Wait returns when all goroutines have ended.
func (b *Background) Wait() { b.wait.Wait() }

// Protect runs f and makes an error of a panic, with the stack, so that a component can still give up in order what it
// holds: the lock of a file, a database.
func Protect(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return f()
}
