package auth

import (
	"fmt"
	"testing"

	"bundy/internal/dns/server"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/suite/paths"
	"bundy/internal/suite/schema"
)

func TestZoneCounters(t *testing.T) {
	g := newRig(t)
	s := newStatistics()
	g.countIn(s)
	for name, n := range map[string]int{"web.example.org": 3, "nope.example.org": 2, "web.sub.example.org": 4, "x.broken.example": 1, "example.com": 9} {
		for range n {
			g.send(query(name, wire.TypeA, 0, 0, false), false)
		}
	}
	g.send(query("web.example.org", wire.TypeTXT, 0, 0, false), false)
	got := fmt.Sprint(s.zones.snapshot())
	const want = "map[IN:map[broken.example.:map[nxdomain:0 nxrrset:0 other:1 queries:1 referral:0 success:0] " +
		"example.org.:map[nxdomain:2 nxrrset:1 other:0 queries:10 referral:4 success:3]]]"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	g.authority.Catalog().Remove("\x06broken\x07example\x00", wire.ClassIN)
	s.zones.forget(g.authority.Catalog())
	if n := len(*s.zones.table.Load()); n != 1 {
		t.Errorf("%d zones after one was removed", n)
	}
}

// The statistics fit their description, which Stats compares them with.
func TestZoneCountersFit(t *testing.T) {
	s := newStatistics()
	for i, name := range []string{`a/b.[c].example`, ".", "example.org"} {
		s.zones.of(zoneID{wire.Class(1 + 2*(i%2)), wire.MustParseName(name)})
	}
	section, err := schema.Parse([]byte(jsonOf(t, s.snapshot(&server.Counters{}))))
	if err != nil {
		t.Fatal(err)
	}
	m := &schema.Module{Name: Name, Config: spec(paths.Default()).Statistics}
	if errs := schema.Validate(m, section.(schema.Section)); len(errs) > 0 {
		t.Error(errs)
	}
	if n := len(section.(schema.Section)["zone_queries"].(map[string]any)["IN"].(map[string]any)); n != 2 {
		t.Errorf("%d zones of class IN", n)
	}
	if _, err := m.Find("zone_queries/IN/example.org./nxdomain"); err != nil {
		t.Error(err)
	}
}

func TestManyZonesAreNotAllCounted(t *testing.T) {
	var s zoneStatistics
	var catalog zone.Catalog
	for i := range maxCountedZones + 10 {
		id := zoneID{wire.ClassIN, wire.MustParseName(fmt.Sprintf("z%d.example", i))}
		if c := s.of(id); (c == nil) != (i >= maxCountedZones) {
			t.Fatalf("zone %d: counted %t", i, c != nil)
		}
	}
	if s.forget(&catalog); len(*s.table.Load()) != 0 {
		t.Error("zones that are not there are still counted")
	}
}
