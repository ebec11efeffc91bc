package subnet

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"bundy/internal/dhcp/class"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.10 - 192.0.2.20":       "192.0.2.10-192.0.2.20",
		"192.0.2.10-192.0.2.10":         "192.0.2.10-192.0.2.10",
		"\t192.0.2.64 / 26":             "192.0.2.64-192.0.2.127",
		"0.0.0.0/0":                     "0.0.0.0-255.255.255.255",
		"192.0.2.7/32":                  "192.0.2.7-192.0.2.7",
		"2001:db8:1::/95":               "2001:db8:1::-2001:db8:1::1:ffff:ffff",
		"2001:db8::1 - 2001:db8::ff":    "2001:db8::1-2001:db8::ff",
		"::/0":                          "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"":                              "",
		"192.0.2.10":                    "",
		"192.0.2.20-192.0.2.10":         "",
		"192.0.2.65/26":                 "",
		"192.0.2.64/33":                 "",
		"192.0.2.1-192.0.2.2-192.0.2.3": "",
		"192.0.2.1 - 2001:db8::1":       "",
		"::ffff:192.0.2.1-2001:db8::1":  "",
		"fe80::1%eth0 - fe80::2%eth0":   "",
	} {
		r, err := ParseRange(text)
		if (err == nil) != (want != "") || err == nil && r.String() != want {
			t.Errorf("%q: %v %v", text, r, err)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("192.0.2.10 - 192.0.2.20")
	f.Add("192.0.2.64/26")
	f.Add("2001:db8::/64")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRange(text); err == nil && (!r.Contains(r.First) || !r.Contains(r.Last)) {
			t.Errorf("%q: %v", text, r)
		}
	})
}

func TestIdentities(t *testing.T) {
	all := map[byte]netip.Prefix{}
	for _, c := range []byte("abcd") {
		all[c] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, c, 0, 0}), 16)
	}
	path := filepath.Join(t.TempDir(), "ids.json")
	for _, step := range []struct {
		subnets string // in the order of the configuration
		given   []uint32
		want    []uint32
	}{
		{"abc", []uint32{0, 0, 0}, []uint32{1, 2, 3}},
		{"bc", []uint32{0, 0}, []uint32{2, 3}},
		{"cdb", []uint32{0, 0, 0}, []uint32{3, 4, 2}}, // 1 belonged to a
		{"dba", []uint32{0, 0, 0}, []uint32{4, 2, 1}},
		{"ab", []uint32{0, 1}, []uint32{5, 1}}, // said aloud wins; 2, 3, 4 are remembered
		{"ba", []uint32{0, 0}, []uint32{1, 5}},
		{"abcd", []uint32{1024, 0, 2, 0}, []uint32{1024, 1, 2, 4}},
		{"abcd", []uint32{1024, 0, 2, 0}, []uint32{1024, 1, 2, 4}},
		{"", nil, []uint32{}},
	} {
		known, err := LoadIdentities(path)
		if err != nil {
			t.Fatal(err)
		}
		var prefixes []netip.Prefix
		for _, c := range []byte(step.subnets) {
			prefixes = append(prefixes, all[c])
		}
		got, now, _ := known.Number(prefixes, step.given)
		if !slices.Equal(got, step.want) {
			t.Errorf("%s %v: %v", step.subnets, step.given, got)
		}
		if err := now.Save(path); err != nil {
			t.Fatal(err)
		}
		if again, _, changed := now.Number(prefixes, step.given); changed || !slices.Equal(again, got) {
			t.Errorf("%s %v: %v the second time", step.subnets, step.given, again)
		}
	}
	if _, err := LoadIdentities(filepath.Dir(path)); err == nil {
		t.Error("a directory was read")
	}
	if err := (Identities{}).Save(filepath.Join(path, "x")); err == nil {
		t.Error("written into a file")
	}
}

func prefix(t *testing.T, text string) netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = ParsePrefix(text, p.Addr().BitLen()); err != nil {
		t.Fatal(err)
	}
	return p
}

func make4(t *testing.T) []*Subnet {
	var all []*Subnet
	for i, c := range []struct{ prefix, relay, class string }{
		{"10.1.1.0/24", "10.1.1.1", "docsis3.0"},
		{"192.0.2.0/24", "10.1.1.1", ""},
		{"198.51.100.0/24", "", ""},
		{"198.51.100.0/25", "", ""},
	} {
		s := &Subnet{Path: fmt.Sprintf("subnet4[%d]", i), ID: uint32(i + 1), Prefix: prefix(t, c.prefix)}
		if c.relay != "" {
			s.Relays = []netip.Addr{netip.MustParseAddr(c.relay)}
		}
		if c.class != "" {
			s.Limit.Classes = []string{c.class}
		}
		all = append(all, s)
	}
	return all
}

func address(text string) netip.Addr {
	if text == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(text)
}

func TestSelect(t *testing.T) {
	l := NewList(make4(t), nil)
	for _, c := range []struct {
		relay, link, client, iface, vendor string
		want                               uint32
	}{
		{"10.1.1.1", "", "", "", "docsis3.0", 1},
		{"10.1.1.1", "", "", "", "", 2},
		{"192.0.2.254", "", "", "198.51.100.1", "", 2},
		{"10.2.2.2", "", "", "198.51.100.1", "", 0},
		{"10.2.2.2", "198.51.100.0", "", "", "", 3},
		{"10.1.1.1", "198.51.100.0", "", "", "", 3}, // the link stands in place of the relay's address
		{"10.1.1.1", "203.0.113.0", "", "", "", 0},
		{"10.1.1.1", "0.0.0.0", "", "", "", 2},
		{"0.0.0.0", "198.51.100.9", "", "192.0.2.1", "", 3}, // the client chooses (RFC 3011)
		{"0.0.0.0", "", "192.0.2.7", "198.51.100.1", "", 2},
		{"0.0.0.0", "", "0.0.0.0", "198.51.100.1", "", 3},
		{"0.0.0.0", "", "203.0.113.1", "198.51.100.1", "", 0},
		{"0.0.0.0", "", "0.0.0.0", "10.1.1.9", "", 0}, // not in the class
		{"0.0.0.0", "", "0.0.0.0", "", "", 0},         // no relay is not the relay 0.0.0.0
	} {
		s, err := l.Select(Where{
			Relay: address(c.relay), Link: address(c.link), Client: address(c.client), Local: []netip.Addr{address(c.iface)},
		}, class.Of([]byte(c.vendor)))
		got := uint32(0)
		if err == nil {
			got = s.ID
		}
		if got != c.want {
			t.Errorf("%+v: subnet %d", c, got)
		}
	}
}

// TestSelect6 finds subnets of IPv6 and of a shared network.
func TestSelect6(t *testing.T) {
	network := &Network{Name: "floor"}
	all := []*Subnet{
		{ID: 1, Prefix: prefix(t, "2001:db8:1::/64"), Interface: "eth0"},
		{ID: 2, Prefix: prefix(t, "2001:db8:2::/64"), InterfaceID: "vlan7"},
		{ID: 3, Prefix: prefix(t, "2001:db8:3::/64"), Network: network, Limit: Limit{Classes: []string{"voip", "tv"}}},
		{ID: 4, Prefix: prefix(t, "2001:db8:4::/64"), Network: network, Relays: []netip.Addr{address("2001:db8::9")}},
	}
	network.Subnets = all[2:]
	l := NewList(all, nil)
	for _, c := range []struct {
		where   Where
		classes class.Set
		want    uint32
	}{
		{Where{Interface: "eth0"}, nil, 1},
		{Where{Interface: "eth1", Local: []netip.Addr{address("2001:db8:9::1"), address("2001:db8:4::1")}}, nil, 4},
		{Where{Interface: "eth0", Client: address("2001:db8:2::7")}, nil, 2},
		{Where{Interface: "eth0", Client: address("2001:db8:9::7")}, nil, 1},
		{Where{Relay: address("::"), InterfaceID: "vlan7", Interface: "eth0"}, nil, 2},
		{Where{Relay: address("2001:db8:1::1"), InterfaceID: "vlan8"}, nil, 1},
		{Where{Relay: address("2001:db8:3::1")}, nil, 4}, // on that link, but not in the class
		{Where{Relay: address("2001:db8:3::1")}, class.Set{"tv"}, 3},
		{Where{Relay: address("2001:db8::9")}, nil, 4},
		{Where{Relay: address("2001:db8:5::1"), Interface: "eth0"}, nil, 0},
	} {
		s, err := l.Select(c.where, c.classes)
		got := uint32(0)
		if err == nil {
			got = s.ID
		}
		if got != c.want {
			t.Errorf("%+v: subnet %d", c, got)
		}
	}
}

func TestOf(t *testing.T) {
	all := make4(t)
	all[2].Hosts, _ = NewHosts([]*Host{{Identifier: Identifier{ByHWAddr, "x"}, Addresses: []netip.Addr{address("203.0.113.9")}}})
	all[3].Pools = []*Pool{{Range: Range{address("198.51.100.5"), address("198.51.100.9")}, Length: 32}}
	l := NewList(all, nil)
	for _, c := range []struct {
		id   uint32
		addr string
		want uint32
	}{
		{3, "198.51.100.7", 3}, {9, "198.51.100.7", 4}, {9, "198.51.100.170", 3}, {9, "198.51.100.70", 4},
		{1, "192.0.2.1", 2}, {1, "203.0.113.1", 0}, {3, "203.0.113.9", 3}, {2, "203.0.113.9", 0},
	} {
		got := uint32(0)
		if s := l.Of(c.id, netip.MustParseAddr(c.addr)); s != nil {
			got = s.ID
		}
		if got != c.want {
			t.Errorf("%+v: subnet %d", c, got)
		}
	}
}

func TestHosts(t *testing.T) {
	a := &Host{Identifier: Identifier{ByHWAddr, "\x02\x00"}, Addresses: []netip.Addr{address("192.0.2.1")}}
	b := &Host{Identifier: Identifier{ByDUID, "\x02\x00"}, Prefixes: []netip.Prefix{prefix(t, "2001:db8::/56")}}
	h, wrong := NewHosts([]*Host{a, b, {Identifier: a.Identifier}, {Identifier: Identifier{ByClientID, "c"}, Addresses: a.Addresses}})
	if len(wrong) != 2 || wrong[2] == nil || wrong[3] == nil {
		t.Errorf("errors %v", wrong)
	}
	if h.Find([]Identifier{{ByCircuitID, "\x02\x00"}, b.Identifier, a.Identifier}) != b || h.Find([]Identifier{{ByFlexID, "q"}}) != nil {
		t.Error("wrong reservation")
	}
	if h.Holder(address("192.0.2.1")) != a || h.Holder(address("2001:db8::")) != b || h.Holder(address("192.0.2.2")) != nil {
		t.Error("wrong holder")
	}
	for k := ByHWAddr; k <= ByFlexID; k++ {
		if got, err := ParseIdentifierKind(k.String()); got != k || err != nil {
			t.Error(k, err)
		}
	}
	if _, err := ParseIdentifierKind("mac"); err == nil {
		t.Error("mac is no kind")
	}
}

func TestTimers(t *testing.T) {
	for _, c := range []struct {
		timers        Timers
		valid, t1, t2 uint32
	}{
		{Timers{Renew: 1000, Rebind: 2000}, 4000, 1000, 2000},
		{Timers{Renew: 1000, Rebind: 2000}, 1500, 1000, 0},
		{Timers{Renew: 2000, Rebind: 2000}, 4000, 0, 2000},
		{Timers{Renew: 2000, Rebind: 2000}, 2000, 0, 0},
		{Timers{RenewShare: 0.5, RebindShare: 0.875}, 4000, 2000, 3500},
		{Timers{Renew: 100, RenewShare: 0.5, RebindShare: 0.875}, 4000, 100, 3500},
		{Timers{RenewShare: 0.5, RebindShare: 0.875}, 0xffffffff, 0, 0},
		{Timers{}, 4000, 0, 0},
	} {
		if t1, t2 := c.timers.Tees(c.valid); t1 != c.t1 || t2 != c.t2 {
			t.Errorf("%+v: %d %d", c, t1, t2)
		}
	}
	l := Lifetime{100, 200, 300}
	if l.For(0) != 200 || l.For(50) != 100 || l.For(250) != 250 || l.For(4000) != 300 || Fixed(7).For(9) != 7 {
		t.Error("a lifetime out of bounds")
	}
}
