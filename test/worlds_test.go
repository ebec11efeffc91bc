package test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

const (
	worldSeed      = 20261124
	worldQuestions = 2500
)

// TestWorlds asks all servers about zones that lie above, below and beside one another: what is in which section, the
// additional one included, and what is left of it in a datagram.
func TestWorlds(t *testing.T) {
	needs(t, "nsd", "knotd", "named")
	for _, root := range []bool{false, true} {
		t.Run(fmt.Sprintf("root=%t", root), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seeded(worldSeed), 0))
			s := newSuite(t, "single")
			zones := makeWorld(r, s, root)
			compareWorlds(t, r, zones, serveEverywhere(t, s, zones))
		})
	}
}

func compareWorlds(t *testing.T, r *rand.Rand, zones []*signedZone, servers []*nameServer) {
	w := world{}
	for _, z := range zones {
		w = append(w, wire.MustParseName(z.origin))
		for _, n := range servers {
			if m, err := n.ask(probe{name: wire.MustParseName(z.origin), qtype: wire.TypeSOA}); err != nil || len(m.Answer) != 1 {
				t.Fatalf("%s does not serve %s: %v", n.name, z.origin, err)
			}
		}
	}
	explained, cut, bad := map[string]int{}, 0, map[string]int{}
	for range worldQuestions {
		q := worldQuestion(r, zones)
		replies := make([]reply, len(servers))
		for i, n := range servers {
			replies[i] = n.both(t, q)
		}
		ours := replies[0]
		if ours.cut() {
			cut++
		}
		ours.check(t, q)
		for i, n := range servers[1:] {
			theirs := replies[i+1]
			if ours.cut() != theirs.cut() && !ours.border(theirs, q.limit()) {
				t.Errorf("%s: of %d octets bundy says TC: %t; of %d %s says TC: %t", q, ours.length, ours.cut(), theirs.length, n.name, theirs.cut())
			}
			if why := w.differ(n, q, ours.whole, theirs.whole); why == "" {
				continue
			} else if why[0] != '!' {
				explained[n.name+": "+why]++
			} else if bad[n.name]++; bad[n.name] <= 8 {
				mine, other := wholeAnswer(ours.whole), wholeAnswer(theirs.whole)
				t.Errorf("%s (%s)\nbundy %s\n\tadditional\n\t\t%s\n%s %s\n\tadditional\n\t\t%s", q, why[1:], mine, strings.Join(mine.additional, "\n\t\t"), n.name, other, strings.Join(other.additional, "\n\t\t"))
			}
		}
	}
	t.Logf("%d questions (seed %d), %d replies cut short, differences that are not explained: %v", worldQuestions, seeded(worldSeed), cut, bad)
	for why, n := range explained {
		t.Logf("%5d %s", n, why)
	}
}

// world is the origins of the zones that all servers have.
type world []wire.Name

// zoneOf gives the origin of the zone that answers for a name, "" if there is none.
func (w world) zoneOf(name wire.Name, qtype wire.Type) (zone wire.Name) {
	if qtype == wire.TypeDS && name != wire.Root {
		if z := w.zoneOf(name.Parent(), wire.TypeA); z != "" {
			return z
		}
	}
	for _, o := range w {
		if name.Lower().IsBelow(o) && len(o) > len(zone) {
			zone = o
		}
	}
	return zone
}

// differ compares the answer of a peer with ours: "" if they are the same, the reason of a difference that is meant, or "!"
// and what is wrong.
func (w world) differ(n *nameServer, q probe, ours, theirs *wire.Message) string {
	mine, other := wholeAnswer(ours), wholeAnswer(theirs)
	if mine.same(other) {
		return ""
	}
	followed, left, err := w.complete(n, q, theirs)
	if err != nil {
		return "!" + err.Error()
	}
	why := ""
	if left {
		why = followsAliases
		other = wholeAnswer(followed)
		other.additional = mine.additional // each zone has its own
		if mine.equal(other) {
			return why
		}
	}
	if n.name == "nsd" && len(other.answer) > 0 {
		other.additional = mine.additional // it is told to add nothing there
	}
	if mine.same(other) {
		return why
	}
	for _, d := range worldDifferences {
		if strings.Contains(d.servers, n.name) && d.is(q, mine, other) {
			return d.why
		}
	}
	return "!" + why
}

const followsAliases = "RFC 1034 section 4.3.2 step 3a: an alias into another zone of this server is followed there; it stops at the border of the zone"

// complete asks on, as a resolver would, where an alias in the answer of a peer leads into another zone of the same server.
func (w world) complete(n *nameServer, q probe, m *wire.Message) (whole *wire.Message, left bool, err error) {
	out := *m
	zone := w.zoneOf(q.name, q.qtype)
	name := q.name.Lower()
	for range 17 {
		next := wire.Name("")
		for _, rr := range out.Answer {
			if rr.Type == wire.TypeCNAME && rr.Name.Lower() == name && q.qtype != wire.TypeCNAME && q.qtype != wire.TypeANY {
				next = wire.DataNames(rr.Type, rr.Data)[0].Lower()
			}
		}
		if next == "" {
			break
		}
		name = next
		if other := w.zoneOf(name, q.qtype); other == "" {
			break
		} else if other != zone {
			left, zone = true, other
			on, err := n.ask(probe{name: name, qtype: q.qtype, edns: q.edns, do: q.do})
			if err != nil {
				return nil, false, err
			}
			// What it has for the name is of the zone it stayed in, to which the name does not belong.
			before := slices.DeleteFunc(slices.Clone(out.Answer), func(rr wire.RR) bool { return rr.Name.Lower() == name })
			out.Answer = append(before, on.Answer...)
			proofs := slices.Clone(out.Authority)
			if slices.ContainsFunc(proofs, func(rr wire.RR) bool { return rr.Type == wire.TypeNS || rr.Type == wire.TypeSOA }) {
				proofs = nil // that is what it ends with; proofs of the wildcards on the way stay
			}
			out.Authority, out.Additional = append(proofs, on.Authority...), on.Additional
			out.Header.Flags = out.Header.Flags.WithRcode(on.Header.Flags.Rcode())
		}
	}
	return &out, left, nil
}

// worldDifferences are those that are meant, besides the ones of aliases and datagrams.
var worldDifferences = []difference{
	endlessDNAME, aliasLoop,
	{"nsd", "RFC 4035 section 3.1.4.1: the zone above answers for DS, and there the apex of a zone that is not delegated is no name; it says that the name is there",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeDS && ours.rcode == wire.RcodeNXDomain && theirs.rcode == wire.RcodeNoError &&
				len(ours.answer)+len(theirs.answer) == 0 && slices.Equal(ours.authority, theirs.authority)
		}},
	{"nsd knot", "RFC 4592 section 4.2: what stands below a delegation is no data of the zone, so that no wildcard there makes addresses; they do of one",
		func(q probe, ours, theirs answer) bool {
			return ours.equal(theirs) && within(ours.additional, theirs.additional) && len(ours.authority) > 0 && strings.Contains(ours.authority[0], " NS ")
		}},
	{"named", "RFC 9471 section 2.2: addresses of servers beside the delegation are optional, and help; it leaves some out",
		func(q probe, ours, theirs answer) bool {
			return len(ours.authority) > 0 && ours.equal(theirs) && within(theirs.additional, ours.additional) && !slices.ContainsFunc(ours.additional, func(s string) bool {
				cut, _, _ := strings.Cut(ours.authority[0], " ")
				return !slices.Contains(theirs.additional, s) && strings.HasSuffix(strings.Fields(s)[0], "."+cut)
			})
		}},
	{"knot named", "RFC 9460 section 4.1: addresses of the targets of services and the records behind an alias belong there, and no CNAME; they have the ones of other names only",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeSVCB || q.qtype == wire.TypeHTTPS) && len(ours.answer) > 0 && ours.equal(theirs) &&
				(len(withoutType(theirs.additional, "CNAME")) < len(theirs.additional) || within(theirs.additional, ours.additional))
		}},
	{"knot", "RFC 4592 section 3.3.2: what a wildcard makes has the name that was looked for, in the additional section too; it has the wildcard's, and repeats the answer there",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeSVCB || q.qtype == wire.TypeHTTPS) && len(ours.answer) > 0 && ours.equal(theirs) && slices.ContainsFunc(theirs.additional, func(s string) bool {
				return strings.HasPrefix(s, "*.") || slices.Contains(ours.answer, s)
			})
		}},
	{"nsd", "RFC 1034 section 3.6.2: an alias is followed for every type but CNAME, for DS too; it says no data, and the NSEC record says that there is an alias",
		func(q probe, ours, theirs answer) bool {
			return q.qtype == wire.TypeDS && len(ours.answer) > 0 && strings.Contains(ours.answer[0], " CNAME ") && len(theirs.answer) == 0 && theirs.rcode == wire.RcodeNoError
		}},
	{"knot", "RFC 1183 sections 1 and 3.3, RFC 2230 section 2, RFC 3404 section 4.3: what these records lead to next belongs there; it adds nothing",
		func(q probe, ours, theirs answer) bool {
			return slices.Contains([]wire.Type{wire.TypeNAPTR, wire.TypeAFSDB, wire.TypeKX, wire.TypeRT}, q.qtype) && len(ours.answer) > 0 && ours.equal(theirs) && len(theirs.additional) == 0
		}},
	{"named", "RFC 1034 section 4.3.2 step 6: all addresses at hand may be of use; it leaves out those below a delegation, and all of the name servers of the zone",
		func(q probe, ours, theirs answer) bool {
			return len(ours.answer) > 0 && ours.equal(theirs) && within(theirs.additional, ours.additional) &&
				(q.qtype == wire.TypeNS && len(theirs.additional) == 0 || q.qtype == wire.TypeMX || q.qtype == wire.TypeSRV || q.qtype == wire.TypeAFSDB || q.qtype == wire.TypeKX || q.qtype == wire.TypeNAPTR)
		}},
	{"knot", "RFC 6672 section 3.3: below a wildcard that has a DNAME that record has its own name; it gives it the name that was asked for",
		func(q probe, ours, theirs answer) bool {
			at := slices.IndexFunc(ours.answer, func(s string) bool { return strings.HasPrefix(s, "*.") && strings.Contains(s, " DNAME ") })
			return at >= 0 && ours.rcode == theirs.rcode && slices.Equal(ours.authority, theirs.authority) &&
				slices.Equal(withoutType(ours.answer, "DNAME"), withoutType(theirs.answer, "DNAME"))
		}},
	{"knot named", "RFC 6840 section 4.3: no data at an alias is bogus to a validator, so that it is followed for NSEC and RRSIG too; they do not",
		func(q probe, ours, theirs answer) bool {
			return (q.qtype == wire.TypeRRSIG || q.qtype == wire.TypeNSEC) && strings.Contains(strings.Join(ours.answer, " "), " CNAME ") &&
				len(theirs.answer) < len(ours.answer) && within(theirs.answer, ours.answer) && theirs.rcode == wire.RcodeNoError && len(theirs.authority) == 1
		}},
}

// wholeAnswer is normalAnswer with the additional section, and without the zone's own name servers behind an answer.
func wholeAnswer(m *wire.Message) answer {
	a := normalAnswer(m)
	for _, rr := range m.Additional {
		if rr.Type != wire.TypeOPT {
			a.additional = append(a.additional, recordText(rr))
		}
	}
	slices.Sort(a.additional)
	a.additional = slices.Compact(a.additional) // Knot repeats addresses of a name that two records lead to
	return a
}

func (a answer) same(o answer) bool {
	return a.equal(o) && fmt.Sprint(a.additional) == fmt.Sprint(o.additional)
}

// worldQuestion asks for a name of a zone, or for one above, below or beside it.
func worldQuestion(r *rand.Rand, zones []*signedZone) probe {
	types := []string{"A", "A", "AAAA", "NS", "NS", "MX", "MX", "SRV", "SVCB", "HTTPS", "NAPTR", "TXT", "CNAME", "DNAME", "SOA", "DS", "DS", "AFSDB", "KX", "PTR", "RRSIG", "NSEC", "TYPE65400"}
	z := zones[r.IntN(len(zones))]
	n := wire.MustParseName(z.names[r.IntN(len(z.names))])
	for r.IntN(5) == 0 && len(n) > 1 {
		n = n.Parent()
	}
	for r.IntN(3) == 0 {
		label := []string{"a", "b", "x", "www", "zz", "*", "-", "\x00", "WWW", "ns", "_tcp", strings.Repeat("l", 63)}[r.IntN(12)]
		if below, err := n.Child(label); err == nil {
			n = below
		}
	}
	typ, err := wire.ParseType(types[r.IntN(len(types))])
	if err != nil {
		panic(err)
	}
	q := probe{name: n, qtype: typ, edns: r.IntN(3) > 0}
	q.do = q.edns && r.IntN(3) == 0
	if q.edns {
		q.size = []uint16{0, 0, 512, 600, 1232, 4096}[r.IntN(6)]
	}
	return q
}

// makeWorld makes zones that delegate to one another and to nobody.
func makeWorld(r *rand.Rand, s *suite, root bool) (zones []*signedZone) {
	origins := []string{"w.test.", "c.w.test.", "g.c.w.test.", "s.w.test.", "u.w.test.", "solo.", "deep.down.solo.", "other.test."}
	if root {
		origins = append(origins, ".")
	}
	var names []string
	for _, o := range origins {
		for range 5 {
			names = append(names, worldName(r, o))
		}
		names = append(names, "ns1."+strings.TrimPrefix(o, "."), "host."+strings.TrimPrefix(o, "."))
	}
	for i, o := range origins {
		z := &signedZone{origin: o}
		z.file = s.write(fmt.Sprintf("world%d", i), makeWorldZone(r, z, origins, names))
		zones = append(zones, z)
	}
	return zones
}

var worldLabels = []string{"a", "b", "www", "x-1", "Mixed", "*", "a\\.b", "\\000", strings.Repeat("l", 63), "host", "_tcp"}

func worldName(r *rand.Rand, origin string) string {
	n := strings.TrimPrefix(origin, ".")
	for range 1 + r.IntN(3) {
		n = worldLabels[r.IntN(len(worldLabels))] + "." + n
	}
	return n
}

// makeWorldZone writes a zone; others are names that its records may point to.
func makeWorldZone(r *rand.Rand, z *signedZone, origins, others []string) string {
	var b strings.Builder
	o := z.origin
	dot := strings.TrimPrefix(o, ".")
	fmt.Fprintf(&b, "$TTL 300\n%s 200 IN SOA ns1.%s host.%s 7 3600 900 604800 60\n", o, dot, dot)
	fmt.Fprintf(&b, "%s IN NS ns1.%s\n%[1]s IN NS ns.elsewhere.\n%[1]s IN NS %[3]s\nns1.%[2]s IN A 192.0.2.1\nns1.%[2]s IN AAAA 2001:db8::1\nhost.%[2]s IN A 192.0.2.2\n", o, dot, "host.other.test.")
	if o == "." {
		b.WriteString("ns.elsewhere. IN A 192.0.2.5\n")
	}
	z.names = append(z.names, o, "ns1."+dot, "host."+dot)
	kind := map[string]string{strings.ToLower(o): "host", "ns1." + strings.ToLower(dot): "host", "host." + strings.ToLower(dot): "host"}
	target := func() string {
		switch r.IntN(5) {
		case 0:
			return others[r.IntN(len(others))]
		case 1:
			return []string{"outside.", "ns1." + dot, "host." + dot, o, "host.other.test.", "ns1.c.w.test.", "ns1.w.test."}[r.IntN(7)]
		case 2:
			return "z." + worldName(r, o)
		}
		return worldName(r, o)
	}
	covered := func(n string) bool {
		for k, what := range kind {
			if (what == "dname") && strings.HasSuffix(n, "."+k) {
				return true
			}
		}
		return false
	}
	bare := func(n string) bool {
		for k := range kind {
			if strings.HasSuffix(k, "."+n) {
				return false
			}
		}
		return true
	}
	for _, child := range origins {
		_, above, _ := strings.Cut(child, ".")
		if above == "" {
			above = "."
		}
		if child != o && (above == o || o == "solo." && child == "deep.down.solo." || o == "." && (child == "w.test." || child == "other.test.")) && child != "u.w.test." {
			kind[child] = "cut"
			fmt.Fprintf(&b, "%s IN NS ns1.%[1]s\n%[1]s IN NS host.%s\nns1.%[1]s IN A 192.0.2.77\n", child, dot)
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN NS ns1.s.w.test.\n%[1]s IN DS 12345 13 2 %064x\n", child, r.Uint64())
			}
			z.names = append(z.names, child, "ns1."+child)
		}
	}
	for range 30 + r.IntN(20) {
		n := worldName(r, o)
		key := strings.ToLower(n)
		if kind[key] != "" || covered(key) {
			continue
		}
		z.names = append(z.names, n)
		what := "host"
		switch r.IntN(18) {
		case 0, 1:
			if strings.HasPrefix(n, "*.") {
				continue // BIND does not load name servers of a wildcard
			}
			what = "cut"
			fmt.Fprintf(&b, "%s IN NS %s\n%[1]s IN NS %[3]s\n", n, target(), target())
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN NS ns.%[1]s\nns.%[1]s IN A 192.0.2.9\nns.%[1]s IN AAAA 2001:db8::9\n", n)
				z.names = append(z.names, "ns."+n)
				kind["ns."+key] = "host"
			}
		case 2:
			if !bare(key) {
				continue
			}
			what = "dname"
			fmt.Fprintf(&b, "%s IN DNAME %s\n", n, target())
		case 3, 4, 5:
			what = "alias"
			fmt.Fprintf(&b, "%s IN CNAME %s\n", n, target())
		case 6:
			fmt.Fprintf(&b, "%s IN MX 5 %s\n%[1]s IN MX 10 %[3]s\n", n, target(), target())
		case 7:
			fmt.Fprintf(&b, "%s IN SRV 0 0 5060 %s\n%[1]s IN SRV 0 0 5061 %[3]s\n", n, target(), target())
		case 8:
			fmt.Fprintf(&b, "%s IN HTTPS 1 %s alpn=h2\n%[1]s IN HTTPS 2 . alpn=h3\n", n, target())
			fmt.Fprintf(&b, "%s IN A 192.0.2.33\n", n)
		case 9:
			fmt.Fprintf(&b, "%s IN SVCB 0 %s\n", n, target())
		case 10:
			fmt.Fprintf(&b, "%s IN NAPTR 100 10 \"s\" \"SIP+D2U\" \"\" %s\n%[1]s IN NAPTR 101 10 \"a\" \"SIP+D2U\" \"\" %[3]s\n", n, target(), target())
		case 11:
			fmt.Fprintf(&b, "%s IN AFSDB 1 %s\n%[1]s IN KX 1 %[3]s\n%[1]s IN PTR %[3]s\n", n, target(), target())
		case 12:
			for i := range 5 + r.IntN(40) {
				fmt.Fprintf(&b, "%s IN TXT \"%d %s\"\n", n, i, strings.Repeat("t", 10+r.IntN(30)))
			}
		case 13:
			for i := range 5 + r.IntN(60) {
				fmt.Fprintf(&b, "%s IN A 192.0.2.%d\n", n, i)
			}
		default:
			fmt.Fprintf(&b, "%s IN A 192.0.2.%d\n", n, r.IntN(200))
			if r.IntN(2) == 0 {
				fmt.Fprintf(&b, "%s IN AAAA 2001:db8::%x\n%[1]s IN TXT \"text\" \"more\"\n", n, 1+r.IntN(200))
			}
		}
		kind[key] = what
	}
	return b.String()
}
