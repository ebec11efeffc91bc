package publish_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
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

// impatient is a publisher to which a server that does not answer is one that was given no time: what a server holds
// back it would not have sent in two seconds either.
func impatient(s *servertest.Server, muted func(msg []byte) bool) *publish.Publisher {
	return &publish.Publisher{Exchange: func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) {
		if muted(msg) {
			s.Handle(msg)
			return nil, os.ErrDeadlineExceeded
		}
		return client.Exchange(ctx, at, msg, key)
	}}
}

func isUpdate(msg []byte) bool { return wire.Opcode(msg[2]>>3&15) == wire.OpcodeUpdate }

// firstUpdates is true for the first n updates.
func firstUpdates(n int) func([]byte) bool {
	seen := 0
	return func(msg []byte) bool {
		if !isUpdate(msg) {
			return false
		}
		seen++
		return seen <= n
	}
}

// TestUnansweredIsSettledByLooking: what a server carried out without an answer is neither done again nor taken for
// undone.
func TestUnansweredIsSettledByLooking(t *testing.T) {
	for _, kind := range []owned.Kind{owned.Forward, owned.Reverse} {
		for _, state := range []owned.State{owned.Adding, owned.Removing} {
			t.Run(fmt.Sprint(kind, state), func(t *testing.T) {
				s := servertest.New(t, []string{forwardZone, reverseZone})
				if state == owned.Removing {
					do(t, s, record(kind, pc, first, ours, owned.Adding))
				}
				before := s.Updates()
				r := record(kind, pc, first, ours, state)
				result := one(impatient(s, firstUpdates(1)), domain(s, r.Zone, nil), r)
				if result.Outcome != reconcile.Done || !result.Unanswered {
					t.Errorf("%+v", result)
				}
				if n := s.Updates() - before; n != 1 || s.Queries() == 0 {
					t.Errorf("%d updates and %d queries, want one update that is then looked for", n, s.Queries())
				}
				want := 2
				if state == owned.Removing {
					want = 0
				}
				if got := append(s.Records(forwardZone), s.Records(reverseZone)...); len(got) != want {
					t.Errorf("%q", got)
				}
			})
		}
	}
}

// TestUnansweredIsRepeatedWhenNotDone: the update was lost, so it is sent again after the look, and the caller learns
// that the first may still come.
func TestUnansweredIsRepeatedWhenNotDone(t *testing.T) {
	s := servertest.New(t, []string{forwardZone})
	s.Behave(func(n int) servertest.Behaviour { return servertest.Behaviour{Hold: n == 1} })
	r := record(owned.Forward, pc, first, ours, owned.Adding)
	result := one(impatient(s, firstUpdates(1)), domain(s, r.Zone, nil), r)
	if result.Outcome != reconcile.Done || !result.Unanswered || s.Updates() != 2 {
		t.Errorf("%+v, %d updates", result, s.Updates())
	}
	if s.Release(false) != 1 || len(s.Records(forwardZone)) != 2 {
		t.Errorf("after the late update: %q", s.Records(forwardZone))
	}
}

// TestHalfAnswers is about servers that do not carry an update out as a whole, as none may (RFC 2136 section 3.7), and
// about those that say another thing than they did. None may lead to a mark without a record, or to a record that
// nobody knows of.
func TestHalfAnswers(t *testing.T) {
	always := func(b servertest.Behaviour) func(int) servertest.Behaviour {
		return func(int) servertest.Behaviour { return b }
	}
	once := func(b servertest.Behaviour) func(int) servertest.Behaviour {
		return func(n int) servertest.Behaviour {
			if n == 1 {
				return b
			}
			return servertest.Behaviour{}
		}
	}
	for name, c := range map[string]struct {
		behave       func(int) servertest.Behaviour
		add, remove  reconcile.Outcome
		left, leaves int // records after the addition and after the removal
	}{
		"twice":                    {always(servertest.Behaviour{Twice: true}), reconcile.Done, reconcile.Done, 2, 0},
		"SERVFAIL though done":     {once(servertest.Behaviour{Answer: wire.RcodeServFail}), reconcile.Failed, reconcile.Failed, 2, 0},
		"NXRRSET though not done":  {once(servertest.Behaviour{Skip: true, Answer: wire.RcodeNXRRSet}), reconcile.Done, reconcile.Done, 2, 0},
		"YXDOMAIN though not done": {once(servertest.Behaviour{Skip: true, Answer: wire.RcodeYXDomain}), reconcile.Done, reconcile.Done, 2, 0},
		"NXDOMAIN though done":     {once(servertest.Behaviour{Answer: wire.RcodeNXDomain}), reconcile.Done, reconcile.Done, 2, 0},
		"YXRRSET though done":      {once(servertest.Behaviour{Answer: wire.RcodeYXRRSet}), reconcile.Done, reconcile.Done, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.New(t, []string{forwardZone})
			s.Behave(c.behave)
			if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Adding)); o != c.add || len(s.Records(forwardZone)) != c.left {
				t.Errorf("addition: %d, %q", o, s.Records(forwardZone))
			}
			s.Behave(nil)
			if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Adding)); o != reconcile.Done || len(s.Records(forwardZone)) != 2 {
				t.Errorf("addition, again: %d, %q", o, s.Records(forwardZone))
			}
			s.Behave(c.behave)
			if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Removing)); o != c.remove || len(s.Records(forwardZone)) != c.leaves {
				t.Errorf("removal: %d, %q", o, s.Records(forwardZone))
			}
			s.Behave(nil)
			if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Removing)); o != reconcile.Done || len(s.Records(forwardZone)) != 0 {
				t.Errorf("removal, again: %d, %q", o, s.Records(forwardZone))
			}
		})
	}
	t.Run("half", func(t *testing.T) { // the address without its mark is not ours to touch, and not an orphan of ours
		s := servertest.New(t, []string{forwardZone})
		do(t, s, record(owned.Forward, pc, first, ours, owned.Adding))
		s.Behave(once(servertest.Behaviour{Half: true}))
		do(t, s, record(owned.Forward, pc, first, ours, owned.Removing)) // the address goes, the mark stays
		if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Removing)); o != reconcile.Done || len(s.Records(forwardZone)) != 0 {
			t.Errorf("an orphan mark was not removed: %d, %q", o, s.Records(forwardZone))
		}
	})
}

// TestOrphanMarkIsRemoved: Kea's steps, when the second comes too late, leave a DHCID that blocks the name for ever.
func TestOrphanMarkIsRemoved(t *testing.T) {
	s := servertest.New(t, []string{forwardZone})
	s.Add(t, rr(pc, wire.TypeDHCID, string(ours.RDATA(pc))))
	if o := do(t, s, record(owned.Forward, pc, first, ours, owned.Removing)); o != reconcile.Done || len(s.Records(forwardZone)) != 0 {
		t.Errorf("%d, %q", o, s.Records(forwardZone))
	}
}

// TestHandEditIsLeftAndReported: an operator takes the mark off, or puts another address in place of ours.
func TestHandEditIsLeftAndReported(t *testing.T) {
	s := servertest.New(t, []string{forwardZone, reverseZone})
	for _, kind := range []owned.Kind{owned.Forward, owned.Reverse} {
		r := record(kind, pc, first, ours, owned.Adding)
		do(t, s, r)
		s.Delete(t, rr(publish.Owner(r.Key, r.Zone), wire.TypeDHCID, r.DHCID))
		r.State = owned.Removing
		result := one(&publish.Publisher{}, domain(s, r.Zone, nil), r)
		if result.Outcome != reconcile.Done || result.Left == "" || len(s.Records(r.Zone.String())) != 1 {
			t.Errorf("%s: %+v, %q", kind, result, s.Records(r.Zone.String()))
		}
	}
}

// TestAdministratorsRecordsStayAtRemoval: Kea's "delete all RRsets" takes the TXT along.
func TestAdministratorsRecordsStayAtRemoval(t *testing.T) {
	s := servertest.New(t, []string{forwardZone, reverseZone})
	txt := rr(pc, wire.TypeTXT, "\x05hands")
	back := rr(publish.ReverseName(first), wire.TypeTXT, "\x05hands")
	do(t, s, record(owned.Forward, pc, first, ours, owned.Adding))
	do(t, s, record(owned.Reverse, pc, first, ours, owned.Adding))
	s.Add(t, txt, back)
	do(t, s, record(owned.Forward, pc, first, ours, owned.Removing))
	do(t, s, record(owned.Reverse, pc, first, ours, owned.Removing))
	if got := append(s.Records(forwardZone), s.Records(reverseZone)...); !slices.Equal(got, []string{servertest.Text(txt), servertest.Text(back)}) {
		t.Errorf("%q", got)
	}
}

// TestRules crosses what may be at a name with what the rules say about it, and removes what was added.
func TestRules(t *testing.T) {
	byHand := []wire.RR{rr(pc, wire.TypeA, "\xcb\x00\x71\x01")}
	another := append(slices.Clone(byHand), rr(pc, wire.TypeDHCID, string(others.RDATA(pc))))
	alias := []wire.RR{rr(pc, wire.TypeCNAME, string(wire.MustParseName("www.lab.example.")))}
	const done, taken = reconcile.Done, reconcile.Taken
	for rules, want := range map[owned.Rules][5]reconcile.Outcome{ // nothing, by hand, ours, another client's, an alias
		owned.CheckDHCID:   {done, taken, done, taken, taken},
		owned.ReplaceOwned: {done, taken, done, taken, taken},
		owned.SkipExisting: {done, taken, done, taken, taken},
		owned.StrictFail:   {done, taken, done, taken, taken},
		owned.CheckExists:  {done, taken, done, done, taken},
		owned.NoCheck:      {done, done, done, done, taken},
		owned.NoDHCID:      {done, done, done, done, taken},
	} {
		for i, there := range [][]wire.RR{nil, byHand, {rr(pc, wire.TypeDHCID, string(ours.RDATA(pc))), rr(pc, wire.TypeA, "\xcb\x00\x71\x02")}, another, alias} {
			for _, marker := range []string{"", "bundy-dhcp-ddns=1"} {
				t.Run(fmt.Sprint(rules, i, marker), func(t *testing.T) {
					s := servertest.New(t, []string{forwardZone})
					s.Add(t, there...)
					before := s.Records(forwardZone)
					r := record(owned.Forward, pc, first, ours, owned.Adding)
					r.Rules, r.Marker = rules, marker
					if o := do(t, s, r); o != want[i] {
						t.Errorf("outcome %d, want %d; %q", o, want[i], s.Records(forwardZone))
					}
					after := s.Records(forwardZone)
					if has := slices.ContainsFunc(after, func(text string) bool { return strings.Contains(text, " TXT ") }); has != (marker != "" && want[i] == done) {
						t.Errorf("marker: %q", after)
					}
					for _, text := range before {
						if !slices.Contains(after, text) {
							t.Errorf("%s is gone: %q", text, after)
						}
					}
					r.State = owned.Removing
					if o := do(t, s, r); o != done {
						t.Errorf("removal: %d", o)
					}
					got := s.Records(forwardZone)
					if i != 0 { // our marks stay while the name has an address: it may be of another lease of the client
						got = slices.DeleteFunc(got, func(text string) bool {
							return strings.Contains(text, " TXT ") || strings.Contains(text, " DHCID ") && !slices.Contains(before, text)
						})
					}
					if !slices.Equal(got, before) {
						t.Errorf("after removal %q, before %q", got, before)
					}
				})
			}
		}
	}
}

// TestBatch puts many records into one message, with some that cannot be added among them.
func TestBatch(t *testing.T) {
	s := servertest.New(t, []string{forwardZone})
	var rs []owned.Record
	for i := range 100 {
		r := record(owned.Forward, wire.MustParseName(fmt.Sprintf("h%d.lab.example.", i)), netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), ours, owned.Adding)
		if i%30 == 7 {
			s.Add(t, rr(r.Name, wire.TypeTXT, "\x01x"))
		}
		rs = append(rs, r)
	}
	p := &publish.Publisher{}
	d := domain(s, rs[0].Zone, nil)
	check := func(what string, atMost int, conflicts bool) {
		t.Helper()
		before := s.Updates()
		for i, result := range p.Do(context.Background(), d, rs...) {
			want := reconcile.Done
			if conflicts && i%30 == 7 {
				want = reconcile.Taken
			}
			if result.Outcome != want {
				t.Errorf("%s: record %d: %+v", what, i, result)
			}
		}
		if n := s.Updates() - before; n > atMost {
			t.Errorf("%s: %d updates for 100 records, want at most %d", what, n, atMost)
		}
	}
	check("added with four conflicts", 4*2*7+20, true)
	if n := len(s.Records(forwardZone)); n != 96*2+4 {
		t.Errorf("%d records", n)
	}
	rs = slices.DeleteFunc(rs, func(r owned.Record) bool { a := r.Address.As4(); return a[3]%30 == 7 })
	check("added again", 4, false)
	s.SetRefuse(wire.RcodeRefused)
	before := s.Updates()
	for _, result := range p.Do(context.Background(), d, rs...) {
		if result.Outcome != reconcile.Failed || result.Refusals[0].Rcode != wire.RcodeRefused {
			t.Fatalf("%+v", result)
		}
	}
	if n := s.Updates() - before; n > 3 {
		t.Errorf("a server that refuses everything was asked %d times", n)
	}
	s.SetRefuse(0)
	for i := range rs {
		rs[i].State = owned.Removing
	}
	check("removed", 2, false)
	if n := len(s.Records(forwardZone)); n != 4 {
		t.Errorf("%d records are left", n)
	}
}

// TestDeadServerIsNotAskedFirst: once it did not answer it comes last, until its time is over.
func TestDeadServerIsNotAskedFirst(t *testing.T) {
	good := servertest.New(t, []string{forwardZone})
	dead := netip.MustParseAddrPort("192.0.2.53:53")
	asked := 0
	p := &publish.Publisher{Exchange: func(ctx context.Context, at netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error) {
		if at == dead {
			asked++
			return nil, errors.Join(os.ErrDeadlineExceeded)
		}
		return client.Exchange(ctx, at, msg, key)
	}}
	d := domain(good, wire.MustParseName(forwardZone), nil)
	d.Servers = append([]publish.Server{{Address: dead.Addr(), Port: dead.Port()}}, d.Servers...)
	for i := range 10 {
		r := record(owned.Forward, wire.MustParseName(fmt.Sprintf("h%d.lab.example.", i)), first, ours, owned.Adding)
		if result := one(p, d, r); result.Outcome != reconcile.Done {
			t.Fatalf("%+v", result)
		}
	}
	if asked == 0 || asked > 3 { // an update, and a look that is repeated
		t.Errorf("the dead server was asked %d times", asked)
	}
}

// TestClasslessReverse is RFC 2317 in each spelling.
func TestClasslessReverse(t *testing.T) {
	for zone, want := range map[string]string{
		"64/26.2.0.192.in-addr.arpa":  "65.64/26.2.0.192.in-addr.arpa.",
		"64-26.2.0.192.in-addr.arpa":  "65.64-26.2.0.192.in-addr.arpa.",
		"64-127.2.0.192.in-addr.arpa": "65.64-127.2.0.192.in-addr.arpa.",
		"0/26.2.0.192.in-addr.arpa":   "", // another part
		"65/26.2.0.192.in-addr.arpa":  "", // no part
		"64/26.3.0.192.in-addr.arpa":  "",
	} {
		z := wire.MustParseName(zone)
		c := publish.Catalog{Reverse: []publish.Domain{{Zone: wire.MustParseName("2.0.192.in-addr.arpa.")}, {Zone: z}}}
		k := owned.Key{Kind: owned.Reverse, Address: netip.MustParseAddr("192.0.2.65"), Name: pc}
		d, ok := c.Match(k)
		if want == "" {
			want, z = "65.2.0.192.in-addr.arpa.", wire.MustParseName("2.0.192.in-addr.arpa.")
		}
		if got := publish.Owner(k, d.Zone); !ok || d.Zone != z || got.String() != want {
			t.Errorf("%s: %s in %s %v, want %s", zone, got, d.Zone, ok, want)
		}
	}
}

func TestReverseZones(t *testing.T) {
	for subnet, want := range map[string][]string{
		"192.0.2.0/24": {"2.0.192.in-addr.arpa."}, "192.0.2.64/26": {"2.0.192.in-addr.arpa."}, "10.0.0.0/8": {"10.in-addr.arpa."},
		"172.16.2.0/23": {"2.16.172.in-addr.arpa.", "3.16.172.in-addr.arpa."},
		"2001:db8::/32": {"8.b.d.0.1.0.0.2.ip6.arpa."}, "2001:db8:8000::/33": nil, "2001:db8:10::/44": {"1.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
	} {
		var got []string
		for _, n := range publish.ReverseZones(netip.MustParsePrefix(subnet)) {
			got = append(got, n.String())
		}
		if want == nil && len(got) == 8 && got[0] == "8.8.b.d.0.1.0.0.2.ip6.arpa." && got[7] == "f.8.b.d.0.1.0.0.2.ip6.arpa." {
			continue
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", subnet, got, want)
		}
	}
}

// TestHostNamesAreRemembered: as long as their records say, within bounds; and longer while the resolver is down.
func TestHostNamesAreRemembered(t *testing.T) {
	s := servertest.New(t, []string{forwardZone})
	now := time.Unix(1_700_000_000, 0)
	lookups := 0
	var bad error
	p := &publish.Publisher{
		Now: func() time.Time { return now },
		Lookup: func(context.Context, string) ([]netip.Addr, time.Duration, error) {
			lookups++
			return []netip.Addr{s.Address().Addr()}, 30 * time.Second, bad
		},
	}
	d := domain(s, wire.MustParseName(forwardZone), nil)
	d.Servers = []publish.Server{{Host: "ns.test", Port: s.Address().Port()}}
	for _, step := range []struct {
		after time.Duration
		bad   error
		want  int
	}{{0, nil, 1}, {29 * time.Second, nil, 1}, {time.Second, nil, 2}, {time.Hour, errors.New("down"), 3}, {time.Second, nil, 3}, {5 * time.Second, nil, 4}} {
		now, bad = now.Add(step.after), step.bad
		if result := one(p, d, record(owned.Forward, pc, first, ours, owned.Adding)); result.Outcome != reconcile.Done || lookups != step.want {
			t.Errorf("after %v: %+v, %d look-ups, want %d", step.after, result, lookups, step.want)
		}
	}
}
