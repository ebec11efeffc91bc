package dhcp6

import (
	"fmt"
	"sync"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/suite/logging"
)

// commit makes the decisions lasting: offers in memory, leases on disk. then is called when all of them are, perhaps by
// the store's goroutine; not at all if one could not be written.
func (s *server) commit(x *exchange, then func(*netif.Outbox)) {
	s.caller.obeyed(x.kind, x.duid)
	s.visited(x)
	origin := x.origin()
	for _, o := range x.offers {
		for _, a := range s.Book.Offers.Put(o.client, x.subnet.Network.Subnets[0].ID, origin, x.now.Add(allocate.OfferTime), o.addresses...) {
			s.Book.Sync(a, x.now)
		}
		for _, a := range o.addresses {
			s.Book.Take(a)
			if s.log.Enabled(msgLeaseAdvert) {
				s.log.Log(msgLeaseAdvert, a, duid.Hex(x.duid), o.client.IAID)
			}
		}
	}
	if len(x.puts)+len(x.drops) == 0 {
		then(s.atOnce)
		return
	}
	single := s.single
	var mu sync.Mutex // the last lease may be written before the first call of Put returns
	x.pending = len(x.puts) + len(x.drops)
	x.users.Add(int32(x.pending))
	done := func(l lease.Lease) func(error) {
		written := s.Written(l.Address)
		return func(err error) {
			written(err)
			mu.Lock()
			x.pending--
			x.failed = x.failed || err != nil
			last := x.pending == 0
			failed := x.failed
			mu.Unlock()
			if err == nil {
				s.committed(x, l)
			}
			if last && !failed {
				then(s.onDisk)
				if single {
					s.onDisk.Flush()
				}
			}
			s.done(x)
		}
	}
	if x.kind == packet6.Decline && len(x.puts) > 0 {
		s.decliners.Declined(x.duid, x.port(), x.now)
	}
	for _, l := range x.drops {
		s.Store.Delete(l.Address, done(l))
		s.Book.Offers.Drop(l.Address)
		s.Book.Sync(l.Address, x.now)
	}
	for _, l := range x.puts {
		s.Book.Offers.Drop(l.Address)
		s.Store.Put(l, done(l))
		s.Book.Sync(l.Address, x.now)
	}
}

// committed logs and counts what is done. It may be called by the store's goroutine.
func (s *server) committed(x *exchange, l lease.Lease) {
	tell := func(m *logging.Message, what fmt.Stringer, more ...any) {
		if s.log.Enabled(m) {
			s.log.Log(m, append([]any{what, duid.Hex(x.duid), l.IAID}, more...)...)
		}
	}
	switch x.kind {
	case packet6.Release:
		tell(msgRelease, l.Prefix())
	case packet6.Decline:
		s.stats.declined.Add(1)
		tell(msgDecline, l.Address, x.set.probation)
	default:
		tell(msgLeaseAlloc, l.Prefix())
	}
}
