package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
)

const (
	smallZoneSeed  = 20261123
	smallZoneCount = 150 // BUNDY_SMALL_ZONES takes its place, for a long hunt
)

// TestSmallZones asks all servers about many zones of few records, whose names are of few labels, so that every kind of
// record comes to stand above, below and beside every other one. Each answer must be one that some peer gives: that is how the
// recorded answers are judged, too.
func TestSmallZones(t *testing.T) {
	needs(t, "nsd", "knotd", "named")
	r := rand.New(rand.NewPCG(seeded(smallZoneSeed), 0))
	s := newSuite(t, "single")
	zones := []*signedZone{}
	texts := map[string]string{}
	count := smallZoneCount
	if n, err := strconv.Atoi(os.Getenv("BUNDY_SMALL_ZONES")); err == nil {
		count = n
	}
	for i := range count {
		z := &signedZone{}
		var text string
		z.origin, text, z.names = makeSmallZone(r, fmt.Sprintf("z%d.", i))
		z.file = s.write(fmt.Sprintf("small%d", i), text)
		texts[z.origin] = text
		zones = append(zones, z)
	}
	last := &signedZone{origin: "last.", file: s.write("last", "last. 60 IN SOA . . 1 1 1 1 1\nlast. 60 IN NS ns.\n")}
	servers := serveEverywhere(t, s, append(slices.Clone(zones), last))
	asked, alone, bad := 0, map[string]int{}, 0
	for _, z := range zones {
		loaded := []*nameServer{}
		for _, n := range servers {
			if m, err := n.ask(probe{name: wire.MustParseName(z.origin), qtype: wire.TypeSOA}); err == nil && len(m.Answer) == 1 {
				loaded = append(loaded, n)
			}
		}
		if len(loaded) > 0 && loaded[0] != servers[0] && loaded[len(loaded)-1].name == "named" {
			t.Errorf("%d peers serve a zone that bundy refuses:\n%s", len(loaded), texts[z.origin])
		}
		if len(loaded) < 3 || loaded[0] != servers[0] {
			continue // with one peer alone its peculiarities would count as right
		}
		for _, q := range smallQuestions(r, z) {
			asked++
			var answers []answer
			for _, n := range loaded {
				m, err := n.ask(q)
				if err != nil {
					t.Fatalf("%s asked of %s: %v", q, n.name, err)
				}
				answers = append(answers, normalAnswer(m))
			}
			agree := ""
			for i, a := range answers[1:] {
				if answers[0].equal(a) {
					agree += loaded[i+1].name + " "
				}
			}
			if strings.Count(agree, " ") < len(loaded)-1 {
				alone[agree]++
			}
			if agree == "" {
				if bad++; bad <= 10 {
					text := ""
					for i, a := range answers {
						text += fmt.Sprintf("%s %s\n", loaded[i].name, a)
					}
					t.Errorf("%s\n%s\n%s", texts[z.origin], q, text)
				}
			}
		}
	}
	t.Logf("%d questions (seed %d), %d answers that no peer gives", asked, seeded(smallZoneSeed), bad)
	for with, n := range alone {
		t.Logf("%6d answers as only %s gives them", n, with)
	}
}

// makeSmallZone makes the text of a zone below suffix, and names worth asking for.
func makeSmallZone(r *rand.Rand, suffix string) (origin, text string, names []string) {
	labels, records := []string{"foo", "bar", "com", "net", "*"}, 1+r.IntN(5)
	if r.IntN(3) == 0 { // few names and many records: all stand above one another
		labels, records = []string{"foo", "bar", "*"}, 5+r.IntN(8)
	}
	label := func() string { return labels[r.IntN(len(labels))] }
	origin = suffix
	for range 1 + r.IntN(3) {
		origin = label() + "." + origin
	}
	below := func(n string, most int) string {
		for range r.IntN(most + 1) {
			n = label() + "." + n
		}
		return n
	}
	target := func() string {
		switch r.IntN(4) {
		case 0:
			return below(suffix, 3)
		case 1:
			return below("x."+origin, 1)
		}
		return below(origin, 3)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s 500 IN SOA ns1.outside. root.campus. 3 604800 86400 2419200 604800\n", origin)
	for range 1 + r.IntN(2) {
		fmt.Fprintf(&b, "%s 500 IN NS %s\n", origin, target())
	}
	taken := map[string]string{origin: "NS"}
	names = append(names, origin)
	for range records {
		n := below(origin, 3)
		typ := []string{"A", "AAAA", "TXT", "NS", "NS", "CNAME", "CNAME", "DNAME", "DNAME"}[r.IntN(9)]
		switch was := taken[n]; {
		case was == "CNAME" || was != "" && typ == "CNAME", strings.Contains(was, "DNAME") && typ == "DNAME", n == origin && typ == "CNAME":
			continue
		}
		taken[n] += typ + " "
		data := map[string]string{"A": "1.1.1.1", "AAAA": "2400:cb00::1", "TXT": `"text"`}[typ]
		if data == "" {
			data = target()
			if data != origin {
				names = append(names, data)
			}
		}
		fmt.Fprintf(&b, "%s 500 IN %s %s\n", n, typ, data)
		names = append(names, n)
	}
	return origin, b.String(), names
}

// smallQuestions asks for the names of a zone and for what is above, below and beside them.
func smallQuestions(r *rand.Rand, z *signedZone) (all []probe) {
	types := []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeNS, wire.TypeSOA, wire.TypeTXT, wire.TypeCNAME, wire.TypeDNAME, wire.TypeDS}
	seen := map[string]bool{}
	ask := func(name string) {
		if !strings.HasSuffix("."+name, "."+z.origin) || seen[name] {
			return
		}
		seen[name] = true
		for _, i := range r.Perm(len(types))[:4] {
			all = append(all, probe{name: wire.MustParseName(name), qtype: types[i]})
		}
	}
	for _, n := range z.names {
		ask(n)
		for _, l := range []string{"foo.", "*.", "net.bar.", "x.*."} {
			if r.IntN(2) == 0 {
				ask(l + n)
			}
		}
		if _, above, ok := strings.Cut(n, "."); ok {
			ask(above)
			ask("com." + above)
		}
	}
	return all
}
