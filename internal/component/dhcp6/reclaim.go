package dhcp6

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/naming/ncr"
)

const second = time.Second

// Pauses between two looks at what is over: after a go that left something, after a failure of the store, and while
// offers are out.
const (
	soon       = 5 * time.Millisecond
	storePause = time.Second
	offerPause = time.Second
)

// reclaim ends what is over at now: offers, leases and declined addresses, and reclaimed leases that were held long
// enough. Its work is bounded by the configuration; the rest stays for the next go.
func (s *server) reclaim(now time.Time) {
	for range allocate.MaxOffers {
		a, ok := s.book.Offers.Expire(now)
		if !ok {
			break
		}
		s.book.Sync(a, now)
	}
	r := s.set.reclaim
	if r.wait > 0 {
		s.endLeases(now)
	}
	if r.flush > 0 && now.Sub(s.flushed) >= r.flush {
		held := s.store.ReclaimedBefore(now.Add(-r.hold), r.maxLeases)
		for _, l := range held {
			s.store.Delete(l.Address, s.written(l.Address))
			s.book.Sync(l.Address, now)
		}
		if len(held) < r.maxLeases { // else there may be more
			s.flushed = now
		}
	}
}

func (s *server) endLeases(now time.Time) {
	r := s.set.reclaim
	began := s.now()
	over := s.store.Expired(now, r.maxLeases)
	done := 0
	for _, l := range over {
		if r.maxTime > 0 && s.now().Sub(began) > r.maxTime {
			break
		}
		s.endLease(l, now)
		done++
	}
	if done == len(over) && done < r.maxLeases {
		s.behind = 0
		return
	}
	if s.behind++; s.behind == r.warnCycles+1 {
		s.log.Log(msgReclaimBehind, s.behind)
	}
}

// endLease reclaims one lease. It is remembered without its name, so that its client may have the address again; a
// declined address has no client, and one that its client chose itself is none of ours: they are forgotten. The names are withdrawn when that is on disk.
func (s *server) endLease(l lease.Lease, now time.Time) {
	ended, set, written := l, s.set, s.written(l.Address)
	done := func(err error) {
		if written(err); err != nil {
			return
		}
		s.stats.reclaimed.Add(1)
		s.log.Log(msgReclaimed, ended.Address)
		s.announce(set.requests, ncr.Remove, ended)
	}
	if l.State != lease.Active || set.reclaim.hold == 0 {
		s.store.Delete(l.Address, done)
	} else {
		l.State, l.Hostname, l.FQDNForward, l.FQDNReverse = lease.Reclaimed, "", false, false
		s.store.Put(l, done)
	}
	s.book.Sync(l.Address, now)
}

// order makes a change that an operator wants: it puts a lease, or deletes it when its lifetime is 0. done is called when
// that is on disk or has failed.
func (s *server) order(l lease.Lease, done func(error)) {
	old, had := s.store.Get(l.Address)
	set, written := s.set, s.written(l.Address)
	after := func(err error) {
		if written(err); err == nil && had {
			s.announce(set.requests, ncr.Remove, old)
		}
		if err == nil && l.ValidLifetime != 0 {
			s.announce(set.requests, ncr.Add, l)
		}
		done(err)
	}
	s.book.Offers.Drop(l.Address)
	if l.ValidLifetime == 0 {
		s.store.Delete(l.Address, after)
	} else {
		s.store.Put(l, after)
	}
	s.book.Sync(l.Address, s.now())
}

// written is a done function that deals with failures of the store.
func (s *server) written(a netip.Addr) func(error) {
	return func(err error) {
		if err != nil {
			s.stats.storeFailed.Add(1)
			s.storeFailed.Do(func() { s.log.Log(msgStoreFail, a, err) })
			s.failures.add(a)
		}
	}
}

// settle follows the store where it went back, and tells whether there was anything.
func (s *server) settle(now time.Time) bool {
	failed := s.failures.take()
	for _, a := range failed {
		s.book.Sync(a, now)
	}
	return len(failed) > 0
}

// next is how long reclaim need not be called after a call at now.
func (s *server) next(now time.Time) time.Duration {
	r := s.set.reclaim
	pause := time.Minute
	if s.book.Offers.Len() > 0 {
		pause = offerPause
	}
	if r.flush > 0 {
		pause = min(pause, s.flushed.Add(r.flush).Sub(now))
	}
	if r.wait > 0 {
		pause = min(pause, r.wait)
		if end, ok := s.store.NextExpiry(); ok {
			pause = min(pause, end.Sub(now))
		}
	}
	return max(pause, soon)
}
