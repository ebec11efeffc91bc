package ledger

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// Ledger is the leases of a server. One goroutine owns it; it calls the methods.
type Ledger struct {
	Store lease.Store
	Book  *allocate.Book

	rules    Rules
	names    Names
	tell     Events
	now      func() time.Time
	failures failures
	behind   int       // consecutive goes at reclaiming that left something
	flushed  time.Time // last removal of reclaimed leases
}

// Names follow the leases. The methods are called when a change is durable, perhaps by the store's goroutine.
type Names interface {
	Added(lease.Lease)   // the lease is there from now on
	Removed(lease.Lease) // the lease is not there any more, or not as it was
}

// Events are what a server counts and logs. None may wait.
type Events struct {
	Failed    func(a netip.Addr, err error) // a change could not be written; perhaps the store's goroutine calls
	Reclaimed func(a netip.Addr)            // a lease that was over was ended; perhaps the store's goroutine calls
	Behind    func(goes int)                // so many goes at reclaiming in a row left something
}

// New makes a ledger without leases; Use opens it. now is the clock by which the time for one go is measured.
func New(now func() time.Time, tell Events) *Ledger {
	return &Ledger{now: now, tell: tell, failures: failures{wake: make(chan struct{}, 1)}}
}

// Use takes up another configuration, and the leases of another store unless it is nil; those of before are the caller's
// to close. Leases whose subnet has another number now are renumbered; moved is how many.
func (l *Ledger) Use(store lease.Store, subnets *subnet.List, rules Rules, names Names, now time.Time) (moved int) {
	offers := allocate.NewOffers()
	if store == nil {
		store, offers = l.Store, l.Book.Offers
	}
	l.Store, l.rules, l.names = store, rules, names
	book, changed := allocate.NewBook(store, offers, subnets, now)
	l.Book = book
	for _, m := range changed {
		store.Put(m, l.Written(m.Address))
	}
	return len(changed)
}

// Order makes a change that an operator wants: it puts a lease, or deletes it when its lifetime is 0. done is called when
// that is on disk or has failed, perhaps by the store's goroutine.
func (l *Ledger) Order(wanted lease.Lease, done func(error)) {
	old, had := l.Store.Get(wanted.Address)
	names, written := l.names, l.Written(wanted.Address)
	after := func(err error) {
		if written(err); err == nil && had {
			names.Removed(old)
		}
		if err == nil && wanted.ValidLifetime != 0 {
			names.Added(wanted)
		}
		done(err)
	}
	l.Book.Offers.Drop(wanted.Address)
	if wanted.ValidLifetime == 0 {
		l.Store.Delete(wanted.Address, after)
	} else {
		l.Store.Put(wanted, after)
	}
	l.Book.Sync(wanted.Address, l.now())
}
