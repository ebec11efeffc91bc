package dhcpddns

import (
	"net/netip"
	"slices"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

// claims says which lease has a name that several clients want, by the conflict policy replace-owned: the one that asked
// last. A renewal is no question. When the lease ends, those that yielded want the name again.
type claims struct {
	holder  map[wire.Name]netip.Addr
	yielded map[wire.Name][]netip.Addr
}

// claim takes a lease with a name; asked says that its client asked for it just now. Of leases that were found together
// the one whose name is in DNS holds it.
func (e *engine) claim(l lease.Lease, d *reconcile.Desired, asked bool) {
	if e.settings.conflict != owned.ReplaceOwned || !d.Forward.Wanted {
		return
	}
	if e.claims.holder == nil {
		e.claims = claims{map[wire.Name]netip.Addr{}, map[wire.Name][]netip.Addr{}}
	}
	before, held := e.claims.holder[d.Name]
	switch {
	case held && before == l.Address:
	case !held || asked || e.publishes(l.Address, d.Name) && !e.publishes(before, d.Name):
		e.claims.holder[d.Name] = l.Address
		if held {
			e.dirty.add(before)
		}
	}
}

// claimAll makes the claims anew: names and policy may be others.
func (e *engine) claimAll() {
	if e.claims = (claims{}); e.settings.conflict != owned.ReplaceOwned {
		return
	}
	for _, from := range e.sources {
		for _, l := range from.leases {
			if d, _ := e.ofLease(l); d != nil {
				e.claim(l, d, false)
			}
		}
	}
}

func (e *engine) publishes(a netip.Addr, name wire.Name) bool {
	r, ok := e.store.Get(owned.Key{Kind: owned.Forward, Address: a, Name: name})
	return ok && r.State == owned.Present
}

// unclaim gives the name of a lease that ended, or has another name now, to those that yielded.
func (e *engine) unclaim(l lease.Lease) {
	if len(e.claims.holder) == 0 {
		return
	}
	d, _ := e.ofLease(l)
	if d == nil || e.claims.holder[d.Name] != l.Address {
		return
	}
	delete(e.claims.holder, d.Name)
	for _, a := range e.claims.yielded[d.Name] {
		e.dirty.add(a)
	}
	delete(e.claims.yielded, d.Name)
}

// yields tells whether a lease must leave its name to another client's.
func (e *engine) yields(l lease.Lease, d *reconcile.Desired) bool {
	if d.Rules != owned.ReplaceOwned || !d.Forward.Wanted {
		return false
	}
	a, held := e.claims.holder[d.Name]
	if !held || a == l.Address {
		e.claim(l, d, false)
		return false
	}
	other, ok := e.leaseOf(a)
	if !ok {
		e.claim(l, d, true)
		return false
	}
	theirs, _ := e.ofLease(other)
	if theirs == nil || theirs.Name != d.Name || theirs.DHCID == d.DHCID { // one client may have several addresses
		return false
	}
	e.claims.yield(d.Name, l.Address, func(a netip.Addr) bool { _, ok := e.leaseOf(a); return ok })
	return true
}

// yield notes that an address yielded a name. Those whose lease is over want it no more: they go before the list grows, or
// clients that come and go while another one holds the name would fill the memory.
func (c *claims) yield(name wire.Name, a netip.Addr, leased func(netip.Addr) bool) {
	y := c.yielded[name]
	if slices.Contains(y, a) {
		return
	}
	if len(y) == cap(y) {
		y = slices.DeleteFunc(y, func(a netip.Addr) bool { return !leased(a) })
	}
	c.yielded[name] = append(y, a)
}
