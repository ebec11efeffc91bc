package leasecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// ErrStopped says that the server does not run.
var ErrStopped = errors.New("the server is not running")

// Desk is where commands meet the goroutine that owns the leases of a server. That goroutine calls Use, takes Tasks and
// does them; the other methods may be called from any goroutine.
type Desk struct {
	family  lease.Family
	stopped <-chan struct{}
	tasks   chan Task
	current atomic.Pointer[current]

	mu      sync.Mutex
	refused map[uint32]uint64
}

type current struct {
	leases  lease.Store
	subnets *subnet.List
}

// NewDesk makes a desk. stopped is closed when no more tasks are done.
func NewDesk(f lease.Family, stopped <-chan struct{}) *Desk {
	return &Desk{family: f, stopped: stopped, tasks: make(chan Task), refused: map[uint32]uint64{}}
}

// Use tells what is in force from now on.
func (d *Desk) Use(leases lease.Store, subnets *subnet.List) {
	d.current.Store(&current{leases, subnets})
	d.mu.Lock()
	defer d.mu.Unlock()
	for id := range d.refused {
		if subnets.ByID(id) == nil {
			delete(d.refused, id)
		}
	}
}

// Refuse counts a client that found nothing free in a subnet.
func (d *Desk) Refuse(subnet uint32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refused[subnet]++
}

// Refused implements Server.
func (d *Desk) Refused(subnet uint32) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused[subnet]
}

// Now implements Server.
func (d *Desk) Now() time.Time { return time.Now() }

// Leases implements Server.
func (d *Desk) Leases() lease.Store { return d.current.Load().leases }

// Subnets implements Server.
func (d *Desk) Subnets() *subnet.List { return d.current.Load().subnets }

// Task is a change that waits to be made.
type Task struct {
	decide func() ([]lease.Lease, error)
	done   chan error // has room for the answer
}

// Tasks are to be done one after the other.
func (d *Desk) Tasks() <-chan Task { return d.tasks }

// Do decides what is to change and has write make each change: put a lease, or delete it if its lifetime is 0. write calls
// its argument when the change is durable or has failed, perhaps from another goroutine.
func (t Task) Do(write func(lease.Lease, func(error))) {
	changes, err := t.decide()
	if err != nil || len(changes) == 0 {
		t.done <- err
		return
	}
	var mu sync.Mutex
	left := len(changes)
	var first error
	for _, l := range changes {
		write(l, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
			if left--; left == 0 {
				t.done <- first
			}
		})
	}
}

// Change implements Server.
func (d *Desk) Change(ctx context.Context, decide func() ([]lease.Lease, error)) error {
	t := Task{decide: decide, done: make(chan error, 1)}
	select {
	case d.tasks <- t:
	case <-d.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("wait for the server: %w", ctx.Err())
	}
	select {
	case err := <-t.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for the lease database: %w", ctx.Err())
	}
}

// Run runs a command; see Run.
func (d *Desk) Run(ctx context.Context, command string, given map[string]json.RawMessage) (any, error) {
	if d.current.Load() == nil {
		return nil, ErrStopped
	}
	return Run(ctx, d, d.family, command, given)
}
