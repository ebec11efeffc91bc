package allocate

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// Leases is the part of lease.Store that decisions read.
type Leases interface {
	Get(netip.Addr) (lease.Lease, bool)
	ByClientID(subnet uint32, clientID string) (lease.Lease, bool)
	ByHWAddr(subnet uint32, hwType uint8, hwAddr string) (lease.Lease, bool)
}

// View is what is known about one subnet.
type View struct {
	Leases  Leases
	Vacancy *Vacancy
	Offers  *Offers
}

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
	Subnet        *subnet.Subnet
	Client        Client
	Requested     netip.Addr // option 50, or ciaddr when renewing and rebinding; 0.0.0.0 or invalid: none
	Situation     Situation  // of a REQUEST
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
	Previous lease.Lease // what was known about the address, of whomever and in whatever state
	Known    bool        // Previous is set
	Left     lease.Lease // another lease of the client in the subnet that it gives up by taking this one
	Leaves   bool        // Left is set
}

func silent(why string) Decision { return Decision{Reason: why} }
func refuse(why string) Decision { return Decision{Verdict: Refuse, Reason: why} }

// Discover chooses the address to offer (RFC 2131 section 4.3.1): the client's lease, even if it is over; what it was
// offered before; what it asks for; else a free one. No address: silence.
func Discover(q Query, v View) Decision {
	if l, ok := q.own(v); ok && q.usable(v, l.Address) {
		return q.grant(v, l.Address)
	}
	if a, ok := v.Offers.For(q.Client, q.Subnet.ID, q.Now); ok && q.usable(v, a) {
		return q.grant(v, a)
	}
	if q.usable(v, q.Requested) {
		return q.grant(v, q.Requested)
	}
	for range maxSearch {
		a, ok := v.Vacancy.Next()
		if !ok {
			break
		}
		if q.usable(v, a) {
			return q.grant(v, a)
		}
		v.Vacancy.Set(a, Taken)
	}
	return silent("no address is free")
}

// maxSearch bounds the search for a free address. The first is good unless the vacancy missed a change of the leases.
const maxSearch = 16

// Request decides on a REQUEST (RFC 2131 section 4.3.2). A NAK is given only for what is known to be wrong: an address
// that does not belong to the client's network, that another client has, or that is not the one the client has. For
// a client without record the answer depends on how it got here; see the cases.
func Request(q Query, v View) Decision {
	if !q.Requested.IsValid() || q.Requested.IsUnspecified() {
		return silent("the request names no address")
	}
	if !q.Subnet.Contains(q.Requested) {
		return refuse("the address does not belong to the client's network")
	}
	if q.Occupied != nil && q.Occupied(q.Requested) {
		return refuse("the address is the server's or the relay's own")
	}
	here, known := v.Leases.Get(q.Requested)
	if known && here.InUse(q.Now) && !q.Client.Owns(here) {
		return refuse("the address belongs to another client")
	}
	mine := known && here.State != lease.Declined && q.Client.Owns(here)
	if holder, ok := v.Offers.Holder(q.Requested, q.Now); ok && !mine && holder != q.Client {
		return refuse("the address is kept for another client")
	}
	if q.Subnet.Pool(q.Requested) == nil {
		if !mine && q.Situation != Selecting && !q.Authoritative {
			return silent("the client is unknown")
		}
		return refuse("the address is not in a pool")
	}
	if mine || q.Situation == Selecting {
		return q.grant(v, q.Requested)
	}
	if l, ok := q.own(v); ok && l.InUse(q.Now) && l.Address != q.Requested {
		return refuse("the client has another address")
	}
	// No record of the client. It renews with us, so it had a lease that was lost; or nobody else can have given it
	// the address. Both may have it, as it is free. Else another server may have given it (RFC 2131 section 4.3.2: the
	// server must remain silent).
	if q.Situation == Renewing || q.Authoritative {
		return q.grant(v, q.Requested)
	}
	return silent("the client is unknown")
}

// Held finds the lease that a client may release or decline: in use at that address and its own.
func Held(q Query, v View) (lease.Lease, string, bool) {
	l, ok := v.Leases.Get(q.Requested)
	switch {
	case !ok || l.State != lease.Active || l.Expired(q.Now):
		return l, "there is no such lease", false
	case !q.Client.Owns(l):
		return l, "the lease belongs to another client", false
	}
	return l, "", true
}

// own finds the client's lease in the subnet, in any state but declined.
func (q Query) own(v View) (lease.Lease, bool) {
	if q.Client.ID != "" {
		if l, ok := v.Leases.ByClientID(q.Subnet.ID, q.Client.ID); ok && q.mine(l) {
			return l, true
		}
	}
	if q.Client.HWAddr != "" {
		if l, ok := v.Leases.ByHWAddr(q.Subnet.ID, q.Client.HWType, q.Client.HWAddr); ok && q.mine(l) {
			return l, true
		}
	}
	return lease.Lease{}, false
}

func (q Query) mine(l lease.Lease) bool {
	return l.State != lease.Declined && q.Subnet.Contains(l.Address) && q.Client.Owns(l)
}

// usable tells whether the client may have an address: in a pool, not another's, not kept for another.
func (q Query) usable(v View, a netip.Addr) bool {
	if !a.IsValid() || q.Subnet.Pool(a) == nil || q.Occupied != nil && q.Occupied(a) {
		return false
	}
	l, known := v.Leases.Get(a)
	if known && l.InUse(q.Now) && (l.State == lease.Declined || !q.Client.Owns(l)) {
		return false
	}
	holder, kept := v.Offers.Holder(a, q.Now)
	return !kept || holder == q.Client
}

func (q Query) grant(v View, a netip.Addr) Decision {
	d := Decision{Verdict: Grant, Address: a}
	d.Previous, d.Known = v.Leases.Get(a)
	if l, ok := q.own(v); ok && l.Address != a && l.InUse(q.Now) {
		d.Left, d.Leaves = l, true
	}
	return d
}
