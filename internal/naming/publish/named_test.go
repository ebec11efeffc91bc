package publish_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/naming/reconcile"
)

// ask gives the data of the answers that name and type fit.
func ask(ctx context.Context, server netip.AddrPort, name wire.Name, typ wire.Type) ([]string, error) {
	query := wire.Message{Question: []wire.Question{{Name: name, Type: typ, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	reply, err := client.Exchange(ctx, server, msg, nil)
	if err != nil {
		return nil, err
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, rr := range m.Answer {
		if rr.Type == typ && rr.Name.Equal(name) {
			out = append(out, string(rr.Data))
		}
	}
	return out, nil
}

// TestWithForeignServers checks that other implementations understand the same by our updates: the life of a name, and
// that names of others are left alone.
func TestWithForeignServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) netip.AddrPort{"named": servertest.Named, "knotd": servertest.Knot, "pdns": startPowerDNS} {
		t.Run(name, func(t *testing.T) { withForeign(t, start(t), name) })
	}
}

func withForeign(t *testing.T, address netip.AddrPort, server string) {
	key, err := tsig.ParseKey(servertest.Key)
	if err != nil {
		t.Fatal(err)
	}
	p := &publish.Publisher{}
	do := func(r owned.Record, want reconcile.Outcome) {
		t.Helper()
		d := publish.Domain{Zone: r.Zone, Key: &key, Servers: []publish.Server{{Address: address.Addr(), Port: address.Port()}}}
		if result := p.Do(context.Background(), d, r)[0]; result.Outcome != want {
			t.Errorf("%s %s %s: %+v, want outcome %d", r.State, r.Kind, r.Name, result, want)
		}
	}
	has := func(name string, typ wire.Type, want ...string) {
		t.Helper()
		got, err := ask(context.Background(), address, wire.MustParseName(name), typ)
		if err != nil || len(got) != len(want) {
			t.Errorf("%s %s: %q %v, want %q", name, typ, got, err, want)
			return
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s %s: %q, want %q", name, typ, got, want)
			}
		}
	}
	for range 2 {
		do(record(owned.Forward, pc, first, ours, owned.Adding), reconcile.Done)
		do(record(owned.Reverse, pc, first, ours, owned.Adding), reconcile.Done)
	}
	has("pc.lab.example.", wire.TypeA, string(first.AsSlice()))
	has("pc.lab.example.", wire.TypeDHCID, string(ours.RDATA(pc)))
	has("10.2.0.192.in-addr.arpa.", wire.TypePTR, string(pc))
	do(record(owned.Forward, pc, second, others, owned.Adding), reconcile.Taken)
	do(record(owned.Forward, pc, first, others, owned.Removing), reconcile.Done) // not theirs: nothing happens
	has("pc.lab.example.", wire.TypeA, string(first.AsSlice()))

	for _, c := range []string{"static.lab.example.", "alias.lab.example.", "lab.example."} {
		do(record(owned.Forward, wire.MustParseName(c), first, ours, owned.Adding), reconcile.Taken)
		do(record(owned.Forward, wire.MustParseName(c), first, ours, owned.Removing), reconcile.Done)
	}
	has("static.lab.example.", wire.TypeA, "\xcb\x00\x71\x01")
	has("alias.lab.example.", wire.TypeCNAME, string(wire.MustParseName("static.lab.example.")))
	do(record(owned.Reverse, pc, netip.MustParseAddr("192.0.2.77"), ours, owned.Adding), reconcile.Taken)
	do(record(owned.Reverse, pc, netip.MustParseAddr("192.0.2.77"), ours, owned.Removing), reconcile.Done)
	has("77.2.0.192.in-addr.arpa.", wire.TypePTR, string(wire.MustParseName("static.lab.example.")))
	wild := wire.MustParseName("x.w.lab.example.")
	do(record(owned.Forward, wild, first, ours, owned.Adding), reconcile.Done)
	do(record(owned.Forward, wild, first, ours, owned.Removing), reconcile.Done)
	has("y.w.lab.example.", wire.TypeTXT, "\x04wild")

	// Several records in one message, of which one cannot be added.
	d := publish.Domain{Zone: wire.MustParseName(forwardZone), Key: &key, Servers: []publish.Server{{Address: address.Addr(), Port: address.Port()}}}
	var many []owned.Record
	for i := range 40 {
		many = append(many, record(owned.Forward, wire.MustParseName(fmt.Sprintf("h%d.lab.example.", i)), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), ours, owned.Adding))
	}
	many[7].Key.Name = wire.MustParseName("static.lab.example.")
	for range 2 {
		for i, result := range p.Do(context.Background(), d, many...) {
			if (result.Outcome == reconcile.Done) != (i != 7) {
				t.Errorf("%s: record %d of many: %+v", server, i, result)
			}
		}
	}
	has("h39.lab.example.", wire.TypeA, "\xc0\x00\x02\x27")
	readForeign(t, address, server, key, len(many))
	for i := range many {
		many[i].State = owned.Removing
	}
	for i, result := range p.Do(context.Background(), d, many...) {
		if result.Outcome != reconcile.Done {
			t.Errorf("%s: removal %d of many: %+v", server, i, result)
		}
	}
	has("h39.lab.example.", wire.TypeA)
	has("static.lab.example.", wire.TypeA, "\xcb\x00\x71\x01")

	for range 2 {
		do(record(owned.Forward, pc, first, ours, owned.Removing), reconcile.Done)
		do(record(owned.Reverse, pc, first, ours, owned.Removing), reconcile.Done)
	}
	has("pc.lab.example.", wire.TypeA)
	has("pc.lab.example.", wire.TypeDHCID)
	has("10.2.0.192.in-addr.arpa.", wire.TypePTR)
}
