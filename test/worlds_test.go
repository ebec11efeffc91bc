package test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
)

const (
	worldSeed      = 20261124
	worldQuestions = 4000
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
	explained, bad, kinds := map[string]int{}, 0, map[string]int{}
	for range worldQuestions {
		q := worldQuestion(r, zones)
		msg := q.message()
		var mine answer
		for i, n := range servers {
			reply, err := n.exchange(msg, busy*time.Second)
			if err != nil || reply == nil {
				t.Fatalf("%s asked of %s: %v", q, n.name, err)
			}
			m, err := wire.ParseMessage(reply)
			if err != nil {
				t.Fatalf("%s asked of %s: %v", q, n.name, err)
			}
			if limit := max(512, q.limit()); len(reply) > limit {
				t.Errorf("%s: %s sends %d octets", q, n.name, len(reply))
			}
			a := wholeAnswer(q, m)
			if i == 0 {
				mine = a
				continue
			}
			if mine.same(a) {
				continue
			}
			if why := explainWorld(n.name, q, mine, a); why != "" {
				explained[n.name+": "+why]++
				continue
			}
			bad++
			if kinds[n.name]++; kinds[n.name] <= 12 {
				t.Errorf("%s\nbundy %s\n\tadditional\n\t\t%s\n%s %s\n\tadditional\n\t\t%s", q, mine, strings.Join(mine.additional, "\n\t\t"), n.name, a, strings.Join(a.additional, "\n\t\t"))
			}
		}
	}
	t.Logf("%d questions (seed %d), %d differences that are not explained %v", worldQuestions, seeded(worldSeed), bad, kinds)
	for why, n := range explained {
		t.Logf("%5d %s", n, why)
	}
}

// limit is the length in octets that a datagram may have.
func (q probe) limit() int {
	switch {
	case !q.edns:
		return 512
	case q.size == 0:
		return 1232
	}
	return min(int(q.size), 1232)
}

// wholeAnswer is normalAnswer with the additional section, and without the zone's own name servers behind an answer.
func wholeAnswer(q probe, m *wire.Message) answer {
	a := normalAnswer(q, m)
	for _, rr := range m.Additional {
		if rr.Type != wire.TypeOPT {
			a.additional = append(a.additional, recordText(rr))
		}
	}
	return a
}

func (a answer) same(o answer) bool {
	return a.equal(o) && fmt.Sprint(a.additional) == fmt.Sprint(o.additional)
}

func explainWorld(server string, q probe, ours, theirs answer) string { return "" }

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
