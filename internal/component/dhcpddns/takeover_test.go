package dhcpddns

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/naming/publish/servertest"
	"bundy/internal/suite/logging"
)

// asked is how a client says its name: by host name (option 12), FQDN (option 81, as text or in wire form) or, in DHCPv6,
// option 39. In a row of a server that does not keep what its clients say, as Kea, the name stands as it came.
type asked struct {
	option string
	six    bool
	say    func(name string) (policy.Said, error) // an error: the server drops the packet; nil: it is in the row alone
}

var ways = [...]asked{
	{"12", false, func(name string) (policy.Said, error) { return policy.Said{Host: name}, nil }},
	{"81 text", false, func(name string) (policy.Said, error) {
		f, err := policy.ParseFQDN(append([]byte{1, 0, 0}, name...))
		return policy.Said{FQDN: f}, err
	}},
	{"81", false, func(name string) (policy.Said, error) {
		f, err := policy.ParseFQDN(append([]byte{5, 0, 0}, wireForm(name)...))
		return policy.Said{FQDN: f}, err
	}},
	{"39", true, func(name string) (policy.Said, error) {
		f, err := policy.ParseFQDN6(append([]byte{1}, wireForm(name)...))
		return policy.Said{FQDN: f}, err
	}},
	{"of a row", false, nil},
	{"of a row of DHCPv6", true, nil},
}

// wireForm writes a name as labels, whatever is in them; the dot alone separates. A final dot makes it fully qualified.
// Labels that are empty or too long for the form are written as far as they go.
func wireForm(name string) (b []byte) {
	name, full := strings.CutSuffix(name, ".")
	for _, l := range strings.Split(name, ".") {
		if l = l[:min(len(l), 63)]; l != "" {
			b = append(append(b, byte(len(l))), l...)
		}
	}
	if full {
		b = append(b, 0)
	}
	return b
}

// wantedNames are names that clients try to take, and whether they may have them: where they are empty nobody gets that
// name.
var wantedNames = []struct{ name, gets string }{
	{"static.lab.example.", ""},
	{"static6.lab.example.", ""},
	{"STATIC.lab.example.", ""},
	{"other.lab.example.", ""}, // the DHCID of another client
	{"text.lab.example.", ""},
	{"alias.lab.example.", ""},
	{"x.wild.lab.example.", "x.wild.lab.example."}, // a wildcard does not hold the names that it answers for
	{"*.wild.lab.example.", ""},
	{"*.lab.example.", ""},
	{"*", ""},
	{"lab.example.", ""},
	{"example.", ""},
	{".", ""},
	{"ns1.lab.example.", ""},  // the zone's name server, which has an address
	{"ns2.lab.example.", ""},  // and one that has none yet
	{"mail.lab.example.", ""}, // mail exchanger
	{"wpad.lab.example.", ""},
	{"WPAD.lab.example.", ""},
	{"wpad", ""},
	{"isatap.lab.example.", ""},
	{"localhost.lab.example.", ""},
	{"localhost.", ""},
	{"x.localhost.", ""},
	{"pc.test.", ""},
	{"pc.invalid.", ""},
	{"pc.local.", ""},
	{"pc.onion.", ""},
	{"www.example.com.", ""},
	{"1.2.0.192.in-addr.arpa.", ""},
	{"www.bank.net.", ""},
	{"st\x00atic.lab.example.", "st-atic.lab.example."},
	{"static\x00.lab.example.", ""}, // it becomes the static name
	{" static .lab.example.", ""},
	{"<script>alert(1)</script>", ""},
	{"a\"b\\c.lab.example.", "a-b-c.lab.example."},
	{"\x1b[31m.lab.example.", ""},
	{"line\nbreak.lab.example.", "line-break.lab.example."},
	{"\xff\xfe.lab.example.", ""},
	{"caf\xc3\xa9.lab.example.", "xn--caf-dma.lab.example."},
	{"..lab.example.", ""},
	{strings.Repeat("a", 70) + ".lab.example.", ""},
	{strings.Repeat("a.", 130), ""},
	{"${jndi:x}.lab.example.", ""},
	{"_ldap._tcp.lab.example.", ""},
}

// takeoverSite has a zone with everything that is to be left alone.
func takeoverSite(t *testing.T, dynamic bool) (s *site, foreign []string, logged func() string) {
	s = newSite(t)
	rr := func(owner string, typ wire.Type, data string) wire.RR {
		return wire.RR{Name: wire.MustParseName(owner), Type: typ, Class: wire.ClassIN, TTL: 60, Data: []byte(data)}
	}
	a, six := "\xcb\x00\x71\x01", string(netip.MustParseAddr("2001:db8:ffff::1").AsSlice())
	records := []wire.RR{
		rr("static.lab.example.", wire.TypeA, a), rr("static6.lab.example.", wire.TypeAAAA, six),
		rr("other.lab.example.", wire.TypeA, a), rr("other.lab.example.", wire.TypeDHCID, "\x00\x01\x01 the digest of another client...."),
		rr("text.lab.example.", wire.TypeTXT, "\x04mine"), rr("alias.lab.example.", wire.TypeCNAME, string(wire.MustParseName("static.lab.example."))),
		rr("*.wild.lab.example.", wire.TypeA, a), rr("ns1.lab.example.", wire.TypeA, a),
		rr("lab.example.", wire.TypeMX, "\x00\x0a"+string(wire.MustParseName("mail.lab.example."))),
		rr("a-b-c.lab.example.", wire.TypeMX, "\x00\x0a"+string(wire.MustParseName("mail.lab.example."))),
	}
	servers := []wire.RR{
		rr("lab.example.", wire.TypeNS, string(wire.MustParseName("ns1.lab.example."))),
		rr("lab.example.", wire.TypeNS, string(wire.MustParseName("ns2.lab.example."))),
	}
	s.dns.Add(t, append(slices.Clone(records), servers...)...)
	for _, r := range records {
		foreign = append(foreign, servertest.Text(r))
	}
	s.doc[dhcp4Name] = map[string]any{
		"dhcp-ddns": map[string]any{"enable-updates": true, "qualifying-suffix": "lab.example"},
		"subnet4":   []any{map[string]any{"subnet": "192.0.2.0/24"}},
	}
	s.doc[dhcp6Name] = map[string]any{
		"dhcp-ddns": map[string]any{"enable-updates": true, "qualifying-suffix": "lab.example"},
		"subnet6":   []any{map[string]any{"subnet": "2001:db8:1::/64"}},
	}
	if dynamic {
		s.doc[name]["dynamic_dns"] = map[string]any{"enabled": true, "domain": "lab.example", "hostname_source": []any{"fqdn", "client-hostname", "mac-fallback"}}
	}
	log := &bytes.Buffer{}
	root := logging.New(logging.Options{Stdout: log, Stderr: log})
	t.Cleanup(root.Close)
	if err := root.Configure(logging.Config{Loggers: []logging.LoggerConfig{{Name: "*", Severity: "DEBUG", DebugLevel: 99,
		OutputOptions: []logging.OutputConfig{{Destination: "console", Output: "stdout", Flush: true}}}}}); err != nil {
		t.Fatal(err)
	}
	s.log = root.Logger("DhcpDdns")
	return s, foreign, func() string {
		root.Close()
		return log.String()
	}
}

// put writes the row that our server writes for a client: with the name that it decides on, and what the client said.
func (s *site) put(t *testing.T, n int, way asked, asks string, life uint32) {
	t.Helper()
	l := lease.Lease{SubnetID: 1, ValidLifetime: life, Start: time.Now().UTC().Truncate(time.Second)}
	mac := fmt.Sprintf("\x02\x00\x00\x00\x00%c", n%128)
	l.Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
	l.HWType, l.HWAddr = 1, mac
	path, family := s.file(), lease.Family4
	if way.six {
		l.Address = netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%x", n))
		l.Kind, l.DUID, l.IAID, l.Preferred = lease.NA, "\x00\x03\x00\x01"+mac, 1, life
		path, family = strings.Replace(path, "leases4", "leases6", 1), lease.Family6
	}
	if way.say == nil {
		l.Hostname, l.FQDNForward, l.FQDNReverse = asks, true, true
		if !strings.HasSuffix(asks, ".") {
			l.Hostname += ".lab.example" // Kea's qualifying suffix
		}
	} else {
		plan, errs := policy.ReadPlan(s.doc[name], s.doc[dhcp4Name], s.doc[dhcp6Name])
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		what, err := way.say(asks)
		if err != nil {
			return
		}
		d := policy.Decide(plan.Config(l.Address), policy.ClientOf(l), what)
		l.Hostname, l.FQDNForward, l.FQDNReverse, l.UserContext = d.LeaseHostname(), d.Forward, d.Reverse, what.UserContext()
	}
	if s.rows == nil {
		s.rows = map[netip.Addr]lease.Lease{}
	}
	s.rows[l.Address] = l
	var b []byte
	if _, err := os.Stat(path); err != nil {
		b = lease.AppendHeader(nil, family)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(lease.AppendRow(b, l)); err != nil {
		t.Fatal(err)
	}
}

// TestTakeover lets clients ask for names that are not theirs, by every option: when they get an address, when they say
// another name later, and when the one who has a name gives it back. Nothing of anybody else's changes, and no name that
// machines trust comes to a client.
func TestTakeover(t *testing.T) {
	for _, dynamic := range []bool{false, true} {
		for _, way := range ways {
			t.Run(fmt.Sprintf("option %s, dynamic %v", way.option, dynamic), func(t *testing.T) {
				t.Parallel()
				takeover(t, dynamic, way)
			})
		}
	}
}

func takeover(t *testing.T, dynamic bool, way asked) {
	s, foreign, logged := takeoverSite(t, dynamic)
	s.start()
	s.ask(func(e *engine) bool { return e.targets.Barred(wire.MustParseName("ns2.lab.example.")) != "" })
	first := 10
	// All of them ask, then all have another name, then all ask by a rename, then all give their addresses back.
	for step, what := range []struct {
		life uint32
		own  bool
	}{{3600, false}, {3600, true}, {3600, false}, {0, false}} {
		for i, w := range wantedNames {
			asks := w.name
			if what.own || what.life == 0 {
				asks = fmt.Sprintf("own%d", i)
			}
			s.put(t, first+i, way, asks, what.life)
		}
		s.rest(t)
		s.untaken(t, step, foreign, what.own, what.life > 0, dynamic && way.option == "12")
	}
	// One who has a name gives it back: the one who waits gets it, and gives back nothing that is not his.
	s.put(t, 1, way, "shared", 3600)
	s.rest(t)
	s.put(t, 2, way, "shared", 3600)
	s.rest(t)
	holds := func(n int) string {
		a := netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		if way.six {
			a = netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%x", n))
		}
		return forward("shared.lab.example.", a.String())
	}
	has := func(n int) bool { return slices.Contains(s.published(), holds(n)) }
	if !has(1) || has(2) {
		t.Errorf("the second client took the name of the first, or nobody has it: %q", s.published())
	}
	s.put(t, 2, way, "shared", 0)
	s.rest(t)
	if !has(1) {
		t.Errorf("the release of the second client took the name from the first: %q", s.published())
	}
	s.put(t, 2, way, "shared", 3600)
	s.rest(t)
	s.put(t, 1, way, "shared", 0)
	s.rest(t)
	if has(1) || !has(2) {
		t.Errorf("the client that waited did not get the name: %q", s.published())
	}
	s.put(t, 2, way, "shared", 0)
	s.rest(t)
	s.untaken(t, -1, foreign, false, false, false)
	s.stop()
	harmless(t, "log", logged())
}

// rest waits until every row has been read, and nothing is left to do but what waits for somebody else.
func (s *site) rest(t *testing.T) {
	t.Helper()
	s.ask(func(e *engine) bool {
		for a, want := range s.rows {
			l, there := e.leaseOf(a)
			if there != (want.ValidLifetime > 0 && e.settings.names(want)) || there && (l.Hostname != want.Hostname || l.UserContext != want.UserContext) {
				return false
			}
		}
		return true
	})
	s.call("reconcile") // what waits for somebody else is tried again
	s.ask(func(e *engine) bool {
		busy := e.dirty.len() + e.running + len(e.news)
		for r := range e.store.All() {
			if r.State == owned.Adding && r.Kind == owned.Forward || r.State.Leaving() {
				busy++
			}
		}
		return busy == 0 && !e.targetsAsked
	})
}

// untaken tells whether DNS is as it must be.
func (s *site) untaken(t *testing.T, step int, foreign []string, own, active, oneLabel bool) {
	t.Helper()
	s.marks = true
	there := s.published()
	for _, text := range foreign {
		if !slices.Contains(there, text) {
			t.Errorf("step %d: somebody else's record has gone: %s", step, text)
		}
	}
	taken := map[string]bool{}
	for _, w := range wantedNames {
		if w.gets == "" {
			taken[strings.ToLower(w.name)] = true
		}
	}
	owns := 0
	for _, text := range there {
		if slices.Contains(foreign, text) {
			continue
		}
		owner, rest, _ := strings.Cut(text, " ")
		host, _, _ := strings.Cut(owner, ".")
		switch {
		case !active:
			t.Errorf("step %d: it is still there: %s", step, text)
		case taken[owner] || host == "wpad" || host == "isatap" || host == "localhost":
			t.Errorf("step %d: a client took %s", step, text)
		case strings.HasSuffix(owner, ".lab.example.") && strings.Trim(owner, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
			t.Errorf("step %d: no host name: %s", step, text)
		case strings.HasPrefix(rest, "PTR "):
			if !strings.Contains(text, fmt.Sprintf("%x", "\x03lab\x07example\x00")) {
				t.Errorf("step %d: an address points out of the domain: %s", step, text)
			}
		}
		if strings.HasPrefix(rest, "A") && strings.HasPrefix(owner, "own") {
			owns++
		}
	}
	if own && owns != len(wantedNames) { // those of packets that were dropped before are there by now
		t.Errorf("step %d: %d of %d clients have the names of their own", step, owns, len(wantedNames))
	}
	if active && !own {
		for _, w := range wantedNames {
			if oneLabel { // all that is taken from the host name
				host, _, _ := strings.Cut(w.gets, ".")
				w.gets = strings.TrimPrefix(host+".lab.example.", ".lab.example.")
			}
			if w.gets != "" && w.gets != "a-b-c.lab.example." && !slices.ContainsFunc(there, func(text string) bool { return strings.HasPrefix(text, w.gets+" A") }) {
				t.Errorf("step %d: nobody has %s", step, w.gets)
			}
		}
	}
	for _, command := range []string{"show", "leases", "status"} {
		answer := s.asked(command, nil)
		var v any
		if err := json.Unmarshal([]byte(answer), &v); err != nil {
			t.Fatal(err)
		}
		each(v, func(text string) { harmless(t, command, text) })
	}
}

func each(v any, fn func(string)) {
	switch v := v.(type) {
	case string:
		fn(v)
	case []any:
		for _, e := range v {
			each(e, fn)
		}
	case map[string]any:
		for k, e := range v {
			fn(k)
			each(e, fn)
		}
	}
}

// harmless complains of text that a terminal or a browser would take for more than text.
func harmless(t *testing.T, where, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if i := strings.IndexFunc(line, func(c rune) bool { return c < ' ' || c > '~' || c == '<' || c == '>' }); i >= 0 && !strings.Contains(line, "<nil>") {
			t.Errorf("%s shows %q", where, line)
			return
		}
	}
}

// TestRequestsForNamesThatNobodyMayHave: a server of another make asks for its clients what ours would not. Names that are
// protected later go, and one that the zone comes to stand on too.
func TestRequestsForNamesThatNobodyMayHave(t *testing.T) {
	s, foreign, logged := takeoverSite(t, false)
	s.doc[dhcp4Name], s.doc[dhcp6Name] = nil, nil
	s.start()
	s.ask(func(e *engine) bool { return e.targets.Barred(wire.MustParseName("ns2.lab.example.")) != "" })
	for i, n := range []string{"wpad", "isatap", "localhost", "ns1", "ns2", "mail", "static", "router", "PC"} {
		s.send(request4(ncr.Add, fmt.Sprintf("192.0.2.%d", 10+i), n+".lab.example."))
		s.send(request4(ncr.Add, fmt.Sprintf("2001:db8:1::%d", 10+i), n+".lab.example."))
	}
	last := func(names ...string) {
		t.Helper()
		var want []string
		for _, n := range names {
			i := map[string]int{"router": 17, "pc": 18}[n]
			want = append(want, both(n+".lab.example.", fmt.Sprintf("192.0.2.%d", i))[0], both(n+".lab.example.", fmt.Sprintf("192.0.2.%d", i))[1])
			want = append(want, reverse(n+".lab.example.", fmt.Sprintf("2001:db8:1::%d", i)), forward(n+".lab.example.", fmt.Sprintf("2001:db8:1::%d", i)))
		}
		for _, text := range foreign {
			if !strings.Contains(text, " DHCID ") {
				want = append(want, text)
			}
		}
		s.eventually(want...)
	}
	last("router", "pc")
	s.doc[name]["dynamic_dns"] = map[string]any{"protected_names": []any{"router"}}
	s.apply()
	last("pc")
	s.stop()
	if text := logged(); !strings.Contains(text, "wpad") || strings.Contains(text, "FATAL") {
		t.Errorf("the log:\n%s", text)
	}
}
