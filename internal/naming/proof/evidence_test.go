package proof

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
)

var (
	labZone  = wire.MustParseName("lab.example.")
	backZone = wire.MustParseName("2.0.192.in-addr.arpa.")
	pc       = wire.MustParseName("pc.lab.example.")
)

// client is the lease of one client at 192.0.2.host.
func client(host byte, number int) lease.Lease {
	return lease.Lease{Address: netip.AddrFrom4([4]byte{192, 0, 2, host}), HWType: 1, HWAddr: fmt.Sprintf("client%d", number)}
}

// zone writes records of a client's name, its address and the reverse one, with DHCID and the given markers' owners.
type zone struct{ forward, reverse []wire.RR }

func (z *zone) put(n wire.Name, l lease.Lease, owners ...string) *zone {
	id := string(dhcid.Of(l).RDATA(n))
	back := publish.Owner(owned.Key{Kind: owned.Reverse, Address: l.Address}, backZone)
	marks := func(at wire.Name) []wire.RR {
		out := []wire.RR{rr(at, wire.TypeDHCID, id)}
		for _, o := range owners {
			text := owned.Marker(o, id)
			out = append(out, rr(at, wire.TypeTXT, string(rune(len(text)))+text))
		}
		return out
	}
	z.forward = append(append(z.forward, rr(n, wire.TypeA, string(l.Address.AsSlice()))), marks(n)...)
	z.reverse = append(append(z.reverse, rr(back, wire.TypePTR, string(n))), marks(back)...)
	return z
}

func rr(n wire.Name, t wire.Type, data string) wire.RR {
	return wire.RR{Name: n, Type: t, Class: wire.ClassIN, TTL: 300, Data: []byte(data)}
}

// TestProven: what bears our owner's marker, or was made for a lease of ours, is ours; nothing else is, however alike.
func TestProven(t *testing.T) {
	for what, c := range map[string]struct {
		owner   string
		zone    *zone
		leases  []lease.Lease
		want    int // records
		leased  int // of them by a lease
		foreign int
	}{
		"our marker":                        {"lab", new(zone).put(pc, client(1, 1), "lab"), nil, 2, 0, 0},
		"our marker beside another's":       {"lab", new(zone).put(pc, client(1, 1), "else", "", "lab"), nil, 2, 0, 0},
		"another owner's":                   {"lab", new(zone).put(pc, client(1, 1), "else"), nil, 0, 0, 2},
		"a marker of nobody":                {"lab", new(zone).put(pc, client(1, 1), ""), nil, 0, 0, 2},
		"a marker of nobody, and we":        {"", new(zone).put(pc, client(1, 1), ""), nil, 0, 0, 2},
		"no marker":                         {"lab", new(zone).put(pc, client(1, 1)), nil, 0, 0, 2},
		"no marker, but the lease":          {"", new(zone).put(pc, client(1, 1)), []lease.Lease{client(1, 1)}, 2, 2, 0},
		"both":                              {"lab", new(zone).put(pc, client(1, 1), "lab"), []lease.Lease{client(1, 1)}, 2, 2, 0},
		"a lease of the client elsewhere":   {"", new(zone).put(pc, client(1, 1)), []lease.Lease{client(2, 1)}, 0, 0, 2},
		"a lease of another client":         {"", new(zone).put(pc, client(1, 1)), []lease.Lease{client(1, 2)}, 0, 0, 2},
		"a lease of nobody":                 {"", new(zone).put(pc, client(1, 1)), []lease.Lease{{Address: client(1, 1).Address}}, 0, 0, 2},
		"an address that is not of ours":    {"lab", new(zone).put(pc, client(200, 1), "lab"), []lease.Lease{client(200, 1)}, 0, 0, 0},
		"another's DHCID beside it":         {"lab", new(zone).put(pc, client(1, 1), "lab").put(pc, client(1, 2), "lab"), nil, 0, 0, 2},
		"a marker of another's DHCID":       {"lab", new(zone).put(pc, client(1, 1)).text(owned.Marker("lab", string(dhcid.Of(client(1, 2)).RDATA(pc)))), nil, 0, 0, 2},
		"an address that was put by hand":   {"lab", &zone{forward: []wire.RR{rr(pc, wire.TypeA, "\xc0\x00\x02\x01")}, reverse: nil}, []lease.Lease{client(1, 1)}, 0, 0, 0},
		"a marker without DHCID":            {"lab", &zone{forward: []wire.RR{rr(pc, wire.TypeA, "\xc0\x00\x02\x01"), rr(pc, wire.TypeTXT, "\x14bundy-dhcp-ddns=lab:0")}}, nil, 0, 0, 0},
		"a name with an alias and a marker": {"lab", &zone{forward: []wire.RR{rr(pc, wire.TypeCNAME, string(labZone)), rr(pc, wire.TypeDHCID, "x")}}, nil, 0, 0, 0},
	} {
		e := New(c.owner, netip.MustParsePrefix("192.0.2.0/25").Contains)
		slices.Reverse(c.zone.forward) // in no order
		for kind, records := range [][]wire.RR{c.zone.forward, c.zone.reverse} {
			for _, r := range records {
				if err := e.Take(owned.Kind(kind), []wire.Name{labZone, backZone}[kind], r); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, l := range c.leases {
			e.Lease(l)
		}
		got, foreign := e.Proven()
		leased := 0
		for _, f := range got {
			if f.Leased {
				leased++
			}
			if f.Name != pc || f.TTL != 300 || f.Source != owned.Found || f.State != owned.Present || f.Zone != []wire.Name{labZone, backZone}[f.Kind] {
				t.Errorf("%s: %+v", what, f)
			}
		}
		if len(got) != c.want || leased != c.leased || foreign != c.foreign {
			t.Errorf("%s: %d records, %d by leases, %d foreign; want %d, %d, %d: %+v", what, len(got), leased, foreign, c.want, c.leased, c.foreign, got)
		}
	}
}

// text puts a TXT record beside all.
func (z *zone) text(text string) *zone {
	data := string(rune(len(text))) + text
	z.forward = append(z.forward, rr(z.forward[0].Name, wire.TypeTXT, data))
	z.reverse = append(z.reverse, rr(z.reverse[0].Name, wire.TypeTXT, data))
	return z
}
