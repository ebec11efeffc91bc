package dhcp4

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/allocate"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// desk is what the server knows about addresses: the leases, the offers, and what is free. The server's goroutine
// owns it; the store may be read by others.
type desk struct {
	store  lease.Store
	offers *allocate.Offers
	bySub  map[uint32]*allocate.Vacancy
	pools  []ownedPool // in order of addresses; pools do not overlap (subnet.List.Check)
}

type ownedPool struct {
	subnet.Range
	vacancy *allocate.Vacancy
}

// newDesk reads all leases. Those whose subnet has another number now are returned as they should be: with the number
// of the subnet that their address lies in, or 0 when their number belongs to another subnet now.
func newDesk(store lease.Store, offers *allocate.Offers, subnets *subnet.List, now time.Time) (d *desk, moved []lease.Lease) {
	d = &desk{store: store, offers: offers, bySub: map[uint32]*allocate.Vacancy{}}
	byID := make(map[uint32]*subnet.Subnet, len(subnets.All()))
	for _, s := range subnets.All() {
		v := allocate.NewVacancy(s.Pools)
		d.bySub[s.ID], byID[s.ID] = v, s
		for _, r := range s.Pools {
			d.pools = append(d.pools, ownedPool{r.Range, v})
		}
	}
	slices.SortFunc(d.pools, func(a, b ownedPool) int { return a.First.Compare(b.First) })
	type past struct {
		address netip.Addr
		end     time.Time
	}
	var retired []past
	store.All(func(l lease.Lease) bool {
		at := byID[l.SubnetID]
		if at == nil || !at.Contains(l.Address) {
			to := subnets.Of(l.SubnetID, l.Address)
			switch {
			case to != nil:
				l.SubnetID = to.ID
				moved = append(moved, l)
			case at != nil:
				l.SubnetID = 0
				moved = append(moved, l)
			}
		}
		if l.State == lease.Reclaimed {
			retired = append(retired, past{l.Address, l.Expire()})
		} else {
			d.mark(l.Address, allocate.Taken)
		}
		return true
	})
	slices.SortFunc(retired, func(a, b past) int {
		return cmp.Or(a.end.Compare(b.end), a.address.Compare(b.address))
	})
	for _, p := range retired {
		d.mark(p.address, allocate.Retired)
	}
	for _, a := range offers.Addresses() {
		d.sync(a, now)
	}
	return d, moved
}

// view is what decisions about a subnet may look at.
func (d *desk) view(s *subnet.Subnet) allocate.View {
	v := allocate.View{Leases: d.store, Offers: d.offers}
	if s != nil {
		v.Vacancy = d.bySub[s.ID]
	}
	return v
}

// sync brings the vacancy of an address in line with its lease and offer.
func (d *desk) sync(a netip.Addr, now time.Time) {
	l, ok := d.store.Get(a)
	_, offered := d.offers.Holder(a, now)
	switch {
	case offered || ok && l.State != lease.Reclaimed:
		d.mark(a, allocate.Taken)
	case ok:
		d.mark(a, allocate.Retired)
	default:
		d.mark(a, allocate.Free)
	}
}

func (d *desk) mark(a netip.Addr, s allocate.State) {
	i, found := slices.BinarySearchFunc(d.pools, a, func(p ownedPool, a netip.Addr) int { return p.First.Compare(a) })
	if !found {
		i--
	}
	if i >= 0 && d.pools[i].Contains(a) {
		d.pools[i].vacancy.Set(a, s)
	}
}
