package zone_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

// chain says how a zone of the tests proves what it does not have.
type chain struct {
	nsec, nsec3, param bool
	iterations         uint16
	salt               string
	optOut             bool // names that begin with "o" have no NSEC3 record
}

// chainText gives the text of a zone with one A record at each name, and its chain with signatures that only look like
// some. A library hashes the names, as an oracle beside our own code.
func chainText(serial int, hosts []string, c chain) string {
	var b strings.Builder
	fmt.Fprintf(&b, "example. 300 IN SOA ns.example. host.example. %d 3600 600 86400 120\nexample. 300 IN NS ns.other.\n", serial)
	sig := func(owner, typ string) {
		fmt.Fprintf(&b, "%s 900 IN RRSIG %s 13 %d 300 20300101000000 20200101000000 1 example. AAAA\n", owner, typ, dns.CountLabel(owner))
	}
	sig("example.", "SOA")
	names := map[string]bool{"example.": true}
	for _, h := range hosts {
		fmt.Fprintf(&b, "%s 300 IN A 192.0.2.1\n", h)
		sig(h, "A")
		names[h] = true
	}
	link := func(owners []string, next func(int) string) {
		for i, o := range owners {
			b.WriteString(next(i))
			sig(o, strings.Fields(next(i))[3])
		}
	}
	if c.nsec {
		owners := slices.SortedFunc(maps.Keys(names), func(a, b string) int { return wire.MustParseName(a).Compare(wire.MustParseName(b)) })
		link(owners, func(i int) string {
			return fmt.Sprintf("%s 900 IN NSEC %s A RRSIG NSEC\n", owners[i], owners[(i+1)%len(owners)])
		})
	}
	salt := c.salt
	if salt == "" {
		salt = "-"
	}
	if c.nsec3 {
		for n := range maps.Clone(names) { // empty non-terminals have NSEC3 records too
			for p := n; p != "example."; p = p[strings.IndexByte(p, '.')+1:] {
				names[p] = true
			}
		}
		var owners []string
		for n := range names {
			if !c.optOut || !strings.HasPrefix(n, "o") {
				owners = append(owners, strings.ToLower(dns.HashName(n, dns.SHA1, c.iterations, c.salt)))
			}
		}
		slices.Sort(owners)
		for i := range owners {
			owners[i] += ".example."
		}
		link(owners, func(i int) string {
			next, _, _ := strings.Cut(owners[(i+1)%len(owners)], ".")
			return fmt.Sprintf("%s 900 IN NSEC3 1 1 %d %s %s A RRSIG\n", owners[i], c.iterations, salt, next)
		})
	}
	if c.param {
		fmt.Fprintf(&b, "example. 0 IN NSEC3PARAM 1 0 %d %s\n", c.iterations, salt)
	}
	return b.String()
}

var chainHosts = []string{"a.example.", "b.a.example.", "d.c.example.", "*.w.example.", "*.c.b.a.example.", "o.example.", "p.o.example.", "z.example."}

// TestApplyDenial leads from zone to zone by differences, chains of denial coming, going and changing; the answers must
// be those of the zone built anew.
func TestApplyDenial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(serial int) *zone.Version {
			hosts := slices.Sorted(maps.Keys(rapid.MapOfN(rapid.SampledFrom(chainHosts), rapid.Bool(), 0, len(chainHosts)).Draw(t, "hosts")))
			c := chain{nsec: rapid.Bool().Draw(t, "nsec"), nsec3: rapid.Bool().Draw(t, "nsec3"), param: rapid.IntRange(0, 3).Draw(t, "param") > 0,
				iterations: rapid.SampledFrom([]uint16{0, 0, 3, 151}).Draw(t, "iterations"), salt: rapid.SampledFrom([]string{"", "ab"}).Draw(t, "salt"),
				optOut: rapid.Bool().Draw(t, "optout")}
			var rrs []wire.RR
			p := dns.NewZoneParser(strings.NewReader(chainText(serial, hosts, c)), ".", "")
			for rr, ok := p.Next(); ok; rr, ok = p.Next() {
				buf := make([]byte, dns.Len(rr)+1)
				n, err := dns.PackRR(rr, buf, 0, nil, false)
				if err != nil {
					t.Fatal(err)
				}
				out, _, err := wire.ReadRR(buf[:n], 0)
				if err != nil {
					t.Fatal(err)
				}
				rrs = append(rrs, out)
			}
			if err := p.Err(); err != nil {
				t.Fatal(err)
			}
			v, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, seq(rrs))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		v := draw(1)
		for serial := 2; serial < 6; serial++ {
			fresh := draw(serial)
			next, err := v.Apply(v.Between(fresh))
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range append(chainHosts, "example.", "x.example.", "b.x.w.example.", "c.example.", "q.o.example.", "y.z.example.") {
				for _, typ := range []wire.Type{wire.TypeA, wire.TypeTXT, wire.TypeDS} {
					if got, want := digest(t, next, wire.MustParseName(h), typ), digest(t, fresh, wire.MustParseName(h), typ); got != want {
						t.Fatalf("%s %s: %s, built anew %s", h, typ, got, want)
					}
				}
			}
			v = next
		}
	})
}

// proof asks with DO and gives the owners and types of the authority section in short form.
func proof(t testing.TB, v *zone.Version, name, qtype string) string {
	t.Helper()
	typ, err := wire.ParseType(qtype)
	if err != nil {
		t.Fatal(err)
	}
	var a zone.Answer
	v.Lookup(wire.MustParseName(name).Lower(), typ, true, &a)
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	a.Write(&b)
	m, err := wire.ParseMessage(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, rr := range m.Authority {
		if rr.TTL != 120 {
			t.Errorf("%s %s: %s %s has TTL %d, more than a negative answer may be kept", name, qtype, rr.Name, rr.Type, rr.TTL)
		}
		if rr.Type == wire.TypeNSEC || rr.Type == wire.TypeNSEC3 {
			out = append(out, strings.TrimSuffix(rr.Name.String(), ".example."))
		}
	}
	slices.Sort(out)
	return a.Rcode.String() + " " + strings.Join(out, " ")
}

// TestNSEC looks at the proofs from NSEC records (RFC 4035 section 3.1.3).
func TestNSEC(t *testing.T) {
	v := build(t, chainText(1, []string{"a.example.", "b.a.example.", "d.c.example.", "*.w.example.", "z.example."}, chain{nsec: true}))
	for question, want := range map[string]string{
		"a.example. TXT":     "NOERROR a",
		"c.example. A":       "NOERROR b.a", // empty non-terminal
		"w.example. A":       "NOERROR d.c",
		"aa.example. A":      "NXDOMAIN b.a example.",
		"x.d.c.example. A":   "NXDOMAIN d.c",
		"zz.example. A":      "NXDOMAIN example. z",
		"x.w.example. A":     "NOERROR *.w",
		"x.y.w.example. TXT": "NOERROR *.w",
		"*.w.example. TXT":   "NOERROR *.w",
		"example. DS":        "NOERROR example.",
	} {
		name, typ, _ := strings.Cut(question, " ")
		if got := proof(t, v, name, typ); got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

// TestNSEC3 looks at the proofs from NSEC3 records (RFC 5155 section 7.2), which are no names of the zone, and at which
// chain they are taken from.
func TestNSEC3(t *testing.T) {
	hosts := []string{"a.example.", "*.w.example.", "o.example.", "p.o.example."}
	c := chain{nsec3: true, param: true, iterations: 3, salt: "ab", optOut: true}
	text := chainText(1, hosts, c)
	v := build(t, text)
	hash := func(n string) string { return strings.ToLower(dns.HashName(n, dns.SHA1, 3, "ab")) }
	owners := []string{hash("example."), hash("a.example."), hash("w.example."), hash("*.w.example."), hash("p.o.example.")}
	slices.Sort(owners)
	cover := func(n string) string {
		i, _ := slices.BinarySearch(owners, hash(n))
		return owners[(i+len(owners)-1)%len(owners)]
	}
	for question, want := range map[string][]string{
		"a.example. TXT":              {"NOERROR", hash("a.example.")},
		"x.example. A":                {"NXDOMAIN", hash("example."), cover("x.example."), cover("*.example.")},
		"x.a.example. A":              {"NXDOMAIN", hash("a.example."), cover("x.a.example."), cover("*.a.example.")},
		"x.y.w.example. A":            {"NOERROR", cover("y.w.example.")},
		"x.y.w.example. TXT":          {"NOERROR", hash("w.example."), cover("y.w.example."), hash("*.w.example.")},
		"o.example. DS":               {"NOERROR", hash("example."), cover("o.example.")},
		"x.o.example. A":              {"NXDOMAIN", hash("example."), cover("o.example."), cover("*.example.")},
		hash("q.") + ".example. A":    {"NXDOMAIN", hash("example."), cover(hash("q.") + ".example."), cover("*.example.")},
		owners[0] + ".example. NSEC3": {"NXDOMAIN", hash("example."), cover(owners[0] + ".example."), cover("*.example.")},
		owners[1] + ".example. RRSIG": {"NXDOMAIN", hash("example."), cover(owners[1] + ".example."), cover("*.example.")},
	} {
		name, typ, _ := strings.Cut(question, " ")
		rest := want[1:]
		slices.Sort(rest)
		expect := want[0] + " " + strings.Join(slices.Compact(rest), " ")
		if got := proof(t, v, name, typ); got != expect {
			t.Errorf("%s: %s, want %s", question, got, expect)
		}
	}
	for name, other := range map[string]string{
		"without NSEC3PARAM":  chainText(1, hosts, chain{nsec3: true}),
		"too many iterations": chainText(1, hosts, chain{nsec3: true, param: true, iterations: 151}),
		"other parameters":    chainText(1, hosts, chain{nsec3: true}) + "example. 0 IN NSEC3PARAM 1 0 7 -\n",
		"other flags":         chainText(1, hosts, chain{nsec3: true}) + "example. 0 IN NSEC3PARAM 1 1 0 -\n",
		"other algorithm":     chainText(1, hosts, chain{nsec3: true}) + "example. 0 IN NSEC3PARAM 2 0 0 -\n",
	} {
		if got := proof(t, build(t, other), "x.example.", "A"); got != "NXDOMAIN " {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := proof(t, build(t, chainText(1, hosts, chain{nsec: true, nsec3: true, iterations: 151, param: true})), "b.example.", "A"); got != "NXDOMAIN a example." {
		t.Errorf("a chain of too many iterations beside NSEC: %s", got)
	}
}

// TestProofsAreBounded: names at the end of long chains of wildcard aliases cost no more hashes than one question may.
func TestProofsAreBounded(t *testing.T) {
	text := chainText(1, nil, chain{nsec3: true, param: true, iterations: 150})
	for i := range 16 {
		text += fmt.Sprintf("*.w%d.example. 300 IN CNAME x.w%d.example.\n", i, i+1)
	}
	v := build(t, text)
	var a zone.Answer
	v.Lookup(wire.MustParseName("x.w0.example."), wire.TypeA, true, &a)
	if got := a.Answers(); got < 2 || got > 5 {
		t.Errorf("%d aliases were followed at 150 iterations", got)
	}
	deep := strings.Repeat("a.", 100) + "example."
	v.Lookup(wire.MustParseName(deep), wire.TypeA, true, &a)
	if a.Rcode != wire.RcodeNXDomain {
		t.Errorf("a deep name is answered %s", a.Rcode)
	}
}

// TestProofsDoNotAllocate: proofs are made in the memory of the answer.
func TestProofsDoNotAllocate(t *testing.T) {
	for name, c := range map[string]chain{"NSEC": {nsec: true}, "NSEC3": {nsec3: true, param: true, iterations: 5, salt: "ab", optOut: true}} {
		v := build(t, chainText(1, chainHosts, c))
		var a zone.Answer
		var b wire.Builder
		buf := make([]byte, 0, wire.MaxMessage)
		questions := []wire.Name{wire.MustParseName("x.example."), wire.MustParseName("c.example."), wire.MustParseName("x.y.w.example."), wire.MustParseName("q.o.example.")}
		ask := func() {
			for _, q := range questions {
				v.Lookup(q, wire.TypeTXT, true, &a)
				b.Reset(buf, wire.MaxMessage)
				a.Write(&b)
			}
		}
		ask()
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestCheckDenial: a chain with gaps, or one that is not used, is told, and the zone is served all the same.
func TestCheckDenial(t *testing.T) {
	hosts := []string{"a.example.", "b.example.", "c.example."}
	drop := func(text, line string) string {
		var kept []string
		for l := range strings.Lines(text) {
			if !strings.Contains(l, line) {
				kept = append(kept, l)
			}
		}
		if len(kept) == strings.Count(text, "\n") {
			t.Fatalf("nothing has %q in\n%s", line, text)
		}
		return strings.Join(kept, "")
	}
	nsec3 := chainText(1, hosts, chain{nsec3: true, param: true})
	hash := strings.ToLower(dns.HashName("b.example.", dns.SHA1, 0, ""))
	for name, c := range map[string]struct{ text, want string }{
		"NSEC":            {chainText(1, hosts, chain{nsec: true}), ""},
		"NSEC3":           {nsec3, ""},
		"gap in NSEC":     {drop(chainText(1, hosts, chain{nsec: true}), "b.example. 900 IN NSEC"), "1 NSEC or NSEC3 records do not lead to the next one, the first is that of a.example."},
		"gap in NSEC3":    {drop(nsec3, hash+".example. 900 IN NSEC3"), "1 NSEC or NSEC3 records do not lead"},
		"no chain":        {chainText(1, hosts, chain{}), "has no chain"},
		"many iterations": {chainText(1, hosts, chain{nsec: true, nsec3: true, param: true, iterations: 151}), "151 iterations"},
	} {
		var got []string
		for _, f := range build(t, c.text).Check() {
			if f.Fatal {
				t.Errorf("%s: %s is fatal", name, f.Text)
			}
			got = append(got, f.Text)
		}
		if text := strings.Join(got, "; "); (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

// TestTruncationKeepsSignatures: whatever fits, each RRset of a reply has its signatures with it, and TC is said only for
// what the reply must hold.
func TestTruncationKeepsSignatures(t *testing.T) {
	text := chainText(1, []string{"mx1.example.", "mx2.example."}, chain{nsec: true})
	text += "example. 300 IN MX 1 mx1.example.\nexample. 300 IN MX 2 mx2.example.\nexample. 300 IN RRSIG MX 13 1 300 20300101000000 20200101000000 1 example. " + strings.Repeat("A", 88) + "\n"
	v := build(t, text)
	for _, q := range []struct {
		name string
		typ  wire.Type
	}{{"example.", wire.TypeMX}, {"nx.example.", wire.TypeA}} {
		var a zone.Answer
		v.Lookup(wire.MustParseName(q.name), q.typ, true, &a)
		cut, short := 0, 0
		for limit := 40; limit < 700; limit++ {
			var b wire.Builder
			b.Reset(nil, limit)
			b.AddQuestion(wire.Question{Name: wire.MustParseName(q.name), Type: q.typ, Class: wire.ClassIN})
			truncated := a.Write(&b)
			m, err := wire.ParseMessage(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			sets := map[string]int{}
			for _, rr := range slices.Concat(m.Answer, m.Authority, m.Additional) {
				typ := rr.Type
				if typ == wire.TypeRRSIG {
					typ = wire.Type(uint16(rr.Data[0])<<8 | uint16(rr.Data[1]))
					sets[rr.Name.String()+typ.String()] |= 2
				} else {
					sets[rr.Name.String()+typ.String()] |= 1
				}
			}
			for set, parts := range sets {
				if parts != 3 {
					t.Errorf("%s with %d octets: %s has only one of records and signatures", q.name, limit, set)
				}
			}
			switch {
			case truncated:
				cut++
			case len(m.Additional) < 4 && q.typ == wire.TypeMX:
				short++
				if len(m.Answer) != 3 {
					t.Errorf("with %d octets not all of the answer is there, and no TC", limit)
				}
			}
		}
		if cut == 0 || short == 0 && q.typ == wire.TypeMX {
			t.Errorf("%s: truncated %d times, without additional records %d times", q.name, cut, short)
		}
	}
}

// TestSignedExport: zones that dnssec-signzone signed pass ldns-verify-zone when they were loaded and written again.
func TestSignedExport(t *testing.T) {
	for _, program := range []string{"dnssec-keygen", "dnssec-signzone", "ldns-verify-zone"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	dir := t.TempDir()
	run := func(program string, args ...string) string {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	key := run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example.")
	public, err := os.ReadFile(filepath.Join(dir, key+".key"))
	if err != nil {
		t.Fatal(err)
	}
	text := header + `Ns.example. 60 IN A 192.0.2.1
a.b.example. 60 IN TXT "x" "y z" ""
*.w.example. 60 IN MX 5 NS.example.
sub.example. 60 IN NS ns.sub.example.
ns.sub.example. 60 IN AAAA 2001:db8::1
safe.example. 60 IN NS ns.other.
safe.example. 60 IN DS 1 13 2 0101010101010101010101010101010101010101010101010101010101010101
d.example. 60 IN DNAME other.
c.example. 60 IN CNAME a.b.example.
`
	for name, args := range map[string][]string{"nsec": nil, "nsec3": {"-3", "abcd", "-H", "3"}, "optout": {"-3", "-", "-A"}} {
		in, out := filepath.Join(dir, name), filepath.Join(dir, name+".out")
		if err := os.WriteFile(in, append([]byte(text), public...), 0o600); err != nil {
			t.Fatal(err)
		}
		run("dnssec-signzone", append(append([]string{"-q", "-z", "-P", "-o", "example.", "-f", in + ".signed"}, args...), in, key)...)
		v, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, zonefile.Read(in+".signed", wire.MustParseName("example."), zonefile.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range v.Check() {
			t.Errorf("%s: %s", name, f.Text)
		}
		f, err := os.Create(out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zonefile.Write(f, v.All()); err != nil {
			t.Fatal(err)
		}
		f.Close()
		run("ldns-verify-zone", out)
	}
}
