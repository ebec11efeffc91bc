package memfile

import (
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/dhcp/lease"
)

// Prepare implements lease.Store: all leases are in memory.
func (s *Store) Prepare(_ lease.Who, ready func(error)) { ready(nil) }

// Put implements lease.Store.
func (s *Store) Put(l lease.Lease, done func(error)) {
	l.Start = l.Start.UTC().Truncate(time.Second) // the file keeps whole seconds
	s.enqueue(l, done)
}

// Delete implements lease.Store.
func (s *Store) Delete(a netip.Addr, done func(error)) {
	l, ok := s.Get(a)
	if ok {
		l.ValidLifetime = 0 // a tombstone; without a lease there is nothing to write
	}
	s.enqueue(l, done)
}

// enqueue changes the memory and hands the row to the writer. A lease without address only waits its turn.
func (s *Store) enqueue(l lease.Lease, done func(error)) {
	s.mu.Lock()
	c := change{row: l, done: done}
	refused := s.refuses(&l)
	if refused == nil && l.Address.IsValid() {
		var room bool
		if c.past, room = s.index.set(&l); !room {
			refused = ErrFull
		}
	}
	if refused == nil {
		s.waiting = append(s.waiting, c)
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	s.mu.Unlock()
	if refused != nil && done != nil {
		go done(refused)
	}
}

func (s *Store) refuses(l *lease.Lease) error {
	switch {
	case s.closed:
		return ErrClosed
	case len(s.waiting) >= maxWaiting:
		return ErrBusy
	case l.Address.IsValid() && (l.Kind == lease.V4) != (s.opts.Family == lease.Family4):
		return fmt.Errorf("%w: %v", ErrFamily, l.Address)
	}
	return nil
}

// AfterBatch implements lease.Batcher.
func (s *Store) AfterBatch(f func()) {
	s.mu.Lock()
	s.afterBatch = f
	s.mu.Unlock()
}

// Flush implements lease.Store.
func (s *Store) Flush() error {
	done := make(chan error, 1)
	s.enqueue(lease.Lease{}, func(err error) { done <- err })
	err := <-done
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		err, s.failed = s.failed, nil
	}
	return err
}

// Close makes durable what waits and releases the file. Later changes get ErrClosed.
func (s *Store) Close() error {
	err := s.Flush()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.closed = true
	s.mu.Unlock()
	close(s.wake)
	<-s.stopped
	return err
}
