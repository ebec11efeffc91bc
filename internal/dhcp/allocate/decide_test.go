package allocate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// memory is leases without a disk.
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

func (m memory) ByClientID(id uint32, client string) (lease.Lease, bool) {
	return m.find(func(l lease.Lease) bool { return l.SubnetID == id && l.ClientID == client })
}

func (m memory) ByHWAddr(id uint32, t uint8, hw string) (lease.Lease, bool) {
	return m.find(func(l lease.Lease) bool { return l.SubnetID == id && l.HWType == t && l.HWAddr == hw })
}

func (m memory) ByDUID(duid string, kind lease.Kind, iaid uint32) []lease.Lease {
	var out []lease.Lease
	for _, l := range m {
		if l.DUID == duid && l.Kind == kind && l.IAID == iaid {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b lease.Lease) int { return b.Start.Compare(a.Start) })
	return out
}

func (m memory) All(fn func(lease.Lease) bool) {
	for _, l := range m {
		if !fn(l) {
			return
		}
	}
}

func noon() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

// office is a link of two subnets: 1 with a pool for all and one for phones, 2 with one for all. Client h has a
// reservation in a pool, client o one outside.
func office(t testing.TB) *subnet.List {
	network := &subnet.Network{Name: "office"}
	hosts, wrong := subnet.NewHosts([]*subnet.Host{
		{Identifier: subnet.Identifier{Kind: subnet.ByClientID, Value: "h"}, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2")}},
		{Identifier: subnet.Identifier{Kind: subnet.ByClientID, Value: "o"}, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}},
	})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	phones := pool(t, "192.0.2.50-192.0.2.51")
	phones.Limit.Classes = []string{"phones"}
	network.Subnets = []*subnet.Subnet{
		{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Pools: []*subnet.Pool{phones, pool(t, "192.0.2.1-192.0.2.3")}, Network: network, Hosts: hosts},
		{ID: 2, Prefix: netip.MustParsePrefix("198.51.100.0/24"), Pools: []*subnet.Pool{pool(t, "198.51.100.1-198.51.100.2")}, Network: network},
	}
	return subnet.NewList(network.Subnets, nil)
}

func hostOf(l *subnet.List, c Client) *subnet.Host {
	return l.All()[0].Host([]subnet.Identifier{{Kind: subnet.ByClientID, Value: c.ID}})
}

// TestNeverTwice lets clients do anything in any order while time passes. No address is ever promised to two clients,
// none outside of the pools is given but to whom it is reserved, and an offer that is requested in time is kept.
func TestNeverTwice(t *testing.T) {
	l := office(t)
	clients := []Client{
		{ID: "a", HWType: 1, HWAddr: "m1"}, {ID: "b", HWType: 1, HWAddr: "m1"}, {HWType: 1, HWAddr: "m2"},
		{HWType: 1, HWAddr: "m3"}, {ID: "c"}, {HWType: 1, HWAddr: "m4"}, {ID: "h", HWType: 1, HWAddr: "m5"}, {ID: "o"},
	}
	addresses := []string{"192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.50", "192.0.2.200", "198.51.100.1", "198.51.100.2", "10.0.0.1"}
	rapid.Check(t, func(t *rapid.T) {
		leases, now := memory{}, noon()
		b, _ := NewBook(leases, NewOffers(), l, now)
		authoritative := rapid.Bool().Draw(t, "authoritative")
		for range 60 {
			q := Query{
				Subnets: l.All(), Client: rapid.SampledFrom(clients).Draw(t, "client"), Now: now, Authoritative: authoritative,
				Requested: netip.MustParseAddr(rapid.SampledFrom(addresses).Draw(t, "requested")),
				Situation: Situation(rapid.IntRange(0, 3).Draw(t, "situation")),
			}
			q.Host = hostOf(l, q.Client)
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				d := Discover(q, b)
				if d.Verdict == Refuse {
					t.Fatal("a DISCOVER is refused")
				}
				if d.Verdict != Grant {
					break
				}
				check(t, q, b, d)
				for _, a := range b.Offers.Put(q.Client, 1, "", now.Add(OfferTime), d.Address) {
					b.Sync(a, now)
				}
				b.Sync(d.Address, now)
				if rapid.Bool().Draw(t, "selects") {
					q.Requested, q.Situation = d.Address, Selecting
					if got := Request(q, b); got.Verdict != Grant || got.Address != d.Address {
						t.Fatalf("offered %v, then %+v", d.Address, got)
					}
				}
			case 2, 3:
				d := Request(q, b)
				if d.Verdict != Grant {
					break
				}
				if d.Address != q.Requested {
					t.Fatalf("asked for %v, got %v", q.Requested, d.Address)
				}
				check(t, q, b, d)
				b.Offers.Drop(d.Address)
				if d.Leaves {
					delete(leases, d.Left.Address)
					b.Sync(d.Left.Address, now)
				}
				leases[d.Address] = lease.Lease{
					Address: d.Address, HWType: q.Client.HWType, HWAddr: q.Client.HWAddr, ClientID: q.Client.ID,
					ValidLifetime: 100, Start: now, SubnetID: d.Subnet.ID,
				}
				b.Sync(d.Address, now)
			case 4:
				now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
				for a, ok := b.Offers.Expire(now); ok; a, ok = b.Offers.Expire(now) {
					b.Sync(a, now)
				}
				for a, l := range leases {
					if l.State == lease.Active && l.Expired(now) {
						l.State = lease.Reclaimed
						leases[a] = l
						b.Sync(a, now)
					}
				}
			case 5: // a restart, or a new configuration
				b, _ = NewBook(leases, b.Offers, l, now)
			}
			consistent(t, b, leases, now)
		}
	})
}

// consistent tells whether the book notes as taken what a new one would.
func consistent(t *rapid.T, b *Book, leases memory, now time.Time) {
	fresh, moved := NewBook(leases, b.Offers, b.subnets, now)
	if len(moved) > 0 {
		t.Fatalf("moved %v", moved)
	}
	for p, v := range b.vacancies {
		if v.used < fresh.vacancies[p].used { // more may be noted as taken than is, never less
			t.Fatalf("%v: %d used instead of %d", p.Range, v.used, fresh.vacancies[p].used)
		}
	}
}

// check tells whether the address of a grant is free for the client.
func check(t *rapid.T, q Query, b *Book, d Decision) {
	if d.Subnet == nil || !d.Subnet.Contains(d.Address) {
		t.Fatalf("%v is not in its subnet", d.Address)
	}
	if holder := d.Subnet.Holder(d.Address); holder != q.Host && holder != nil {
		t.Fatalf("%v is reserved", d.Address)
	} else if holder == nil && (d.Pool == nil || len(d.Pool.Limit.Classes) > 0) {
		t.Fatalf("%v is not in the client's pool", d.Address)
	}
	l, known := b.Leases.Get(d.Address)
	if known && l.InUse(q.Now) && !q.Client.Owns(l) {
		t.Fatalf("%v belongs to %+v, not to %+v", d.Address, l, q.Client)
	}
	if known && l.InUse(q.Now) {
		return // its own; an offer of it to others was made before and will be refused
	}
	if c, ok := b.Offers.Holder(d.Address, q.Now); ok && c != q.Client && !(known && q.Client.Owns(l)) {
		t.Fatalf("%v is kept for %+v, not for %+v", d.Address, c, q.Client)
	}
}

// TestReservations: who has a reservation gets it, and nobody else.
func TestReservations(t *testing.T) {
	l := office(t)
	leases, now := memory{}, noon()
	b, _ := NewBook(leases, NewOffers(), l, now)
	query := func(id, requested string) Query {
		q := Query{Subnets: l.All(), Client: Client{ID: id}, Now: now, Authoritative: true, Situation: Renewing, Requested: netip.MustParseAddr(requested)}
		q.Host = hostOf(l, q.Client)
		return q
	}
	give := func(id, a string) {
		leases[netip.MustParseAddr(a)] = lease.Lease{Address: netip.MustParseAddr(a), ClientID: id, SubnetID: 1, Start: now, ValidLifetime: 100}
		b.Sync(netip.MustParseAddr(a), now)
	}
	expect := func(what string, d Decision, verdict Verdict, address string) {
		t.Helper()
		if d.Verdict != verdict || verdict == Grant && d.Address.String() != address {
			t.Errorf("%s: %+v", what, d)
		}
	}
	expect("in the pool", Discover(query("h", "0.0.0.0"), b), Grant, "192.0.2.2")
	expect("outside of it", Discover(query("o", "192.0.2.1"), b), Grant, "192.0.2.200")
	expect("outside of it", Request(query("o", "192.0.2.200"), b), Grant, "192.0.2.200")
	expect("of another", Request(query("x", "192.0.2.2"), b), Refuse, "")
	expect("of another", Discover(query("x", "192.0.2.2"), b), Grant, "192.0.2.1")
	give("h", "192.0.2.1")
	expect("renews what it had", Request(query("h", "192.0.2.1"), b), Refuse, "") // to be moved
	expect("moved", Discover(query("h", "192.0.2.1"), b), Grant, "192.0.2.2")
	give("x", "192.0.2.2") // before it was reserved
	expect("held by another", Discover(query("h", "192.0.2.1"), b), Grant, "192.0.2.1")
	expect("held by another", Request(query("h", "192.0.2.1"), b), Grant, "192.0.2.1")
	expect("reserved meanwhile", Request(query("x", "192.0.2.2"), b), Refuse, "")
	give("x", "192.0.2.3")
	expect("the network's other subnet", Discover(query("y", "0.0.0.0"), b), Grant, "198.51.100.1")
	phone := query("p", "0.0.0.0")
	phone.Classes = class.Set{"phones"}
	expect("a pool of its own", Discover(phone, b), Grant, "192.0.2.50")
	expect("no phone", Request(query("y", "192.0.2.50"), b), Refuse, "")
	give("y", "198.51.100.1")
	give("z", "198.51.100.2")
	if d := Discover(query("n", "0.0.0.0"), b); d.Verdict != Silent || !d.Full {
		t.Errorf("nothing is free: %+v", d)
	}
}

// TestHeld: only its owner may give a lease up, and only while it runs.
func TestHeld(t *testing.T) {
	now, a := noon(), netip.MustParseAddr("192.0.2.1")
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
		if _, why, ok := Held(c.client, a, &Book{Leases: memory{a: l}}, c.at); ok != c.want || ok == (why != "") {
			t.Errorf("%+v: %v %q", c, ok, why)
		}
	}
	if _, _, ok := Held(owner, a, &Book{Leases: memory{}}, now); ok {
		t.Error("a lease that is not there is held")
	}
}

// TestFalseRelayAddressesTakeNothing: a message that says it came by way of a relay agent with a free address keeps that
// address from nobody else.
func TestFalseRelayAddressesTakeNothing(t *testing.T) {
	for _, retired := range []bool{false, true} {
		l := subnet.NewList([]*subnet.Subnet{{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Pools: []*subnet.Pool{pool(t, "192.0.2.10 - 192.0.2.13")}}}, nil)
		leases := memory{}
		for a := l.All()[0].Pools[0].First; retired && l.All()[0].Pools[0].Contains(a); a = a.Next() {
			leases[a] = lease.Lease{Address: a, HWType: 1, HWAddr: "before", SubnetID: 1, Start: noon(), ValidLifetime: 100, State: lease.Reclaimed}
		}
		b, _ := NewBook(leases, NewOffers(), l, noon())
		q := Query{Subnets: l.All(), Client: Client{HWType: 1, HWAddr: "a"}, Now: noon()}
		for a := l.All()[0].Pools[0].First; l.All()[0].Pools[0].Contains(a); a = a.Next() {
			q.Occupied = func(o netip.Addr) bool { return o == a }
			if d := Discover(q, b); d.Verdict != Grant || d.Address == a {
				t.Errorf("relay agent %v: %+v", a, d)
			}
		}
		if _, used, old := b.Vacancy(l.All()[0].Pools[0]).Counts(); used != old {
			t.Errorf("retired %v: %d addresses are taken", retired, used-old)
		}
	}
}
