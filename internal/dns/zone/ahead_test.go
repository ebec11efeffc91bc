package zone_test

import (
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestAhead asks for names that are there and that are not, for more than an Ahead takes, and for zones of all kinds: it
// must read nothing that it may not, and allocate nothing.
func TestAhead(t *testing.T) {
	large, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for _, rr := range parseZone(t, header+"cut.example. 60 IN NS ns.other.\n") {
			yield(rr, nil)
		}
		for i := range manyNames + 1000 {
			yield(host(t, i), nil)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var c zone.Catalog
	c.Put(large)
	c.Fail(wire.MustParseName("failed."), wire.ClassIN, nil)
	small, err := zone.Build(wire.MustParseName("small."), wire.ClassIN, seq(nil))
	if err != nil {
		t.Fatal(err)
	}
	c.Put(small)
	var a zone.Ahead
	for name, want := range map[string]bool{"example.": true, "x.y.example.": true, "small.": false, "failed.": false, "nowhere.": false, ".": false} {
		if got := a.Add(&c, wire.ClassIN, wire.MustParseName(name)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	var names []wire.Name
	for i := range 100 {
		names = append(names, host(t, 230*i).Name.Lower())
	}
	if n := testing.AllocsPerRun(10, func() {
		for _, n := range names {
			a.Add(&c, wire.ClassIN, n)
		}
		a.Fetch()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
