package zone

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"bundy/internal/dns/wire"
)

// numbered gives a zone of n names with two records each, beside SOA and NS.
func numbered(origin wire.Name, n int) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		soa := append([]byte(origin+origin), make([]byte, 20)...)
		soa[len(soa)-1] = byte(n)
		all := []wire.RR{
			{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: soa},
			{Name: origin, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte(origin)},
		}
		for i := range n {
			name := wire.MustParseName(fmt.Sprintf("n%d", i) + "." + origin.String())
			all = append(all, wire.RR{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, byte(n), byte(i)}},
				wire.RR{Name: name, Type: wire.TypeTXT, Class: wire.ClassIN, TTL: 60, Data: append([]byte{byte(i)}, make([]byte, byte(i))...)})
		}
		for _, rr := range all {
			if !yield(rr, nil) {
				return
			}
		}
	}
}

// TestBuilder builds zones small and large with one builder: each is as if built alone, also when others have followed.
func TestBuilder(t *testing.T) {
	var b Builder
	sizes := []int{3, 200, 0, 700, 5, 20000, 4}
	var built []*Version
	for i, n := range sizes {
		origin := wire.MustParseName(fmt.Sprintf("zone%d.example", i))
		v, err := b.Build(origin, wire.ClassIN, numbered(origin, n))
		if err != nil {
			t.Fatal(err)
		}
		built = append(built, v)
		if _, err := b.Build(origin, wire.ClassCH, numbered(origin, n)); err == nil {
			t.Error("records of another class were taken")
		}
	}
	for i, v := range built {
		alone, err := Build(v.Origin(), wire.ClassIN, numbered(v.Origin(), sizes[i]))
		if err != nil {
			t.Fatal(err)
		}
		got, want := slices.Collect(v.All()), slices.Collect(alone.All())
		if !slices.EqualFunc(got, want, func(a, b wire.RR) bool {
			return a.Name == b.Name && a.Type == b.Type && a.TTL == b.TTL && string(a.Data) == string(b.Data)
		}) {
			t.Errorf("%s: %d records, want %d as of a zone built alone", v.Origin(), len(got), len(want))
		}
		name := wire.MustParseName("n2." + v.Origin().String())
		if got, want := len(v.RRset(name, wire.TypeTXT)), len(alone.RRset(name, wire.TypeTXT)); got != want {
			t.Errorf("%s: %d records, want %d", name, got, want)
		}
	}
}
