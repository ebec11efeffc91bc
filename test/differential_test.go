package test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bundy/internal/dns/wire"
)

// differentialSeed makes the zones and questions of TestDifferential.
const differentialSeed = 20260923

// TestDifferential asks bundy, NSD, Knot DNS and BIND the same questions about the same signed zones. Every difference
// must be one that the table of known differences explains.
func TestDifferential(t *testing.T) {
	needs(t, "nsd", "knotd", "named", "dnssec-signzone", "dnssec-keygen", "ldns-signzone", "ldns-keygen")
	seed := seeded(differentialSeed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := newSuite(t, "single")
	zones := makeSigned(t, s.dir, r)
	for _, z := range zones {
		if out, err := s.loadzone(z.origin, z.file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	s.start()
	s.script(s.dnsScript() + "config commit\n")
	servers := connect(t, s, zones)
	w := world{}
	for _, z := range zones {
		w = append(w, wire.MustParseName(z.origin))
	}
	asked, explained, bad := 0, map[string]int{}, 0
	for range 5000 {
		q := randomQuestion(r, zones)
		asked++
		for _, n := range servers {
			if err := n.send(q); err != nil {
				t.Fatalf("%s asked of %s: %v", q, n.name, err)
			}
		}
		ours, err := servers[0].receive()
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		mine := normalAnswer(ours)
		for _, n := range servers[1:] {
			theirs, err := n.receive()
			if err != nil {
				t.Fatalf("%s asked of %s: %v", q, n.name, err)
			}
			other := normalAnswer(theirs)
			if mine.equal(other) {
				continue
			}
			followed, left, err := w.complete(n, q, theirs)
			if err != nil {
				t.Fatalf("%s asked of %s: %v", q, n.name, err)
			}
			if left {
				if other = normalAnswer(followed); mine.equal(other) {
					explained[n.name+": "+followsAliases]++
					continue
				}
			}
			if why := explain(n.name, q, mine, other); why != "" {
				explained[n.name+": "+why]++
				continue
			}
			if bad++; bad <= 12 {
				t.Errorf("%s\nbundy %s\n%s %s", q, mine, n.name, other)
			}
		}
	}
	t.Logf("%d questions (seed %d), %d differences that are not explained", asked, seed, bad)
	for why, n := range explained {
		t.Logf("%5d %s", n, why)
	}
}

// questionTypes are asked for; the common ones stand more than once.
var questionTypes = []string{"A", "A", "A", "AAAA", "TXT", "MX", "SRV", "NS", "NS", "DS", "DS", "DS", "SOA", "CNAME", "CNAME", "DNAME",
	"DNSKEY", "CDS", "NSEC", "NSEC3", "NSEC3PARAM", "RRSIG", "ANY", "TYPE65400"}

// randomQuestion asks for a name of a zone, or for one above, below or beside it.
func randomQuestion(r *rand.Rand, zones []*signedZone) probe {
	z := zones[r.IntN(len(zones))]
	n := wire.MustParseName(z.names[r.IntN(len(z.names))])
	origin := wire.MustParseName(z.origin)
	for r.IntN(4) == 0 && len(n) > len(origin) {
		n = n.Parent()
	}
	for r.IntN(2) == 0 {
		label := []string{"a", "b", "x", "www", "zz", "*", "-", "\x00", "WWW", "ns"}[r.IntN(10)]
		if below, err := n.Child(label); err == nil {
			n = below
		}
	}
	typ, err := wire.ParseType(questionTypes[r.IntN(len(questionTypes))])
	if err != nil {
		panic(err)
	}
	q := probe{name: n, qtype: typ}
	q.edns = r.IntN(5) > 0
	q.do = q.edns && r.IntN(4) > 0
	return q
}

// answer is what of a reply is compared: header, and the sections as sets.
type answer struct {
	rcode             wire.Rcode
	flags             wire.Flags
	answer, authority []string
	additional        []string // filled and compared only where a test does so
}

func (a answer) equal(o answer) bool {
	return a.rcode == o.rcode && a.flags == o.flags && slices.Equal(a.answer, o.answer) && slices.Equal(a.authority, o.authority)
}

func (a answer) String() string {
	return fmt.Sprintf("%s %04x\n\tanswer\n\t\t%s\n\tauthority\n\t\t%s", a.rcode, uint16(a.flags), strings.Join(a.answer, "\n\t\t"), strings.Join(a.authority, "\n\t\t"))
}

// normalAnswer leaves out what servers may add as they like: the zone's own name servers behind an answer (RFC 1034
// section 4.3.2 does not ask for them).
func normalAnswer(m *wire.Message) answer {
	a := answer{rcode: m.Header.Flags.Rcode(), flags: m.Header.Flags & (wire.FlagAA | wire.FlagTC | wire.FlagAD | wire.FlagCD)}
	for _, rr := range m.Answer {
		a.answer = append(a.answer, recordText(rr))
	}
	for _, rr := range m.Authority {
		a.authority = append(a.authority, recordText(rr))
	}
	for _, s := range []*[]string{&a.answer, &a.authority} {
		slices.Sort(*s)
		*s = slices.Compact(*s)
	}
	return a
}

// recordText gives a record in a form that is short and the same for all servers.
func recordText(rr wire.RR) string {
	text := fmt.Sprintf("%s %d %s", rr.Name.Lower(), rr.TTL, rr.Type)
	if rr.Type == wire.TypeRRSIG {
		text += " " + wire.Type(binary.BigEndian.Uint16(rr.Data)).String()
	}
	for _, n := range wire.DataNames(rr.Type, rr.Data) {
		text += " " + n.Lower().String()
	}
	if rr.Type != wire.TypeRRSIG {
		data := slices.Clone(rr.Data)
		for i, c := range data {
			if 'A' <= c && c <= 'Z' {
				data[i] += 'a' - 'A'
			}
		}
		text += fmt.Sprintf(" %.24x", data)
	}
	return text
}

// difference is a way in which a server answers otherwise than bundy, and why bundy does as it does.
type difference struct {
	servers string
	why     string
	is      func(q probe, ours, theirs answer) bool
}

// endlessDNAME: the last alias is one that a DNAME makes of a name below it, and it leads below that DNAME again.
var endlessDNAME = difference{"nsd knot named", "RFC 6672 section 3.2: a DNAME into what lies below itself leads on without end; one step of it is given, they give several, and BIND SERVFAIL",
	func(q probe, ours, theirs answer) bool {
		for _, d := range ours.answer {
			f := strings.Fields(d)
			if f[2] != "DNAME" || !strings.HasSuffix(f[3], "."+f[0]) {
				continue
			}
			below := func(s string) bool { return !strings.HasSuffix(strings.Fields(s)[0], "."+f[0]) }
			made := slices.DeleteFunc(slices.Clone(theirs.answer), func(s string) bool { return slices.Contains(ours.answer, s) })
			return within(ours.answer, theirs.answer) && len(ours.authority)+len(theirs.authority) == 0 &&
				len(withoutType(made, "CNAME")) == 0 && !slices.ContainsFunc(made, below)
		}
		return false
	}}

// aliasLoop: BIND fails where the target of one of the aliases is an alias that is there already.
var aliasLoop = difference{"named", "RFC 1034 section 3.6.2: a loop of aliases is data as good as any; it says SERVFAIL with the same records",
	func(q probe, ours, theirs answer) bool {
		owners := map[string]bool{}
		for _, s := range ours.answer {
			owners[strings.Fields(s)[0]] = true
		}
		for _, s := range ours.answer {
			if f := strings.Fields(s); f[2] != "RRSIG" && !owners[f[3]] && f[2] != "DNAME" {
				return false
			}
		}
		return theirs.rcode == wire.RcodeServFail && slices.Equal(ours.answer, theirs.answer) && len(ours.answer) > 0
	}}

// knownDifferences are those that are meant. What is in none is a fault.
var knownDifferences = []difference{
	{"nsd knot named", "RFC 8482 section 4.1 allows a subset for ANY, and the same is done for RRSIG; all are given here",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeRRSIG || q.qtype == wire.TypeANY) && theirs.rcode == ours.rcode && len(theirs.answer) > 0 &&
				within(theirs.answer, ours.answer) && within(theirs.authority, ours.authority)
		}},
	{"nsd", "RFC 5155 section 7.2.3: for a name that exists, here a wildcard asked for itself, the one record that matches it proves enough; it adds one that covers what is below",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == theirs.rcode && slices.Equal(ours.answer, theirs.answer) && within(ours.authority, theirs.authority) &&
				only(theirs.authority, ours.authority, "NSEC3") && (q.name.IsWildcard() || leadsToWildcard(ours.answer))
		}},
	{"nsd", "RFC 5155 section 7.2.8 speaks of the owner names of NSEC3 records alone; it answers any question for NSEC3 with no data, aliases or not",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeNSEC3 && len(theirs.answer) == 0 && len(ours.answer) > 0
		}},
	{"knot named", "RFC 6840 section 4.3: no data at an alias is bogus to a validator, so that it is followed for NSEC and RRSIG too; they do not",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeRRSIG || q.qtype == wire.TypeNSEC) && len(ours.answer) > len(theirs.answer) && within(theirs.answer, ours.answer) &&
				strings.Contains(strings.Join(ours.answer, " "), " CNAME ")
		}},
	{"nsd", "RFC 5155 sections 7.2.4 and 7.2.7: absence of a DS record in an opt-out span is shown by a closest provable encloser proof; it leaves the encloser out",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == theirs.rcode && slices.Equal(ours.answer, theirs.answer) && within(theirs.authority, ours.authority) &&
				only(ours.authority, theirs.authority, "NSEC3") && strings.Contains(q.name.String(), "optout")
		}},
	{"knot", "RFC 4035 section 3.1.3.3, RFC 5155 sections 7.2.5 and 7.2.6: a wildcard stands also for a name that has the label * itself; it leaves out that the name does not exist",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == theirs.rcode && slices.Equal(ours.answer, theirs.answer) && within(theirs.authority, ours.authority) &&
				within(withoutType(withoutType(ours.authority, "NSEC3"), "NSEC"), theirs.authority) && (strings.Contains(q.name.String(), "*.") || leadsToWildcard(ours.answer))
		}},
	{"nsd", "RFC 4035 section 3.1.3.2: that nothing is there is shown for what a DNAME leads to; it shows less",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == theirs.rcode && slices.Equal(ours.answer, theirs.answer) && within(withoutType(theirs.authority, "NSEC"), ours.authority) &&
				strings.Contains(strings.Join(ours.answer, " "), " DNAME ") && within(withoutType(ours.authority, "NSEC"), theirs.authority)
		}},
	endlessDNAME,
	{"named", "RFC 3225 section 3: without DO no signatures are given that are not asked for; it gives them for ANY",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeANY && !q.do && slices.Equal(ours.answer, withoutType(theirs.answer, "RRSIG"))
		}},
	{"nsd knot", "RFC 5155 sections 6 and 7.2.2: an empty non-terminal that opt-out left out is no closest provable encloser; NSD proves with it nonetheless, Knot fails",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == wire.RcodeNXDomain && theirs.rcode == ours.rcode && strings.Contains(q.name.String(), "optout") && q.do &&
				(slices.Equal(ours.answer, theirs.answer) || len(theirs.answer) == 0) && within(withoutType(theirs.authority, "NSEC3"), ours.authority)
		}},
	{"named", "RFC 4035 section 3.1.4 wants a referral below the cut, and NSEC records stand on both sides of it; it answers from the upper side",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeNSEC && ours.flags&wire.FlagAA == 0 && len(ours.answer) == 0 && len(theirs.answer) > 0
		}},
	{"knot named", "RFC 6672 section 3.2 step 3c: what a DNAME leads to is looked up for any type; BIND does not for ANY, and Knot not in another zone",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeANY && within(theirs.answer, ours.answer) && strings.Contains(strings.Join(theirs.answer, " "), " DNAME ") && len(theirs.authority) == 0
		}},
	aliasLoop,
	{"knot", "RFC 4035 section 3.1.3.3: that a wildcard was expanded is shown in the authority section, also when the answer is an NSEC record; it leaves that out",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeNSEC || q.qtype == wire.TypeANY) && slices.Equal(ours.answer, theirs.answer) && within(theirs.authority, ours.authority) &&
				only(ours.authority, theirs.authority, "NSEC")
		}},
	{"knot named", "RFC 4035 section 3.1.3.4: a wildcard without data must be shown to be one, also when it is an empty non-terminal; they leave that out",
		func(q probe, ours, theirs answer) bool {
			return ours.rcode == theirs.rcode && slices.Equal(ours.answer, theirs.answer) && within(theirs.authority, ours.authority) &&
				only(ours.authority, theirs.authority, "NSEC") && strings.Contains(strings.Join(ours.authority, " "), ".*.")
		}},
}

// explain gives the reason of a known difference, "" if there is none.
func explain(server string, q probe, ours, theirs answer) string {
	for _, d := range knownDifferences {
		if strings.Contains(d.servers, server) && d.is(q, ours, theirs) {
			return d.why
		}
	}
	return ""
}

// within tells whether all of a is in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// only tells whether what a has and b has not are records of one type and their signatures.
func only(a, b []string, typ string) bool { return within(withoutType(a, typ), b) }

// withoutType gives the records that are not of one type, nor signatures of it.
func withoutType(records []string, typ string) []string {
	return slices.DeleteFunc(slices.Clone(records), func(s string) bool {
		f := strings.Fields(s)
		return f[2] == typ || f[2] == "RRSIG" && f[3] == typ
	})
}

// leadsToWildcard tells whether an alias in the answer leads to a wildcard.
func leadsToWildcard(answer []string) bool {
	return slices.ContainsFunc(answer, func(s string) bool {
		f := strings.Fields(s)
		return f[2] == "CNAME" && strings.HasPrefix(f[3], "*.")
	})
}

// zoneOf gives the last two labels of a name.
func zoneOf(name string) string {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	return strings.Join(labels[max(0, len(labels)-2):], ".")
}

// startServer runs a server until the test ends.
func startServer(t *testing.T, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	out := &lockedBuffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			text := out.String()
			t.Logf("%s said:\n%s", program, text[max(0, len(text)-5000):])
		}
	})
}

func startNSD(t *testing.T, s *suite, zones []*signedZone) (string, netip.AddrPort) {
	port := freePort(t, s.address)
	conf := fmt.Sprintf("server:\n  ip-address: %s@%d\n  server-count: 1\n  username: \"\"\n  zonesdir: %q\n  database: \"\"\n  pidfile: %q\n  xfrdfile: %q\n  zonelistfile: %q\n  xfrdir: %[3]q\n  rrl-ratelimit: 0\n  minimal-responses: yes\n  tcp-query-count: 0\nremote-control:\n  control-enable: no\n",
		s.address, port, s.dir, s.dir+"/nsd.pid", s.dir+"/nsd.state", s.dir+"/nsd.list")
	for _, z := range zones {
		conf += fmt.Sprintf("zone:\n  name: %q\n  zonefile: %q\n", z.origin, z.file)
	}
	startServer(t, "nsd", "-d", "-c", s.write("nsd.conf", conf))
	return "nsd", netip.AddrPortFrom(s.address, port)
}

func startKnot(t *testing.T, s *suite, zones []*signedZone) (string, netip.AddrPort) {
	port := freePort(t, s.address)
	conf := fmt.Sprintf("server:\n  listen: %s@%d\n  rundir: %q\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: %q\nlog:\n  - target: stderr\n    any: warning\ntemplate:\n  - id: default\n    zonefile-sync: -1\n    semantic-checks: off\nzone:\n",
		s.address, port, s.dir, s.dir+"/knot")
	for _, z := range zones {
		conf += fmt.Sprintf("  - domain: %q\n    file: %q\n", z.origin, z.file)
	}
	startServer(t, "knotd", "-c", s.write("knot.conf", conf))
	return "knot", netip.AddrPortFrom(s.address, port)
}

func startNamed(t *testing.T, s *suite, zones []*signedZone) (string, netip.AddrPort) {
	address := netip.MustParseAddr("127.0.0.1") // it listens only where an interface has the address
	port := freePort(t, address)
	conf := fmt.Sprintf("options { directory %q; listen-on port %d { %s; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; minimal-responses no-auth; zero-no-soa-ttl no; notify no; check-names primary ignore; tcp-clients 50; };\ncontrols { };\n",
		s.dir, port, address)
	for _, z := range zones {
		conf += fmt.Sprintf("zone %q { type primary; file %q; check-integrity no; };\n", z.origin, z.file)
	}
	startServer(t, "named", "-g", "-n", "1", "-c", s.write("named.conf", conf))
	return "named", netip.AddrPortFrom(address, port)
}
