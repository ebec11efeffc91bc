package zone

import (
	"fmt"
	"slices"
	"testing"

	"bundy/internal/dns/wire"
)

// TestCompactBesideUpdates changes a zone while a compact version of it is made, and brings the changes over: names that
// change, come, go, and come and go, also those that have changed before.
func TestCompactBesideUpdates(t *testing.T) {
	const names = 3000
	soa := func(serial int) wire.RR {
		data := append([]byte{0, 0}, make([]byte, 20)...)
		data[4], data[5] = byte(serial>>8), byte(serial)
		return wire.RR{Name: wire.MustParseName("example.org"), Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 1, Data: data}
	}
	host := func(i, address int) wire.RR {
		return wire.RR{Name: wire.MustParseName(fmt.Sprintf("h%d.d%d.example.org", i, i%7)), Type: wire.TypeA, Class: wire.ClassIN, TTL: 1, Data: []byte{10, 0, byte(address >> 8), byte(address)}}
	}
	v, err := Build(soa(0).Name, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for i := range names {
			if !yield(host(i, i), nil) {
				return
			}
		}
		yield(soa(0), nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	serial := 0
	change := func(deleted, added []wire.RR) {
		t.Helper()
		d := Diff{From: Serial(serial), To: Serial(serial + 1), Deleted: append([]wire.RR{soa(serial)}, deleted...), Added: append([]wire.RR{soa(serial + 1)}, added...)}
		serial++
		if v, err = v.Apply(d); err != nil {
			t.Fatal(err)
		}
	}
	for i := range names {
		switch i % 3 {
		case 0:
			change([]wire.RR{host(i, i)}, []wire.RR{host(i, i+1)})
		case 1:
			change([]wire.RR{host(i, i)}, nil)
		default:
			change(nil, []wire.RR{host(names+i, i)})
		}
	}
	base := v
	compact, err := base.Compact()
	if err != nil {
		t.Fatal(err)
	}
	if compact.names.over.n != 0 {
		t.Fatal("not compact")
	}
	check := func() {
		t.Helper()
		moved := v.On(base, compact)
		if moved == nil {
			t.Fatal("the version comes from the other one")
		}
		same := func(a, b wire.RR) bool {
			return a.Name == b.Name && a.Type == b.Type && a.TTL == b.TTL && string(a.Data) == string(b.Data)
		}
		if !slices.EqualFunc(slices.Collect(moved.All()), slices.Collect(v.All()), same) {
			t.Fatal("other records than before")
		}
		if moved.Len() != v.Len() || moved.Serial() != v.Serial() {
			t.Fatalf("%d records of serial %d, not %d of %d", moved.Len(), moved.Serial(), v.Len(), v.Serial())
		}
	}
	check()
	change([]wire.RR{host(0, 1)}, nil)                                 // changed before, goes
	change(nil, []wire.RR{host(1, 9)})                                 // had gone, comes back
	change([]wire.RR{host(names+2, 2)}, nil)                           // had come, goes
	change([]wire.RR{host(5, 5)}, []wire.RR{host(5, 6)})               // as built, changes
	change(nil, []wire.RR{host(3*names, 1)})                           // comes
	change(nil, []wire.RR{host(3*names+1, 1)})                         // comes
	change([]wire.RR{host(3*names+1, 1)}, []wire.RR{host(2*names, 7)}) // goes again
	check()
	if n := v.On(base, compact).names.over.n; n > 40 {
		t.Errorf("%d names lie over those that are compact after 7 changes", n)
	}
	again, err := Build(soa(0).Name, wire.ClassIN, func(yield func(wire.RR, error) bool) { yield(soa(0), nil) })
	if err != nil {
		t.Fatal(err)
	}
	if again.On(base, compact) != nil {
		t.Error("a version of another ground was moved")
	}
}
