package zone_test

import (
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
