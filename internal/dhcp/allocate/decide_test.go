package allocate

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// memory is the leases of one subnet.
type memory map[netip.Addr]lease.Lease

func (m memory) Get(a netip.Addr) (lease.Lease, bool) { l, ok := m[a]; return l, ok }

func (m memory) find(match func(lease.Lease) bool) (lease.Lease, bool) {
	var best lease.Lease
	found := false
	for _, l := range m {
		if match(l) && (!found || l.State == lease.Active && best.State != lease.Active || l.State == best.State && l.Start.After(best.Start)) {
			best, found = l, true
		}
	}
	return best, found
}

func (m memory) ByClientID(_ uint32, id string) (lease.Lease, bool) {
	return m.find(func(l lease.Lease) bool { return l.ClientID == id })
}

func (m memory) ByHWAddr(_ uint32, t uint8, hw string) (lease.Lease, bool) {
	return m.find(func(l lease.Lease) bool { return l.HWType == t && l.HWAddr == hw })
}

// TestNeverTwice lets clients do anything in any order while time passes. No address is ever promised to two clients,
// none outside of the pool is given, and an offer that is requested in time is kept.
func TestNeverTwice(t *testing.T) {
	s := &subnet.Subnet{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Pools: ranges(t, "192.0.2.1-192.0.2.4")}
	clients := []Client{
		{ID: "a", HWType: 1, HWAddr: "m1"}, {ID: "b", HWType: 1, HWAddr: "m1"}, {HWType: 1, HWAddr: "m2"},
		{HWType: 1, HWAddr: "m3"}, {ID: "c"}, {HWType: 1, HWAddr: "m4"},
	}
	rapid.Check(t, func(t *rapid.T) {
		leases := memory{}
		v := View{leases, NewVacancy(s.Pools), NewOffers()}
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		authoritative := rapid.Bool().Draw(t, "authoritative")
		sync := func(a netip.Addr) {
			l, ok := leases.Get(a)
			_, kept := v.Offers.Holder(a, now)
			switch {
			case kept || ok && l.State != lease.Reclaimed:
				v.Vacancy.Set(a, Taken)
			case ok:
				v.Vacancy.Set(a, Retired)
			default:
				v.Vacancy.Set(a, Free)
			}
		}
		for range 60 {
			q := Query{
				Subnet: s, Client: rapid.SampledFrom(clients).Draw(t, "client"), Now: now, Authoritative: authoritative,
				Requested: address(number(netip.MustParseAddr("192.0.2.0")) + rapid.Uint32Range(0, 6).Draw(t, "requested")),
				Situation: Situation(rapid.IntRange(0, 3).Draw(t, "situation")),
			}
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0, 1:
				d := Discover(q, v)
				if d.Verdict == Refuse {
					t.Fatal("a DISCOVER is refused")
				}
				if d.Verdict != Grant {
					break
				}
				check(t, q, v, d)
				for _, a := range v.Offers.Put(q.Client, 1, d.Address, now) {
					sync(a)
				}
				sync(d.Address)
				if rapid.Bool().Draw(t, "selects") {
					q.Requested, q.Situation = d.Address, Selecting
					if got := Request(q, v); got.Verdict != Grant || got.Address != d.Address {
						t.Fatalf("offered %v, then %+v", d.Address, got)
					}
				}
			case 2, 3:
				d := Request(q, v)
				if d.Verdict != Grant {
					break
				}
				if d.Address != q.Requested {
					t.Fatalf("asked for %v, got %v", q.Requested, d.Address)
				}
				check(t, q, v, d)
				v.Offers.Drop(d.Address)
				if d.Leaves {
					delete(leases, d.Left.Address)
					sync(d.Left.Address)
				}
				leases[d.Address] = lease.Lease{
					Address: d.Address, HWType: q.Client.HWType, HWAddr: q.Client.HWAddr, ClientID: q.Client.ID,
					ValidLifetime: 100, Start: now, SubnetID: 1,
				}
				sync(d.Address)
			case 4:
				now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
				for a, ok := v.Offers.Expire(now); ok; a, ok = v.Offers.Expire(now) {
					sync(a)
				}
				for a, l := range leases {
					if l.State == lease.Active && l.Expired(now) {
						l.State = lease.Reclaimed
						leases[a] = l
						sync(a)
					}
				}
			}
		}
	})
}

// check tells whether the address of a grant is free for the client.
func check(t *rapid.T, q Query, v View, d Decision) {
	if q.Subnet.Pool(d.Address) == nil {
		t.Fatalf("%v is not in the pool", d.Address)
	}
	if l, ok := v.Leases.Get(d.Address); ok && l.InUse(q.Now) && !q.Client.Owns(l) {
		t.Fatalf("%v belongs to %+v, not to %+v", d.Address, l, q.Client)
	}
	if l, ok := v.Leases.Get(d.Address); ok && l.InUse(q.Now) {
		return // its own; an offer of it to others was made before and will be refused
	}
	if c, ok := v.Offers.Holder(d.Address, q.Now); ok && c != q.Client {
		if l, mine := v.Leases.Get(d.Address); !mine || !q.Client.Owns(l) {
			t.Fatalf("%v is kept for %+v, not for %+v", d.Address, c, q.Client)
		}
	}
}

// TestHeld: only its owner may give a lease up, and only while it runs.
func TestHeld(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	a := netip.MustParseAddr("192.0.2.1")
	owner, other := Client{HWType: 1, HWAddr: "m1"}, Client{HWType: 1, HWAddr: "m2"}
	l := lease.Lease{Address: a, HWType: 1, HWAddr: "m1", ValidLifetime: 10, Start: now}
	for _, c := range []struct {
		client Client
		state  lease.State
		at     time.Time
		want   bool
	}{
		{owner, lease.Active, now, true},
		{other, lease.Active, now, false},
		{owner, lease.Active, now.Add(10 * time.Second), false},
		{owner, lease.Declined, now, false},
		{owner, lease.Reclaimed, now, false},
	} {
		l.State = c.state
		if _, why, ok := Held(Query{Client: c.client, Requested: a, Now: c.at}, View{Leases: memory{a: l}}); ok != c.want || ok == (why != "") {
			t.Errorf("%+v: %v %q", c, ok, why)
		}
	}
	if _, _, ok := Held(Query{Client: owner, Requested: a, Now: now}, View{Leases: memory{}}); ok {
		t.Error("a lease that is not there is held")
	}
}
