package publish_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
)

func TestAddressOf(t *testing.T) {
	for _, c := range []struct{ address, zone string }{
		{"192.0.2.1", "2.0.192.in-addr.arpa."}, {"192.0.2.255", "in-addr.arpa."}, {"2001:db8::1f", "8.b.d.0.1.0.0.2.ip6.arpa."},
		{"192.0.2.65", "64/26.2.0.192.in-addr.arpa."}, {"192.0.2.65", "64-127.2.0.192.in-addr.arpa."},
	} {
		a, zone := netip.MustParseAddr(c.address), wire.MustParseName(c.zone)
		owner := publish.Owner(owned.Key{Kind: owned.Reverse, Address: a}, zone)
		if got, ok := publish.AddressOf(owner, zone); !ok || got != a {
			t.Errorf("%s of %s: %s %v", owner, zone, got, ok)
		}
	}
	for _, c := range []struct{ owner, zone string }{
		{"2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."}, {"01.2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."}, {"256.2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."},
		{"1.1.2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."}, {"www.lab.example.", "lab.example."}, {".", "."}, {"1.64/26.2.0.192.in-addr.arpa.", "64/26.2.0.192.in-addr.arpa."},
		{"ip6.arpa.", "ip6.arpa."}, {strings.Repeat("g.", 32) + "ip6.arpa.", "ip6.arpa."}, {strings.Repeat("1.", 33) + "ip6.arpa.", "ip6.arpa."},
		{"a.lab.example.", "64/26.2.0.192.in-addr.arpa."},
	} {
		if got, ok := publish.AddressOf(wire.MustParseName(c.owner), wire.MustParseName(c.zone)); ok {
			t.Errorf("%s of %s: %s", c.owner, c.zone, got)
		}
	}
}

// TestWalk finds PTR records by asking alone, those of the range and no others, with few questions.
func TestWalk(t *testing.T) {
	zones := []string{"2.0.192.in-addr.arpa.", "10.in-addr.arpa.", "64/26.9.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."}
	s := servertest.New(t, zones)
	for _, c := range []struct{ address, zone string }{
		{"192.0.2.1", zones[0]}, {"192.0.2.100", zones[0]}, {"10.1.2.3", zones[1]}, {"10.200.0.1", zones[1]}, {"192.0.9.70", zones[2]},
		{"2001:db8:1::5", zones[3]}, {"2001:db8:1::8000:0:0:5", zones[3]}, {"2001:db8:2::1", zones[3]},
	} {
		owner := publish.Owner(owned.Key{Kind: owned.Reverse, Address: netip.MustParseAddr(c.address)}, wire.MustParseName(c.zone))
		s.Add(t, wire.RR{Name: owner, Type: wire.TypePTR, Class: wire.ClassIN, TTL: 60, Data: []byte("\x02pc\x00")})
	}
	for _, c := range []struct {
		zone, first, last string
		want              []string
		most              int
	}{
		{zones[0], "192.0.2.0", "192.0.2.255", []string{"192.0.2.1", "192.0.2.100"}, 256},
		{zones[0], "192.0.2.50", "192.0.2.99", nil, 50},
		{zones[1], "10.0.0.0", "10.255.255.255", []string{"10.1.2.3", "10.200.0.1"}, 5 * 256},
		{zones[1], "10.1.2.3", "10.1.2.3", []string{"10.1.2.3"}, 4},
		{zones[1], "192.0.2.0", "192.0.2.255", nil, 0},
		{zones[2], "192.0.9.0", "192.0.9.255", []string{"192.0.9.70"}, 64},
		{zones[3], "2001:db8:1::", "2001:db8:1:0:ffff:ffff:ffff:ffff", []string{"2001:db8:1:0:8000::5", "2001:db8:1::5"}, 2 * 16 * 16},
		{zones[3], "2001:db8:1::1", "2001:db8:1::f", []string{"2001:db8:1::5"}, 16},
		{zones[3], "10.0.0.0", "10.255.255.255", nil, 0},
	} {
		d := publish.Domain{Zone: wire.MustParseName(c.zone), Servers: []publish.Server{{Address: s.Address().Addr(), Port: s.Address().Port()}}}
		survey, err := (&publish.Publisher{}).Survey(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		err = survey.Walk(t.Context(), netip.MustParseAddr(c.first), netip.MustParseAddr(c.last), func(a netip.Addr, _ wire.RR) error {
			got = append(got, a.String())
			return nil
		})
		if slices.Sort(got); err != nil || !slices.Equal(got, c.want) || survey.Asked() > c.most {
			t.Errorf("%s from %s to %s: %q %v, %d questions", c.zone, c.first, c.last, got, err, survey.Asked())
		}
	}
	d := publish.Domain{Zone: wire.MustParseName("elsewhere.example."), Servers: []publish.Server{{Address: s.Address().Addr(), Port: s.Address().Port()}}}
	survey, err := (&publish.Publisher{}).Survey(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := survey.At(t.Context(), wire.MustParseName("a.elsewhere.example."), wire.TypeA); err == nil {
		t.Error("a refusal is taken for an answer")
	}
}

// TestReadRefused: a server that gives no zones is told from one that does not answer, and from one behind it that gives them.
func TestReadRefused(t *testing.T) {
	gives, refuses := servertest.New(t, []string{forwardZone}), servertest.New(t, []string{forwardZone})
	refuses.SetTransfer(false)
	at := func(servers ...*servertest.Server) publish.Domain {
		d := publish.Domain{Zone: wire.MustParseName(forwardZone)}
		for _, s := range servers {
			d.Servers = append(d.Servers, publish.Server{Address: s.Address().Addr(), Port: s.Address().Port()})
		}
		return d
	}
	p := &publish.Publisher{}
	nobody := func() func([]wire.RR) error { return func([]wire.RR) error { return nil } }
	if n, err := p.Read(t.Context(), at(refuses, gives), nobody); err != nil || n != 2 {
		t.Errorf("%d records, %v", n, err)
	}
	if _, err := p.Read(t.Context(), at(refuses), nobody); !errors.Is(err, publish.ErrNoTransfer) {
		t.Errorf("refused: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	gives.SetSilent(true)
	if _, err := p.Read(ctx, at(gives), nobody); err == nil || errors.Is(err, publish.ErrNoTransfer) {
		t.Errorf("silent: %v", err)
	}
	if _, err := p.Read(t.Context(), publish.Domain{Any: true, Zone: wire.Root}, nobody); !errors.Is(err, publish.ErrNoTransfer) {
		t.Errorf("the domain *: %v", err)
	}
}

// readForeign reads the zones of another implementation, signed: all records of a name that was put there.
func readForeign(t *testing.T, address netip.AddrPort, server string, key tsig.Key, many int) {
	t.Helper()
	d := publish.Domain{Zone: wire.MustParseName(forwardZone), Key: &key, Servers: []publish.Server{{Address: address.Addr(), Port: address.Port()}}}
	types := map[wire.Type]int{}
	n, err := (&publish.Publisher{}).Read(context.Background(), d, func() func([]wire.RR) error {
		clear(types)
		return func(rrs []wire.RR) error {
			for _, rr := range rrs {
				types[rr.Type]++
			}
			return nil
		}
	})
	if err != nil || types[wire.TypeSOA] != 1 || types[wire.TypeA] < many || types[wire.TypeDHCID] < many || types[wire.TypeTXT] < servertest.BulkRecords || n < 2*many+servertest.BulkRecords {
		t.Errorf("%s: transfer of %d records %v, %v", server, n, fmt.Sprint(types), err)
	}
}
