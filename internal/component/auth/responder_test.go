package auth

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"bundy/internal/dns/authority"
	"bundy/internal/dns/cookie"
	"bundy/internal/dns/server"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

const exampleZone = `
@        3600 IN SOA ns1 hostmaster 7 3600 600 86400 300
@        3600 IN NS  ns1
@        3600 IN NS  ns2
@        3600 IN MX  10 mail
ns1      3600 IN A   192.0.2.1
ns2      3600 IN A   192.0.2.2
ns2      3600 IN AAAA 2001:db8::2
mail      600 IN A   192.0.2.25
www       600 IN CNAME web
web       600 IN A   192.0.2.80
*.wild    600 IN TXT "wild"
sub      3600 IN NS  ns.sub
sub      3600 IN NS  ns.other.example.
ns.sub   3600 IN A   192.0.2.53
old      3600 IN DNAME new
a.new     600 IN A   192.0.2.99
`

func build(t testing.TB, origin, text string) *zone.Version {
	t.Helper()
	o := wire.MustParseName(origin)
	v, err := zone.Build(o, wire.ClassIN, lines(text, o))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lines(text string, origin wire.Name) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		for len(text) > 0 {
			n := 0
			for n < len(text) && text[n] != '\n' {
				n++
			}
			line := text[:n]
			text = text[min(n+1, len(text)):]
			if line == "" {
				continue
			}
			if !yield(zonefile.ParseRR(line, origin)) {
				return
			}
		}
	}
}

// rig is a responder with the zone example.org and one key.
type rig struct {
	responder
	t    testing.TB
	key  tsig.Key
	now  time.Time
	out  [65535]byte
	sent []byte // what was sent later

	policies atomic.Pointer[policy]
}

// configure puts a section Auth in use, given as JSON without braces.
func (g *rig) configure(text string) {
	g.t.Helper()
	s, err := decoded(g.t, text)
	if err != nil {
		g.t.Fatal(err)
	}
	g.policies.Store(s.policy.inUse(g.policies.Load(), cookie.NewJar(cookie.Secret{1})))
}

func newRig(t testing.TB) *rig {
	t.Helper()
	g := &rig{t: t, now: time.Unix(1800000000, 0)}
	key, err := tsig.ParseKey("test.key:c2VjcmV0c2VjcmV0c2VjcmV0:hmac-sha256")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := tsig.NewRing([]tsig.Key{key})
	if err != nil {
		t.Fatal(err)
	}
	g.key = key
	a := authority.New("0.0")
	a.SetKeys(ring)
	a.Catalog().Put(build(t, "example.org", exampleZone))
	a.Catalog().Fail(wire.MustParseName("broken.example"), wire.ClassIN, fmt.Errorf("no data"))
	g.responder = responder{authority: a, now: func() time.Time { return g.now }, policies: &g.policies}
	g.countIn(newStatistics())
	g.configure("")
	return g
}

// decoded reads a section Auth, given as JSON without braces.
func decoded(t testing.TB, text string) (settings, error) {
	t.Helper()
	section, err := schema.Parse([]byte("{" + text + "}"))
	if err != nil {
		t.Fatal(err)
	}
	return decode(spec(paths.Default()), schema.Document{Name: section.(schema.Section)})
}

// query makes a question with flags, and with EDNS unless size is 0.
func query(name string, t wire.Type, flags wire.Flags, size uint16, do bool) []byte {
	m := wire.Message{Header: wire.Header{ID: 4711, Flags: flags},
		Question: []wire.Question{{Name: wire.MustParseName(name), Type: t, Class: wire.ClassIN}}}
	if size > 0 {
		m.Additional = append(m.Additional, wire.EDNS{Size: size, DO: do}.RR())
	}
	raw, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return raw
}

func (g *rig) send(msg []byte, tcp bool) []byte {
	req := server.NewRequest(msg, netip.MustParseAddrPort("127.0.0.1:5300"), tcp, func(b []byte) { g.sent = b })
	size := server.MaxUDP
	if tcp {
		size = len(g.out)
	}
	return g.Handle(req, g.out[:0:size])
}

func (g *rig) ask(msg []byte, tcp bool) *wire.Message {
	g.t.Helper()
	reply := g.send(msg, tcp)
	m, err := wire.ParseMessage(reply)
	if err != nil {
		g.t.Fatalf("the reply to %x is %x: %v", msg, reply, err)
	}
	if id := binary.BigEndian.Uint16(msg); m.Header.ID != id || m.Header.Flags&wire.FlagQR == 0 {
		g.t.Fatalf("the reply to %x is %x", msg, reply)
	}
	return m
}

// edns gives what the OPT record of a message says.
func edns(t *testing.T, m *wire.Message) wire.EDNS {
	t.Helper()
	raw, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var q wire.Query
	q.Parse(raw)
	return q.EDNS
}

func TestAnswers(t *testing.T) {
	g := newRig(t)
	for _, c := range []struct {
		name  string
		typ   wire.Type
		size  uint16
		rcode wire.Rcode
		aa    bool
		count [3]int // records by section, OPT left out
	}{
		{"web.example.org", wire.TypeA, 0, wire.RcodeNoError, true, [3]int{1, 0, 0}},
		{"WEB.example.ORG", wire.TypeA, 1232, wire.RcodeNoError, true, [3]int{1, 0, 0}},
		{"www.example.org", wire.TypeA, 0, wire.RcodeNoError, true, [3]int{2, 0, 0}},
		{"www.example.org", wire.TypeCNAME, 0, wire.RcodeNoError, true, [3]int{1, 0, 0}},
		{"example.org", wire.TypeMX, 0, wire.RcodeNoError, true, [3]int{1, 0, 1}},
		{"example.org", wire.TypeNS, 0, wire.RcodeNoError, true, [3]int{2, 0, 3}},
		{"example.org", wire.TypeANY, 0, wire.RcodeNoError, true, [3]int{4, 0, 0}},
		{"web.example.org", wire.TypeTXT, 0, wire.RcodeNoError, true, [3]int{0, 1, 0}},
		{"nope.example.org", wire.TypeA, 0, wire.RcodeNXDomain, true, [3]int{0, 1, 0}},
		{"new.example.org", wire.TypeA, 0, wire.RcodeNoError, true, [3]int{0, 1, 0}}, // empty non-terminal
		{"x.wild.example.org", wire.TypeTXT, 0, wire.RcodeNoError, true, [3]int{1, 0, 0}},
		{"x.y.wild.example.org", wire.TypeTXT, 0, wire.RcodeNoError, true, [3]int{1, 0, 0}},
		{"a.old.example.org", wire.TypeA, 0, wire.RcodeNoError, true, [3]int{3, 0, 0}},
		{"sub.example.org", wire.TypeA, 0, wire.RcodeNoError, false, [3]int{0, 2, 1}},
		{"x.sub.example.org", wire.TypeA, 0, wire.RcodeNoError, false, [3]int{0, 2, 1}},
		{"sub.example.org", wire.TypeDS, 0, wire.RcodeNoError, true, [3]int{0, 1, 0}},
		{"example.org", wire.TypeDS, 0, wire.RcodeNoError, true, [3]int{0, 1, 0}},
		{"org", wire.TypeA, 4096, wire.RcodeRefused, false, [3]int{}},
		{"x.broken.example", wire.TypeA, 0, wire.RcodeServFail, false, [3]int{}},
		{"example.org", wire.TypeAXFR, 0, wire.RcodeFormErr, false, [3]int{}},
		{"example.org", wire.TypeIXFR, 0, wire.RcodeFormErr, false, [3]int{}},
	} {
		m := g.ask(query(c.name, c.typ, wire.FlagRD, c.size, false), false)
		opt := 0
		if e := edns(t, m); e.Present != (c.size > 0) {
			t.Errorf("%s %s: EDNS %+v", c.name, c.typ, e)
		} else if e.Present {
			opt = 1
		}
		got := [3]int{len(m.Answer), len(m.Authority), len(m.Additional) - opt}
		if m.Header.Flags.Rcode() != c.rcode || m.Header.Flags&wire.FlagAA != 0 != c.aa || got != c.count {
			t.Errorf("%s %s: %s, AA %t, records %v; want %s, %t, %v", c.name, c.typ, m.Header.Flags.Rcode(),
				m.Header.Flags&wire.FlagAA != 0, got, c.rcode, c.aa, c.count)
		}
		if len(m.Question) != 1 || m.Question[0].Name != wire.MustParseName(c.name) || m.Header.Flags&wire.FlagRD == 0 {
			t.Errorf("%s %s: question %v, flags %x", c.name, c.typ, m.Question, m.Header.Flags)
		}
	}
	if soa := g.ask(query("nope.example.org", wire.TypeA, 0, 0, false), false).Authority[0]; soa.TTL != 300 {
		t.Errorf("TTL of the SOA of a negative answer is %d, want 300", soa.TTL)
	}
	if m := g.ask(query("example.org", wire.TypeAXFR, 0, 0, false), true); m.Header.Flags.Rcode() != wire.RcodeRefused {
		t.Errorf("AXFR over TCP: %s", m.Header.Flags.Rcode())
	}
}

func TestBadMessages(t *testing.T) {
	g := newRig(t)
	good := query("web.example.org", wire.TypeA, 0, 1232, true)
	with := func(change func(m []byte) []byte) []byte { return change(append([]byte(nil), good...)) }
	for _, c := range []struct {
		name  string
		msg   []byte
		rcode wire.Rcode
	}{
		{"no question", with(func(m []byte) []byte { m[5] = 0; return m[:12] }), wire.RcodeFormErr},
		{"two questions", with(func(m []byte) []byte { m[5] = 2; return m }), wire.RcodeFormErr},
		{"question cut off", good[:20], wire.RcodeFormErr},
		{"OPT cut off", good[:len(good)-3], wire.RcodeFormErr},
		{"garbage at the end", append(append([]byte(nil), good...), 1), wire.RcodeFormErr},
		{"pointer in the question", with(func(m []byte) []byte { m[12], m[13] = 0xc0, 12; return m }), wire.RcodeFormErr},
		{"EDNS version 1", with(func(m []byte) []byte { m[len(m)-5] = 1; return m }), wire.RcodeBadVers},
		{"option overruns OPT", with(func(m []byte) []byte { m[len(m)-1] = 4; return append(m, 0, 3, 0, 9) }), wire.RcodeFormErr},
		{"two OPT", with(func(m []byte) []byte { m[11] = 2; return append(m, m[len(m)-11:]...) }), wire.RcodeFormErr},
		{"opcode 2", with(func(m []byte) []byte { m[2] = 2 << 3; return m }), wire.RcodeNotImp},
		{"opcode 15", with(func(m []byte) []byte { m[2] = 15 << 3; return m }), wire.RcodeNotImp},
		{"UPDATE without handler", with(func(m []byte) []byte { m[2] = 5 << 3; return m }), wire.RcodeNotImp},
		{"class ANY", with(func(m []byte) []byte { m[32] = 255; return m }), wire.RcodeRefused},
		{"NOTIFY for a host", with(func(m []byte) []byte { m[2] = 4 << 3; return m }), wire.RcodeFormErr},
		{"NOTIFY for an unknown zone", with(func(m []byte) []byte { m[2] = 4 << 3; m[30] = 6; return m }), wire.RcodeNotAuth},
	} {
		reply := g.ask(c.msg, false)
		e := edns(t, reply)
		if rcode := e.Rcode | reply.Header.Flags.Rcode(); rcode != c.rcode || reply.Header.Flags&wire.FlagAA != 0 {
			t.Errorf("%s: %s, flags %x; want %s", c.name, rcode, reply.Header.Flags, c.rcode)
		}
	}
	notify := query("example.org", wire.TypeSOA, wire.Flags(0).WithOpcode(wire.OpcodeNotify), 0, false)
	if f := g.ask(notify, false).Header.Flags; f.Rcode() != wire.RcodeNoError || f&wire.FlagAA == 0 || f.Opcode() != wire.OpcodeNotify {
		t.Errorf("NOTIFY: flags %x", f)
	}
}

func TestTruncation(t *testing.T) {
	g := newRig(t)
	text := exampleZone
	for i := range 60 {
		text += fmt.Sprintf("big 60 IN TXT \"%050d\"\n", i)
	}
	g.authority.Catalog().Put(build(t, "example.org", text))
	for _, c := range []struct {
		size  uint16
		limit int
		tc    bool
	}{{0, 512, true}, {100, 512, true}, {1232, 1232, true}, {4096, 1232, true}, {65535, 1232, true}} {
		raw := g.send(query("big.example.org", wire.TypeTXT, 0, c.size, false), false)
		m, err := wire.ParseMessage(raw)
		if err != nil {
			t.Fatal(err)
		}
		if tc := m.Header.Flags&wire.FlagTC != 0; tc != c.tc || len(raw) > c.limit || tc && len(m.Answer) > 0 {
			t.Errorf("size %d: %d octets, TC %t, %d answers", c.size, len(raw), tc, len(m.Answer))
		}
	}
	if m := g.ask(query("big.example.org", wire.TypeTXT, 0, 0, false), true); len(m.Answer) != 60 || m.Header.Flags&wire.FlagTC != 0 {
		t.Errorf("over TCP: %d answers", len(m.Answer))
	}
}

func TestSignatures(t *testing.T) {
	g := newRig(t)
	for _, c := range []struct {
		name string
		bend func(key *tsig.Key, msg []byte) // before and after signing
		skew time.Duration
		want wire.Rcode
	}{
		{"good", nil, 0, wire.RcodeNoError},
		{"late", nil, time.Hour, wire.RcodeNotAuth},
		{"other secret", func(k *tsig.Key, _ []byte) { k.Secret = []byte("anothersecretanother") }, 0, wire.RcodeNotAuth},
		{"other key", func(k *tsig.Key, _ []byte) { k.Name = wire.MustParseName("other.key") }, 0, wire.RcodeNotAuth},
	} {
		for _, tcp := range []bool{false, true} {
			key := g.key
			if c.bend != nil {
				c.bend(&key, nil)
			}
			msg, session, err := tsig.SignRequest(query("web.example.org", wire.TypeA, 0, 0, false), key, g.now.Add(c.skew))
			if err != nil {
				t.Fatal(err)
			}
			reply := g.send(msg, tcp)
			m, err := wire.ParseMessage(reply)
			if err != nil {
				t.Fatal(err)
			}
			if m.Header.Flags.Rcode() != c.want {
				t.Errorf("%s: %s, want %s", c.name, m.Header.Flags.Rcode(), c.want)
			}
			if n := len(m.Additional); n == 0 || m.Additional[n-1].Type != wire.TypeTSIG {
				t.Errorf("%s: the reply has no TSIG", c.name)
			}
			if _, err := session.VerifyResponse(reply, g.now); (err == nil) != (c.want == wire.RcodeNoError) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
	// A truncated reply is signed, and has nothing but its header to offer.
	text := exampleZone
	for i := range 60 {
		text += fmt.Sprintf("big 60 IN TXT \"%050d\"\n", i)
	}
	g.authority.Catalog().Put(build(t, "example.org", text))
	msg, session, err := tsig.SignRequest(query("big.example.org", wire.TypeTXT, 0, 0, false), g.key, g.now)
	if err != nil {
		t.Fatal(err)
	}
	reply := g.send(msg, false)
	m, err := wire.ParseMessage(reply)
	if err != nil || len(reply) > 512 || m.Header.Flags&wire.FlagTC == 0 || len(m.Answer)+len(m.Authority) > 0 {
		t.Errorf("truncated and signed: %+v, %v", m, err)
	}
	if _, err := session.VerifyResponse(reply, g.now); err != nil {
		t.Error(err)
	}
}

func TestUpdateIsHandedOn(t *testing.T) {
	g := newRig(t)
	var got authority.Request
	g.authority.SetUpdateHandler(func(r authority.Request, reply func([]byte)) {
		got = r
		reply([]byte("reply"))
	})
	msg, _, err := tsig.SignRequest(query("example.org", wire.TypeSOA, wire.Flags(0).WithOpcode(wire.OpcodeUpdate), 0, false), g.key, g.now)
	if err != nil {
		t.Fatal(err)
	}
	if reply := g.send(msg, true); reply != nil {
		t.Errorf("answered at once: %x", reply)
	}
	if string(g.sent) != "reply" || !got.TCP || got.TSIG == nil || got.TSIG.Key() != g.key.Name.Lower() {
		t.Errorf("sent %q, request %+v", g.sent, got)
	}
	if m, err := wire.ParseMessage(got.Message); err != nil || len(m.Additional) != 0 {
		t.Errorf("the handler got %+v, %v", m, err)
	}
}

// TestUpdateBeforeItsHandler: right after the start the handler is only late, and NOTIMP would make the client give up.
func TestUpdateBeforeItsHandler(t *testing.T) {
	g := newRig(t)
	var since atomic.Int64
	since.Store(g.now.UnixNano())
	g.responder.serving = &since
	msg := query("example.org", wire.TypeSOA, wire.Flags(0).WithOpcode(wire.OpcodeUpdate), 0, false)
	if reply := g.send(msg, false); reply != nil {
		t.Errorf("answered %x", reply)
	}
	if got := g.ask(msg, true).Header.Flags.Rcode(); got != wire.RcodeServFail {
		t.Errorf("over TCP: %s", got)
	}
	g.now = g.now.Add(handlerTime)
	for _, tcp := range []bool{false, true} {
		if got := g.ask(msg, tcp).Header.Flags.Rcode(); got != wire.RcodeNotImp {
			t.Errorf("when none came: %s", got)
		}
	}
}

func TestCounters(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	g.send(query("web.example.org", wire.TypeA, wire.FlagRD, 1232, true), false)
	g.send(query("nope.example.org", wire.TypeA, 0, 0, false), true)
	g.send(query("example.com", wire.TypeA, 0, 0, false), false)
	g.send(query("sub.example.org", wire.TypeA, 0, 0, false), false)
	want := map[int]uint64{reqV4: 4, reqEDNS0: 1, reqDO: 1, reqUDP: 3, reqTCP: 1, opQuery: 4, responses: 4, respEDNS0: 1,
		qrySuccess: 1, qryAuthAns: 2, qryNoAuthAns: 2, qryReferral: 1, authQryRej: 1, qryRecursion: 1,
		rcodeNoError: 2, rcodeNoError + 3: 1, rcodeNoError + 5: 1}
	for i, d := range definitions() {
		if got := s.counters.Value(i); got != want[i] {
			t.Errorf("%s is %d, want %d", d.Path, got, want[i])
		}
	}
	values := s.snapshot(&server.Counters{})["zones"].(map[string]any)["_SERVER_"].(map[string]any)
	if got := values["request"].(map[string]any)["v4"]; got != uint64(4) {
		t.Errorf("snapshot says %v", got)
	}
}

// Of a message whose signature is bad only where it came from, its opcode and the signature are counted.
func TestCountersOfBadSignature(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	key := g.key
	key.Secret = []byte("anothersecretanother")
	msg, _, err := tsig.SignRequest(query("web.example.org", wire.TypeA, wire.FlagRD, 1232, true), key, g.now)
	if err != nil {
		t.Fatal(err)
	}
	g.send(msg, false)
	want := map[int]uint64{reqV4: 1, reqUDP: 1, reqTSIG: 1, reqBadSig: 1, opQuery: 1, responses: 1, respEDNS0: 1, respTSIG: 1, rcodeNoError + int(wire.RcodeNotAuth): 1}
	for i, d := range definitions() {
		if got := s.counters.Value(i); got != want[i] {
			t.Errorf("%s is %d, want %d", d.Path, got, want[i])
		}
	}
}

func FuzzHandle(f *testing.F) {
	for _, name := range []string{"web.example.org", "a.old.example.org", "x.wild.example.org", "sub.example.org"} {
		for _, t := range []wire.Type{wire.TypeA, wire.TypeANY, wire.TypeDS} {
			f.Add(query(name, t, 0, 600, true), false)
		}
	}
	g := newRig(f)
	g.configure(`"server_id": "` + strings.Repeat("x", maxIdentity) + `", "require_server_cookie": true`)
	asked := wire.AppendOption(wire.AppendOption(wire.AppendOption(nil, wire.OptionNSID, nil), wire.OptionKeepalive, nil), wire.OptionCookie, []byte("client's"))
	for _, class := range []wire.Class{wire.ClassIN, wire.ClassCH} {
		f.Add(withOptions("id.server", wire.TypeTXT, class, asked), true)
		f.Add(withOptions("web.example.org", wire.TypeA, class, asked), false)
	}
	signed, _, err := tsig.SignRequest(query("www.example.org", wire.TypeA, 0, 0, false), g.key, g.now)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed, true)
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		if len(msg) < wire.HeaderSize || msg[2]&0x80 != 0 || len(msg) > wire.MaxMessage {
			return // never arrives
		}
		var q wire.Query
		q.Parse(msg)
		reply := g.send(msg, tcp)
		if len(reply) == 0 {
			t.Fatalf("%x is not answered", msg)
		}
		m, err := wire.ParseMessage(reply)
		if err != nil {
			t.Fatalf("%x is answered %x: %v", msg, reply, err)
		}
		if m.Header.ID != q.Header.ID || m.Header.Flags&wire.FlagQR == 0 || m.Header.Flags.Opcode() != q.Header.Flags.Opcode() {
			t.Fatalf("%x is answered %x: it is no answer to it", msg, reply)
		}
		limit := 512
		if q.EDNS.Present {
			limit = max(limit, min(int(q.EDNS.Size), server.MaxUDP))
		}
		if !tcp && len(reply) > limit {
			t.Fatalf("a datagram of %d octets to who takes %d", len(reply), limit)
		}
		if q.Name == "" || q.Header.Flags.Opcode() == wire.OpcodeUpdate { // those go back without (RFC 2136 section 2.2)
			return
		}
		// Errors of the form may leave the question away.
		if rcode := m.Header.Flags.Rcode(); len(m.Question) != 1 && rcode != wire.RcodeFormErr && rcode != wire.RcodeNotImp ||
			len(m.Question) == 1 && (!m.Question[0].Name.Equal(q.Name) || m.Question[0].Type != q.Type || m.Question[0].Class != q.Class) {
			t.Fatalf("%x is answered %x: not what was asked", msg, reply)
		}
	})
}

// largeZone has 100,000 hosts with two addresses each.
func largeZone(t testing.TB) *zone.Version {
	t.Helper()
	origin := wire.MustParseName("large.example")
	v, err := zone.Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for rr, err := range lines("@ 3600 IN SOA ns1 hostmaster 1 3600 600 86400 300\n@ 3600 IN NS ns1\n@ 3600 IN NS ns2\nns1 3600 IN A 192.0.2.1\nns2 3600 IN A 192.0.2.2\n", origin) {
			if !yield(rr, err) {
				return
			}
		}
		for i := range 100000 {
			owner, err := origin.Child(fmt.Sprintf("host%d", i))
			a := wire.RR{Name: owner, Type: wire.TypeA, Class: wire.ClassIN, TTL: 600, Data: binary.BigEndian.AppendUint32(nil, uint32(i))}
			aaaa := wire.RR{Name: owner, Type: wire.TypeAAAA, Class: wire.ClassIN, TTL: 600, Data: binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))}
			if !yield(a, err) || !yield(aaaa, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAnswerAllocatesNothing(t *testing.T) {
	g := newRig(t)
	for _, name := range []string{"web.example.org", "www.example.org", "nope.example.org", "x.wild.example.org", "a.old.example.org", "sub.example.org", "example.com"} {
		msg := query(name, wire.TypeA, 0, 1232, true)
		req := server.NewRequest(msg, netip.MustParseAddrPort("127.0.0.1:5300"), false, nil)
		if n := testing.AllocsPerRun(100, func() { g.Handle(req, g.out[:0]) }); n != 0 {
			t.Errorf("%s: %v allocations an answer", name, n)
		}
	}
}

// TestZoneGoesWithItsConfiguration: a responder that nobody asks any more keeps no zone that was taken out of service.
func TestZoneGoesWithItsConfiguration(t *testing.T) {
	g := newRig(t)
	old := weak.Make(g.authority.Catalog().Get(wire.ClassIN, wire.MustParseName("example.org")).Version())
	for _, name := range []string{"web.example.org", "nope.example.org"} {
		g.ask(query(name, wire.TypeA, 0, 1232, true), false)
	}
	g.authority.Catalog().Replace(nil)
	runtime.GC()
	if old.Value() != nil {
		t.Error("the zone is still in memory")
	}
	runtime.KeepAlive(g)
}

func BenchmarkAnswer(b *testing.B) {
	g := newRig(b)
	g.authority.Catalog().Put(largeZone(b))
	const many = 1 << 12
	var reqs [many]*server.Request
	for _, kind := range []struct {
		name, format string
		step         int
	}{{"A", "host%d.large.example", 24}, {"NXDOMAIN", "none%d.large.example", 1}} {
		for i := range reqs {
			reqs[i] = server.NewRequest(query(fmt.Sprintf(kind.format, i*kind.step), wire.TypeA, 0, 1232, false), netip.MustParseAddrPort("127.0.0.1:5300"), false, nil)
		}
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if len(g.Handle(reqs[i%many], g.out[:0])) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
