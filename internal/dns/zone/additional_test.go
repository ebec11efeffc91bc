package zone_test

import (
	"slices"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

const relatedZone = `
example.org. 300 IN SOA ns.example.org. host.example.org. 1 2 3 4 60
example.org. 300 IN NS ns.example.org.
ns.example.org. 300 IN A 192.0.2.1
mail.example.org. 300 IN A 192.0.2.2
mail.example.org. 300 IN AAAA 2001:db8::2
*.wild.example.org. 300 IN A 192.0.2.3
mx.example.org. 300 IN MX 1 MAIL.example.org.
mx.example.org. 300 IN MX 2 any.wild.example.org.
mx.example.org. 300 IN MX 3 any.wild.example.net.
kx.example.org. 300 IN KX 1 Mail.example.org.
afs.example.org. 300 IN AFSDB 1 ns.example.org.
rt.example.org. 300 IN RT 1 ns.example.org.
sip.example.org. 300 IN NAPTR 1 1 "s" "SIP+D2U" "" _sip.example.org.
sip.example.org. 300 IN NAPTR 2 1 "A" "SIP+D2U" "" ns.example.org.
sip.example.org. 300 IN NAPTR 3 1 "u" "SIP+D2U" "!^.*$!sip:x@example.org!" .
_sip.example.org. 300 IN SRV 1 1 5060 mail.example.org.
own.example.org. 300 IN HTTPS 1 . alpn=h2
own.example.org. 300 IN A 192.0.2.4
none.example.org. 300 IN HTTPS 0 .
none.example.org. 300 IN A 192.0.2.5
alias.example.org. 300 IN SVCB 0 OWN.example.org.
own.example.org. 300 IN SVCB 1 ns.example.org. port=1
*.site.example.org. 300 IN HTTPS 1 . alpn=h2
*.site.example.org. 300 IN A 192.0.2.6
cut.example.org. 300 IN NS ns.example.org.
cut.example.org. 300 IN NS ns.cut.example.org.
cut.example.org. 300 IN NS a.*.cut.example.org.
ns.cut.example.org. 300 IN A 192.0.2.7
*.cut.example.org. 300 IN A 192.0.2.8
dname.example.org. 300 IN DNAME wild.example.org.
lost.example.org. 300 IN MX 1 a.b.cut.example.org.
lost.example.org. 300 IN MX 2 a.dname.example.org.
`

// TestAdditional: what answers lead to next stands behind them, wildcards expanded; nothing from below a delegation or a DNAME
// but glue.
func TestAdditional(t *testing.T) {
	rrs := parseZone(t, strings.TrimSpace(relatedZone))
	v, err := zone.Build(rrs[0].Name, wire.ClassIN, seq(rrs))
	if err != nil {
		t.Fatal(err)
	}
	catalog := &zone.Catalog{}
	catalog.Put(v)
	for _, c := range []struct {
		name, typ string
		want      []string
	}{
		{"example.org.", "NS", []string{"ns.example.org. A"}},
		{"mx.example.org.", "MX", []string{"mail.example.org. A", "mail.example.org. AAAA", "any.wild.example.org. A"}},
		{"kx.example.org.", "KX", []string{"mail.example.org. A", "mail.example.org. AAAA"}},
		{"afs.example.org.", "AFSDB", []string{"ns.example.org. A"}},
		{"rt.example.org.", "RT", []string{"ns.example.org. A"}},
		{"sip.example.org.", "NAPTR", []string{"_sip.example.org. SRV", "ns.example.org. A"}},
		{"own.example.org.", "HTTPS", []string{"own.example.org. A"}},
		{"none.example.org.", "HTTPS", nil},
		{"alias.example.org.", "SVCB", []string{"own.example.org. SVCB", "own.example.org. A"}},
		{"x.site.example.org.", "HTTPS", []string{"x.site.example.org. A"}},
		{"www.cut.example.org.", "A", []string{"ns.cut.example.org. A", "ns.example.org. A"}}, // what is needed comes first
		{"lost.example.org.", "MX", nil},
	} {
		var got []string
		for _, rr := range ask(t, catalog, c.name, c.typ).Additional {
			got = append(got, rr.Name.Lower().String()+" "+rr.Type.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.name, c.typ, got, c.want)
		}
	}
}

// TestBadTargets: RDATA that is not of its type's form, which no other check has to refuse, leads nowhere.
func TestBadTargets(t *testing.T) {
	apex := parseZone(t, "example.org. 300 IN SOA ns.example.org. host.example.org. 1 2 3 4 60\nexample.org. 300 IN NS ns.example.org.")
	for _, data := range [][]byte{{}, {0}, {0, 1}, {0, 1, 63}, {0, 1, 0xc0, 0}, {0, 0, 1}} {
		rrs := append(slices.Clone(apex), wire.RR{Name: wire.MustParseName("x.example.org"), Type: wire.TypeHTTPS, Class: wire.ClassIN, TTL: 300, Data: data})
		v, err := zone.Build(rrs[0].Name, wire.ClassIN, seq(rrs))
		if err != nil {
			continue // refused, which is as well
		}
		catalog := &zone.Catalog{}
		catalog.Put(v)
		if m := ask(t, catalog, "x.example.org.", "HTTPS"); len(m.Answer) != 1 || len(m.Additional) != 0 {
			t.Errorf("%x: %+v", data, m)
		}
	}
}
