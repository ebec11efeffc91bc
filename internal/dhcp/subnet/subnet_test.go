package subnet

import (
	"net/netip"
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
		"":                              "",
		"192.0.2.10":                    "",
		"192.0.2.20-192.0.2.10":         "",
		"192.0.2.65/26":                 "",
		"192.0.2.64/33":                 "",
		"2001:db8::/64":                 "",
		"2001:db8::1-2001:db8::2":       "",
		"192.0.2.1-192.0.2.2-192.0.2.3": "",
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
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseRange(text); err == nil && (!r.Contains(r.First) || !r.Contains(r.Last)) {
			t.Errorf("%q: %v", text, r)
		}
	})
}

func TestNumber(t *testing.T) {
	for _, c := range []struct{ in, want []uint32 }{
		{[]uint32{0, 0, 0}, []uint32{1, 2, 3}},
		{[]uint32{0, 1, 0}, []uint32{2, 1, 3}},
		{[]uint32{1024, 0, 2, 0}, []uint32{1024, 1, 2, 3}},
		{nil, []uint32{}},
	} {
		if got := Number(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.in, got)
		}
	}
}

func list(t *testing.T) List {
	make := func(id uint32, prefix, relay, class string) *Subnet {
		p, err := ParsePrefix(prefix)
		if err != nil {
			t.Fatal(err)
		}
		return &Subnet{ID: id, Prefix: p, Relay: netip.MustParseAddr(relay), ClientClass: class}
	}
	return List{
		make(1, "10.1.1.0/24", "10.1.1.1", "docsis3.0"),
		make(2, "192.0.2.0/24", "10.1.1.1", ""),
		make(3, "198.51.100.0/24", "0.0.0.0", ""),
		make(4, "198.51.100.0/25", "0.0.0.0", ""),
	}
}

func TestSelect(t *testing.T) {
	a := func(text string) netip.Addr {
		if text == "" {
			return netip.Addr{}
		}
		return netip.MustParseAddr(text)
	}
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
		{"0.0.0.0", "", "192.0.2.7", "198.51.100.1", "", 2},
		{"0.0.0.0", "", "0.0.0.0", "198.51.100.1", "", 3},
		{"0.0.0.0", "", "203.0.113.1", "198.51.100.1", "", 0},
		{"0.0.0.0", "", "0.0.0.0", "10.1.1.9", "", 0}, // not in the class
		{"0.0.0.0", "", "0.0.0.0", "", "", 0},         // no relay is not the relay 0.0.0.0
	} {
		s, err := list(t).Select(Where{a(c.relay), a(c.link), a(c.client), a(c.iface)}, class.Of([]byte(c.vendor)))
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
	l := list(t)
	l[3].Pools = []Range{{netip.MustParseAddr("198.51.100.5"), netip.MustParseAddr("198.51.100.9")}}
	for _, c := range []struct {
		id   uint32
		addr string
		want uint32
	}{
		{3, "198.51.100.7", 3}, {9, "198.51.100.7", 4}, {9, "198.51.100.70", 3}, {1, "192.0.2.1", 2}, {1, "203.0.113.1", 0},
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
