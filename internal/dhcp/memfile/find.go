package memfile

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/lease"
)

// Get implements lease.Store.
func (s *Store) Get(a netip.Addr) (lease.Lease, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.get(a)
}

// ByClientID implements lease.Store.
func (s *Store) ByClientID(subnet uint32, clientID string) (lease.Lease, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.best(association, key{client: clientID}, subnet)
}

// ByHWAddr implements lease.Store.
func (s *Store) ByHWAddr(subnet uint32, hwType uint8, hwAddr string) (lease.Lease, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.best(owner, key{client: hwAddr, number: uint32(hwType)}, subnet)
}

// ClientLeases implements lease.Store.
func (s *Store) ClientLeases(clientID string) []lease.Lease {
	return s.chain(association, key{client: clientID})
}

// HardwareLeases implements lease.Store.
func (s *Store) HardwareLeases(hwType uint8, hwAddr string) []lease.Lease {
	return s.chain(owner, key{client: hwAddr, number: uint32(hwType)})
}

// ByDUID implements lease.Store.
func (s *Store) ByDUID(duid string, kind lease.Kind, iaid uint32) []lease.Lease {
	return s.chain(association, key{client: duid, kind: kind, number: iaid})
}

// OfDUID implements lease.Store.
func (s *Store) OfDUID(duid string) []lease.Lease { return s.chain(owner, key{client: duid}) }

func (s *Store) chain(chain int, k key) []lease.Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.all(s.index.members(chain, k))
}

func (x *index) all(numbers []uint32) []lease.Lease {
	if len(numbers) == 0 {
		return nil
	}
	out := make([]lease.Lease, 0, len(numbers))
	for _, n := range numbers {
		out = append(out, x.lease(n))
	}
	return out
}

// Expired implements lease.Store.
func (s *Store) Expired(now time.Time, limit int) []lease.Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.all(s.index.running.ended(s.index, now.Unix(), limit))
}

// NextExpiry implements lease.Store.
func (s *Store) NextExpiry() (time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.index.running) == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.index.running.end(s.index, 0), 0).UTC(), true
}

// ReclaimedBefore implements lease.Store.
func (s *Store) ReclaimedBefore(t time.Time, limit int) []lease.Lease {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.index.all(s.index.reclaimed.ended(s.index, t.Unix(), limit))
}

// All implements lease.Store. Writers wait while it runs.
func (s *Store) All(fn func(lease.Lease) bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, page := range s.index.pages {
		for i := range page {
			if r := &page[i]; r.valid != 0 && !fn(r.decode(s.index.octets(r))) {
				return
			}
		}
	}
}

// Find implements lease.Store. Writers wait no longer than for one page.
func (s *Store) Find(f lease.Filter, after netip.Addr, limit int) []lease.Lease {
	var out []lease.Lease
	inOrder := func() []lease.Lease {
		slices.SortFunc(out, func(a, b lease.Lease) int { return a.Address.Compare(b.Address) })
		// A lease that was deleted and made again meanwhile may have been met twice.
		out = slices.CompactFunc(out, func(a, b lease.Lease) bool { return a.Address == b.Address })
		return out[:min(len(out), limit)]
	}
	for page := 0; s.match(page, f, after, &out); page++ {
		if len(out) >= 2*limit+pageRecords {
			out = inOrder()
		}
	}
	return inOrder()
}

// match appends the leases of a page that a filter chooses; false when there is no such page.
func (s *Store) match(page int, f lease.Filter, after netip.Addr, out *[]lease.Lease) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if page >= len(s.index.pages) {
		return false
	}
	records := s.index.pages[page]
	for i := range records {
		r := &records[i]
		if r.valid == 0 || f.Subnet != 0 && r.subnet != f.Subnet || f.State != nil && r.state != *f.State {
			continue
		}
		if l := r.decode(s.index.octets(r)); after.Less(l.Address) && f.Matches(l) {
			*out = append(*out, l)
		}
	}
	return true
}

// Tallies implements lease.Store.
func (s *Store) Tallies() []lease.Tally {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]lease.Tally, 0, len(s.index.tallies))
	for _, t := range s.index.tallies {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b lease.Tally) int {
		return cmp.Or(cmp.Compare(a.Subnet, b.Subnet), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
