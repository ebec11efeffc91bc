package allocate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// maxCovered bounds the units of a pool that one lease or reservation of a larger prefix is noted for: a delegation of
// a /48 in a pool of /64. Such a lease stems from a former configuration.
const maxCovered = 65536

// Leases is the part of lease.Store that decisions read.
type Leases interface {
	Get(netip.Addr) (lease.Lease, bool)
	ByClientID(subnet uint32, clientID string) (lease.Lease, bool)
	ByHWAddr(subnet uint32, hwType uint8, hwAddr string) (lease.Lease, bool)
	ByDUID(duid string, kind lease.Kind, iaid uint32) []lease.Lease
	All(func(lease.Lease) bool)
}

// Book is what a server knows about its addresses: leases, reservations, offers, and what is free. One goroutine owns
// it. Whoever changes a lease or an offer calls Sync afterwards.
type Book struct {
	Leases    Leases
	Offers    *Offers
	subnets   *subnet.List
	vacancies map[*subnet.Pool]*Vacancy

	// crowded are units of pools, by their first addresses, in which leases of smaller prefixes lie. They are not given out
	// before the book is made anew.
	crowded map[netip.Addr]bool
	odd     []netip.Prefix // what is reserved in pools of prefixes of another length
}

// NewBook reads all leases. Those whose subnet has another number now are returned as they should be: with the number
// of the subnet that their address lies in, or 0 when their number belongs to another subnet now.
func NewBook(leases Leases, offers *Offers, subnets *subnet.List, now time.Time) (b *Book, moved []lease.Lease) {
	b = &Book{Leases: leases, Offers: offers, subnets: subnets, vacancies: map[*subnet.Pool]*Vacancy{}, crowded: map[netip.Addr]bool{}}
	for _, s := range subnets.All() {
		for _, p := range s.Pools {
			b.vacancies[p] = NewVacancy(p)
		}
	}
	type past struct {
		what netip.Prefix
		end  time.Time
	}
	var retired []past
	leases.All(func(l lease.Lease) bool {
		if to := subnets.Of(l.SubnetID, l.Address); to != nil && to.ID != l.SubnetID {
			l.SubnetID = to.ID
			moved = append(moved, l)
		} else if to == nil && subnets.ByID(l.SubnetID) != nil {
			l.SubnetID = 0
			moved = append(moved, l)
		}
		if l.State == lease.Reclaimed {
			retired = append(retired, past{l.Prefix(), l.Expire()})
		} else {
			b.mark(l.Prefix(), Taken)
			b.crowd(l.Prefix())
		}
		return true
	})
	slices.SortFunc(retired, func(a, b past) int {
		return cmp.Or(a.end.Compare(b.end), a.what.Addr().Compare(b.what.Addr()))
	})
	for _, p := range retired {
		if _, v := b.vacancy(p.what.Addr()); v != nil && b.exact(p.what) && v.State(p.what.Addr()) == Free {
			v.Set(p.what.Addr(), Retired)
		}
	}
	for _, a := range offers.Addresses() {
		b.Sync(a, now)
	}
	b.reserve(subnets.Hosts())
	for _, s := range subnets.All() {
		b.reserve(s.Hosts)
	}
	return b, moved
}

func (b *Book) reserve(hosts *subnet.Hosts) {
	for _, a := range hosts.Reserved() {
		s, _ := b.subnets.Pool(a)
		if s == nil || s.Holder(a) == nil {
			continue
		}
		b.Take(a)
		for _, p := range s.Holder(a).Prefixes {
			if p.Addr() == a && !b.exact(p) {
				b.mark(p, Taken)
				b.odd = append(b.odd, p)
			}
		}
	}
}

// crowd notes that a lease of a smaller prefix lies in a unit of its pool.
func (b *Book) crowd(what netip.Prefix) {
	if p, v := b.vacancy(what.Addr()); v != nil && what.Bits() > int(p.Length) {
		b.crowded[v.base(what.Addr())] = true
	}
}

// alone tells whether nothing overlaps a prefix that is one of its pool, but a lease or an offer of exactly that one.
func (b *Book) alone(what netip.Prefix) bool {
	for _, p := range b.odd {
		if p.Overlaps(what) {
			return false
		}
	}
	a := what.Addr()
	_, v := b.vacancy(a)
	if v == nil || v.State(a) != Taken {
		return true
	}
	if b.crowded[a] {
		return false
	}
	l, known := b.Leases.Get(a)
	return known && l.Prefix() == what || b.Offers.byAddress[a] != nil
}

// Sync brings what is free in line with the lease, the offer and the reservation of an address, or of a prefix by its
// first address.
func (b *Book) Sync(a netip.Addr, now time.Time) {
	p, v := b.vacancy(a)
	if v == nil {
		return
	}
	l, known := b.Leases.Get(a)
	_, offered := b.Offers.Holder(a, now)
	here, _ := b.subnets.Pool(a)
	switch {
	case offered || here.Holder(a) != nil:
		v.Set(a, Taken)
	case known && l.State != lease.Reclaimed:
		b.mark(l.Prefix(), Taken)
	case !b.exact(netip.PrefixFrom(a, int(p.Length))) || b.crowded[a]: // others may lie in the same unit
	case known:
		v.Set(a, Retired)
	default:
		v.Set(a, Free)
	}
}

// Take notes that an address, or a prefix by its first address, is not free: it was just offered or leased.
func (b *Book) Take(a netip.Addr) {
	if _, v := b.vacancy(a); v != nil {
		v.Set(a, Taken)
	}
}

// Vacancy is what is free of a pool; nil for a pool that the book does not know.
func (b *Book) Vacancy(p *subnet.Pool) *Vacancy { return b.vacancies[p] }

func (b *Book) vacancy(a netip.Addr) (*subnet.Pool, *Vacancy) {
	if _, p := b.subnets.Pool(a); p != nil {
		return p, b.vacancies[p]
	}
	return nil, nil
}

// exact tells whether a prefix is one that its pool gives out.
func (b *Book) exact(what netip.Prefix) bool {
	_, p := b.subnets.Pool(what.Addr())
	return p != nil && what.Bits() == int(p.Length) && aligned(p, what.Addr())
}

// aligned tells whether a unit of the pool begins at an address of it.
func aligned(p *subnet.Pool, a netip.Addr) bool {
	n, shift := number(a).minus(number(p.First)), uint(p.First.BitLen()-int(p.Length))
	return uint128{}.plus(n.right(shift).lo, shift) == n
}

// mark notes the state of all units that a prefix covers.
func (b *Book) mark(what netip.Prefix, s State) {
	p, v := b.vacancy(what.Addr())
	if v == nil {
		return
	}
	v.Set(what.Addr(), s)
	if what.Bits() >= int(p.Length) {
		return
	}
	units := uint64(maxCovered)
	if wide := int(p.Length) - what.Bits(); wide < 16 {
		units = 1 << wide
	}
	for i := uint64(1); i < units; i++ {
		v.Set(number(what.Addr()).plus(i, v.shift).addr(v.is4), s)
	}
}
