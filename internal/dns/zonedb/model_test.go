package zonedb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

// model is a zone as a naive program would keep it: lines of text without the SOA, the serial, and every earlier
// serial since the zone was replaced with the lines it had.
type model struct {
	lines   []string
	serial  int
	edition Edition
	history map[int][]string
}

// TestModel runs random sequences of operations on the store and on the model, and compares them after each.
func TestModel(t *testing.T) {
	const runs = "5" // every operation waits for the disk
	before := flag.Lookup("rapid.checks").Value.String()
	if before == "100" { // not asked for otherwise
		if err := flag.Set("rapid.checks", runs); err != nil {
			t.Fatal(err)
		}
		defer flag.Set("rapid.checks", before)
	}
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run))
		d, err := Open(path)
		if err != nil {
			r.Fatal(err)
		}
		defer func() { d.Close() }()
		zones := map[wire.Name]*model{}
		names := []wire.Name{wire.MustParseName("a.example"), wire.MustParseName("B.example"), wire.MustParseName("x.a.example")}
		zoneName := rapid.SampledFrom(names)
		line := rapid.Map(rapid.IntRange(0, 30), func(i int) string { return fmt.Sprintf("n%d A 192.0.2.%d", i/3, i%3) })
		lines := rapid.SliceOfNDistinct(line, 0, 8, rapid.ID)
		r.Repeat(map[string]func(*rapid.T){
			"replace": func(r *rapid.T) {
				n := zoneName.Draw(r, "zone")
				m := &model{lines: lines.Draw(r, "lines"), serial: rapid.IntRange(1, 5).Draw(r, "serial"), history: map[int][]string{}}
				if _, err := d.Replace(t.Context(), n, wire.ClassIN, seqOf(n, append([]string{soa(m.serial)}, m.lines...))); err != nil {
					r.Fatal(err)
				}
				m.edition, err = d.Edition(t.Context(), n, wire.ClassIN)
				if err != nil || zones[n] != nil && zones[n].edition == m.edition {
					r.Fatalf("edition %v, %v", m.edition, err)
				}
				zones[n] = m
			},
			"commit": func(r *rapid.T) {
				n := zoneName.Draw(r, "zone")
				m := zones[n]
				if m == nil {
					if _, err := d.Commit(t.Context(), n, wire.ClassIN, Edition{}, zone.Diff{}); !errors.Is(err, ErrNoZone) {
						r.Fatal(err)
					}
					return
				}
				given := lines.Draw(r, "lines") // those that are there go, the others come
				var deleted, added, after []string
				for _, l := range m.lines {
					if slices.Contains(given, l) {
						deleted = append(deleted, l)
					} else {
						after = append(after, l)
					}
				}
				for _, l := range given {
					if !slices.Contains(m.lines, l) {
						added = append(added, l)
						after = append(after, l)
					}
				}
				if rapid.IntRange(0, 4).Draw(r, "stale") == 0 {
					bad := diffOf(n, m.serial, deleted, added)
					bad.Deleted = append(bad.Deleted, recordOf(n, "absent A 192.0.2.9"))
					if _, err := d.Commit(t.Context(), n, wire.ClassIN, m.edition, bad); !errors.Is(err, ErrStale) {
						r.Fatal(err)
					}
					return
				}
				e, err := d.Commit(t.Context(), n, wire.ClassIN, m.edition, diffOf(n, m.serial, deleted, added))
				if err != nil {
					r.Fatal(err)
				}
				m.history[m.serial] = m.lines
				m.lines, m.edition = after, e
				m.serial++
			},
			"remove": func(r *rapid.T) {
				n := zoneName.Draw(r, "zone")
				err := d.Remove(t.Context(), n, wire.ClassIN)
				if errors.Is(err, ErrNoZone) != (zones[n] == nil) || err != nil && zones[n] != nil {
					r.Fatal(err)
				}
				delete(zones, n)
			},
			"reopen": func(r *rapid.T) {
				if err := d.Close(); err != nil {
					r.Fatal(err)
				}
				if d, err = Open(path); err != nil {
					r.Fatal(err)
				}
			},
			"": func(r *rapid.T) { compare(r, d, zones) },
		})
	})
}

// compare looks that the store holds what the model does, and that its journal leads from every earlier serial.
func compare(r *rapid.T, d *DB, zones map[wire.Name]*model) {
	ctx := context.Background()
	for _, err := range d.Check(ctx) {
		r.Error(err)
	}
	stored, err := d.Zones(ctx)
	if err != nil || len(stored) != len(zones) {
		r.Fatalf("%d zones are stored, not %d; %v", len(stored), len(zones), err)
	}
	for n, m := range zones {
		v, e, err := d.Load(ctx, n, wire.ClassIN)
		if err != nil || e != m.edition || int(v.Serial()) != m.serial {
			r.Fatalf("%s: edition %v serial %d, want %v %d; %v", n, e, v.Serial(), m.edition, m.serial, err)
		}
		if diff := cmp.Diff(textsOf(n, m.lines), contents(v)); diff != "" {
			r.Fatalf("%s: %s", n, diff)
		}
		for from, lines := range m.history {
			old, err := zone.Build(n, wire.ClassIN, seqOf(n, append([]string{soa(from)}, lines...)))
			if err != nil {
				r.Fatal(err)
			}
			diffs, err := d.Journal(ctx, n, wire.ClassIN, zone.Serial(from), zone.Serial(m.serial))
			if err != nil || len(diffs) != m.serial-from {
				r.Fatalf("%s: %d differences from %d to %d, %v", n, len(diffs), from, m.serial, err)
			}
			for _, diff := range diffs {
				if old, err = old.Apply(diff); err != nil {
					r.Fatal(err)
				}
			}
			if diff := cmp.Diff(contents(v), contents(old)); diff != "" {
				r.Fatalf("%s: the journal leads elsewhere: %s", n, diff)
			}
		}
	}
}

func recordOf(n wire.Name, line string) wire.RR {
	rr, err := zonefile.ParseRR(line, n)
	if err != nil {
		panic(err)
	}
	return rr
}

func seqOf(n wire.Name, lines []string) func(func(wire.RR, error) bool) {
	return func(yield func(wire.RR, error) bool) {
		for _, line := range lines {
			if !yield(recordOf(n, line), nil) {
				return
			}
		}
	}
}

func diffOf(n wire.Name, serial int, deleted, added []string) zone.Diff {
	d := zone.Diff{From: zone.Serial(serial), To: zone.Serial(serial + 1)}
	for _, line := range append([]string{soa(serial)}, deleted...) {
		d.Deleted = append(d.Deleted, recordOf(n, line))
	}
	for _, line := range append([]string{soa(serial + 1)}, added...) {
		d.Added = append(d.Added, recordOf(n, line))
	}
	return d
}

// textsOf gives lines as records are written, sorted.
func textsOf(n wire.Name, lines []string) []string {
	all := []string{}
	for _, line := range lines {
		all = append(all, zonefile.FormatRR(recordOf(n, line)))
	}
	slices.Sort(all)
	return all
}

// contents gives the records of a version but its SOA.
func contents(v *zone.Version) []string {
	all := []string{}
	for rr := range v.All() {
		if rr.Type != wire.TypeSOA {
			all = append(all, zonefile.FormatRR(rr))
		}
	}
	slices.Sort(all)
	return all
}

// BenchmarkLoad measures the reading of a large zone into memory.
func BenchmarkLoad(b *testing.B) {
	d := openDB(b)
	const size = 50000
	lines := []string{soa(1)}
	for i := range size {
		lines = append(lines, fmt.Sprintf("host-%d 60 A 192.0.2.1", i))
	}
	if _, err := d.Replace(b.Context(), origin, wire.ClassIN, seqOf(origin, lines)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.Load(b.Context(), origin, wire.ClassIN); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/RR")
}
