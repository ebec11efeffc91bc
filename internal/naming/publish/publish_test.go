package publish_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/naming/reconcile"
)

const (
	forwardZone = "lab.example."
	reverseZone = "2.0.192.in-addr.arpa."
)

var (
	ours   = dhcid.HWAddr(1, "\x02\x00\x00\x00\x00\x01")
	others = dhcid.HWAddr(1, "\x02\x00\x00\x00\x00\x02")
	pc     = wire.MustParseName("pc.lab.example.")
	first  = netip.MustParseAddr("192.0.2.10")
	second = netip.MustParseAddr("192.0.2.11")
)

func rr(name wire.Name, t wire.Type, data string) wire.RR {
	return wire.RR{Name: name, Type: t, Class: wire.ClassIN, TTL: 60, Data: []byte(data)}
}

func record(kind owned.Kind, name wire.Name, a netip.Addr, id dhcid.Identifier, state owned.State) owned.Record {
	zone := forwardZone
	if kind == owned.Reverse {
		zone = reverseZone
	}
	return owned.Record{
		Key: owned.Key{Kind: kind, Address: a, Name: name}, DHCID: string(id.RDATA(name)), TTL: 60, State: state,
		Zone: wire.MustParseName(zone),
	}
}

func domain(s *servertest.Server, zone wire.Name, key *tsig.Key) publish.Domain {
	a := s.Address()
	return publish.Domain{Zone: zone, Any: zone == wire.Root, Key: key, Servers: []publish.Server{{Address: a.Addr(), Port: a.Port()}}}
}

func one(p *publish.Publisher, d publish.Domain, r owned.Record) publish.Result {
	return p.Do(context.Background(), d, r)[0]
}

func do(t *testing.T, s *servertest.Server, r owned.Record) reconcile.Outcome {
	t.Helper()
	result := one(&publish.Publisher{}, domain(s, r.Zone, nil), r)
	t.Logf("%s %s %s: %d %s", r.State, r.Kind, r.Name, result.Outcome, result.Reason)
	return result.Outcome
}

// TestForeignRecordsSurvive is the protection boundary: whatever somebody else has at a name, nothing we do changes
// it. Each owner meets an addition, a rename (removal of an old name, addition), a removal, and a release by another
// client.
func TestForeignRecordsSurvive(t *testing.T) {
	wildcard, _ := wire.MustParseName(forwardZone).Child("*")
	apex := wire.MustParseName(forwardZone)
	reverse := publish.ReverseName(first)
	foreignAddress := "\xcb\x00\x71\x01"
	for _, c := range []struct {
		name  string
		there []wire.RR
		at    wire.Name
		want  reconcile.Outcome // of an addition
	}{
		{"static", []wire.RR{rr(pc, wire.TypeA, foreignAddress)}, pc, reconcile.Taken},
		{"static of another type", []wire.RR{rr(pc, wire.TypeTXT, "\x01x")}, pc, reconcile.Taken},
		{"other client", []wire.RR{rr(pc, wire.TypeA, foreignAddress), rr(pc, wire.TypeDHCID, string(others.RDATA(pc)))}, pc, reconcile.Taken},
		{"two clients", []wire.RR{rr(pc, wire.TypeDHCID, string(ours.RDATA(pc))), rr(pc, wire.TypeDHCID, string(others.RDATA(pc)))}, pc, reconcile.Taken},
		{"same client", []wire.RR{rr(pc, wire.TypeA, foreignAddress), rr(pc, wire.TypeDHCID, string(ours.RDATA(pc)))}, pc, reconcile.Done},
		{"same client, more records", []wire.RR{rr(pc, wire.TypeTXT, "\x01x"), rr(pc, wire.TypeAAAA, strings.Repeat("\x20", 16)), rr(pc, wire.TypeDHCID, string(ours.RDATA(pc)))}, pc, reconcile.Done},
		{"CNAME", []wire.RR{rr(pc, wire.TypeCNAME, string(apex))}, pc, reconcile.Taken},
		{"wildcard", []wire.RR{rr(wildcard, wire.TypeA, foreignAddress)}, pc, reconcile.Done},
		{"apex", []wire.RR{rr(apex, wire.TypeA, foreignAddress)}, apex, reconcile.Taken},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := servertest.New(t, []string{forwardZone, reverseZone})
			pointer := []wire.RR{rr(reverse, wire.TypePTR, string(apex))}
			s.Add(t, append(slices.Clone(c.there), pointer...)...)
			var foreign []string
			for _, rr := range append(slices.Clone(c.there), pointer...) {
				if rr.Type != wire.TypeDHCID || string(rr.Data) != string(ours.RDATA(c.at)) {
					foreign = append(foreign, servertest.Text(rr))
				}
			}
			check := func(step string) {
				t.Helper()
				now := append(s.Records(forwardZone), s.Records(reverseZone)...)
				for _, text := range foreign {
					if !slices.Contains(now, text) {
						t.Errorf("after %s: %s is gone; there is %q", step, text, now)
					}
				}
			}
			old := wire.MustParseName("old.lab.example.")
			if o := do(t, s, record(owned.Forward, old, first, ours, owned.Adding)); o != reconcile.Done {
				t.Errorf("old name: %v", o)
			}
			do(t, s, record(owned.Forward, old, first, ours, owned.Removing))
			if o := do(t, s, record(owned.Forward, c.at, first, ours, owned.Adding)); o != c.want {
				t.Errorf("addition: %v, want %v", o, c.want)
			}
			check("rename")
			if o := do(t, s, record(owned.Reverse, c.at, first, ours, owned.Adding)); o != reconcile.Taken {
				t.Errorf("addition of the pointer: %v", o)
			}
			check("addition of the pointer")
			do(t, s, record(owned.Forward, c.at, second, others, owned.Removing))
			check("release by another client")
			for _, kind := range []owned.Kind{owned.Forward, owned.Reverse} {
				if o := do(t, s, record(kind, c.at, first, ours, owned.Removing)); o != reconcile.Done {
					t.Errorf("removal: %v", o)
				}
				check("removal")
			}
			var left []string
			for _, text := range append(s.Records(forwardZone), s.Records(reverseZone)...) {
				if !slices.Contains(foreign, text) && !strings.Contains(text, "DHCID") {
					left = append(left, text)
				}
			}
			if len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// TestLifeOfAName goes through what leases do, with every transaction done twice as after a crash.
func TestLifeOfAName(t *testing.T) {
	s := servertest.New(t, []string{forwardZone, reverseZone})
	twice := func(r owned.Record) {
		t.Helper()
		for range 2 {
			if o := do(t, s, r); o != reconcile.Done {
				t.Fatalf("%s %s: %v", r.State, r.Name, o)
			}
		}
	}
	mark := servertest.Text(rr(pc, wire.TypeDHCID, string(ours.RDATA(pc))))
	a := func(addr netip.Addr) string { return servertest.Text(rr(pc, wire.TypeA, string(addr.AsSlice()))) }
	want := func(zone string, records ...string) {
		t.Helper()
		slices.Sort(records)
		if got := s.Records(zone); !slices.Equal(got, records) {
			t.Errorf("zone %s: %q, want %q", zone, got, records)
		}
	}
	twice(record(owned.Forward, pc, first, ours, owned.Adding))
	twice(record(owned.Reverse, pc, first, ours, owned.Adding))
	want(forwardZone, a(first), mark)
	reverse := publish.ReverseName(first)
	want(reverseZone, servertest.Text(rr(reverse, wire.TypePTR, string(pc))), servertest.Text(rr(reverse, wire.TypeDHCID, string(ours.RDATA(pc)))))
	twice(record(owned.Forward, pc, second, ours, owned.Adding)) // a second lease of the client
	want(forwardZone, a(first), a(second), mark)
	twice(record(owned.Forward, pc, first, ours, owned.Removing))
	want(forwardZone, a(second), mark)
	twice(record(owned.Forward, pc, second, ours, owned.Removing))
	want(forwardZone)
	twice(record(owned.Reverse, pc, first, ours, owned.Removing))
	want(reverseZone)
	v6 := record(owned.Forward, pc, netip.MustParseAddr("2001:db8::1"), ours, owned.Adding)
	twice(v6)
	if got := s.Records(forwardZone); len(got) != 2 || !strings.Contains(got[0], "AAAA") {
		t.Errorf("IPv6: %q", got)
	}
	v6.State = owned.Removing
	twice(v6)
	want(forwardZone)
}

func TestServersInOrder(t *testing.T) {
	key, err := tsig.ParseKey("dhcp.key:c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256")
	if err != nil {
		t.Fatal(err)
	}
	wrong := servertest.New(t, []string{"other.example."}, key) // NOTAUTH
	refusing := servertest.New(t, []string{forwardZone}, key)
	refusing.SetRefuse(wire.RcodeRefused)
	good := servertest.New(t, []string{forwardZone}, key)
	d := domain(wrong, wire.MustParseName(forwardZone), &key)
	d.Servers = append(d.Servers, domain(refusing, d.Zone, nil).Servers[0], publish.Server{Host: "ns.test", Port: good.Address().Port()})
	p := &publish.Publisher{Lookup: func(_ context.Context, host string) ([]netip.Addr, time.Duration, error) {
		return []netip.Addr{good.Address().Addr()}, time.Minute, nil
	}}
	result := one(p, d, record(owned.Forward, pc, first, ours, owned.Adding))
	if result.Outcome != reconcile.Done || len(result.Refusals) != 2 || result.Refusals[0].Rcode != wire.RcodeNotAuth {
		t.Errorf("%+v", result)
	}
	if len(good.Records(forwardZone)) != 2 {
		t.Errorf("records: %q", good.Records(forwardZone))
	}
	d.Key = nil // the servers want signatures
	if result = one(p, d, record(owned.Forward, pc, first, ours, owned.Removing)); result.Outcome != reconcile.Failed {
		t.Errorf("unsigned: %+v", result)
	}
	if result = one(p, publish.Domain{Zone: d.Zone}, record(owned.Forward, pc, first, ours, owned.Adding)); result.Outcome != reconcile.Failed || result.Reason == "" {
		t.Errorf("no servers: %+v", result)
	}
}

func TestAnyDomainFindsTheZone(t *testing.T) {
	s := servertest.New(t, []string{"example.", forwardZone})
	r := record(owned.Forward, pc, first, ours, owned.Adding)
	r.Zone = wire.Root
	if o := do(t, s, r); o != reconcile.Done || len(s.Records(forwardZone)) != 2 {
		t.Errorf("outcome %v, records %q", o, s.Records(forwardZone))
	}
	r.Name = wire.MustParseName("pc.nowhere.")
	if o := do(t, s, r); o != reconcile.Failed {
		t.Errorf("a name in no zone: %v", o)
	}
}

func TestCatalog(t *testing.T) {
	d := func(name string) publish.Domain {
		return publish.Domain{Zone: wire.MustParseName(name), Any: name == "."}
	}
	c := publish.Catalog{
		Forward: []publish.Domain{d("."), d("example.com"), d("sample.Example.com"), d("ample.com")},
		Reverse: []publish.Domain{d("16.172.in-addr.arpa"), d("1.16.172.in-addr.arpa")},
	}
	for _, x := range []struct {
		kind owned.Kind
		name string
		a    string
		want string
	}{
		{owned.Forward, "myhost.sample.example.com", "172.16.1.1", "sample.Example.com."},
		{owned.Forward, "myhost.example.com", "172.16.1.1", "example.com."},
		{owned.Forward, "bogus.net", "172.16.1.1", "."},
		{owned.Reverse, "bogus.net", "172.16.1.1", "1.16.172.in-addr.arpa."},
		{owned.Reverse, "bogus.net", "172.16.2.1", "16.172.in-addr.arpa."},
		{owned.Reverse, "bogus.net", "192.168.2.1", ""},
		{owned.Reverse, "bogus.net", "2001:db8::1", ""},
	} {
		got, ok := c.Match(owned.Key{Kind: x.kind, Address: netip.MustParseAddr(x.a), Name: wire.MustParseName(x.name)})
		if ok != (x.want != "") || ok && got.Zone.String() != x.want {
			t.Errorf("%s %s %s: %s %v, want %q", x.kind, x.name, x.a, got.Zone, ok, x.want)
		}
	}
	gone := owned.Record{Key: owned.Key{Name: wire.MustParseName("pc.example.com")}, Zone: wire.MustParseName("old.com"), State: owned.Removing}
	if d, ok := c.For(gone); ok {
		t.Errorf("a record of a zone that is not configured any more would be removed from %s", d.Zone)
	}
	if gone.State = owned.Adding; true {
		if d, ok := c.For(gone); !ok || d.Zone.String() != "example.com." {
			t.Errorf("a record still to be added goes to %v %v", d, ok)
		}
	}
}

func TestReverseName(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.7": "7.2.0.192.in-addr.arpa.", "0.10.100.255": "255.100.10.0.in-addr.arpa.",
		"2001:db8::1": "1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := publish.ReverseName(netip.MustParseAddr(a)); got != wire.MustParseName(want) {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
}
