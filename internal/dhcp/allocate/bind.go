package allocate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// maxBindings bounds the addresses or prefixes that one association holds: more than any client uses, few enough for
// one message.
const maxBindings = 16

// maxNew bounds what one message gets besides what its client has: more than any client asks for. Otherwise few messages
// would take all of a pool.
const maxNew = 64

// Wish is one association of a DHCPv6 client in a message (RFC 9915 section 12). Client tells which: DUID, kind NA, TA
// or PD, and number.
type Wish struct {
	Subnets []*subnet.Subnet // of the client's link, as its classes allow; the one selected in front; not empty
	Classes class.Set        // of the client, for pools
	Host    *subnet.Host     // its reservation; nil: none
	Client  Client

	// Hints are the addresses (of length 128) or prefixes that the client names. A prefix of :: stands for any of that
	// length (RFC 8168).
	Hints []netip.Prefix

	// Chosen are the addresses, and first addresses of prefixes, already decided on for other associations of the message.
	Chosen []netip.Addr
	Now    time.Time

	// Occupied tells of addresses that hosts have which are no clients. Nil: none.
	Occupied func(netip.Addr) bool
}

// Binding is one address or prefix that an association gets or keeps.
type Binding struct {
	Prefix   netip.Prefix // an address has length 128
	Subnet   *subnet.Subnet
	Pool     *subnet.Pool // nil for what is reserved outside of the pools
	Previous lease.Lease  // what was known about it, of whomever and in whatever state
	Known    bool         // Previous is set
}

// Bindings is the answer to a wish.
type Bindings struct {
	Granted []Binding      // what the client gets or keeps; none: nothing is free
	Ended   []netip.Prefix // what it named and must not use any more: sent with lifetimes of 0 (RFC 9915 section 18.3.4)
	Left    []lease.Lease  // leases of the association that it loses: to be deleted
}

// Assign chooses what an association gets by SOLICIT or REQUEST (RFC 9915 sections 18.3.1 and 18.3.2): what is reserved
// for the client; the leases that it has; what it had or was offered before; what it asks for; else something free. That is
// one address or prefix, or as many as it names, as far as those can be had.
func Assign(w Wish, b *Book) Bindings { return w.assign(b, len(w.Hints)) }

// assign chooses up to wanted, beside what is reserved and what the client has.
func (w Wish) assign(b *Book, wanted int) Bindings {
	var out Bindings
	granted := func(p netip.Prefix) bool {
		if len(out.Granted) >= maxBindings || !w.usable(b, p) || w.chosen(out.Granted, p) {
			return false
		}
		out.Granted = append(out.Granted, w.binding(b, p))
		return true
	}
	room := func() bool { return len(out.Granted) < maxBindings && len(w.Chosen)+len(out.Granted) < maxNew }
	fresh := func(p netip.Prefix) bool { return room() && granted(p) }
	for _, p := range w.reserved() {
		granted(p)
	}
	own := w.own(b)
	if len(out.Granted) == 0 {
		for _, l := range own {
			if l.InUse(w.Now) {
				granted(l.Prefix())
			}
		}
	}
	offered := w.offered(b)
	if len(out.Granted) == 0 && room() {
		w.one(b, own, offered, fresh)
	}
	for i := 0; i < len(w.Hints) && len(out.Granted) < wanted && room(); i++ {
		if h := w.Hints[i]; !h.Addr().IsUnspecified() {
			fresh(h)
		} else if i > 0 {
			w.more(b, h, offered, fresh)
		}
	}
	for _, l := range own {
		if l.InUse(w.Now) && !slices.ContainsFunc(out.Granted, func(g Binding) bool { return g.Prefix == l.Prefix() }) {
			out.Left = append(out.Left, l)
		}
	}
	return out
}

// offered lists what is kept for the association since it was offered.
func (w Wish) offered(b *Book) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range b.Offers.AllFor(w.Client, w.link(), w.Now) {
		if _, p := w.place(a); p != nil {
			out = append(out, netip.PrefixFrom(a, int(p.Length)))
		}
	}
	return out
}

// one finds a single address or prefix for an association that has none: of what was offered, rather what it names.
func (w Wish) one(b *Book, own []lease.Lease, offered []netip.Prefix, granted func(netip.Prefix) bool) {
	for _, l := range own {
		if granted(l.Prefix()) {
			return
		}
	}
	for _, h := range w.Hints {
		if slices.Contains(offered, h) && granted(h) {
			return
		}
	}
	for _, p := range offered {
		if granted(p) {
			return
		}
	}
	for _, h := range w.Hints {
		if granted(h) {
			return
		}
	}
	for _, state := range []State{Free, Retired} {
		for _, s := range w.Subnets {
			for _, p := range w.pools(s) {
				if w.vacant(b, p, state, granted) {
					return
				}
			}
		}
	}
}

// more finds another prefix of a length that the client names besides, of those offered first.
func (w Wish) more(b *Book, h netip.Prefix, offered []netip.Prefix, granted func(netip.Prefix) bool) {
	for _, p := range offered {
		if p.Bits() == h.Bits() && granted(p) {
			return
		}
	}
	for _, s := range w.Subnets {
		for _, p := range w.pools(s) {
			if p.Delegates && int(p.Length) == h.Bits() && w.vacant(b, p, Free, granted) {
				return
			}
		}
	}
}

// vacant grants something of that state from a pool.
func (w Wish) vacant(b *Book, p *subnet.Pool, state State, granted func(netip.Prefix) bool) bool {
	v := b.vacancies[p]
	if v == nil {
		return false
	}
	for range maxSearch {
		next := v.Free
		if state == Retired {
			next = v.Oldest
		}
		a, ok := next()
		if !ok {
			return false
		}
		what := netip.PrefixFrom(a, int(p.Length))
		if granted(what) {
			return true
		}
		if !w.usable(b, what) { // else this message has it already
			v.Set(a, Taken)
		} else if state == Retired {
			return false // the oldest stays the oldest
		}
	}
	return false
}

// pools gives the pools of a subnet that the client may use, those of the length that it asks for first.
func (w Wish) pools(s *subnet.Subnet) []*subnet.Pool {
	var out []*subnet.Pool
	for _, p := range s.Pools {
		if p.Delegates == (w.Client.Kind == lease.PD) && p.Limit.Allows(w.Classes) {
			out = append(out, p)
		}
	}
	if w.Client.Kind != lease.PD || len(w.Hints) == 0 || len(out) < 2 {
		return out
	}
	asked := w.Hints[0].Bits()
	distance := func(p *subnet.Pool) int { // an equal step away, rather the larger prefix
		d := int(p.Length) - asked
		if d > 0 {
			return 2*d + 1
		}
		return -2 * d
	}
	slices.SortStableFunc(out, func(a, b *subnet.Pool) int { return cmp.Compare(distance(a), distance(b)) })
	return out
}

// Extend decides what an association keeps by RENEW or REBIND (RFC 9915 sections 18.3.4 and 18.3.5): its leases that it
// may still have, or else something new. known is false when there is no such association.
func Extend(w Wish, b *Book) (out Bindings, known bool) {
	known = slices.ContainsFunc(w.own(b), func(l lease.Lease) bool { return l.State == lease.Active })
	if known {
		out = w.assign(b, 1) // it asks for no more
	}
	for _, h := range w.Hints {
		if !h.Addr().IsUnspecified() && !slices.ContainsFunc(out.Granted, func(g Binding) bool { return g.Prefix == h }) {
			out.Ended = append(out.Ended, h)
		}
	}
	return out, known
}

// OnLink tells whether an address, or a prefix by its first address, is right for the client's link (RFC 9915 section
// 18.3.3).
func (w Wish) OnLink(a netip.Addr) bool {
	s, _ := w.place(a)
	return s != nil
}

func (w Wish) link() uint32 { return w.Subnets[0].Network.Subnets[0].ID }

// place finds the subnet of the client's link that an address or prefix belongs to, and its pool.
func (w Wish) place(a netip.Addr) (*subnet.Subnet, *subnet.Pool) {
	for _, s := range w.Subnets {
		if p := s.Pool(a); p != nil {
			return s, p
		}
	}
	for _, s := range w.Subnets {
		if s.Holds(a) {
			return s, nil
		}
	}
	return nil, nil
}

// reserved lists what is reserved for the client on its link.
func (w Wish) reserved() []netip.Prefix {
	if w.Host == nil {
		return nil
	}
	if w.Client.Kind == lease.PD {
		return w.Host.Prefixes
	}
	var out []netip.Prefix
	for _, a := range w.Host.Addresses {
		out = append(out, netip.PrefixFrom(a, a.BitLen()))
	}
	return out
}

// own finds the leases of the association on its link, in any state but declined, what was written last in front.
func (w Wish) own(b *Book) []lease.Lease {
	var out []lease.Lease
	for _, l := range b.Leases.ByDUID(w.Client.DUID, w.Client.Kind, w.Client.IAID) {
		if s, _ := w.place(l.Address); s != nil && l.State != lease.Declined {
			out = append(out, l)
		}
	}
	return out
}

// chosen tells whether another association of the message, or this one, has an address or prefix already.
func (w Wish) chosen(granted []Binding, p netip.Prefix) bool {
	return slices.Contains(w.Chosen, p.Addr()) ||
		slices.ContainsFunc(granted, func(g Binding) bool { return g.Prefix.Addr() == p.Addr() })
}

// usable tells whether the client may have an address or prefix: one of a pool for it or reserved for it, not another's,
// not kept for another.
func (w Wish) usable(b *Book, what netip.Prefix) bool {
	a := what.Addr()
	s, p := w.place(a)
	if s == nil || what.Masked() != what || w.Occupied != nil && w.Occupied(a) {
		return false
	}
	switch holder := s.Holder(a); {
	case holder != nil:
		if holder != w.Host || !slices.Contains(w.reserved(), what) {
			return false
		}
	case p == nil || !p.Limit.Allows(w.Classes) || p.Delegates != (w.Client.Kind == lease.PD) ||
		what.Bits() != int(p.Length) || !aligned(p, a) || p.Delegates && !b.alone(what):
		return false
	}
	l, known := b.Leases.Get(a)
	if known && l.InUse(w.Now) && (l.State == lease.Declined || !w.Client.Owns(l)) {
		return false
	}
	holder, kept := b.Offers.Holder(a, w.Now)
	return !kept || holder == w.Client
}

func (w Wish) binding(b *Book, what netip.Prefix) Binding {
	out := Binding{Prefix: what}
	out.Subnet, out.Pool = w.place(what.Addr())
	out.Previous, out.Known = b.Leases.Get(what.Addr())
	return out
}
