package auth

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"bundy/internal/dns/cookie"
	"bundy/internal/dns/server"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/suite/logging"
)

// withOptions is a question with EDNS and options.
func withOptions(name string, t wire.Type, class wire.Class, options []byte) []byte {
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	b.SetHeader(7, 0)
	b.AddQuestion(wire.Question{Name: wire.MustParseName(name), Type: t, Class: class})
	b.AddOPT(wire.EDNS{Size: 1232}, options)
	return b.Bytes()
}

// optionsOf gives the options of a message by code, and its whole code.
func optionsOf(t *testing.T, m *wire.Message) (map[wire.OptionCode]string, wire.Rcode) {
	t.Helper()
	all := map[wire.OptionCode]string{}
	rcode := m.Header.Flags.Rcode()
	for _, rr := range m.Additional {
		if rr.Type != wire.TypeOPT {
			continue
		}
		rcode |= wire.Rcode(rr.TTL>>24) << 4
		for b := rr.Data; len(b) > 0; {
			n := 4 + int(binary.BigEndian.Uint16(b[2:]))
			all[wire.OptionCode(binary.BigEndian.Uint16(b))] = string(b[4:n])
			b = b[n:]
		}
	}
	return all, rcode
}

func TestUDPSize(t *testing.T) {
	g := newRig(t)
	msg := query("web.example.org", wire.TypeA, 0, 4096, false)
	if e := edns(t, g.ask(msg, false)); e.Size != 1232 {
		t.Errorf("says %d, want 1232", e.Size)
	}
	g.configure(`"max_udp_size": 4096`)
	if e := edns(t, g.ask(msg, false)); e.Size != 4096 {
		t.Errorf("says %d, want 4096", e.Size)
	}
}

// What a server does not know it ignores and does not repeat (RFC 8906 section 8.2).
func TestUnknownEDNS(t *testing.T) {
	g := newRig(t)
	msg := withOptions("web.example.org", wire.TypeA, wire.ClassIN, wire.AppendOption(nil, 100, []byte("what")))
	opt := len(msg) - wire.OPTSize - 8
	msg[opt+7] = 0x40 // a flag beside DO
	m := g.ask(msg, false)
	options, rcode := optionsOf(t, m)
	if rcode != wire.RcodeNoError || len(options) != 0 || len(m.Answer) != 1 {
		t.Errorf("%s, options %v, %d answers", rcode, options, len(m.Answer))
	}
	if ttl := m.Additional[len(m.Additional)-1].TTL; ttl != 0 {
		t.Errorf("flags %x", ttl)
	}
	msg[opt+6] = 1 // a version that is not there yet
	options, rcode = optionsOf(t, g.ask(msg, false))
	if rcode != wire.RcodeBadVers || len(options) != 0 {
		t.Errorf("version 1: %s, options %v", rcode, options)
	}
}

func TestCookies(t *testing.T) {
	g := newRig(t)
	ask := func(sent []byte, tcp bool) (string, wire.Rcode, int) {
		t.Helper()
		m := g.ask(withOptions("web.example.org", wire.TypeA, wire.ClassIN, wire.AppendOption(nil, wire.OptionCookie, sent)), tcp)
		options, rcode := optionsOf(t, m)
		return options[wire.OptionCookie], rcode, len(m.Answer)
	}
	client := []byte("client's")
	got, rcode, answers := ask(client, false)
	if len(got) != cookie.Size || got[:8] != string(client) || rcode != wire.RcodeNoError || answers != 1 {
		t.Fatalf("cookie %x, %s, %d answers", got, rcode, answers)
	}
	if again, _, _ := ask([]byte(got), false); again != got {
		t.Errorf("a fresh cookie was answered with %x", again)
	}
	g.now = g.now.Add(40 * time.Minute)
	if again, rcode, _ := ask([]byte(got), false); again == got || len(again) != cookie.Size || rcode != wire.RcodeNoError {
		t.Errorf("an old cookie was answered with %x, %s", again, rcode)
	}

	g.configure(`"require_server_cookie": true`)
	fresh, rcode, answers := ask(client, false)
	if len(fresh) != cookie.Size || rcode != wire.RcodeBadCookie || answers != 0 {
		t.Errorf("without a server's part: %x, %s, %d answers", fresh, rcode, answers)
	}
	if _, rcode, answers = ask([]byte(fresh), false); rcode != wire.RcodeNoError || answers != 1 {
		t.Errorf("with it: %s, %d answers", rcode, answers)
	}
	if _, rcode, _ = ask(client, true); rcode != wire.RcodeNoError {
		t.Errorf("over TCP: %s", rcode)
	}
	if m := g.ask(query("web.example.org", wire.TypeA, 0, 0, false), false); len(m.Answer) != 1 {
		t.Errorf("a client without cookies: %s", m.Header.Flags.Rcode())
	}
	forged := bytes.Clone([]byte(fresh))
	forged[20] ^= 1
	if _, rcode, _ = ask(forged, false); rcode != wire.RcodeBadCookie {
		t.Errorf("forged: %s", rcode)
	}

	g.configure(`"answer_cookie": false, "require_server_cookie": true`)
	if got, rcode, answers := ask(client, false); got != "" || rcode != wire.RcodeNoError || answers != 1 {
		t.Errorf("turned off: cookie %x, %s, %d answers", got, rcode, answers)
	}

	// The secret of RFC 9018 appendix A and another server that has it, too.
	g.configure(`"cookie_secrets": ["000102030405060708090a0b0c0d0e0f", "e5e973e5a6b2a43f48e7dc849e37bfcf"]`)
	secret, err := cookie.ParseSecret("e5e973e5a6b2a43f48e7dc849e37bfcf")
	if err != nil {
		t.Fatal(err)
	}
	others := cookie.NewJar(secret).Append(nil, client, netip.MustParseAddr("127.0.0.1"), g.now)
	s := newStatistics()
	g.countIn(s)
	if _, rcode, _ := ask(others, false); rcode != wire.RcodeNoError || s.counters.Value(reqGoodCookie) != 1 {
		t.Errorf("another server's cookie: %s, %d good", rcode, s.counters.Value(reqGoodCookie))
	}
}

// A message without a question may ask for a cookie (RFC 7873 section 5.4).
func TestCookieWithoutQuestion(t *testing.T) {
	g := newRig(t)
	for _, c := range []struct {
		option []byte
		want   wire.Rcode
		cookie bool
	}{
		{wire.AppendOption(nil, wire.OptionCookie, []byte("client's")), wire.RcodeNoError, true},
		{wire.AppendOption(nil, wire.OptionCookie, make([]byte, 24)), wire.RcodeBadCookie, true},
		{nil, wire.RcodeFormErr, false},
	} {
		var b wire.Builder
		b.Reset(nil, wire.MaxMessage)
		b.AddOPT(wire.EDNS{Size: 1232}, c.option)
		options, rcode := optionsOf(t, g.ask(b.Bytes(), false))
		if _, given := options[wire.OptionCookie]; rcode != c.want || given != c.cookie {
			t.Errorf("%x: %s, options %v; want %s", c.option, rcode, options, c.want)
		}
	}
}

func TestNSID(t *testing.T) {
	g := newRig(t)
	msg := withOptions("web.example.org", wire.TypeA, wire.ClassIN, wire.AppendOption(nil, wire.OptionNSID, nil))
	if options, _ := optionsOf(t, g.ask(msg, false)); len(options) != 0 {
		t.Errorf("not configured: %v", options)
	}
	g.configure(`"server_id": "ns1.example"`)
	if options, _ := optionsOf(t, g.ask(msg, false)); options[wire.OptionNSID] != "ns1.example" {
		t.Errorf("options %v", options)
	}
	if options, _ := optionsOf(t, g.ask(query("web.example.org", wire.TypeA, 0, 1232, false), false)); len(options) != 0 {
		t.Errorf("not asked: %v", options)
	}
}

func TestExtendedErrors(t *testing.T) {
	g := newRig(t)
	with := func(name string, opcode wire.Opcode, t wire.Type) []byte {
		return query(name, t, wire.Flags(0).WithOpcode(opcode), 1232, false)
	}
	for _, c := range []struct {
		what string
		msg  []byte
		tcp  bool
		acl  string
		want string
	}{
		{"no zone", with("example.com", 0, wire.TypeA), false, "ACCEPT", "\x00\x14"},
		{"a zone that is not loaded", with("x.broken.example", 0, wire.TypeA), false, "ACCEPT", "\x00\x0e"},
		{"not allowed", with("example.org", 0, wire.TypeA), false, "REJECT", "\x00\x12"},
		{"a transfer", with("example.org", 0, wire.TypeAXFR), true, "ACCEPT", "\x00\x12"},
		{"an opcode", with("example.org", 6, wire.TypeA), false, "ACCEPT", "\x00\x15"},
		{"no error", with("web.example.org", 0, wire.TypeA), false, "ACCEPT", ""},
		{"no such name", with("nope.example.org", 0, wire.TypeA), false, "ACCEPT", ""},
	} {
		g.configure(`"query_acl": [{"action": "` + c.acl + `"}]`)
		if options, rcode := optionsOf(t, g.ask(c.msg, c.tcp)); options[wire.OptionError] != c.want {
			t.Errorf("%s: %q, %s", c.what, options[wire.OptionError], rcode)
		}
	}
}

func TestKeepalive(t *testing.T) {
	g := newRig(t)
	msg := withOptions("web.example.org", wire.TypeA, wire.ClassIN, wire.AppendOption(nil, wire.OptionKeepalive, nil))
	for _, c := range []struct {
		tcp  bool
		idle time.Duration
		text string
		want string
		stay bool
	}{
		{true, 30 * time.Second, "", "\x01\x2c", true},
		{true, 0, "", "\x00\x00", true}, // crowded
		{true, 30 * time.Second, `"tcp_keepalive_timeout": 0`, "", false},
		{false, 0, "", "", false},
	} {
		g.configure(c.text)
		req := server.NewRequest(msg, netip.MustParseAddrPort("127.0.0.1:5300"), c.tcp, nil)
		req.Idle = c.idle
		m, err := wire.ParseMessage(g.Handle(req, g.out[:0]))
		if err != nil {
			t.Fatal(err)
		}
		options, _ := optionsOf(t, m)
		if options[wire.OptionKeepalive] != c.want || req.Stay != c.stay {
			t.Errorf("TCP %t, %q: options %v, stay %t", c.tcp, c.text, options, req.Stay)
		}
	}
}

func TestQueryACL(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	g.configure(`"query_acl": [{"action": "DROP", "from": "127.0.0.1", "NOT": {"key": "test.key"}}, {"action": "ACCEPT", "key": "test.key"}]`)
	msg := query("web.example.org", wire.TypeA, 0, 0, false)
	if reply := g.send(msg, false); reply != nil {
		t.Errorf("answered %x", reply)
	}
	signed, _, err := tsig.SignRequest(msg, g.key, g.now)
	if err != nil {
		t.Fatal(err)
	}
	if m := g.ask(signed, false); len(m.Answer) != 1 {
		t.Errorf("with a key: %s", m.Header.Flags.Rcode())
	}
	g.configure(`"query_acl": []`)
	if m := g.ask(msg, false); m.Header.Flags.Rcode() != wire.RcodeRefused {
		t.Errorf("without rules: %s", m.Header.Flags.Rcode())
	}
	notify := query("example.org", wire.TypeSOA, wire.Flags(0).WithOpcode(wire.OpcodeNotify), 0, false)
	if m := g.ask(notify, false); m.Header.Flags.Rcode() != wire.RcodeNoError {
		t.Errorf("a NOTIFY is no query: %s", m.Header.Flags.Rcode())
	}
	for i, want := range map[int]uint64{aclDropped: 1, aclRejected: 1, authQryRej: 1, responses: 3} {
		if got := s.counters.Value(i); got != want {
			t.Errorf("%s is %d, want %d", definitions()[i].Path, got, want)
		}
	}
}

// TestQueryACLOfZones: the list of a zone counts in the place of the common one, and no alias leads around it.
func TestQueryACLOfZones(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	head := "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	g.authority.Catalog().Put(build(t, "Secret.Example", head+"www 60 A 192.0.2.9\nout 60 CNAME web.example.org.\n"))
	g.authority.Catalog().Put(build(t, "public.example", head+"in 60 CNAME www.secret.example.\nsub 60 NS ns.secret.example.\n"))
	ask := func(name string, key bool) string {
		t.Helper()
		msg := query(name, wire.TypeA, 0, 0, false)
		if key {
			signed, _, err := tsig.SignRequest(msg, g.key, g.now)
			if err != nil {
				t.Fatal(err)
			}
			msg = signed
		}
		reply := g.send(msg, false)
		if reply == nil {
			return "nothing"
		}
		m, err := wire.ParseMessage(reply)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(m.Header.Flags.Rcode(), " ", len(m.Answer))
	}
	for _, c := range []struct {
		text string
		want map[string]string // by name, with + for signed ones
	}{
		{`"zones": [{"origin": "secret.EXAMPLE", "query_acl": [{"action": "ACCEPT", "key": "test.key"}]}]`, map[string]string{
			"www.secret.example": "REFUSED 0", "+www.secret.example": "NOERROR 1", "web.example.org": "NOERROR 1",
			"in.public.example": "NOERROR 1", "+in.public.example": "NOERROR 2", "+out.secret.example": "NOERROR 2"}},
		{`"query_acl": [], "zones": [{"origin": "public.example", "query_acl": [{"action": "ACCEPT"}]}, {"origin": "secret.example", "query_acl": [{"action": "DROP"}]}]`, map[string]string{
			"www.secret.example": "nothing", "web.example.org": "REFUSED 0", "in.public.example": "NOERROR 1", "other.test": "REFUSED 0"}},
		{`"zones": [{"origin": "secret.example", "class": "CH"}]`, map[string]string{"www.secret.example": "NOERROR 1", "in.public.example": "NOERROR 2"}},
		{``, map[string]string{"www.secret.example": "NOERROR 1", "in.public.example": "NOERROR 2"}},
	} {
		g.configure(c.text)
		for name, want := range c.want {
			if got := ask(strings.TrimPrefix(name, "+"), name[0] == '+'); got != want {
				t.Errorf("%s: %s: %s, want %s", c.text, name, got, want)
			}
		}
	}
	if rejected, dropped := s.counters.Value(aclRejected), s.counters.Value(aclDropped); rejected != 3 || dropped != 1 {
		t.Errorf("%d rejected, %d dropped", rejected, dropped)
	}
}

// What is wrong with keys is told: those that nobody can have, and some of the signatures that fail.
func TestKeyTroubleIsTold(t *testing.T) {
	rec := logging.NewRecorder()
	s, err := decoded(t, `"query_acl": [{"action": "ACCEPT", "key": ["test.key", "other.key"]}],
		"zones": [{"origin": "a", "query_acl": [{"action": "ACCEPT", "NOT": {"key": "OTHER.key"}}]}, {"origin": "b", "query_acl": [{"action": "ACCEPT", "key": "third.key"}]}]`)
	if err != nil {
		t.Fatal(err)
	}
	g := newRig(t)
	c := &component{log: rec.Logger("Auth")}
	c.missKeys(s.policy, g.authority.Keys())
	if n := rec.Count("AUTH_ACL_KEY_UNKNOWN"); n != 2 {
		t.Errorf("%d keys are missed: %v", n, rec.Entries())
	}
	g.log, g.strangers = rec.Logger("Auth"), rate.NewLimiter(0, strangerBurst)
	counters := newStatistics()
	g.countIn(counters)
	g.key.Name = wire.MustParseName("other.key")
	for range 3 * strangerBurst {
		msg, _, err := tsig.SignRequest(query("web.example.org", wire.TypeA, 0, 0, false), g.key, g.now)
		if err != nil {
			t.Fatal(err)
		}
		g.ask(msg, false)
	}
	if told, counted := rec.Count("AUTH_TSIG_FAIL"), counters.counters.Value(reqBadSig); told != strangerBurst || counted != 3*strangerBurst {
		t.Errorf("%d bad signatures are told, %d counted", told, counted)
	}
}

// TestTruncateANY: answers to ANY serve nobody to flood others, and who is no attacker gets them.
func TestTruncateANY(t *testing.T) {
	g := newRig(t)
	msg := query("example.org", wire.TypeANY, 0, 0, false)
	if m := g.ask(msg, false); m.Header.Flags&wire.FlagTC != 0 || len(m.Answer) == 0 {
		t.Errorf("by default: %d records, flags %x", len(m.Answer), m.Header.Flags)
	}
	g.configure(`"truncate_any": true`)
	if m := g.ask(msg, false); m.Header.Flags&(wire.FlagTC|wire.FlagAA) != wire.FlagTC|wire.FlagAA || len(m.Answer)+len(m.Authority) != 0 {
		t.Errorf("%d records, flags %x", len(m.Answer), m.Header.Flags)
	}
	if m := g.ask(msg, true); m.Header.Flags&wire.FlagTC != 0 || len(m.Answer) == 0 {
		t.Errorf("over TCP: %d records, flags %x", len(m.Answer), m.Header.Flags)
	}
	if m := g.ask(query("nosuch.example.org", wire.TypeANY, 0, 0, false), false); m.Header.Flags&wire.FlagTC != 0 || m.Header.Flags.Rcode() != wire.RcodeNXDomain {
		t.Errorf("a name that is not there: flags %x", m.Header.Flags)
	}
	if m := g.ask(query("web.example.org", wire.TypeA, 0, 0, false), false); m.Header.Flags&wire.FlagTC != 0 || len(m.Answer) != 1 {
		t.Errorf("another type: flags %x", m.Header.Flags)
	}
}

func TestIdentity(t *testing.T) {
	g := newRig(t)
	ask := func(name string) string {
		t.Helper()
		m := g.ask(withOptions(name, wire.TypeTXT, wire.ClassCH, nil), false)
		if rcode := m.Header.Flags.Rcode(); rcode != wire.RcodeNoError || len(m.Answer) != 1 {
			return rcode.String()
		}
		return string(m.Answer[0].Data[1:])
	}
	for _, c := range []struct{ text, version, versionServer, hostname, id string }{
		{`"hostname": "here"`, "REFUSED", "Bundy ", "here", "REFUSED"}, // no data source of class CH in this test
		{`"version": "none", "hostname": "none"`, "REFUSED", "REFUSED", "REFUSED", "REFUSED"},
		{`"version": "9 \"x\\", "hostname": "a", "server_id": "b"`, `9 "x\`, `9 "x\`, "a", "b"},
		{`"hostname": "", "server_id": ""`, "REFUSED", "Bundy ", "REFUSED", "REFUSED"},
	} {
		g.configure(c.text)
		got := [...]string{ask("version.bind"), ask("Version.Server"), ask("hostname.bind"), ask("id.server")}
		want := [...]string{c.version, c.versionServer, c.hostname, c.id}
		for i := range got {
			if got[i] != want[i] && !(i == 1 && want[i] == "Bundy " && len(got[i]) > 6 && got[i][:6] == "Bundy ") {
				t.Errorf("%s: %q, want %q", c.text, got, want)
			}
		}
	}
	g.configure(`"hostname": "here"`)
	m := g.ask(withOptions("hostname.bind", wire.TypeA, wire.ClassCH, nil), false)
	if m.Header.Flags.Rcode() != wire.RcodeNoError || len(m.Answer) != 0 || len(m.Authority) != 1 {
		t.Errorf("another type: %+v", m)
	}
}

func TestRateLimit(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	const limits = `"rate_limit": {"responses_per_second": 5, "nxdomains_per_second": 5, "failures_per_second": 5, "slip": 2`
	tally := func(n int, next func(i int) []byte, tcp bool) (sent, truncated, dropped int) {
		t.Helper()
		g.now = g.now.Add(time.Minute)
		for i := range n {
			reply := g.send(next(i), tcp)
			switch {
			case reply == nil:
				dropped++
			case reply[2]&2 != 0:
				truncated++
				if m, err := wire.ParseMessage(reply); err != nil || len(m.Answer)+len(m.Authority) != 0 || len(m.Question) != 1 {
					t.Errorf("truncated: %+v, %v", m, err)
				}
			default:
				sent++
			}
		}
		return sent, truncated, dropped
	}
	same := func(int) []byte { return query("web.example.org", wire.TypeA, 0, 1232, false) }
	signed, _, err := tsig.SignRequest(same(0), g.key, g.now)
	if err != nil {
		t.Fatal(err)
	}
	proof := cookie.NewJar(cookie.Secret{1}).Append(nil, []byte("client's"), netip.MustParseAddr("127.0.0.1"), g.now.Add(9*time.Minute))
	for _, c := range []struct {
		name string
		text string
		next func(i int) []byte
		tcp  bool
		want [3]int
	}{
		{"one answer", limits + "}", same, false, [3]int{5, 15, 15}},
		{"the case of the name does not matter", limits + "}", func(i int) []byte {
			return query([]string{"web.example.org", "WEB.example.org"}[i%2], wire.TypeA, 0, 0, false)
		}, false, [3]int{5, 15, 15}},
		{"names that are not there", limits + "}", func(i int) []byte {
			return query("n"+string(rune('a'+i%20))+".example.org", wire.TypeA, 0, 0, false)
		}, false, [3]int{5, 15, 15}},
		{"names below a wildcard", limits + "}", func(i int) []byte {
			return query("n"+string(rune('a'+i%20))+".wild.example.org", wire.TypeTXT, 0, 0, false)
		}, false, [3]int{5, 15, 15}},
		{"errors", limits + "}", func(i int) []byte { return query("example.com", wire.TypeA, 0, 0, false) }, false, [3]int{5, 15, 15}},
		{"over TCP", limits + "}", same, true, [3]int{35, 0, 0}},
		{"signed", limits + "}", func(int) []byte { return bytes.Clone(signed) }, false, [3]int{5, 15, 15}}, // too late: no proof
		{"exempt", limits + `, "exempt_clients": [{"action": "ACCEPT", "from": "127.0.0.0/8"}]}`, same, false, [3]int{35, 0, 0}},
		{"with a cookie", limits + "}", func(int) []byte {
			return withOptions("web.example.org", wire.TypeA, wire.ClassIN, wire.AppendOption(nil, wire.OptionCookie, proof))
		}, false, [3]int{35, 0, 0}},
		{"log only", limits + `, "log_only": true}`, same, false, [3]int{35, 0, 0}},
		{"no limit", "", same, false, [3]int{35, 0, 0}},
	} {
		g.configure(c.text)
		var got [3]int
		got[0], got[1], got[2] = tally(35, c.next, c.tcp)
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if n, m := s.counters.Value(rateDropped), s.counters.Value(rateTruncated); n != 7*15 || m != 7*15 {
		t.Errorf("counted %d dropped, %d truncated", n, m)
	}
}

func TestLimitsAllocateNothing(t *testing.T) {
	g := newRig(t)
	g.configure(`"server_id": "x", "rate_limit": {"responses_per_second": 1000, "all_per_second": 1000}, "query_acl": [{"action": "ACCEPT", "from": ["192.0.2.0/24", "127.0.0.0/8"]}]`)
	option := wire.AppendOption(wire.AppendOption(nil, wire.OptionCookie, []byte("client's")), wire.OptionNSID, nil)
	req := server.NewRequest(withOptions("web.example.org", wire.TypeA, wire.ClassIN, option), netip.MustParseAddrPort("127.0.0.1:5300"), false, nil)
	if n := testing.AllocsPerRun(100, func() { g.Handle(req, g.out[:0]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPolicyErrors(t *testing.T) {
	for text, want := range map[string]string{
		`"query_acl": [{"action": "ALLOW"}]`:                                            `Auth/query_acl[0]/action: want ACCEPT, REJECT or DROP, found "ALLOW"`,
		`"zones": [{"origin": "a"}, {"origin": "A."}]`:                                  "Auth/zones[1]: zone A. of class IN stands twice in the list",
		`"zones": [{"origin": "a..b", "class": "XX", "query_acl": [{"action": "NO"}]}]`: "Auth/zones[0]/query_acl[0]/action: want ACCEPT, REJECT or DROP, found \"NO\"\nAuth/zones[0]/origin: bad domain name \"a..b\": empty label\nAuth/zones[0]/class: unknown class",
		`"rate_limit": {"exempt_clients": [{"from": "here"}]}`:                          "Auth/rate_limit/exempt_clients[0]",
		`"cookie_secrets": ["00"]`:                                                      "Auth/cookie_secrets[0]: a cookie secret is 32 hexadecimal digits",
		`"server_id": "` + string(bytes.Repeat([]byte("x"), 129)) + `"`:                 "Auth/server_id: longer than 128 octets",
	} {
		if _, err := decoded(t, text); err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The server's own secret changes, and cookies stay valid; what limits have counted stays, too, unless limits change.
func TestRotation(t *testing.T) {
	c := &component{jar: cookie.NewJar(cookie.NewSecret())}
	s, err := decoded(t, `"rate_limit": {"responses_per_second": 5}`)
	if err != nil {
		t.Fatal(err)
	}
	c.use(s.policy)
	client, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1800000000, 0)
	first := c.policy.Load()
	given := first.jar.Append(nil, []byte("client's"), client, now)
	c.rotateSecret()
	if valid, fresh := c.policy.Load().jar.Check(given, client, now); !valid || fresh {
		t.Errorf("after one rotation: valid %t, fresh %t", valid, fresh)
	}
	c.rotateSecret()
	if valid, _ := c.policy.Load().jar.Check(given, client, now); valid {
		t.Error("still valid after two rotations")
	}
	c.use(s.policy)
	if c.policy.Load().limiter != first.limiter || first.limiter == nil {
		t.Error("another limiter for the same limits")
	}
	if s, err = decoded(t, `"rate_limit": {"responses_per_second": 6}, "cookie_secrets": ["000102030405060708090a0b0c0d0e0f"]`); err != nil {
		t.Fatal(err)
	}
	c.use(s.policy)
	if c.policy.Load().limiter == first.limiter {
		t.Error("the same limiter for other limits")
	}
	own := c.policy.Load().jar.Append(nil, []byte("client's"), client, now)
	c.rotateSecret()
	if valid, fresh := c.policy.Load().jar.Check(own, client, now); !valid || !fresh {
		t.Error("a configured secret was rotated")
	}
}
