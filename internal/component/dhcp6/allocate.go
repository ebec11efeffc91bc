package dhcp6

import (
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/policy"
)

// allocate decides what the message gives, keeps or ends. It changes nothing.
func (s *server) allocate(x *exchange) bool {
	if x.lost {
		s.forget(x)
		return false
	}
	if x.unicast && x.kind != packet6.AddrRegInform && !x.unicastOffered() {
		x.status = &packet6.Status{Code: packet6.UseMulticast, Text: "send it to the group of servers"}
		return true
	}
	switch x.kind {
	case packet6.Solicit:
		x.rapid = x.message.Options.Has(packet6.OptRapidCommit) && x.subnet != nil && x.subnet.RapidCommit
		s.assign(x)
	case packet6.Request:
		s.assign(x)
	case packet6.Renew, packet6.Rebind:
		return s.extend(x)
	case packet6.Release, packet6.Decline:
		s.giveUp(x)
	case packet6.Confirm:
		return s.confirm(x)
	case packet6.AddrRegInform:
		return s.register(x)
	}
	return true
}

// unicastOffered tells whether the client was told that it may send to our address (option 12).
func (x *exchange) unicastOffered() bool {
	wire := &x.set.wire
	if x.subnet != nil {
		wire = &x.subnet.Wire
	}
	return wire.Options[packet6.OptUnicast] != nil
}

func kindOf(ia *packet6.IA) lease.Kind {
	switch ia.Code {
	case packet6.OptIATA:
		return lease.TA
	case packet6.OptIAPD:
		return lease.PD
	}
	return lease.NA
}

func (x *exchange) clientOf(ia *packet6.IA) allocate.Client {
	return allocate.Client{DUID: x.duid, Kind: kindOf(ia), IAID: ia.IAID}
}

func (s *server) wish(x *exchange, ia *packet6.IA) allocate.Wish {
	w := allocate.Wish{
		Subnets: x.subnets, Classes: x.classes, Host: x.host, Client: x.clientOf(ia), Chosen: x.chosen, Now: x.now, Occupied: s.ours,
	}
	for _, l := range ia.Leases {
		w.Hints = append(w.Hints, l.Prefix)
	}
	return w
}

// assign gives each association of a SOLICIT or REQUEST what it gets.
func (s *server) assign(x *exchange) {
	for _, ia := range x.message.IAs() {
		if x.subnet == nil {
			x.refuse(&ia, unavailable(&ia))
			continue
		}
		w := s.wish(x, &ia)
		if x.kind == packet6.Request && ia.Code != packet6.OptIAPD && x.foreign(w, &ia) {
			x.refuse(&ia, packet6.Status{Code: packet6.NotOnLink, Text: "the address does not belong to the link"})
			continue
		}
		s.grant(x, &ia, w, allocate.Assign(w, s.Book))
	}
}

// foreign tells whether an association names an address that is not right for the client's link.
func (x *exchange) foreign(w allocate.Wish, ia *packet6.IA) bool {
	for _, l := range ia.Leases {
		if a := l.Prefix.Addr(); !a.IsUnspecified() && !w.OnLink(a) {
			return true
		}
	}
	return false
}

// extend answers the associations of a RENEW or REBIND. One that is not known is told so; a REBIND that could be
// another server's affair gets no answer (RFC 9915 section 18.3.5).
func (s *server) extend(x *exchange) bool {
	for _, ia := range x.message.IAs() {
		noBinding := packet6.Status{Code: packet6.NoBinding, Text: "there is no such binding"}
		if x.subnet == nil {
			x.refuse(&ia, noBinding)
			continue
		}
		w := s.wish(x, &ia)
		b, known := allocate.Extend(w, s.Book)
		switch {
		case known:
			s.grant(x, &ia, w, b)
		case len(ia.Leases) == 0: // the client uses the occasion to ask for more (section 18.2.4)
			s.grant(x, &ia, w, allocate.Assign(w, s.Book))
		case x.kind == packet6.Rebind && x.foreign(w, &ia):
			out := packet6.IA{Code: ia.Code, IAID: ia.IAID}
			for _, l := range ia.Leases {
				out.Leases = append(out.Leases, packet6.Lease{Prefix: l.Prefix})
			}
			x.ias = append(x.ias, out)
		case x.kind == packet6.Rebind && ia.Code == packet6.OptIAPD:
			return s.drop(x, "a prefix of it is not known")
		default:
			x.refuse(&ia, noBinding)
		}
	}
	return true
}

func unavailable(ia *packet6.IA) packet6.Status {
	if ia.Code == packet6.OptIAPD {
		return packet6.Status{Code: packet6.NoPrefixAvail, Text: "no prefix is available"}
	}
	return packet6.Status{Code: packet6.NoAddrsAvail, Text: "no address is available"}
}

func (x *exchange) refuse(ia *packet6.IA, status packet6.Status) {
	x.ias = append(x.ias, packet6.IA{Code: ia.Code, IAID: ia.IAID, Status: &status})
}

// commits tells whether what is granted is leased, or only offered.
func (x *exchange) commits() bool { return x.kind != packet6.Solicit || x.rapid }

// grant answers an association by what was decided, and notes what that changes.
func (s *server) grant(x *exchange, ia *packet6.IA, w allocate.Wish, b allocate.Bindings) {
	out := packet6.IA{Code: ia.Code, IAID: ia.IAID}
	if len(b.Granted) == 0 {
		status := unavailable(ia)
		out.Status = &status
		s.stats.allocFailed.Add(1)
		s.refuse(x.subnet.ID)
		s.log.Log(msgLeaseAdvertFail, duid.Hex(x.duid), ia.IAID, status.Text)
		if what := (scarcity{x.subnet.ID, ia.Code == packet6.OptIAPD}); !s.full[what] {
			s.full[what] = true
			s.log.Log(msgAllocFail, x.subnet.Prefix)
		}
	}
	offer := offered{client: w.Client}
	for _, g := range b.Granted {
		delete(s.full, scarcity{g.Subnet.ID, ia.Code == packet6.OptIAPD})
		l := s.leaseOf(x, ia, g)
		kept := x.keep(ia, g, &l)
		if x.pool == nil {
			x.pool = g.Pool
		}
		t1, t2 := g.Subnet.Timers.Tees(l.Preferred)
		if len(out.Leases) == 0 || t1 < out.T1 {
			out.T1, out.T2 = t1, t2
		}
		answer := packet6.Lease{Prefix: g.Prefix, Preferred: l.Preferred, Valid: l.ValidLifetime}
		if g.Pool != nil && g.Pool.Excluded.IsValid() && x.message.Options.Asks(packet6.OptPDExclude) {
			outer := netip.PrefixFrom(g.Pool.Excluded.Addr(), g.Prefix.Bits()).Masked() // its bits behind that length count
			answer.Exclude = packet6.Exclude(outer, g.Pool.Excluded)
		}
		out.Leases = append(out.Leases, answer)
		x.chosen = append(x.chosen, g.Prefix.Addr())
		if kept {
			continue
		}
		if x.commits() {
			x.puts = append(x.puts, l)
			s.renamed(x, g, l)
		} else if !(g.Known && g.Previous.InUse(x.now)) {
			offer.addresses = append(offer.addresses, g.Prefix.Addr())
		}
	}
	if len(offer.addresses) > 0 {
		x.offers = append(x.offers, offer)
	}
	for _, p := range b.Ended {
		out.Leases = append(out.Leases, packet6.Lease{Prefix: p})
	}
	if x.commits() {
		for _, l := range b.Left {
			x.drops = append(x.drops, l)
			x.changes = append(x.changes, nameChange{ncr.Remove, l})
		}
	}
	x.ias = append(x.ias, out)
}

// leaseOf makes the lease of what is granted, with its names.
func (s *server) leaseOf(x *exchange, ia *packet6.IA, g allocate.Binding) lease.Lease {
	asked := packet6.Lease{}
	for _, l := range ia.Leases {
		if l.Prefix == g.Prefix || asked.Valid == 0 {
			asked = l
		}
	}
	l := lease.Lease{
		Address: g.Prefix.Addr(), Kind: kindOf(ia), HWType: x.hw.kind, HWAddr: x.hw.address, HWSource: x.hw.source,
		DUID: x.duid, IAID: ia.IAID, SubnetID: g.Subnet.ID, Start: lease.StartAt(x.now),
	}
	valid, preferred := x.lifetimes(g.Subnet)
	l.ValidLifetime = valid.For(asked.Valid)
	if x.mine(ia, g) {
		l.UserContext = g.Previous.UserContext
	}
	l.UserContext = s.contact(x, l.UserContext)
	if l.Kind == lease.PD {
		l.PrefixLength = uint8(g.Prefix.Bits())
	}
	l.Preferred = min(preferred.For(asked.Preferred), l.ValidLifetime)
	if l.Kind == lease.PD {
		return l
	}
	before := lease.Lease{}
	if x.mine(ia, g) {
		before = g.Previous
	}
	x.name(l.Address, g.Subnet, before)
	l.FQDNForward, l.FQDNReverse, l.Hostname = x.names.Forward, x.names.Reverse, x.names.LeaseHostname()
	l.UserContext = x.said.Note(l.UserContext)
	if x.names.Source == policy.NoSource && l.Hostname == "" && x.said.IsZero() && before.Hostname != "" && x.set.naming(g.Subnet).EnableUpdates {
		// Clients may leave their name out when they renew; it stays theirs as long as the lease. This one's row does not
		// say what the client said.
		l.FQDNForward, l.FQDNReverse, l.Hostname = g.Previous.FQDNForward, g.Previous.FQDNReverse, g.Previous.Hostname
	}
	return l
}

// keep leaves a young lease as it is (cache-threshold): the client is told what remains of it.
func (x *exchange) keep(ia *packet6.IA, g allocate.Binding, l *lease.Lease) bool {
	if g.Subnet.CacheThreshold == 0 || !x.commits() || !x.mine(ia, g) {
		return false
	}
	before := g.Previous
	age := x.now.Sub(before.Start)
	same := *l
	same.Start, same.ValidLifetime, same.Preferred = before.Start, before.ValidLifetime, before.Preferred
	if age < 0 || age >= time.Duration(g.Subnet.CacheThreshold*float64(before.ValidLifetime)*float64(time.Second)) ||
		same != before || before.ValidLifetime > l.ValidLifetime || before.Preferred > l.Preferred {
		return false
	}
	gone := uint32((age + time.Second - 1) / time.Second)
	*l = before
	if l.ValidLifetime != lease.Infinity {
		l.ValidLifetime -= gone
	}
	if l.Preferred != lease.Infinity {
		l.Preferred -= min(gone, l.Preferred)
	}
	return true
}

// lifetimes are those of the client's classes, of each the first that says it, else of the subnet.
func (x *exchange) lifetimes(s *subnet.Subnet) (valid, preferred subnet.Lifetime) {
	valid, preferred = s.Timers.Valid, s.Timers.Preferred
	if len(x.set.told) == 0 {
		return valid, preferred
	}
	for _, name := range slices.Backward(x.classes) {
		if t := x.set.told[name]; t.valid != nil {
			valid = *t.valid
		}
		if t := x.set.told[name]; t.preferred != nil {
			preferred = *t.preferred
		}
	}
	return valid, preferred
}

// mine tells whether the client has the lease already.
func (x *exchange) mine(ia *packet6.IA, g allocate.Binding) bool {
	return g.Known && g.Previous.State == lease.Active && g.Previous.InUse(x.now) && x.clientOf(ia).Owns(g.Previous)
}

// renamed notes what changes about the names of a lease.
func (s *server) renamed(x *exchange, g allocate.Binding, l lease.Lease) {
	if l.Kind == lease.PD {
		return
	}
	before := g.Previous
	same := g.Known && before.State == lease.Active && before.DUID == l.DUID
	if same && before.Hostname == l.Hostname && before.FQDNForward == l.FQDNForward && before.FQDNReverse == l.FQDNReverse {
		return
	}
	if g.Known {
		x.changes = append(x.changes, nameChange{ncr.Remove, before})
	}
	x.changes = append(x.changes, nameChange{ncr.Add, l})
}

// giveUp ends the leases that a RELEASE or DECLINE names.
func (s *server) giveUp(x *exchange) {
	x.status = &packet6.Status{Code: packet6.Success, Text: "done"}
	fail := msgReleaseFail
	if x.kind == packet6.Decline {
		fail = msgDeclineFail
	}
	for _, ia := range x.message.IAs() {
		held := 0
		for _, named := range ia.Leases {
			a := named.Prefix.Addr()
			l, why, ok := allocate.Held(x.clientOf(&ia), a, s.Book, x.now)
			if !ok || l.Kind == lease.PD && x.kind == packet6.Decline {
				s.log.Log(fail, a, duid.Hex(x.duid), ia.IAID, why)
				continue
			}
			held++
			x.changes = append(x.changes, nameChange{ncr.Remove, l})
			x.end(l)
		}
		if held == 0 {
			x.refuse(&ia, packet6.Status{Code: packet6.NoBinding, Text: "there is no such binding"})
		} else if x.kind == packet6.Release {
			x.refuse(&ia, packet6.Status{Code: packet6.Success, Text: "released"})
		}
	}
}

// end notes what becomes of a lease that is given up: a declined address rests and belongs to nobody; a released one is
// remembered for its client.
func (x *exchange) end(l lease.Lease) {
	switch {
	case x.kind == packet6.Decline:
		x.puts = append(x.puts, lease.Lease{
			Address: l.Address, Kind: l.Kind, HWType: l.HWType, ValidLifetime: x.set.probation, Preferred: x.set.probation,
			Start: lease.StartAt(x.now), SubnetID: l.SubnetID, State: lease.Declined,
		})
	case x.set.reclaim.Hold == 0:
		x.drops = append(x.drops, l)
	default:
		l.State, l.Hostname, l.FQDNForward, l.FQDNReverse = lease.Reclaimed, "", false, false
		x.puts = append(x.puts, l)
	}
}

// confirm tells a client that moved whether its addresses are right for its link. When that cannot be known there is no
// answer (RFC 9915 section 18.3.3).
func (s *server) confirm(x *exchange) bool {
	if x.subnet == nil {
		return s.drop(x, "its link is not known")
	}
	named := 0
	for _, ia := range x.message.IAs() {
		if ia.Code == packet6.OptIAPD {
			continue
		}
		named += len(ia.Leases)
		if x.foreign(s.wish(x, &ia), &ia) {
			x.status = &packet6.Status{Code: packet6.NotOnLink, Text: "an address does not belong to the link"}
			return true
		}
	}
	if named == 0 {
		return s.drop(x, "it names no address")
	}
	x.status = &packet6.Status{Code: packet6.Success, Text: "the addresses belong to the link"}
	return true
}
