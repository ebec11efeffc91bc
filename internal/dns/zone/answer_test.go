package zone_test

import (
	"fmt"
	"sync"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestAliasBelowDNAME: who asks for the CNAME below a DNAME gets it, whether what it leads to exists or not; other
// questions are answered by the name at its end.
func TestAliasBelowDNAME(t *testing.T) {
	v := build(t, header+`d.example. 60 IN DNAME t.example.
a.t.example. 60 IN A 192.0.2.1`)
	c := &zone.Catalog{}
	c.Put(v)
	for _, q := range []struct {
		name, qtype        string
		rcode              wire.Rcode
		answers, authority int
	}{
		{"a.d.example.", "A", wire.RcodeNoError, 3, 0},
		{"a.d.example.", "CNAME", wire.RcodeNoError, 2, 0},
		{"b.d.example.", "CNAME", wire.RcodeNoError, 2, 0},
		{"b.d.example.", "A", wire.RcodeNXDomain, 2, 1},
		{"d.example.", "CNAME", wire.RcodeNoError, 0, 1},
	} {
		m := ask(t, c, q.name, q.qtype)
		if got := wire.Rcode(m.Header.Flags.Rcode()); got != q.rcode || len(m.Answer) != q.answers || len(m.Authority) != q.authority {
			t.Errorf("%s %s: %s, %v, %v", q.name, q.qtype, got, m.Answer, m.Authority)
		}
	}
}

// TestSource: what an answer comes from when the name itself is not there.
func TestSource(t *testing.T) {
	c := &zone.Catalog{}
	c.Put(build(t, header+`d.example. 60 IN DNAME t.example.
a.t.example. 60 IN A 192.0.2.1
*.w.example. 60 IN A 192.0.2.1
l.example. 60 IN CNAME x.w.example.
c.example. 60 IN NS ns.other.`))
	for name, want := range map[string]string{"a.t.example.": "", "x.d.example.": "d.example.", "x.y.w.example.": "w.example.",
		"x.c.example.": "c.example.", "no.example.": "", "l.example.": ""} {
		var a zone.Answer
		c.Lookup(wire.ClassIN, wire.MustParseName(name), wire.TypeA, true, &a)
		if got := a.Source(); got != "" && got.String() != want || got == "" && want != "" || a.Zone() == nil || a.Zone().Origin().String() != "example." {
			t.Errorf("%s: source %q, want %q", name, got, want)
		}
	}
	var a zone.Answer
	if c.Lookup(wire.ClassIN, wire.MustParseName("other."), wire.TypeA, false, &a); a.Zone() != nil {
		t.Error("a zone for a name in none")
	}
}

// TestAliasStaysInItsVersion asks for an alias while versions come, in each of which it leads to another name.
func TestAliasStaysInItsVersion(t *testing.T) {
	version := func(origin string, n int, more string) *zone.Version {
		text := fmt.Sprintf("%s 60 IN SOA ns. h. %d 1 1 1 1\n%[1]s 60 IN NS ns.\n", origin, n) + fmt.Sprintf(more, n)
		v, err := zone.Build(wire.MustParseName(origin), wire.ClassIN, seq(parseZone(t, text)))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var home, away [2]*zone.Version
	for n := range 2 {
		home[n] = version("home.", n, "far.home. 60 IN CNAME alias%[1]d.home.\nalias%[1]d.home. 60 IN CNAME alias.example.\n")
		away[n] = version("example.", n, "alias.example. 60 IN CNAME to%[1]d.example.\nto%[1]d.example. 60 IN TXT here\n")
	}
	var c zone.Catalog
	c.Put(away[0])
	c.Put(home[0])
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				c.Put(away[n%2])
				c.Put(home[n%2])
			}
		}
	})
	defer all.Wait()
	defer close(stop)
	var a zone.Answer
	for range 50_000 {
		for name, links := range map[string]int{"alias.example.": 1, "far.home.": 3} {
			c.Lookup(wire.ClassIN, wire.MustParseName(name), wire.TypeTXT, false, &a)
			if a.Rcode != wire.RcodeNoError || a.Answers() != links+1 {
				t.Fatalf("%s: %s with %d RRsets", name, a.Rcode, a.Answers())
			}
		}
	}
}
