package zone_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// manyNames is enough that storing gets a goroutine of its own and the table grows.
const manyNames = 20000

func host(t testing.TB, i int) wire.RR {
	n, err := wire.ParseName(fmt.Sprintf("Host%d.sub%d.example.", i, i%7))
	if err != nil {
		t.Fatal(err)
	}
	return wire.RR{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: uint32(i), Data: []byte{192, 0, byte(i >> 8), byte(i)}}
}

// TestBuildInAnyOrder gives the records of many names in rounds, so that no two of a name follow one another.
func TestBuildInAnyOrder(t *testing.T) {
	origin := wire.MustParseName("example.")
	v, err := zone.Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for _, rr := range parseZone(t, header) {
			yield(rr, nil)
		}
		for round := range 3 {
			for i := range manyNames {
				rr := host(t, i)
				rr.TTL += uint32(round)
				rr.Data[3] += byte(round % 2)
				if round == 1 {
					rr.Name = rr.Name.Lower()
				}
				yield(rr, nil)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := len(parseZone(t, header)) + 2*manyNames; v.Len() != want {
		t.Errorf("%d records, want %d", v.Len(), want)
	}
	for i := range manyNames {
		rr := host(t, i)
		got := v.RRset(rr.Name.Lower(), wire.TypeA)
		if len(got) != 2 || got[0].Name != rr.Name || got[0].TTL != rr.TTL || got[0].Data[3] != byte(i) || got[1].Data[3] != byte(i)+1 {
			t.Fatalf("%s: %v", rr.Name, got)
		}
	}
	if got := v.Types(wire.MustParseName("sub3.example.")); got != nil {
		t.Errorf("an empty non-terminal has %v", got)
	}
	count := 0
	for range v.All() {
		count++
	}
	if count != v.Len() {
		t.Errorf("All gives %d records of %d", count, v.Len())
	}
}

// TestBuildFirstError: although storing goes on behind the reading, the first error is the one that is told, and the
// goroutine ends, for which synctest waits.
func TestBuildFirstError(t *testing.T) { synctest.Test(t, testBuildFirstError) }

func testBuildFirstError(t *testing.T) {
	boom := errors.New("boom")
	for _, at := range []int{0, 100, 5000, manyNames - 1} {
		_, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, func(yield func(wire.RR, error) bool) {
			for i := range manyNames {
				rr := host(t, i)
				if i == at {
					rr.Name = wire.MustParseName("elsewhere.")
				}
				if !yield(rr, nil) {
					return
				}
			}
			yield(wire.RR{}, boom)
		})
		if !errors.Is(err, zone.ErrOutOfZone) {
			t.Errorf("wrong record %d: %v", at, err)
		}
	}
	_, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for i := range manyNames {
			yield(host(t, i), nil)
		}
		yield(wire.RR{}, boom)
	})
	if !errors.Is(err, boom) {
		t.Error(err)
	}
}

// TestFold adds names to a small zone until it is frozen anew, and takes them out again.
func TestFold(t *testing.T) {
	v := build(t, header)
	for i := range 6000 {
		from, to := v.SOA(), zone.WithSerial(v.SOA(), v.Serial()+1)
		next, err := v.Apply(zone.Diff{From: v.Serial(), To: v.Serial() + 1, Deleted: []wire.RR{from}, Added: []wire.RR{to, host(t, i)}})
		if err != nil {
			t.Fatal(err)
		}
		v = next
	}
	records := len(parseZone(t, header)) + 6000
	if n := len(all(v)); n != records || v.Len() != records {
		t.Fatalf("%d records, %d counted, want %d", n, v.Len(), records)
	}
	first := v
	for i := range 6000 {
		from, to := v.SOA(), zone.WithSerial(v.SOA(), v.Serial()+1)
		next, err := v.Apply(zone.Diff{From: v.Serial(), To: v.Serial() + 1, Deleted: []wire.RR{from, host(t, i)}, Added: []wire.RR{to}})
		if err != nil {
			t.Fatal(err)
		}
		v = next
	}
	if n := len(all(v)); n != records-6000 || v.Len() != n {
		t.Errorf("%d records, %d counted", n, v.Len())
	}
	if got := v.Types(wire.MustParseName("sub1.example.")); got != nil || len(first.RRset(host(t, 5999).Name, wire.TypeA)) != 1 {
		t.Errorf("versions have an effect on one another: %v", got)
	}
	if d := first.Between(v); len(d.Deleted) != 6001 || len(d.Added) != 1 {
		t.Errorf("difference of %d deleted and %d added records", len(d.Deleted), len(d.Added))
	}
}
