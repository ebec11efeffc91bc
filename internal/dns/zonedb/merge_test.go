package zonedb

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zonefile"
)

// TestLeaves makes a zone of many leaves grow and shrink by random changes, small and large, of names with few records and with
// many, of short ones and of such as fill leaves alone, and compares it with a set of lines after each.
func TestLeaves(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "z"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.writer.Exec(`PRAGMA synchronous = OFF`); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		line := func() string {
			n := r.IntN(300)
			switch n % 5 {
			case 0:
				return fmt.Sprintf("many 60 TXT %d", r.IntN(200))
			case 1:
				return fmt.Sprintf("N%d.deep 60 NS X%d", n, r.IntN(3))
			case 2:
				return fmt.Sprintf("n%d 60 TXT %s", n, strings.Repeat(fmt.Sprintf(" \"%0200d\"", n), 1+n%7))
			}
			return fmt.Sprintf("n%d 60 A 192.0.2.%d", n, r.IntN(2))
		}
		have := map[string]bool{}
		e := mustReplace(t, d, soa(1))
		for serial := 1; serial < 42; serial++ {
			shrink := serial%20 > 12
			var deleted, added []string
			for _, l := range slices.Sorted(maps.Keys(have)) {
				if r.IntN(8) == 0 || shrink && r.IntN(2) == 0 {
					deleted = append(deleted, l)
					delete(have, l)
				}
			}
			for range r.IntN(1 + r.IntN(150)) {
				if l := line(); !have[l] && !shrink && !slices.Contains(deleted, l) {
					added = append(added, l)
					have[l] = true
				}
			}
			r.Shuffle(len(added), func(i, j int) { added[i], added[j] = added[j], added[i] })
			if serial%7 == 0 { // the same by a replacement
				e = mustReplace(t, d, append(slices.Collect(maps.Keys(have)), soa(serial+1))...)
			} else if e, err = d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, serial, deleted, added)); err != nil {
				t.Fatal(err)
			}
			var want []string
			for l := range have {
				want = append(want, zonefile.FormatRR(rr(t, l)))
			}
			want = append(want, zonefile.FormatRR(rr(t, soa(serial+1))))
			got := texts(t, d)
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, serial %d: %s", seed, serial+1, diff)
			}
			if n, err := d.checkLeaves(t.Context(), origin, e.row); err != nil || n != len(want) {
				t.Fatalf("seed %d, serial %d: %d records, %v", seed, serial+1, n, err)
			}
		}
		var leaves, octets int
		if err := d.writer.QueryRow(`SELECT count(*), sum(length(octets)) FROM leaves`).Scan(&leaves, &octets); err != nil || leaves > 1+octets/(leafSize/8) {
			t.Errorf("seed %d: %d leaves for %d octets, %v", seed, leaves, octets, err)
		}
	}
	for _, err := range d.Check(t.Context()) {
		t.Error(err)
	}
}

// TestManyRecordsOfOneName changes one record of a name whose records fill many leaves.
func TestManyRecordsOfOneName(t *testing.T) {
	d := openDB(t)
	lines := []string{soa(1)}
	for i := range 2000 {
		lines = append(lines, fmt.Sprintf("many 60 A 10.0.%d.%d", i>>8, i&255))
	}
	e := mustReplace(t, d, lines...)
	if _, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, 1, []string{"MANY 60 A 10.0.3.3"}, []string{"MANY 60 A 10.1.3.3"})); err != nil {
		t.Fatal(err)
	}
	v, _, err := d.Load(t.Context(), origin, wire.ClassIN)
	if err != nil || v.Len() != 2001 || len(v.RRset(lineName("many"), wire.TypeA)) != 2000 {
		t.Errorf("%v, %v", v.Len(), err)
	}
}

func lineName(label string) wire.Name {
	n, _ := origin.Child(label)
	return n
}
