package zonedb

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

// twin asks a zone in memory and the same zone in its database.
type twin struct {
	memory *zone.Version
	asker  *Asker
}

func newTwin(t testing.TB, d *DB, a *Asker, text string) *twin {
	t.Helper()
	origin := wire.MustParseName(strings.Fields(text)[0])
	options := zonefile.Options{Class: wire.ClassIN, Open: func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	if _, err := d.Replace(t.Context(), origin, wire.ClassIN, zonefile.Read("text", origin, options)); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	v, _, err := d.Load(t.Context(), origin, wire.ClassIN)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return &twin{memory: v, asker: a}
}

// compare asks both, and tells whether they say the same.
func (w *twin) compare(t testing.TB, name wire.Name, typ wire.Type) bool {
	t.Helper()
	if err := w.asker.Begin(); err != nil {
		t.Fatal(err)
	}
	defer w.asker.End()
	view, _, err := w.asker.View(w.memory.Origin(), wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	same := true
	for _, do := range []bool{false, true} {
		var a, b zone.Answer
		w.memory.Lookup(name.Lower(), typ, do, &a)
		view.Version().Lookup(name.Lower(), typ, do, &b)
		if err := view.Err(); err != nil {
			t.Fatalf("%s %s: %v", name, typ, err)
		}
		want, got := written(&a), written(&b)
		if a.Rcode != b.Rcode || a.AA != b.AA || !bytes.Equal(want, got) {
			same = false
			m, _ := wire.ParseMessage(want)
			n, _ := wire.ParseMessage(got)
			t.Errorf("%s %s, DO %v: from the database %s %+v\nfrom memory %s %+v", name, typ, do, b.Rcode, n, a.Rcode, m)
		}
	}
	return same
}

func written(a *zone.Answer) []byte {
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	a.Write(&b)
	return bytes.Clone(b.Bytes())
}

func newAsker(t testing.TB, d *DB) *Asker {
	t.Helper()
	if _, err := d.writer.Exec(`PRAGMA synchronous = OFF`); err != nil {
		t.Fatal(err)
	}
	a, err := d.Asker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// TestViewConformance asks the recorded questions of zones in the database: each answer is that from memory, which is one of
// those accepted (package zone, TestConformance).
func TestViewConformance(t *testing.T) {
	f, err := os.Open("../../../../shared/conformance/dns-answers.jsonl.gz")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the recorded answers are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := openDB(t)
	a := newAsker(t, d)
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	cases, right := 0, 0
	for lines.Scan() {
		var c struct {
			Zone    string
			Queries []struct{ Name, Type string }
		}
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		w := newTwin(t, d, a, c.Zone)
		for _, q := range c.Queries {
			typ, err := wire.ParseType(q.Type)
			if err != nil {
				t.Fatal(err)
			}
			cases++
			if w.compare(t, wire.MustParseName(q.Name), typ) {
				right++
			} else if cases-right > 10 {
				t.Fatalf("in\n%s", c.Zone)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d answers are the same", right, cases)
	if cases == 0 {
		t.Error("no question was asked")
	}
}

// randomZone makes a zone of many leaves, with names below one another, empty non-terminals, wildcards, delegations, DNAMEs, aliases and
// chains of denial. It gives names to ask for, too.
func randomZone(r *rand.Rand, chain string) (text string, names []string) {
	label := func() string {
		return []string{"a", "b", "c", "d", "*", "Ho", "x-y", `\000`}[r.IntN(8)] + strings.Repeat("n", r.IntN(3))
	}
	name := func() string {
		n := "example."
		for range 1 + r.IntN(3) {
			n = label() + "." + n
		}
		return n
	}
	salt, iterations := "-", r.IntN(2)
	if r.IntN(2) == 0 {
		salt = "abcd"
	}
	var b strings.Builder
	b.WriteString("example. 300 IN SOA ns.example. host.example. 1 3600 600 86400 120\nexample. 300 IN NS ns.a.example.\n")
	owners := map[string]bool{"example.": true}
	for range 1 + r.IntN(60) {
		n := name()
		owners[n] = true
		switch r.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "%s 300 IN NS %s\n%s 300 IN DS 1 13 2 0000\n", n, name(), n)
		case 1:
			fmt.Fprintf(&b, "%s 300 IN NS ns.%s\nns.%s 300 IN A 192.0.2.9\n", n, n, n)
		case 2:
			fmt.Fprintf(&b, "%s 300 IN DNAME %s\n", n, name())
		case 3:
			fmt.Fprintf(&b, "%s 300 IN CNAME %s\n", n, name())
		case 4:
			fmt.Fprintf(&b, "%s 300 IN MX 1 %s\n", n, name())
		default:
			fmt.Fprintf(&b, "%s 300 IN A 192.0.2.1\n%s 300 IN TXT %q\n", n, n, strings.Repeat("t", r.IntN(250)))
		}
	}
	hashed := map[string]bool{}
	for _, n := range slices.Sorted(maps.Keys(owners)) {
		sig := func(owner, typ string) {
			fmt.Fprintf(&b, "%s 300 IN RRSIG %s 13 1 300 20300101000000 20200101000000 1 example. AAAA\n", owner, typ)
		}
		sig(n, "A")
		if strings.Contains(chain, "nsec ") && (n == "example." || r.IntN(10) > 0) {
			fmt.Fprintf(&b, "%s 300 IN NSEC %s A\n", n, n)
			sig(n, "NSEC")
		}
		for up := n; strings.Contains(chain, "nsec3 ") && up != "."; _, up, _ = strings.Cut(up, ".") {
			for _, s := range []string{salt, "ffff"} { // the second chain is not used
				h := strings.ToLower(dns.HashName(up, dns.SHA1, uint16(iterations), strings.TrimPrefix(s, "-"))) + ".example."
				if !hashed[h] && (up == "example." || r.IntN(10) > 0) {
					fmt.Fprintf(&b, "%s 300 IN NSEC3 1 0 %d %s 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n", h, iterations, s)
					sig(h, "NSEC3")
				}
				hashed[h] = true
			}
			if up == "example." {
				break
			}
		}
	}
	if strings.Contains(chain, "nsec3 ") {
		fmt.Fprintf(&b, "example. 0 IN NSEC3PARAM 1 0 %d %s\n", iterations, salt)
	}
	for n := range owners {
		names = append(names, n)
	}
	for range 40 {
		names = append(names, name())
	}
	slices.Sort(names)
	return b.String(), slices.Compact(names)
}

// TestViewOfSignedZones compares the answers of random zones, unsigned and signed in either way, from memory and from the database.
func TestViewOfSignedZones(t *testing.T) {
	d := openDB(t)
	a := newAsker(t, d)
	asked := 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 2))
		text, names := randomZone(r, []string{"", "nsec ", "nsec3 ", "nsec nsec3 "}[seed%4])
		w := newTwin(t, d, a, text)
		for _, n := range names {
			for _, typ := range []wire.Type{wire.TypeA, wire.TypeDS, wire.TypeMX, wire.TypeANY}[r.IntN(3):] {
				asked++
				if !w.compare(t, wire.MustParseName(n), typ) {
					t.Fatalf("seed %d:\n%s", seed, text)
				}
			}
		}
	}
	t.Logf("%d questions", asked)
}

// failing is a store that works for a while.
type failing struct {
	zone.Store
	left int
}

const errFailing = brokenDisk("the disk is broken")

type brokenDisk string

func (e brokenDisk) Error() string { return string(e) }

func (f *failing) Owner(n wire.Name) (zone.Owner, error) {
	if f.left--; f.left < 0 {
		return zone.Owner{}, errFailing
	}
	return f.Store.Owner(n)
}

func (f *failing) Before(n wire.Name, t wire.Type, takes func(wire.Name, []byte) bool) (wire.Name, error) {
	if f.left--; f.left < 0 {
		return "", errFailing
	}
	return f.Store.Before(n, t, takes)
}

// TestViewFails lets the store fail at each of the look-ups of many answers: the view says so, and nothing panics.
func TestViewFails(t *testing.T) {
	d := openDB(t)
	a := newAsker(t, d)
	for seed := range uint64(4) {
		text, names := randomZone(rand.New(rand.NewPCG(seed, 3)), []string{"", "nsec ", "nsec3 ", "nsec nsec3 "}[seed])
		w := newTwin(t, d, a, text)
		e, err := d.Edition(t.Context(), w.memory.Origin(), wire.ClassIN)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Begin(); err != nil {
			t.Fatal(err)
		}
		for _, n := range names[:20] {
			for left := 0; ; left++ {
				origin := w.memory.Origin()
				f := &failing{&glimpse{asker: a, stock: stock{row: e.row, origin: origin, key: sortKey(origin)}, class: wire.ClassIN}, left}
				view, err := zone.NewView(origin, wire.ClassIN, f)
				if err == nil {
					var answer zone.Answer
					view.Version().Lookup(wire.MustParseName(n).Lower(), wire.TypeMX, true, &answer)
					written(&answer)
					err = view.Err()
				}
				if err == nil {
					break // there are no more look-ups
				}
				if !errors.Is(err, errFailing) {
					t.Fatal(err)
				}
			}
		}
		if err := a.End(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestViewOfLongOrigin asks a zone whose name leaves no room for the hash of one, and which says that it has hashes.
func TestViewOfLongOrigin(t *testing.T) {
	d := openDB(t)
	origin := strings.Repeat(strings.Repeat("a", 59)+".", 4)
	w := newTwin(t, d, newAsker(t, d), origin+" 60 IN SOA . . 1 2 3 4 5\n"+origin+" 60 IN NS ns.example.\n"+origin+" 60 IN NSEC3PARAM 1 0 0 -\n")
	w.compare(t, w.memory.Origin(), wire.TypeNSEC3PARAM)
	w.compare(t, "\x01b"+w.memory.Origin(), wire.TypeA)
}
