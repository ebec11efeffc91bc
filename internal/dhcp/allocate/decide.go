package allocate

import (
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// Situation is the state that a client's REQUEST tells (RFC 2131 section 4.3.2).
type Situation uint8

const (
	Selecting  Situation = iota // answers an offer; names the server
	InitReboot                  // remembers an address from before
	Renewing                    // has the address; asks the server that gave it
	Rebinding                   // has the address; asks any server
)

// Query is one client's wish.
type Query struct {
	Subnets       []*subnet.Subnet // of the client's link, as its classes allow; the one selected in front; not empty
	Classes       class.Set        // of the client, for pools
	Host          *subnet.Host     // its reservation; nil: none
	Client        Client
	Requested     netip.Addr // option 50, or ciaddr when renewing and rebinding; 0.0.0.0 or invalid: none
	Situation     Situation  // of a REQUEST
	Only          string     // a class that pools, or their subnets, must be limited to if nothing is reserved; empty: none
	Authoritative bool       // no other server serves the subnet: what we do not know is wrong
	Now           time.Time

	// Occupied tells of addresses that hosts have which are no clients: the server and the relay. Nil: none.
	Occupied func(netip.Addr) bool
}

// Verdict is the kind of answer.
type Verdict uint8

const (
	Silent Verdict = iota // no answer
	Refuse                // NAK
	Grant                 // OFFER or ACK
)

// Decision is the answer to a query.
type Decision struct {
	Verdict  Verdict
	Reason   string // why not, for the log; empty when granted
	Address  netip.Addr
	Subnet   *subnet.Subnet // that the address belongs to
	Pool     *subnet.Pool   // nil for a reserved address outside of the pools
	Full     bool           // silent since nothing is free
	Previous lease.Lease    // what was known about the address, of whomever and in whatever state
	Known    bool           // Previous is set
	Left     lease.Lease    // another lease of the client on the link that it gives up by taking this one
	Leaves   bool           // Left is set
}

func silent(why string) Decision { return Decision{Reason: why} }
func refuse(why string) Decision { return Decision{Verdict: Refuse, Reason: why} }

// Discover chooses the address to offer (RFC 2131 section 4.3.1): the one reserved for the client; its lease, even if it
// is over; what it was offered before; what it asks for; else a free one. No address: silence.
func Discover(q Query, b *Book) Decision {
	if a, ok := q.reserved(); ok && q.usable(b, a) {
		return q.grant(b, a)
	}
	if l, ok := q.own(b); ok && q.usable(b, l.Address) {
		return q.grant(b, l.Address)
	}
	if a, ok := b.Offers.For(q.Client, q.link(), q.Now); ok && q.usable(b, a) {
		return q.grant(b, a)
	}
	if q.usable(b, q.Requested) {
		return q.grant(b, q.Requested)
	}
	for _, state := range []State{Free, Retired} {
		for _, s := range q.Subnets {
			if a, ok := q.vacant(b, s, state); ok {
				return q.grant(b, a)
			}
		}
	}
	d := silent("no address is free")
	d.Full = true
	return d
}

// maxSearch bounds the search for a free address in a pool. The first is good unless the book missed a change.
const maxSearch = 16

// vacant finds an address of that state in the pools of a subnet that the client may use.
func (q Query) vacant(b *Book, s *subnet.Subnet, state State) (netip.Addr, bool) {
	for _, p := range s.Pools {
		v := b.vacancies[p]
		if v == nil || !q.allows(s, p) {
			continue
		}
		for range maxSearch {
			next := v.Free
			if state == Retired {
				next = v.Oldest
			}
			a, ok := next()
			if !ok {
				break
			}
			if q.usable(b, a) {
				return a, true
			}
			switch occupied := q.Occupied != nil && q.Occupied(a); {
			case !occupied:
				v.Set(a, Taken)
			case state == Retired: // for others: anybody can say that it is a relay agent with this address
				v.Set(a, Retired) // behind all others
			}
		}
	}
	return netip.Addr{}, false
}

// Request decides on a REQUEST (RFC 2131 section 4.3.2). A NAK is given only for what is known to be wrong: an address
// that does not belong to the client's network, that another client has, or that is not the one the client has. For
// a client without record the answer depends on how it got here; see the cases.
func Request(q Query, b *Book) Decision {
	if !q.Requested.IsValid() || q.Requested.IsUnspecified() {
		return silent("the request names no address")
	}
	s := q.subnet(q.Requested)
	if s == nil {
		return refuse("the address does not belong to the client's network")
	}
	if q.Occupied != nil && q.Occupied(q.Requested) {
		return refuse("the address is the server's or the relay's own")
	}
	if holder := s.Holder(q.Requested); holder != nil && holder != q.Host {
		return refuse("the address is reserved for another client")
	}
	here, known := b.Leases.Get(q.Requested)
	if known && here.InUse(q.Now) && !q.Client.Owns(here) {
		return refuse("the address belongs to another client")
	}
	mine := known && here.State != lease.Declined && q.Client.Owns(here)
	if holder, ok := b.Offers.Holder(q.Requested, q.Now); ok && !mine && holder != q.Client {
		return refuse("the address is kept for another client")
	}
	reserved, has := q.reserved()
	if has && reserved != q.Requested && q.usable(b, reserved) {
		return refuse("another address is reserved for the client")
	}
	if p := s.Pool(q.Requested); !q.allows(s, p) && reserved != q.Requested {
		if !mine && q.Situation != Selecting && !q.Authoritative {
			return silent("the client is unknown")
		}
		return refuse("the address is not in a pool of the client")
	}
	if mine || q.Situation == Selecting || reserved == q.Requested {
		return q.grant(b, q.Requested)
	}
	if l, ok := q.own(b); ok && l.InUse(q.Now) && l.Address != q.Requested {
		return refuse("the client has another address")
	}
	// No record of the client. It renews with us, so it had a lease that was lost; or nobody else can have given it
	// the address. Both may have it, as it is free. Else another server may have given it (RFC 2131 section 4.3.2: the
	// server must remain silent).
	if q.Situation == Renewing || q.Authoritative {
		return q.grant(b, q.Requested)
	}
	return silent("the client is unknown")
}

// Held finds the lease that a client may release or decline: in use at that address and its own.
func Held(c Client, a netip.Addr, b *Book, now time.Time) (lease.Lease, string, bool) {
	l, ok := b.Leases.Get(a)
	switch {
	case !ok || l.State != lease.Active || l.Expired(now):
		return l, "there is no such lease", false
	case !c.Owns(l):
		return l, "the lease belongs to another client", false
	}
	return l, "", true
}

// link numbers the client's link in the table of offers.
func (q Query) link() uint32 { return q.Subnets[0].Network.Subnets[0].ID }

// subnet finds the subnet of the client's link that an address belongs to; nil if there is none.
func (q Query) subnet(a netip.Addr) *subnet.Subnet {
	for _, s := range q.Subnets {
		if s.Contains(a) {
			return s
		}
	}
	return nil
}

// allows tells whether the client may use a pool of a subnet.
func (q Query) allows(s *subnet.Subnet, p *subnet.Pool) bool {
	return p != nil && p.Limit.Allows(q.Classes) &&
		(q.Only == "" || slices.Contains(p.Limit.Classes, q.Only) || slices.Contains(s.Limit.Classes, q.Only))
}

// reserved gives the address that is reserved for the client on its link.
func (q Query) reserved() (netip.Addr, bool) {
	if q.Host != nil {
		for _, a := range q.Host.Addresses {
			if q.subnet(a) != nil {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}

// own finds the client's lease on its link, in any state but declined.
func (q Query) own(b *Book) (lease.Lease, bool) {
	if q.Client.ID != "" {
		for _, s := range q.Subnets {
			if l, ok := b.Leases.ByClientID(s.ID, q.Client.ID); ok && q.mine(s, l) {
				return l, true
			}
		}
	}
	if q.Client.HWAddr != "" {
		for _, s := range q.Subnets {
			if l, ok := b.Leases.ByHWAddr(s.ID, q.Client.HWType, q.Client.HWAddr); ok && q.mine(s, l) {
				return l, true
			}
		}
	}
	return lease.Lease{}, false
}

func (q Query) mine(s *subnet.Subnet, l lease.Lease) bool {
	return l.State != lease.Declined && s.Contains(l.Address) && q.Client.Owns(l)
}

// usable tells whether the client may have an address: in a pool for it or reserved for it, not another's, not kept for
// another.
func (q Query) usable(b *Book, a netip.Addr) bool {
	s := q.subnet(a)
	if s == nil || q.Occupied != nil && q.Occupied(a) {
		return false
	}
	switch holder := s.Holder(a); {
	case holder != nil && holder != q.Host:
		return false
	case holder == nil:
		if !q.allows(s, s.Pool(a)) {
			return false
		}
	}
	l, known := b.Leases.Get(a)
	if known && l.InUse(q.Now) && (l.State == lease.Declined || !q.Client.Owns(l)) {
		return false
	}
	holder, kept := b.Offers.Holder(a, q.Now)
	return !kept || holder == q.Client
}

func (q Query) grant(b *Book, a netip.Addr) Decision {
	s := q.subnet(a)
	d := Decision{Verdict: Grant, Address: a, Subnet: s, Pool: s.Pool(a)}
	d.Previous, d.Known = b.Leases.Get(a)
	if l, ok := q.own(b); ok && l.Address != a && l.InUse(q.Now) {
		d.Left, d.Leaves = l, true
	}
	return d
}
