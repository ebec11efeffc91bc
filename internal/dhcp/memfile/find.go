package memfile

import (
	"cmp"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/lease"
)

// Prepare implements lease.Store: all leases are in memory.
func (s *Store) Prepare(_ lease.Who, ready func(error)) { ready(nil) }

func (s *Store) list(match func(*lease.Lease) bool) []lease.Lease {
	var out []lease.Lease
	s.All(func(l lease.Lease) bool {
		if match(&l) {
			out = append(out, l)
		}
		return true
	})
	slices.SortFunc(out, func(a, b lease.Lease) int { return cmp.Or(b.Start.Compare(a.Start), a.Address.Compare(b.Address)) })
	return out[:min(len(out), lease.MaxFound)]
}

// ClientLeases implements lease.Store.
func (s *Store) ClientLeases(clientID string) []lease.Lease {
	return s.list(func(l *lease.Lease) bool { return l.Kind == lease.V4 && clientID != "" && l.ClientID == clientID })
}

// HardwareLeases implements lease.Store.
func (s *Store) HardwareLeases(hwType uint8, hwAddr string) []lease.Lease {
	return s.list(func(l *lease.Lease) bool { return hwAddr != "" && l.HWAddr == hwAddr && l.HWType == hwType })
}

// ByDUID implements lease.Store.
func (s *Store) ByDUID(duid string, kind lease.Kind, iaid uint32) []lease.Lease {
	return s.list(func(l *lease.Lease) bool { return l.Kind == kind && l.DUID == duid && l.IAID == iaid })
}

// OfDUID implements lease.Store.
func (s *Store) OfDUID(duid string) []lease.Lease {
	return s.list(func(l *lease.Lease) bool { return l.Kind != lease.V4 && l.DUID == duid })
}

// Find implements lease.Store.
func (s *Store) Find(f lease.Filter, after netip.Addr, limit int) []lease.Lease {
	var out []lease.Lease
	s.All(func(l lease.Lease) bool {
		if f.Matches(l) && (!after.IsValid() || after.Less(l.Address)) {
			out = append(out, l)
		}
		return true
	})
	slices.SortFunc(out, func(a, b lease.Lease) int { return a.Address.Compare(b.Address) })
	return out[:min(len(out), limit)]
}

// Tallies implements lease.Store.
func (s *Store) Tallies() []lease.Tally {
	var out []lease.Tally
	s.All(func(l lease.Lease) bool {
		i := slices.IndexFunc(out, func(t lease.Tally) bool { return t.Subnet == l.SubnetID && t.Kind == l.Kind })
		if i < 0 {
			i = len(out)
			out = append(out, lease.Tally{Subnet: l.SubnetID, Kind: l.Kind})
		}
		out[i].Count(l.State, 1)
		return true
	})
	slices.SortFunc(out, func(a, b lease.Tally) int {
		return cmp.Or(cmp.Compare(a.Subnet, b.Subnet), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}
