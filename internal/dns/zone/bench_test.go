package zone_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// BenchmarkLookup gives the time of a look-up with the writing of its answer in zones that fit the processor's caches,
// and that do not. One in five names does not exist.
func BenchmarkLookup(b *testing.B) {
	for _, size := range []int{100, 1_000_000} {
		origin := wire.MustParseName("example.")
		v, err := zone.Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
			for _, rr := range parseZone(b, header) {
				yield(rr, nil)
			}
			for i := range size {
				n, err := origin.Child(fmt.Sprintf("h%x", uint32(i)*2654435761))
				if !yield(wire.RR{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}, err) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		questions := make([]wire.Name, 1<<18)
		for i := range questions {
			if questions[i], err = origin.Child(fmt.Sprintf("h%x", uint32(r.IntN(size+size/4))*2654435761)); err != nil {
				b.Fatal(err)
			}
		}
		var c zone.Catalog
		c.Put(v)
		var a zone.Answer
		var w wire.Builder
		buf := make([]byte, 512)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				c.Lookup(wire.ClassIN, questions[i%len(questions)], wire.TypeA, false, &a)
				w.Reset(buf, 512)
				a.Write(&w)
				i++
			}
		})
	}
}
