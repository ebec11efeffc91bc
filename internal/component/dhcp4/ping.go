package dhcp4

import (
	"errors"
	"net/netip"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet4"
)

// maxProbes is how many addresses in use are passed over for one DISCOVER. The client's next one goes on behind them.
const maxProbes = 4

// probing is an address that was asked for and did not answer yet.
type probing struct {
	timer *time.Timer
	inUse bool
	over  func()
}

// errNoPing is what ping tells while there is no socket.
var errNoPing = errors.New("no socket for pings is open yet")

// probe asks whether somebody uses the address before it is offered to a new client (ping-check), and goes on: at once,
// when the answer comes, or when it did not come in time. Others are served meanwhile; the address is kept.
func (s *server) probe(x *exchange, then func(*exchange)) {
	if !s.probes(x) {
		then(x)
		return
	}
	a := x.lease.Address
	if s.asked[a] != nil {
		s.drop(x, "its address is being checked; the answer to its message before comes soon")
		return
	}
	if err := s.ping(a); err != nil {
		s.pingFailed.Do(func() { s.log.Log(msgPingFail, a, err) })
		then(x)
		return
	}
	wake, ok := s.rest(x)
	if !ok {
		return
	}
	s.offer(x)
	p := &probing{over: func() { wake(func() { s.probed(x, a, then) }) }}
	p.timer = time.AfterFunc(x.set.ping.timeout, p.over)
	s.asked[a] = p
}

// probes tells whether the address is to be checked: it goes to a client that does not have it, had it not lately, and
// was not offered it a moment ago.
func (s *server) probes(x *exchange) bool {
	if x.set.ping.timeout == 0 || x.kind != packet4.Discover || x.v6only || x.decision.Verdict != allocate.Grant {
		return false
	}
	if before := x.decision.Previous; x.decision.Known && x.client.Owns(before) && x.now.Sub(before.Expire()) < x.set.ping.clear {
		return false
	}
	holder, kept := s.Book.Offers.Holder(x.lease.Address, x.now)
	return !kept || holder != x.client || s.asked[x.lease.Address] != nil
}

// echoed notes that an address answered, and goes on with its exchange.
func (s *server) echoed(a netip.Addr) {
	p := s.asked[a]
	if p == nil {
		return
	}
	p.inUse = true
	if p.timer.Stop() { // else it is on its way
		p.over()
	}
}

// probed goes on with an exchange whose address was asked for: with the next address when there was an answer. That
// address rests like one that was declined.
func (s *server) probed(x *exchange, a netip.Addr, then func(*exchange)) {
	p := s.asked[a]
	delete(s.asked, a)
	if p == nil || !p.inUse {
		then(x)
		return
	}
	s.stats.pingConflicts.Add(1)
	s.log.Log(msgAddressInUse, a, x.set.probation)
	s.Book.Offers.Drop(a)
	s.Store.Put(lease.Lease{
		Address: a, ValidLifetime: x.set.probation, Start: lease.StartAt(x.now), SubnetID: x.subnet.ID, State: lease.Declined,
	}, s.Written(a))
	s.Book.Sync(a, x.now)
	if x.probed++; x.probed < maxProbes && s.allocate(x) {
		s.probe(x, then)
	}
}

// offer keeps the address of a decision for its client.
func (s *server) offer(x *exchange) {
	address := x.lease.Address
	for _, a := range s.Book.Offers.Put(x.client, x.subnet.Network.Subnets[0].ID, x.origin(), x.now.Add(allocate.OfferTime), address) {
		s.Book.Sync(a, x.now)
	}
	s.Book.Take(address)
}
