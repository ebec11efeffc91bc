package ddns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

func TestCheck(t *testing.T) {
	d := Descriptor(paths.Below(t.TempDir()), authority.New("test"))
	for _, c := range []struct {
		section string
		want    []string
	}{
		{section, nil},
		{`{}`, nil},
		{`{"zones": [{"origin": "example.org", "class": "CH", "update_acl": []}, {"origin": "example.org"}]}`, nil},
		{`{"zones": [{"update_acl": [{"action": "ACCEPT"}]}]}`, []string{"DDNS/zones[0]/origin: bad domain name"}},
		{`{"zones": [{"origin": "a"}, {"origin": "A."}]}`, []string{"DDNS/zones[1]: zone A. of class IN stands twice"}},
		{`{"zones": [{"origin": "a..b", "class": "XX", "update_acl": [{"action": "accept"}, {"from": "any4"}, 3]}]}`, []string{
			"DDNS/zones[0]/update_acl[0]/action: ", "DDNS/zones[0]/update_acl[1]: no action", "DDNS/zones[0]/update_acl[2]: want a map",
			"DDNS/zones[0]/origin: ", "DDNS/zones[0]/class: "}},
		{`{"zones": [{"origin": "a", "class": "ANY"}]}`, []string{"DDNS/zones[0]/class: no zone can have class ANY"}},
	} {
		doc := document(t, c.section)
		for _, err := range schema.Validate(d.Spec, doc[Name]) {
			t.Errorf("%s: %v", c.section, err)
		}
		errs := d.Check(doc)
		if len(errs) != len(c.want) {
			t.Errorf("%s: %v, want %q", c.section, errs, c.want)
			continue
		}
		for i, err := range errs {
			if !strings.HasPrefix(err.Error(), c.want[i]) {
				t.Errorf("%s: error %q, want %q…", c.section, err, c.want[i])
			}
		}
	}
}

func TestRcodes(t *testing.T) {
	s := start(t, nil)
	add := update.Request{Updates: []wire.RR{rr(t, "new 60 IN A 192.0.2.50")}}
	for _, c := range []struct {
		name    string
		msg     []byte
		key     bool
		want    wire.Rcode
		counter int
		message string
	}{
		{"add", pack(t, add), true, wire.RcodeNoError, applied, "DDNS_UPDATE_DONE"},
		{"again", pack(t, add), true, wire.RcodeNoError, unchanged, "LIBDDNS_UPDATE_APPROVED"},
		{"no key", pack(t, add), false, wire.RcodeRefused, denied, "LIBDDNS_UPDATE_DENIED"},
		{"garbage", append(pack(t, add), 0), false, wire.RcodeFormErr, malformed, "DDNS_REQUEST_PARSE_FAIL"},
		{"no such zone", pack(t, update.Request{Zone: wire.MustParseName("sub.example.org")}), true, wire.RcodeNotAuth, notAuth, "LIBDDNS_UPDATE_NOTAUTH"},
		{"other class", pack(t, update.Request{Class: wire.ClassCH}), true, wire.RcodeNotAuth, notAuth, "LIBDDNS_UPDATE_NOTAUTH"},
		{"name in use", pack(t, update.Request{Prerequisites: []wire.RR{update.NameNotInUse(origin)}}), true, wire.RcodeYXDomain, unmet, "LIBDDNS_PREREQ_NAME_NOT_IN_USE_FAILED"},
		{"name not in use", pack(t, update.Request{Prerequisites: []wire.RR{update.NameInUse("\x01x" + origin)}}), true, wire.RcodeNXDomain, unmet, "LIBDDNS_PREREQ_NAME_IN_USE_FAILED"},
		{"RRset exists", pack(t, update.Request{Prerequisites: []wire.RR{update.RRsetNotExists(origin, wire.TypeNS)}}), true, wire.RcodeYXRRSet, unmet, "LIBDDNS_PREREQ_RRSET_DOES_NOT_EXIST_FAILED"},
		{"RRset does not exist", pack(t, update.Request{Prerequisites: []wire.RR{update.RRsetIs(rr(t, "host IN A 192.0.2.11"))}}), true, wire.RcodeNXRRSet, unmet, "LIBDDNS_PREREQ_RRSET_EXISTS_FAILED"},
		{"outside", pack(t, update.Request{Updates: []wire.RR{rr(t, "x.example.com. 60 IN A 192.0.2.1")}}), true, wire.RcodeNotZone, refused, "LIBDDNS_UPDATE_PROCESSING_FAILED"},
		{"unfit", pack(t, update.Request{Updates: []wire.RR{rr(t, "@ 60 IN DNAME x.")}}), true, wire.RcodeRefused, refused, "LIBDDNS_ZONE_INVALID_ERROR"},
		{"from a file", pack(t, update.Request{Zone: wire.MustParseName("static.example")}), false, wire.RcodeServFail, failed, "LIBDDNS_UPDATE_DATASRC_COMMIT_FAILED"},
		{"weakens the zone", pack(t, update.Request{Updates: []wire.RR{update.DeleteName("\x03NS1" + origin)}}), true, wire.RcodeNoError, applied, "LIBDDNS_ZONE_INVALID_WARN"},
	} {
		before, logged := s.counters.Value(c.counter), s.log.Count(c.message)
		if got := s.ask(t, c.msg, c.key); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if s.counters.Value(c.counter) != before+1 || s.log.Count(c.message) != logged+1 {
			t.Errorf("%s: counted %d, logged %d times", c.name, s.counters.Value(c.counter)-before, s.log.Count(c.message)-logged)
		}
	}
	if want := []string{`zone_updated {"origin":"example.org.","class":"IN","serial":8}`, `zone_updated {"origin":"example.org.","class":"IN","serial":9}`}; fmt.Sprint(s.events.published) != fmt.Sprint(want) {
		t.Errorf("events %q, want %q", s.events.published, want)
	}
	stored := s.stored(t)
	if !strings.Contains(stored, "new.example.org.") || strings.Contains(stored, "192.0.2.1\n") {
		t.Errorf("stored:\n%s", stored)
	}
	s.events.err = errors.New("no bus")
	if code := s.ask(t, pack(t, update.Request{Updates: []wire.RR{update.DeleteName("\x03new" + origin)}}), true); code != wire.RcodeNoError || s.log.Count("DDNS_UPDATE_NOTIFY_FAIL") != 1 {
		t.Errorf("with the bus gone: %v", code)
	}
}

func TestDrop(t *testing.T) {
	s := start(t, nil)
	reply := make(chan []byte, 1)
	s.hand(t, s.component.take, pack(t, update.Request{}), true, netip.MustParseAddrPort("127.0.0.9:5"), true, reply)
	s.stop()
	if len(reply) > 0 || s.counters.Value(dropped) != 1 || s.log.Count("LIBDDNS_UPDATE_DROPPED") != 1 {
		t.Errorf("%d replies, %d dropped", len(reply), s.counters.Value(dropped))
	}
}

func TestPrepare(t *testing.T) {
	s := start(t, nil)
	if _, err := s.Prepare(t.Context(), document(t, `{"zones": [{"origin": "a..b"}]}`)); err == nil {
		t.Error("a bad name was taken")
	}
	next, err := s.Prepare(t.Context(), document(t, `{"zones": [{"origin": "EXAMPLE.org", "update_acl": [{"action": "ACCEPT", "from": "127.0.0.1"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if code := s.ask(t, pack(t, update.Request{}), false); code != wire.RcodeRefused {
		t.Errorf("before Apply: %v", code)
	}
	next.Apply()
	if code := s.ask(t, pack(t, update.Request{}), false); code != wire.RcodeNoError {
		t.Errorf("after Apply: %v", code)
	}
}

// gate is a store whose updates wait until they are let through with a result.
type gate struct {
	*authority.Authority
	waiting atomic.Int64
	pass    chan error
}

func (g *gate) Update(ctx context.Context, class wire.Class, origin wire.Name, fn func(*zone.Version) (zone.Diff, error)) error {
	g.waiting.Add(1)
	if err := <-g.pass; err != nil {
		return err
	}
	return nil
}

// gated starts a component on a gate that has the zone example.org.
func gated(t *testing.T) (*suite, *gate) {
	t.Helper()
	v, err := zone.Build(origin, wire.ClassIN, records(content, origin))
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{Authority: authority.New("test"), pass: make(chan error)}
	g.Catalog().Put(v)
	return start(t, g), g
}

func TestReplyWaitsForTheDisk(t *testing.T) {
	s, g := gated(t)
	for _, c := range []struct {
		result error
		want   wire.Rcode
	}{{nil, wire.RcodeNoError}, {errors.New("disk full"), wire.RcodeServFail}, {fmt.Errorf("x: %w", authority.ErrNotServed), wire.RcodeNotAuth}} {
		reply := make(chan []byte, 1)
		verify := s.hand(t, s.component.take, pack(t, update.Request{}), true, peer, false, reply)
		select {
		case <-reply:
			t.Fatal("answered before the update was done")
		case g.pass <- c.result:
		}
		if code := verify(<-reply); code != c.want {
			t.Errorf("after %v: %v, want %v", c.result, code, c.want)
		}
	}
}

func TestOverflow(t *testing.T) {
	s, g := gated(t)
	replies := make(chan []byte, maxRequests+2)
	msg := pack(t, update.Request{})
	s.hand(t, s.component.take, msg, true, peer, false, replies)
	for range maxRequests - 1 {
		s.hand(t, s.component.take, msg, true, peer, false, replies)
	}
	if n := s.counters.Value(overflow); n > 0 {
		t.Fatalf("%d requests were dropped too early", n)
	}
	s.hand(t, s.component.take, msg, true, peer, false, replies)
	if s.counters.Value(overflow) != 1 || len(replies) != 0 {
		t.Errorf("over UDP: %d dropped, %d replies", s.counters.Value(overflow), len(replies))
	}
	verify := s.hand(t, s.component.take, msg, true, peer, true, replies)
	if code := verify(<-replies); code != wire.RcodeServFail || s.counters.Value(overflow) != 2 {
		t.Errorf("over TCP: %v, %d dropped", code, s.counters.Value(overflow))
	}
	if n := s.log.Count("DDNS_REQUEST_QUEUE_FULL") + s.log.Count("DDNS_REQUEST_TCP_QUOTA"); n != 1 {
		t.Errorf("%d lines in one second", n)
	}
	for range maxRequests {
		g.pass <- nil
	}
	for range maxRequests {
		<-replies
	}
	s.stop()
	if s.component.count != 0 || s.component.octets != 0 {
		t.Errorf("%d requests and %d octets are still counted", s.component.count, s.component.octets)
	}
}

func TestOctetsAreBounded(t *testing.T) {
	s, _ := gated(t)
	msg := append(pack(t, update.Request{}), 0) // malformed, so that it passes the gate
	fill := func(octets int) {
		s.component.mu.Lock()
		defer s.component.mu.Unlock()
		s.component.octets = octets
	}
	replies := make(chan []byte, 1)
	fill(maxOctets - len(msg) + 1)
	s.hand(t, s.component.take, msg, false, peer, false, replies)
	if s.counters.Value(overflow) != 1 {
		t.Error("a message was taken beyond the bound of octets")
	}
	fill(maxOctets - len(msg))
	s.hand(t, s.component.take, msg, false, peer, false, replies)
	<-replies
	if s.counters.Value(overflow) != 1 || s.counters.Value(malformed) != 1 {
		t.Error("a message within the bound of octets was not taken")
	}
}

func TestLogIsBounded(t *testing.T) {
	s := start(t, nil)
	frozen := time.Now()
	s.component.now = func() time.Time { return frozen }
	replies := make(chan []byte, 3*strangerBurst)
	for range 3 * strangerBurst {
		s.hand(t, s.component.take, pack(t, update.Request{}), false, peer, false, replies)
	}
	for range 3 * strangerBurst {
		<-replies
	}
	if n := s.log.Count("LIBDDNS_UPDATE_DENIED"); n != strangerBurst || s.counters.Value(denied) != 3*strangerBurst {
		t.Errorf("%d lines for %d denied requests", n, s.counters.Value(denied))
	}
}

func TestStop(t *testing.T) {
	defer goleak.VerifyNone(t)
	s, g := gated(t)
	replies := make(chan []byte, maxWorkers+10)
	for range maxWorkers + 10 {
		s.hand(t, s.component.take, pack(t, update.Request{}), true, peer, false, replies)
	}
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	for range maxWorkers + 10 {
		g.pass <- nil
	}
	<-stopped
	if len(replies) < maxWorkers+10 {
		t.Errorf("%d replies", len(replies))
	}
	if g.UpdateHandler() != nil {
		t.Error("the handler is still there")
	}
	s.hand(t, s.component.take, pack(t, update.Request{}), true, peer, true, replies) // from one who had got it before
	if s.counters.Value(overflow) > 0 {
		t.Error("a request after the end counts as overflow")
	}
	s.authority.Close()
}

func TestConcurrentUpdates(t *testing.T) {
	s := start(t, nil)
	const clients, each = 16, 8
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for k := range each {
				name := wire.MustParseName(fmt.Sprintf("h%d-%d.example.org", i, k))
				record := rr(t, fmt.Sprintf("%s 60 IN A 10.0.%d.%d", name, i, k))
				r := update.Request{Prerequisites: []wire.RR{update.NameNotInUse(name)}, Updates: []wire.RR{record}}
				if code := s.ask(t, pack(t, r), true); code != wire.RcodeNoError {
					t.Errorf("%s: %v", name, code)
				}
				if s.authority.Catalog().Get(wire.ClassIN, origin).Version().RRset(name, wire.TypeA) == nil {
					t.Errorf("%s is acknowledged and not served", name)
				}
			}
		})
	}
	wg.Wait()
	if got := strings.Count(s.stored(t), " 10.0.") + strings.Count(s.stored(t), "\t10.0."); got != clients*each {
		t.Errorf("%d records are stored, want %d", got, clients*each)
	}
	if v := s.authority.Catalog().Get(wire.ClassIN, origin).Version(); v.Serial() != 7+clients*each {
		t.Errorf("serial %d", v.Serial())
	}
}
