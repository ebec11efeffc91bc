package leasetest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dhcp/lease"
)

// model is a store as simple as it can be: what Put and Delete said last.
type model struct {
	leases map[netip.Addr]lease.Lease
	order  map[netip.Addr]int // when it was written last
	writes int
}

func newModel() *model { return &model{map[netip.Addr]lease.Lease{}, map[netip.Addr]int{}, 0} }

func (m *model) put(l lease.Lease) {
	m.writes++
	m.leases[l.Address], m.order[l.Address] = l, m.writes
}

func (m *model) delete(a netip.Addr) { delete(m.leases, a) }

func (m *model) matching(match func(lease.Lease) bool) []lease.Lease {
	var out []lease.Lease
	for _, l := range m.leases {
		if match(l) {
			out = append(out, l)
		}
	}
	return out
}

// compare tells the first difference between what a store says at now and the model.
func (m *model) compare(s lease.Store, now time.Time) error {
	seen := map[netip.Addr]lease.Lease{}
	s.All(func(l lease.Lease) bool { seen[l.Address] = l; return true })
	if len(seen) != len(m.leases) {
		return fmt.Errorf("all: gives %d leases, want %d", len(seen), len(m.leases))
	}
	for a, want := range m.leases {
		if seen[a] != want {
			return fmt.Errorf("all: gives\n%+v\nwant\n%+v", seen[a], want)
		}
		if got, ok := s.Get(a); !ok || got != want {
			return fmt.Errorf("get: gives\n%+v %v\nwant\n%+v", got, ok, want)
		}
	}
	for _, check := range []func(lease.Store) error{m.clients, m.tallies, m.filters} {
		if err := check(s); err != nil {
			return err
		}
	}
	return m.times(s, now)
}

func (m *model) clients(s lease.Store) error {
	for i := range clients {
		c := client(i)
		for subnet := range uint32(subnets) {
			id, hw := subnet+1, c.HWAddr
			if err := m.single(s.ByClientID(id, c.ClientID))(func(l lease.Lease) bool {
				return l.Kind == lease.V4 && l.SubnetID == id && l.ClientID == c.ClientID
			}); err != nil {
				return fmt.Errorf("ByClientID(%d, %q): %w", id, c.ClientID, err)
			}
			if err := m.single(s.ByHWAddr(id, 1, hw))(func(l lease.Lease) bool {
				return l.Kind == lease.V4 && l.SubnetID == id && l.HWAddr == hw
			}); err != nil {
				return fmt.Errorf("ByHWAddr(%d, %q): %w", id, hw, err)
			}
		}
		if err := m.several(s.ClientLeases(c.ClientID), func(l lease.Lease) bool { return l.Kind == lease.V4 && l.ClientID == c.ClientID }); err != nil {
			return fmt.Errorf("ClientLeases(%q): %w", c.ClientID, err)
		}
		if err := m.several(s.HardwareLeases(1, c.HWAddr), func(l lease.Lease) bool { return l.Kind == lease.V4 && l.HWAddr == c.HWAddr }); err != nil {
			return fmt.Errorf("HardwareLeases(%q): %w", c.HWAddr, err)
		}
		if err := m.several(s.OfDUID(c.DUID), func(l lease.Lease) bool { return l.Kind != lease.V4 && l.DUID == c.DUID }); err != nil {
			return fmt.Errorf("OfDUID(%q): %w", c.DUID, err)
		}
		for kind := lease.NA; kind <= lease.PD; kind++ {
			if err := m.several(s.ByDUID(c.DUID, kind, 1), func(l lease.Lease) bool {
				return l.Kind == kind && l.DUID == c.DUID && l.IAID == 1
			}); err != nil {
				return fmt.Errorf("ByDUID(%q, %d): %w", c.DUID, kind, err)
			}
		}
	}
	return nil
}

// single checks a look-up that gives one lease: an active one if there is any, else the latest.
func (m *model) single(got lease.Lease, ok bool) func(match func(lease.Lease) bool) error {
	return func(match func(lease.Lease) bool) error {
		all := m.matching(match)
		if ok != (len(all) > 0) {
			return fmt.Errorf("found %v of %d", ok, len(all))
		}
		if !ok {
			return nil
		}
		if m.leases[got.Address] != got || !match(got) {
			return fmt.Errorf("gives %+v", got)
		}
		for _, l := range all {
			if active := l.State == lease.Active; active && got.State != lease.Active || active == (got.State == lease.Active) && l.Start.After(got.Start) {
				return fmt.Errorf("gives\n%+v and not\n%+v", got, l)
			}
		}
		return nil
	}
}

// several checks a look-up that gives all leases of a client.
func (m *model) several(got []lease.Lease, match func(lease.Lease) bool) error {
	want := m.matching(match)
	if len(got) != min(len(want), lease.MaxFound) {
		return fmt.Errorf("%d leases, want %d", len(got), len(want))
	}
	for _, l := range got {
		if !slices.Contains(want, l) {
			return fmt.Errorf("gives %+v", l)
		}
	}
	return nil
}

// newest checks that leases of a client come with what was written last in front. After a restart the order is that of the
// files, which may be another one.
func (m *model) newest(got []lease.Lease) error {
	if !slices.IsSortedFunc(got, func(a, b lease.Lease) int { return cmp.Compare(m.order[b.Address], m.order[a.Address]) }) {
		return fmt.Errorf("not in the order of writing: %v", got)
	}
	return nil
}

func (m *model) tallies(s lease.Store) error {
	type key struct {
		subnet uint32
		kind   lease.Kind
	}
	want := map[key]*lease.Tally{}
	for _, l := range m.leases {
		k := key{l.SubnetID, l.Kind}
		if want[k] == nil {
			want[k] = &lease.Tally{Subnet: k.subnet, Kind: k.kind}
		}
		want[k].Count(l.State, 1)
	}
	got := s.Tallies()
	if len(got) != len(want) {
		return fmt.Errorf("tallies: %+v, want %d", got, len(want))
	}
	for _, t := range got {
		if w := want[key{t.Subnet, t.Kind}]; w == nil || *w != t {
			return fmt.Errorf("tallies: %+v, want %+v", t, w)
		}
	}
	return nil
}

func (m *model) filters(s lease.Store) error {
	declined := lease.Declined
	for _, f := range []lease.Filter{
		{}, {Subnet: 2}, {State: &declined}, {Hostname: "H1.LAB.example"}, {HWAddr: client(1).HWAddr}, {DUID: client(2).DUID}, {ClientID: client(3).ClientID}, {Kind: lease.PD},
	} {
		want := m.matching(f.Matches)
		slices.SortFunc(want, func(a, b lease.Lease) int { return a.Address.Compare(b.Address) })
		var got []lease.Lease
		var after netip.Addr
		for {
			some := s.Find(f, after, 3)
			if len(some) > 3 {
				return fmt.Errorf("Find(%+v, %v, 3) gives %d", f, after, len(some))
			}
			if got = append(got, some...); len(some) < 3 {
				break
			}
			after = some[2].Address
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("Find(%+v): %d leases, want %d", f, len(got), len(want))
		}
	}
	return nil
}

func (m *model) times(s lease.Store, now time.Time) error {
	const limit = 5
	ends := func(leases []lease.Lease) (out []int64) {
		for _, l := range leases {
			out = append(out, l.Expire().Unix())
		}
		return out
	}
	oldest := func(match func(lease.Lease) bool) []int64 {
		out := ends(m.matching(match))
		slices.Sort(out)
		return out
	}
	running := oldest(func(l lease.Lease) bool { return l.State != lease.Reclaimed && l.ValidLifetime != lease.Infinity })
	if next, ok := s.NextExpiry(); ok != (len(running) > 0) || ok && next.Unix() != running[0] {
		return fmt.Errorf("NextExpiry: %v %v, want %v", next, ok, running)
	}
	over := oldest(func(l lease.Lease) bool { return l.State != lease.Reclaimed && l.Expired(now) })
	if got := ends(s.Expired(now, limit)); !slices.Equal(got, over[:min(len(over), limit)]) {
		return fmt.Errorf("Expired(%d): %v, want %v", now.Unix(), got, over)
	}
	held := oldest(func(l lease.Lease) bool { return l.State == lease.Reclaimed && !l.Expire().After(now) })
	if got := ends(s.ReclaimedBefore(now, limit)); !slices.Equal(got, held[:min(len(held), limit)]) {
		return fmt.Errorf("ReclaimedBefore(%d): %v, want %v", now.Unix(), got, held)
	}
	return nil
}
