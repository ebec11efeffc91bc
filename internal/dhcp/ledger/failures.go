package ledger

import (
	"net/netip"
	"sync"
	"time"
)

// failures are addresses whose lease could not be written: the store went back to what is on disk, and the book has to
// follow. The store's goroutine adds, the ledger's takes; bounded by what the store has under way.
type failures struct {
	mu        sync.Mutex
	addresses []netip.Addr
	wake      chan struct{}
}

func (f *failures) add(a netip.Addr) {
	f.mu.Lock()
	f.addresses = append(f.addresses, a)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *failures) take() []netip.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.addresses
	f.addresses = nil
	return out
}

// Written is a done function for a change of the store at an address, which deals with its failure.
func (l *Ledger) Written(a netip.Addr) func(error) {
	return func(err error) {
		if err != nil {
			l.tell.Failed(a, err)
			l.failures.add(a)
		}
	}
}

// Failing has something to receive when Settle is to be called.
func (l *Ledger) Failing() <-chan struct{} { return l.failures.wake }

// Settle follows the store where it went back, and tells whether there was anything.
func (l *Ledger) Settle(now time.Time) bool {
	failed := l.failures.take()
	for _, a := range failed {
		l.Book.Sync(a, now)
	}
	return len(failed) > 0
}
