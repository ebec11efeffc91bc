package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/netif"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/logging"
)

// allocate decides what happens to which address. It changes nothing but the table of offers.
func (s *server) allocate(x *exchange) bool {
	q := s.query(x)
	switch x.kind {
	case packet4.Discover, bootp:
		if x.kind == packet4.Discover && x.prefersIPv6() {
			x.v6only = true
			s.tell(x, nil)
			return true
		}
		q.Requested, _ = x.request.Addr(packet4.OptRequestedIP)
		x.decision = allocate.Discover(q, s.Book)
	case packet4.Request:
		if x.foreign {
			s.forget(x)
			return false
		}
		var ok bool
		if q.Situation, q.Requested, ok = situation(x); !ok {
			s.refused(x, netip.IPv4Unspecified(), "it names no address")
			return false
		}
		x.decision = allocate.Request(q, s.Book)
		if x.obtains() && s.decliners.Resting(x.decliner(), x.port(), x.now) { // no DISCOVER need go before it
			return s.drop(x, "the client, or those on its port of the relay, declined too many addresses")
		}
		if x.decision.Verdict != allocate.Grant {
			s.refused(x, q.Requested, x.decision.Reason)
		}
	case packet4.Release, packet4.Decline:
		return s.held(x)
	case packet4.Inform:
		s.tell(x, nil)
		return true
	}
	if x.decision.Verdict == allocate.Grant {
		x.subnet = x.decision.Subnet
		delete(s.full, x.subnet.ID)
		s.tell(x, x.decision.Pool)
		s.grant(x)
		return true
	}
	if x.decision.Full {
		s.exhausted(x)
	}
	return x.decision.Verdict == allocate.Refuse
}

// exhausted counts, and logs once a subnet until something is free again.
func (s *server) exhausted(x *exchange) {
	s.stats.allocFailed.Add(1)
	s.refuse(x.subnet.ID)
	s.log.Log(msgLeaseAdvertFail, duid.Hex(x.client.ID), duid.Hex(x.client.HWAddr), x.decision.Reason)
	if !s.full[x.subnet.ID] {
		s.full[x.subnet.ID] = true
		s.log.Log(msgAllocFail, x.subnet.Prefix)
	}
}

// prefersIPv6 tells whether a client that can do without IPv4 is on a link where it should (RFC 8925 section 3.3).
func (x *exchange) prefersIPv6() bool {
	_, configured := x.subnet.Wire.Options[uint16(packet4.OptIPv6Only)]
	return configured && x.request.Asks(packet4.OptIPv6Only) && (x.host == nil || len(x.host.Addresses) == 0)
}

// situation tells which of the cases of RFC 2131 section 4.3.2 a REQUEST is, and its address.
func situation(x *exchange) (allocate.Situation, netip.Addr, bool) {
	m := &x.request
	requested, has := m.Addr(packet4.OptRequestedIP)
	_, selecting := m.Get(packet4.OptServerID)
	switch {
	case selecting && has:
		return allocate.Selecting, requested, true
	case selecting && !m.CIAddr.IsUnspecified(): // old clients: the table of section 4.3.6 is often misread
		return allocate.Selecting, m.CIAddr, true
	case !selecting && !m.CIAddr.IsUnspecified():
		if x.unicast && !m.Relayed() {
			return allocate.Renewing, m.CIAddr, true
		}
		return allocate.Rebinding, m.CIAddr, true
	case !selecting && has:
		return allocate.InitReboot, requested, true
	}
	return 0, netip.Addr{}, false
}

// forget drops the offer to a client that chose another server.
func (s *server) forget(x *exchange) {
	s.stats.receiveDrop.Add(1)
	s.log.Log(msgPacketNotForUs, x.kind, x.packet.Link.Name, "another")
	if a, ok := s.Book.Offers.For(x.client, x.subnet.Network.Subnets[0].ID, x.now); ok {
		s.Book.Offers.Drop(a)
		s.Book.Sync(a, x.now)
	}
}

// obtains tells whether a client gets an address that it does not have yet.
func (x *exchange) obtains() bool {
	d := x.decision
	return d.Verdict == allocate.Grant && !(d.Known && d.Previous.InUse(x.now) && x.client.Owns(d.Previous))
}

func (s *server) refused(x *exchange, a netip.Addr, why string) {
	s.log.Log(msgLeaseAllocFail, a, duid.Hex(x.client.ID), duid.Hex(x.client.HWAddr), why)
}

// held finds the lease that a RELEASE (by ciaddr) or DECLINE (by option 50) gives up.
func (s *server) held(x *exchange) bool {
	fail := msgReleaseFail
	address := x.request.CIAddr
	if x.kind == packet4.Decline {
		fail = msgDeclineFail
		address, _ = x.request.Addr(packet4.OptRequestedIP)
	}
	l, why, ok := allocate.Held(x.client, address, s.Book, x.now)
	if !ok {
		s.stats.receiveDrop.Add(1)
		s.log.Log(fail, address, duid.Hex(x.client.ID), duid.Hex(x.client.HWAddr), why)
		return false
	}
	x.lease = l
	x.changes = append(x.changes, nameChange{ncr.Remove, l})
	return true
}

// grant makes the lease of a positive decision, with its names and what changes about them.
func (s *server) grant(x *exchange) {
	d := x.decision
	host, _ := x.request.Get(packet4.OptHostName)
	host = host[:min(len(host), wire.MaxName)]
	mine := d.Known && d.Previous.State != lease.Declined && x.client.Owns(d.Previous)
	same := mine && d.Previous.InUse(x.now)
	said := x.decideNames(string(host), same)
	x.lease = lease.Lease{
		Address: d.Address, HWType: x.client.HWType, HWAddr: x.client.HWAddr, ClientID: x.clientID,
		ValidLifetime: x.lifetime(), Start: lease.StartAt(x.now), SubnetID: x.subnet.ID,
		FQDNForward: x.names.Forward, FQDNReverse: x.names.Reverse, Hostname: x.names.LeaseHostname(),
	}
	if x.lease.Hostname == "" {
		x.lease.Hostname = string(host)
	}
	if said.FQDN == nil && said.Host == x.lease.Hostname {
		said = policy.Said{} // the row says it already
	}
	if same {
		x.lease.UserContext = d.Previous.UserContext
	}
	x.lease.UserContext = said.Note(x.lease.UserContext)
	if mine && x.clientID == "" {
		x.lease.ClientID = d.Previous.ClientID // the same machine, which leaves its identifier out now and then
	}
	if same && x.names.Source == policy.NoSource && x.lease.Hostname == "" && said.IsZero() && x.set.naming(x.subnet).EnableUpdates {
		// Clients may leave their name out when they renew; it stays theirs as long as the lease. This one's row does not
		// say what the client said.
		x.lease.Hostname, x.lease.FQDNForward, x.lease.FQDNReverse =
			d.Previous.Hostname, d.Previous.FQDNForward, d.Previous.FQDNReverse
	}
	if x.kind == packet4.Discover {
		return
	}
	if same && d.Previous.Hostname == x.lease.Hostname && d.Previous.FQDNForward == x.lease.FQDNForward &&
		d.Previous.FQDNReverse == x.lease.FQDNReverse {
		x.keep()
		return
	}
	if d.Known {
		x.changes = append(x.changes, nameChange{ncr.Remove, d.Previous})
	}
	if d.Leaves {
		x.changes = append(x.changes, nameChange{ncr.Remove, d.Left})
	}
	x.changes = append(x.changes, nameChange{ncr.Add, x.lease})
}

// keep leaves a young lease as it is (cache-threshold): the client is told what remains of it.
func (x *exchange) keep() {
	before := x.decision.Previous
	age := x.now.Sub(before.Start)
	limit := time.Duration(x.subnet.CacheThreshold * float64(before.ValidLifetime) * float64(time.Second))
	if age < 0 || age >= limit || x.decision.Leaves || before.ValidLifetime > x.lease.ValidLifetime ||
		before.ClientID != x.lease.ClientID || before.HWAddr != x.lease.HWAddr || before.SubnetID != x.lease.SubnetID {
		return
	}
	x.cached = true
	x.lease = before
	if before.ValidLifetime != lease.Infinity {
		x.lease.ValidLifetime -= uint32((age + time.Second - 1) / time.Second)
	}
}

// lifetime is how long the lease is to run: what the client asks for, within what a class of it or the subnet says.
func (x *exchange) lifetime() uint32 {
	if x.kind == bootp { // such clients cannot renew
		return lease.Infinity
	}
	asked := uint32(0)
	if b, ok := x.request.Get(packet4.OptLeaseTime); ok {
		asked = binary.BigEndian.Uint32(b) // of four octets (checkLengths)
	}
	for _, name := range x.classes {
		if told := x.set.told[name]; told.valid.Default != 0 {
			return told.valid.For(asked)
		}
	}
	return x.subnet.Timers.Valid.For(asked)
}

// decideNames decides about the client's names, and gives what that is decided from. That of its reservation takes the
// place of the client's. Clients may leave their name out when they renew: what they said before goes on.
func (x *exchange) decideNames(hostName string, renewed bool) policy.Said {
	fqdn := x.fqdn
	if x.host != nil && x.host.HostName != "" {
		hostName = x.host.HostName
		if fqdn != nil {
			reserved := *fqdn
			reserved.Labels, reserved.Full = splitName(hostName)
			fqdn = &reserved
		}
	}
	said := policy.Said{FQDN: fqdn, Host: hostName}
	rules := x.set.rules(x.decision.Address, x.subnet)
	client := policy.Client{Address: x.decision.Address, HWAddr: x.client.HWAddr, ID: x.clientID}
	silent := said.IsZero()
	if silent && renewed {
		said = policy.SaidBefore(rules, x.decision.Previous)
	}
	x.names = policy.Decide(rules, client, said)
	if silent {
		x.names.Source = policy.NoSource // the reply has no option that the client did not send
	}
	return said
}

// splitName cuts a name of the configuration; one of several labels or with a final dot is whole.
func splitName(name string) (labels []string, full bool) {
	plain, full := strings.CutSuffix(name, ".")
	labels = strings.Split(plain, ".")
	return labels, full || len(labels) > 1
}

// commit makes the decision lasting: an offer in memory, a lease on disk. then is called when it is, perhaps by the
// store's goroutine; not at all if the lease could not be written.
func (s *server) commit(x *exchange, then func(*netif.Outbox)) {
	address, single := x.lease.Address, s.single
	durable := func(err error) {
		defer s.done(x)
		if err != nil {
			s.Written(address)(err)
			return
		}
		s.committed(x)
		then(s.onDisk)
		if single {
			s.onDisk.Flush()
		}
	}
	switch {
	case x.v6only || x.cached:
		then(s.atOnce)
	case x.kind == packet4.Discover:
		s.offer(x)
		s.committed(x)
		then(s.atOnce)
	case x.kind == bootp, x.kind == packet4.Request && x.answer == packet4.ACK:
		s.Book.Offers.Drop(address)
		if d := x.decision; d.Leaves {
			s.Store.Delete(d.Left.Address, s.Written(d.Left.Address)) // written before the new lease, in one go with it
			s.Book.Sync(d.Left.Address, x.now)
		}
		x.users.Add(1)
		s.Store.Put(x.lease, durable)
		s.Book.Take(address)
	case x.kind == packet4.Release:
		x.users.Add(1)
		s.Store.Delete(address, durable)
		s.Book.Sync(address, x.now)
	case x.kind == packet4.Decline:
		s.decliners.Declined(x.decliner(), x.port(), x.now)
		x.users.Add(1)
		s.Store.Put(lease.Lease{
			Address: address, HWType: x.lease.HWType, ValidLifetime: x.set.probation,
			Start: lease.StartAt(x.now), SubnetID: x.lease.SubnetID, State: lease.Declined,
		}, durable)
	default: // NAK, and the answer to INFORM
		then(s.atOnce)
	}
}

// committed logs and counts what is done. It may be called by the store's goroutine.
func (s *server) committed(x *exchange) {
	tell := func(m *logging.Message, more ...any) {
		if s.log.Enabled(m) {
			s.log.Log(m, append([]any{x.lease.Address, duid.Hex(x.client.ID), duid.Hex(x.client.HWAddr)}, more...)...)
		}
	}
	switch x.kind {
	case packet4.Discover:
		tell(msgLeaseAdvert)
	case packet4.Request, bootp:
		tell(msgLeaseAlloc)
	case packet4.Release:
		tell(msgRelease)
	case packet4.Decline:
		s.stats.declined.Add(1)
		tell(msgDecline, x.set.probation)
	}
}
