package allocate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// isp is a link with addresses, and prefixes of two lengths. Host h has a reserved address and a prefix outside of the
// pools.
func isp(t testing.TB) *subnet.List {
	hosts, wrong := subnet.NewHosts([]*subnet.Host{{
		Identifier: subnet.Identifier{Kind: subnet.ByDUID, Value: "h"},
		Addresses:  []netip.Addr{netip.MustParseAddr("2001:db8:0:1::2"), netip.MustParseAddr("2001:db8:0:1::99")},
		Prefixes:   []netip.Prefix{netip.MustParsePrefix("2001:db8:99::/48")},
	}})
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	return subnet.NewList([]*subnet.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("2001:db8:0:1::/64"), Hosts: hosts,
		Pools: []*subnet.Pool{
			pool(t, "2001:db8:0:1::1 - 2001:db8:0:1::4"), pool(t, "2001:db8:8000::/54", 56), pool(t, "2001:db8:9000::/62", 64),
		},
	}}, nil)
}

func wish(l *subnet.List, c Client, now time.Time, hints ...string) Wish {
	w := Wish{Subnets: l.All(), Client: c, Now: now, Host: l.All()[0].Host([]subnet.Identifier{{Kind: subnet.ByDUID, Value: c.DUID}})}
	for _, h := range hints {
		w.Hints = append(w.Hints, netip.MustParsePrefix(h))
	}
	return w
}

func texts(out Bindings) string {
	text := ""
	for _, g := range out.Granted {
		text += g.Prefix.String() + " "
	}
	for _, p := range out.Ended {
		text += "-" + p.String() + " "
	}
	for _, l := range out.Left {
		text += "left " + l.Prefix().String() + " "
	}
	return text
}

func TestAssign(t *testing.T) {
	l, leases, now := isp(t), memory{}, noon()
	b, _ := NewBook(leases, NewOffers(), l, now)
	na := func(duid string) Client { return Client{DUID: duid, Kind: lease.NA, IAID: 7} }
	pd := func(duid string) Client { return Client{DUID: duid, Kind: lease.PD, IAID: 7} }
	give := func(c Client, text string) {
		p := netip.MustParsePrefix(text)
		leases[p.Addr()] = lease.Lease{
			Address: p.Addr(), Kind: c.Kind, PrefixLength: uint8(p.Bits()), DUID: c.DUID, IAID: c.IAID, SubnetID: 1, Start: now, ValidLifetime: 100,
		}
		b.Sync(p.Addr(), now)
	}
	expect := func(what string, got Bindings, want string) {
		t.Helper()
		if texts(got) != want {
			t.Errorf("%s: %s instead of %s", what, texts(got), want)
		}
	}
	expect("reserved", Assign(wish(l, na("h"), now), b), "2001:db8:0:1::2/128 2001:db8:0:1::99/128 ")
	expect("reserved", Assign(wish(l, pd("h"), now, "::/64"), b), "2001:db8:99::/48 ")
	expect("of another", Assign(wish(l, na("a"), now, "2001:db8:0:1::2/128"), b), "2001:db8:0:1::1/128 ")
	expect("asked for", Assign(wish(l, na("a"), now, "2001:db8:0:1::9/128", "2001:db8:0:1::4/128"), b), "2001:db8:0:1::4/128 ")
	expect("any length", Assign(wish(l, pd("a"), now), b), "2001:db8:8000::/56 ")
	expect("the length asked for", Assign(wish(l, pd("a"), now, "::/64"), b), "2001:db8:9000::/64 ")
	expect("the nearest length", Assign(wish(l, pd("a"), now, "::/61"), b), "2001:db8:9000:1::/64 ")
	expect("rather the larger", Assign(wish(l, pd("a"), now, "::/60"), b), "2001:db8:8000:100::/56 ")
	expect("not one of the pool", Assign(wish(l, pd("a"), now, "2001:db8:8000:180::/57"), b), "2001:db8:8000:200::/56 ")
	expect("not an address for prefixes", Assign(wish(l, pd("a"), now, "2001:db8:0:1::4/128"), b), "2001:db8:9000:2::/64 ")
	give(na("a"), "2001:db8:0:1::3/128")
	expect("has one", Assign(wish(l, na("a"), now, "2001:db8:0:1::4/128"), b), "2001:db8:0:1::3/128 ")
	w := wish(l, na("b"), now, "2001:db8:0:1::4/128")
	w.Chosen = []netip.Addr{netip.MustParseAddr("2001:db8:0:1::4")}
	expect("chosen for another association", Assign(w, b), "2001:db8:0:1::1/128 ")
	give(na("h"), "2001:db8:0:1::4/128")
	expect("moves", Assign(wish(l, na("h"), now), b), "2001:db8:0:1::2/128 2001:db8:0:1::99/128 left 2001:db8:0:1::4/128 ")

	got, known := Extend(wish(l, na("a"), now, "2001:db8:0:1::3/128", "2001:db8:5::1/128"), b)
	if expect("renewed", got, "2001:db8:0:1::3/128 -2001:db8:5::1/128 "); !known {
		t.Error("unknown")
	}
	got, known = Extend(wish(l, na("n"), now, "2001:db8:0:1::3/128"), b)
	if expect("unknown", got, "-2001:db8:0:1::3/128 "); known {
		t.Error("known")
	}
	now = now.Add(100 * time.Second)
	r := leases[netip.MustParseAddr("2001:db8:0:1::3")]
	r.State = lease.Reclaimed
	leases[r.Address] = r
	b.Sync(r.Address, now)
	expect("back again", Assign(wish(l, na("a"), now), b), "2001:db8:0:1::3/128 ")
	give(na("c"), "2001:db8:0:1::1/128")
	expect("the retired one is the last", Assign(wish(l, na("d"), now), b), "2001:db8:0:1::3/128 ")
	give(na("e"), "2001:db8:0:1::3/128")
	expect("nothing", Assign(wish(l, na("d"), now), b), "")
	if w.OnLink(netip.MustParseAddr("2001:db8:5::1")) || !w.OnLink(netip.MustParseAddr("2001:db8:0:1::77")) {
		t.Error("on the wrong link")
	}
}

// TestOtherLengths: a lease of another length than the pool's keeps all that it overlaps from others.
func TestOtherLengths(t *testing.T) {
	l, leases, now := isp(t), memory{}, noon()
	for _, text := range []string{"2001:db8:8000::/55", "2001:db8:9000::/80", "2001:db8:9000:0:8000::/80"} {
		p := netip.MustParsePrefix(text)
		leases[p.Addr()] = lease.Lease{Address: p.Addr(), Kind: lease.PD, PrefixLength: uint8(p.Bits()), DUID: "x", SubnetID: 1, Start: now, ValidLifetime: 100}
	}
	b, _ := NewBook(leases, NewOffers(), l, now)
	c := Client{DUID: "a", Kind: lease.PD}
	if got := texts(Assign(wish(l, c, now, "::/56"), b)); got != "2001:db8:8000:200::/56 " {
		t.Error(got)
	}
	if got := texts(Assign(wish(l, c, now, "::/64"), b)); got != "2001:db8:9000:1::/64 " {
		t.Error(got)
	}
	delete(leases, netip.MustParseAddr("2001:db8:9000:0:8000::"))
	b.Sync(netip.MustParseAddr("2001:db8:9000:0:8000::"), now) // the other one is still in the same unit
	if _, used, _ := b.Vacancy(l.All()[0].Pools[2]).Counts(); used != 1 {
		t.Errorf("%d used", used)
	}
}

// TestNeverTwice6 is the model of TestNeverTwice for associations.
func TestNeverTwice6(t *testing.T) {
	l := isp(t)
	rapid.Check(t, func(t *rapid.T) {
		leases, now := memory{}, noon()
		b, _ := NewBook(leases, NewOffers(), l, now)
		hints := []string{"::/56", "2001:db8:0:1::1/128", "2001:db8:0:1::2/128", "2001:db8:8000::/56", "2001:db8:8000:300::/56", "2001:db8:9000:1::/64", "2001:db8:99::/48"}
		for range 60 {
			c := Client{
				DUID: rapid.SampledFrom([]string{"a", "b", "c", "h"}).Draw(t, "duid"),
				Kind: rapid.SampledFrom([]lease.Kind{lease.NA, lease.PD}).Draw(t, "kind"), IAID: rapid.Uint32Range(1, 3).Draw(t, "iaid"),
			}
			w := wish(l, c, now, rapid.SliceOfN(rapid.SampledFrom(hints), 1, 3).Draw(t, "hints")...)
			var got Bindings
			switch step := rapid.IntRange(0, 4).Draw(t, "step"); step {
			case 0, 1:
				got = Assign(w, b)
			case 2:
				got, _ = Extend(w, b)
			case 3:
				now = now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
				for a, ok := b.Offers.Expire(now); ok; a, ok = b.Offers.Expire(now) {
					b.Sync(a, now)
				}
				for a, l := range leases {
					if l.Expired(now) {
						l.State = lease.Reclaimed
						leases[a] = l
						b.Sync(a, now)
					}
				}
			}
			offer := rapid.Bool().Draw(t, "offer")
			var offered []netip.Addr
			for _, g := range got.Granted {
				a := g.Prefix.Addr()
				if h := g.Subnet.Holder(a); h != w.Host && h != nil || h == nil && (g.Pool == nil || g.Prefix.Bits() != int(g.Pool.Length)) {
					t.Fatalf("%v may not have %v", c, g.Prefix)
				}
				if g.Known && g.Previous.InUse(now) && !c.Owns(g.Previous) {
					t.Fatalf("%v belongs to %+v, not to %+v", g.Prefix, g.Previous, c)
				}
				if holder, ok := b.Offers.Holder(a, now); ok && holder != c {
					t.Fatalf("%v is kept for %+v, not for %+v", g.Prefix, holder, c)
				}
				if offered = append(offered, a); !offer {
					b.Offers.Drop(a)
					leases[a] = lease.Lease{
						Address: a, Kind: c.Kind, PrefixLength: uint8(g.Prefix.Bits()), DUID: c.DUID, IAID: c.IAID, SubnetID: 1, Start: now, ValidLifetime: 100,
					}
				}
				b.Sync(a, now)
			}
			if offer && len(offered) > 0 {
				for _, a := range append(offered, b.Offers.Put(c, 1, "", now.Add(OfferTime), offered...)...) {
					b.Sync(a, now)
				}
			} else {
				for _, left := range got.Left {
					delete(leases, left.Address)
					b.Sync(left.Address, now)
				}
			}
			consistent(t, b, leases, now)
		}
	})
}

// TestMessagesThatAskTooMuchTakeNothing: what a message may not have any more stays free for others.
func TestMessagesThatAskTooMuchTakeNothing(t *testing.T) {
	l := subnet.NewList([]*subnet.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("2001:db8:0:1::/64"), Pools: []*subnet.Pool{pool(t, "2001:db8:0:1::/119"), pool(t, "2001:db8:8000::/47", 56)},
	}}, nil)
	b, _ := NewBook(memory{}, NewOffers(), l, noon())
	var hints []string
	for i := range 32 {
		hints = append(hints, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: 1, 15: byte(0x80 + i)}), 128).String())
	}
	var chosen []netip.Addr
	for iaid := range uint32(32) {
		for _, w := range []Wish{
			wish(l, Client{DUID: "a", Kind: lease.NA, IAID: iaid}, noon(), hints...),
			wish(l, Client{DUID: "a", Kind: lease.NA, IAID: 100 + iaid}, noon()),
			wish(l, Client{DUID: "a", Kind: lease.PD, IAID: iaid}, noon(), "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56",
				"::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56", "::/56"),
		} {
			w.Chosen = chosen
			for _, g := range Assign(w, b).Granted {
				chosen = append(chosen, g.Prefix.Addr())
			}
		}
	}
	for _, p := range l.All()[0].Pools {
		if _, used, _ := b.Vacancy(p).Counts(); used != 0 { // nothing was offered or leased
			t.Errorf("%d of %v are not free", used, p.Range)
		}
	}
	if len(chosen) != maxNew {
		t.Errorf("%d granted", len(chosen))
	}
}

// TestUnitsWithSmallerLeases: after delegated-len was made shorter, a unit is not given out as long as others' leases lie
// in it, in whatever order they end, and not to who asks for it either.
func TestUnitsWithSmallerLeases(t *testing.T) {
	l, leases, now := isp(t), memory{}, noon()
	first, second := netip.MustParseAddr("2001:db8:9000::"), netip.MustParseAddr("2001:db8:9000:0:8000::")
	for _, a := range []netip.Addr{first, second, netip.MustParseAddr("2001:db8:9000:1:8000::")} {
		leases[a] = lease.Lease{Address: a, Kind: lease.PD, PrefixLength: 80, DUID: "x", SubnetID: 1, Start: now, ValidLifetime: 100}
	}
	b, _ := NewBook(leases, NewOffers(), l, now)
	c := Client{DUID: "a", Kind: lease.PD}
	end := func(state lease.State) {
		r := leases[first]
		if r.State = state; state == lease.Active {
			delete(leases, first)
		} else {
			leases[first] = r
		}
		b.Sync(first, now)
	}
	asked := func() string { return texts(Assign(wish(l, c, now, "2001:db8:9000::/64"), b)) }
	all := func() (out []string) {
		book, _ := NewBook(leases, NewOffers(), l, now)
		for _, b := range []*Book{b, book} {
			for range 4 {
				for _, g := range Assign(wish(l, c, now, "::/64"), b).Granted {
					out = append(out, g.Prefix.String())
				}
			}
		}
		return out
	}
	end(lease.Reclaimed)
	if got := asked(); got == "2001:db8:9000::/64 " {
		t.Errorf("reclaimed: %s overlaps the lease at %v", got, second)
	}
	if got := all(); slices.Contains(got, "2001:db8:9000::/64") || slices.Contains(got, "2001:db8:9000:1::/64") {
		t.Errorf("reclaimed: %s", got)
	}
	end(lease.Active)
	if got := asked(); got == "2001:db8:9000::/64 " {
		t.Errorf("deleted: %s overlaps the lease at %v", got, second)
	}
	if got := texts(Assign(wish(l, c, now, "2001:db8:9000:1::/64"), b)); got == "2001:db8:9000:1::/64 " {
		t.Errorf("%s overlaps a lease", got)
	}
	if got := all(); slices.Contains(got, "2001:db8:9000::/64") || slices.Contains(got, "2001:db8:9000:1::/64") {
		t.Errorf("deleted: %s", got)
	}
}

// TestReservedPrefixesOfOtherLengths: nobody else gets a part of a reserved prefix, or what it is a part of.
func TestReservedPrefixesOfOtherLengths(t *testing.T) {
	hosts, _ := subnet.NewHosts([]*subnet.Host{
		{Identifier: subnet.Identifier{Kind: subnet.ByDUID, Value: "h"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:8000::/55")}},
		{Identifier: subnet.Identifier{Kind: subnet.ByDUID, Value: "i"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:8000:280::/57")}},
	})
	l := subnet.NewList([]*subnet.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("2001:db8:0:1::/64"), Hosts: hosts, Pools: []*subnet.Pool{pool(t, "2001:db8:8000::/54", 56)},
	}}, nil)
	leases, now := memory{}, noon()
	old := netip.MustParseAddr("2001:db8:8000:100::") // from before there was the reservation
	leases[old] = lease.Lease{Address: old, Kind: lease.PD, PrefixLength: 56, DUID: "a", SubnetID: 1, Start: now, ValidLifetime: 100}
	b, _ := NewBook(leases, NewOffers(), l, now)
	c := Client{DUID: "a", Kind: lease.PD}
	if got, _ := Extend(wish(l, c, now, "2001:db8:8000:100::/56"), b); texts(got) != "2001:db8:8000:300::/56 -2001:db8:8000:100::/56 left 2001:db8:8000:100::/56 " {
		t.Errorf("renewed: %s", texts(got))
	}
	delete(leases, old)
	b.Sync(old, now)
	for _, hint := range []string{"::/56", "2001:db8:8000::/56", "2001:db8:8000:100::/56", "2001:db8:8000:200::/56"} {
		if got := texts(Assign(wish(l, c, now, hint), b)); got != "2001:db8:8000:300::/56 " {
			t.Errorf("%s: %s", hint, got)
		}
	}
	if got := texts(Assign(wish(l, Client{DUID: "h", Kind: lease.PD}, now), b)); got != "2001:db8:8000::/55 " {
		t.Errorf("reserved: %s", got)
	}
}
