package zone

import (
	"iter"
	"runtime"
	"testing"
	"weak"

	"bundy/internal/dns/wire"
)

// held are the records of a zone whose apex answers with many RRsets.
func held(yield func(wire.RR, error) bool) {
	apex := wire.MustParseName("example.")
	host := "\x02ns\x07example\x00"
	for _, rr := range []wire.RR{
		{Name: apex, Type: wire.TypeSOA, Data: append([]byte(host+host), make([]byte, 20)...)},
		{Name: apex, Type: wire.TypeNS, Data: []byte(host)},
		{Name: wire.Name(host), Type: wire.TypeA, Data: []byte{192, 0, 2, 1}},
		{Name: wire.Name(host), Type: wire.TypeAAAA, Data: make([]byte, 16)},
	} {
		rr.Class = wire.ClassIN
		if !yield(rr, nil) {
			return
		}
	}
}

// TestReleaseKeepsNothing: an Answer at rest keeps neither a version nor a piece of its memory, not even behind the RRsets
// of a shorter answer that came later.
func TestReleaseKeepsNothing(t *testing.T) {
	var c Catalog
	var a Answer
	load := func() (version weak.Pointer[Version], memory weak.Pointer[byte]) {
		v, err := Build(wire.MustParseName("example."), wire.ClassIN, iter.Seq2[wire.RR, error](held))
		if err != nil {
			t.Fatal(err)
		}
		c.Replace([]State{{Origin: v.Origin(), Class: v.Class(), Version: v}})
		return weak.Make(v), weak.Make(&v.apex.b[0])
	}
	long, longMemory := load()
	c.Lookup(wire.ClassIN, wire.MustParseName("example."), wire.TypeNS, false, &a)
	if n := len(a.sections[wire.Additional]); n != 2 {
		t.Fatalf("%d RRsets of addresses", n)
	}
	short, shortMemory := load()
	c.Lookup(wire.ClassIN, wire.MustParseName("none.example."), wire.TypeA, false, &a)
	c.Replace(nil)
	runtime.GC()
	if long.Value() != nil || longMemory.Value() != nil {
		t.Error("the zone of the answer before is in memory")
	}
	if short.Value() == nil || shortMemory.Value() == nil {
		t.Error("the zone of the answer is gone")
	}
	a.Release()
	runtime.GC()
	if short.Value() != nil || shortMemory.Value() != nil {
		t.Error("the zone of an answer that was released is in memory")
	}
	runtime.KeepAlive(&a)
}
