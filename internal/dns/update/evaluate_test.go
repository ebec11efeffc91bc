package update

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

var origin = wire.MustParseName("example.org")

// rr reads "name ttl class type data" for the few types that the tests need. ANY and NONE may lack data.
func rr(t testing.TB, text string) wire.RR {
	t.Helper()
	f := strings.Fields(text)
	var r wire.RR
	var err error
	if len(f) < 4 {
		t.Fatalf("test record %q", text)
	}
	r.Name = wire.MustParseName(f[0])
	if _, err = fmt.Sscan(f[1], &r.TTL); err != nil {
		t.Fatal(err)
	}
	if r.Class, err = wire.ParseClass(f[2]); err != nil {
		t.Fatal(err)
	}
	if r.Type, err = wire.ParseType(f[3]); err != nil {
		t.Fatal(err)
	}
	if len(f) == 4 {
		return r
	}
	switch r.Type {
	case wire.TypeA:
		var a [4]byte
		if _, err := fmt.Sscanf(f[4], "%d.%d.%d.%d", &a[0], &a[1], &a[2], &a[3]); err != nil {
			t.Fatal(err)
		}
		r.Data = a[:]
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME, wire.TypePTR:
		r.Data = []byte(wire.MustParseName(f[4]))
	case wire.TypeSOA:
		r.Data = append([]byte("\x03ns1\x07example\x03org\x00\x00"), make([]byte, 20)...)
		var serial uint32
		if _, err := fmt.Sscan(f[4], &serial); err != nil {
			t.Fatal(err)
		}
		r = zone.WithSerial(r, zone.Serial(serial))
	case wire.TypeTXT:
		r.Data = append([]byte{byte(len(f[4]))}, f[4]...)
	default:
		r.Data = []byte(f[4])
	}
	return r
}

// text is the inverse of rr.
func text(r wire.RR) string {
	if len(r.Data) == 0 {
		return fmt.Sprintf("%s %d %s %s", r.Name, r.TTL, r.Class, r.Type)
	}
	data := ""
	switch r.Type {
	case wire.TypeSOA:
		data = fmt.Sprint(zone.SerialOf(r))
	case wire.TypeA:
		data = fmt.Sprintf("%d.%d.%d.%d", r.Data[0], r.Data[1], r.Data[2], r.Data[3])
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME, wire.TypePTR:
		data = wire.Name(r.Data).String()
	case wire.TypeTXT:
		data = string(r.Data[1:])
	default:
		data = string(r.Data)
	}
	return fmt.Sprintf("%s %d %s %s %s", r.Name, r.TTL, r.Class, r.Type, data)
}

func texts(rrs []wire.RR) []string {
	var out []string
	for _, r := range rrs {
		out = append(out, text(r))
	}
	return out
}

func rrs(t testing.TB, lines string) []wire.RR {
	t.Helper()
	var out []wire.RR
	for line := range strings.SplitSeq(lines, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, rr(t, line))
		}
	}
	return out
}

func build(t testing.TB, records []wire.RR) *zone.Version {
	t.Helper()
	v, err := zone.Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const content = `
	example.org 3600 IN SOA 7
	example.org 3600 IN NS ns1.example.org
	example.org 3600 IN NS ns2.example.org
	ns1.example.org 300 IN A 192.0.2.1
	ns2.example.org 300 IN A 192.0.2.2
	host.example.org 300 IN A 192.0.2.10
	host.example.org 300 IN A 192.0.2.11
	host.example.org 300 IN TXT x
	alias.example.org 300 IN CNAME host.example.org
	a.empty.example.org 300 IN A 192.0.2.20
	*.wild.example.org 300 IN A 192.0.2.30`

func TestPrerequisites(t *testing.T) {
	v := build(t, rrs(t, content))
	for _, c := range []struct {
		prerequisites string
		want          wire.Rcode
	}{
		{"", wire.RcodeNoError},
		{"host.example.org 0 ANY ANY", wire.RcodeNoError},
		{"HOST.example.org 0 ANY A", wire.RcodeNoError},
		{"nobody.example.org 0 ANY ANY", wire.RcodeNXDomain},
		{"empty.example.org 0 ANY ANY", wire.RcodeNXDomain},
		{"x.wild.example.org 0 ANY ANY", wire.RcodeNXDomain},
		{"alias.example.org 0 ANY A", wire.RcodeNXRRSet},
		{"host.example.org 0 ANY AAAA", wire.RcodeNXRRSet},
		{"host.example.org 0 NONE ANY", wire.RcodeYXDomain},
		{"empty.example.org 0 NONE ANY", wire.RcodeNoError},
		{"x.wild.example.org 0 NONE ANY", wire.RcodeNoError},
		{"host.example.org 0 NONE A", wire.RcodeYXRRSet},
		{"host.example.org 0 NONE AAAA", wire.RcodeNoError},
		{"host.example.org 0 IN A 192.0.2.10", wire.RcodeNXRRSet},
		{"host.example.org 0 IN A 192.0.2.11\nHost.example.org 0 IN A 192.0.2.10", wire.RcodeNoError},
		{"host.example.org 0 IN A 192.0.2.11\nhost.example.org 0 IN A 192.0.2.10\nhost.example.org 0 IN A 192.0.2.10", wire.RcodeNoError},
		{"host.example.org 0 IN A 192.0.2.11\nhost.example.org 0 IN A 192.0.2.12", wire.RcodeNXRRSet},
		{"alias.example.org 0 IN CNAME HOST.example.ORG", wire.RcodeNoError},
		{"host.example.com 0 ANY ANY", wire.RcodeNotZone},
		{"host.example.org 1 ANY ANY", wire.RcodeFormErr},
		{"host.example.org 0 ANY A 192.0.2.1", wire.RcodeFormErr},
		{"host.example.org 1 NONE ANY", wire.RcodeFormErr},
		{"host.example.org 1 IN A 192.0.2.10", wire.RcodeFormErr},
		{"host.example.org 0 CH ANY", wire.RcodeFormErr},
		// Values are compared last, whatever their place (RFC 2136 section 3.2.3).
		{"host.example.org 0 IN A 192.0.2.99\nnobody.example.org 0 ANY ANY", wire.RcodeNXDomain},
	} {
		d, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Prerequisites: rrs(t, c.prerequisites)})
		if Rcode(err) != c.want || len(d.Added) > 0 {
			t.Errorf("%q: %v, want %v; %v", c.prerequisites, err, c.want, d)
		}
	}
}

func TestUpdates(t *testing.T) {
	v := build(t, rrs(t, content))
	for _, c := range []struct {
		name, updates string
		want          wire.Rcode
		deleted       string // without the SOA
		added         string
		serial        zone.Serial // 8 unless given
	}{
		{name: "add", updates: "new.example.org 60 IN A 192.0.2.50", added: "new.example.org. 60 IN A 192.0.2.50"},
		{name: "add twice", updates: "new.example.org 60 IN A 192.0.2.50\nNEW.example.org 60 IN A 192.0.2.50", added: "new.example.org. 60 IN A 192.0.2.50"},
		{name: "add what is there", updates: "HOST.example.org 300 IN A 192.0.2.10", serial: 7},
		{name: "nothing", serial: 7},
		{name: "add with another TTL", updates: "host.example.org 60 IN A 192.0.2.12",
			deleted: "host.example.org. 300 IN A 192.0.2.10|host.example.org. 300 IN A 192.0.2.11",
			added:   "host.example.org. 60 IN A 192.0.2.10|host.example.org. 60 IN A 192.0.2.11|host.example.org. 60 IN A 192.0.2.12"},
		{name: "only another TTL", updates: "alias.example.org 60 IN CNAME HOST.example.org",
			deleted: "alias.example.org. 300 IN CNAME host.example.org.", added: "alias.example.org. 60 IN CNAME host.example.org."},
		{name: "huge TTL", updates: "new.example.org 2147483648 IN A 192.0.2.50", added: "new.example.org. 0 IN A 192.0.2.50"},
		{name: "keeps the spelling of the name", updates: "HOST.example.org 60 IN PTR x", added: "host.example.org. 60 IN PTR x."},
		{name: "CNAME over other types", updates: "host.example.org 60 IN CNAME x", serial: 7},
		{name: "CNAME at the apex", updates: "example.org 60 IN CNAME x", serial: 7},
		{name: "other types over CNAME", updates: "alias.example.org 60 IN A 192.0.2.1", serial: 7},
		{name: "CNAME over CNAME", updates: "alias.example.org 300 IN CNAME x",
			deleted: "alias.example.org. 300 IN CNAME host.example.org.", added: "alias.example.org. 300 IN CNAME x."},
		{name: "CNAME where all else goes", updates: "host.example.org 0 ANY ANY\nhost.example.org 60 IN CNAME x",
			deleted: "host.example.org. 300 IN A 192.0.2.10|host.example.org. 300 IN A 192.0.2.11|host.example.org. 300 IN TXT x",
			added:   "host.example.org. 60 IN CNAME x."},
		{name: "delete a name", updates: "HOST.example.org 0 ANY ANY",
			deleted: "host.example.org. 300 IN A 192.0.2.10|host.example.org. 300 IN A 192.0.2.11|host.example.org. 300 IN TXT x"},
		{name: "delete an RRset", updates: "host.example.org 0 ANY A", deleted: "host.example.org. 300 IN A 192.0.2.10|host.example.org. 300 IN A 192.0.2.11"},
		{name: "delete a record", updates: "host.example.org 0 NONE A 192.0.2.11", deleted: "host.example.org. 300 IN A 192.0.2.11"},
		{name: "delete what is not there", updates: "host.example.org 0 NONE A 192.0.2.99\nno.example.org 0 ANY ANY\nhost.example.org 0 ANY PTR", serial: 7},
		{name: "delete and add again", updates: "host.example.org 0 NONE TXT x\nhost.example.org 300 IN TXT x", serial: 7},
		{name: "delete what a wildcard implies", updates: "x.wild.example.org 0 ANY ANY", serial: 7},
		{name: "delete the wildcard", updates: "*.wild.example.org 0 ANY A", deleted: "*.wild.example.org. 300 IN A 192.0.2.30"},
		{name: "delete the apex", updates: "example.org 0 ANY ANY\nexample.org 0 ANY NS\nexample.org 0 ANY SOA\nexample.org 0 NONE SOA 7", serial: 7},
		{name: "delete one NS", updates: "example.org 0 NONE NS ns2.example.org", deleted: "example.org. 3600 IN NS ns2.example.org."},
		{name: "delete all NS", updates: "example.org 0 NONE NS ns1.example.org\nexample.org 0 NONE NS ns2.example.org", deleted: "example.org. 3600 IN NS ns1.example.org."},
		{name: "exchange the NS", updates: "example.org 3600 IN NS ns.example.com\nexample.org 0 NONE NS ns1.example.org\nexample.org 0 NONE NS ns2.example.org",
			deleted: "example.org. 3600 IN NS ns1.example.org.|example.org. 3600 IN NS ns2.example.org.", added: "example.org. 3600 IN NS ns.example.com."},
		{name: "newer SOA", updates: "example.org 3600 IN SOA 20", serial: 20},
		{name: "newest SOA", updates: "example.org 3600 IN SOA 20\nexample.org 3600 IN SOA 19", serial: 20},
		{name: "older SOA", updates: "example.org 3600 IN SOA 6", serial: 7},
		{name: "same SOA", updates: "example.org 60 IN SOA 7", serial: 7},
		{name: "SOA elsewhere", updates: "host.example.org 60 IN SOA 9\nno.example.org 60 IN SOA 9", serial: 7},
		{name: "older SOA beside a change", updates: "example.org 60 IN SOA 6\nnew.example.org 60 IN TXT x", added: "new.example.org. 60 IN TXT x"},
		{name: "outside", updates: "new.example.org 60 IN TXT x\nnew.example.com 60 IN TXT x", want: wire.RcodeNotZone},
		{name: "meta type", updates: "new.example.org 60 IN ANY", want: wire.RcodeFormErr},
		{name: "type OPT", updates: "new.example.org 60 IN OPT", want: wire.RcodeFormErr},
		{name: "type 0", updates: "new.example.org 60 IN TYPE0", want: wire.RcodeFormErr},
		{name: "type above the meta range", updates: "new.example.org 60 IN TYPE256 x", added: "new.example.org. 60 IN URI x"},
		{name: "bad data", updates: "new.example.org 60 IN A", want: wire.RcodeFormErr},
		{name: "RRset deletion with TTL", updates: "host.example.org 1 ANY A", want: wire.RcodeFormErr},
		{name: "RRset deletion with data", updates: "host.example.org 0 ANY A 192.0.2.10", want: wire.RcodeFormErr},
		{name: "RRset deletion of AXFR", updates: "host.example.org 0 ANY AXFR", want: wire.RcodeFormErr},
		{name: "deletion with TTL", updates: "host.example.org 1 NONE A 192.0.2.10", want: wire.RcodeFormErr},
		{name: "deletion of type ANY", updates: "host.example.org 0 NONE ANY", want: wire.RcodeFormErr},
		{name: "other class", updates: "host.example.org 0 CH A 192.0.2.10", want: wire.RcodeFormErr},
		{name: "name server becomes an alias", updates: "ns1.example.org 0 ANY ANY\nns1.example.org 60 IN CNAME x", want: wire.RcodeRefused},
		{name: "alias becomes a name server", updates: "example.org 3600 IN NS alias.example.org", want: wire.RcodeRefused},
		{name: "name server below a DNAME", updates: "example.org 3600 IN NS ns.sub.example.org\nsub.example.org 60 IN DNAME x", want: wire.RcodeRefused},
		{name: "DNAME elsewhere, twice", updates: "sub.example.org 60 IN DNAME x\nsub.example.org 60 IN DNAME y", added: "sub.example.org. 60 IN DNAME y."},
	} {
		d, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: rrs(t, c.updates)})
		if Rcode(err) != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want != wire.RcodeNoError {
			continue
		}
		if c.serial == 0 {
			c.serial = 8
		}
		if c.serial == 7 {
			if len(d.Deleted)+len(d.Added) > 0 || d.From != 7 || d.To != 7 {
				t.Errorf("%s: %v, want no change", c.name, d)
			}
			continue
		}
		if d.From != 7 || d.To != c.serial || zone.SerialOf(d.Deleted[0]) != 7 || zone.SerialOf(d.Added[0]) != c.serial {
			t.Errorf("%s: serials %d to %d, want %d", c.name, d.From, d.To, c.serial)
		}
		if got := strings.Join(texts(d.Deleted[1:]), "|"); got != c.deleted {
			t.Errorf("%s: deleted %s, want %s", c.name, got, c.deleted)
		}
		if got := strings.Join(texts(d.Added[1:]), "|"); got != c.added {
			t.Errorf("%s: added %s, want %s", c.name, got, c.added)
		}
		if _, err := v.Apply(d); err != nil {
			t.Errorf("%s: the difference does not apply: %v", c.name, err)
		}
	}
}

func TestSerialSkipsZero(t *testing.T) {
	v := build(t, rrs(t, strings.Replace(content, "SOA 7", "SOA 4294967295", 1)))
	d, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: rrs(t, "new.example.org 60 IN TXT x")})
	if err != nil || d.To != 1 {
		t.Errorf("after 2^32-1 comes %d, %v", d.To, err)
	}
}

func TestWrongZone(t *testing.T) {
	v := build(t, rrs(t, content))
	for _, r := range []Request{{Zone: wire.MustParseName("org"), Class: wire.ClassIN}, {Zone: origin, Class: wire.ClassCH}} {
		if _, err := Evaluate(v, r); Rcode(err) != wire.RcodeNotAuth {
			t.Errorf("%v: %v", r, err)
		}
	}
	empty := build(t, nil)
	if _, err := Evaluate(empty, Request{Zone: origin, Class: wire.ClassIN}); Rcode(err) != wire.RcodeServFail {
		t.Errorf("a zone without SOA: %v", err)
	}
	if Rcode(errors.New("x")) != wire.RcodeServFail {
		t.Error("an unknown error is not SERVFAIL")
	}
}

func TestBounds(t *testing.T) {
	v := build(t, rrs(t, content))
	var many []wire.RR
	for i := range maxRecords + 1 {
		many = append(many, rr(t, fmt.Sprintf("new.example.org 60 IN TXT t%d", i)))
	}
	if _, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: many}); Rcode(err) != wire.RcodeRefused {
		t.Errorf("%d records in an RRset: %v", len(many), err)
	}
	if _, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: many[1:]}); err != nil {
		t.Errorf("%d records in an RRset: %v", len(many)-1, err)
	}
	many = nil
	for i := range maxTypes + 1 {
		many = append(many, rr(t, fmt.Sprintf("new.example.org 60 IN TYPE%d x", 1000+i)))
	}
	if _, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: many}); Rcode(err) != wire.RcodeRefused {
		t.Errorf("%d types at a name: %v", len(many), err)
	}
}

// TestSignatures: RRSIGs of one name are several RRsets, by the type they cover.
func TestSignatures(t *testing.T) {
	sig := func(ttl uint32, covers wire.Type, end string) wire.RR {
		data := append([]byte{byte(covers >> 8), byte(covers)}, make([]byte, 16)...)
		return wire.RR{Name: wire.MustParseName("host.example.org"), Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: ttl, Data: append(append(data, 0), end...)}
	}
	v := build(t, append(rrs(t, content), sig(300, wire.TypeA, "one"), sig(600, wire.TypeTXT, "two")))
	d, err := Evaluate(v, Request{Zone: origin, Class: wire.ClassIN, Updates: []wire.RR{sig(60, wire.TypeA, "three")}})
	if err != nil {
		t.Fatal(err)
	}
	next, err := v.Apply(d)
	if err != nil {
		t.Fatal(err)
	}
	ttls := map[uint32]int{}
	for _, r := range next.RRset(wire.MustParseName("host.example.org"), wire.TypeRRSIG) {
		ttls[r.TTL]++
	}
	if len(ttls) != 2 || ttls[60] != 2 || ttls[600] != 1 {
		t.Errorf("TTLs of the signatures: %v", ttls)
	}
}

// TestSignedZone: nobody here can sign, so a signed zone is not changed; prerequisites are answered all the same.
func TestSignedZone(t *testing.T) {
	sig := func(covers wire.Type) wire.RR {
		data := append([]byte{byte(covers >> 8), byte(covers)}, make([]byte, 17)...)
		return wire.RR{Name: origin, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: 300, Data: append(data, 1)}
	}
	add := Request{Zone: origin, Class: wire.ClassIN, Updates: rrs(t, "new.example.org 300 IN A 192.0.2.1")}
	var e *Error
	signed := build(t, append(rrs(t, content), sig(wire.TypeSOA)))
	if _, err := Evaluate(signed, add); !errors.As(err, &e) || e.Rcode != wire.RcodeRefused {
		t.Errorf("an update of a signed zone: %v", err)
	}
	same := Request{Zone: origin, Class: wire.ClassIN, Updates: rrs(t, "host.example.org 300 IN TXT x")}
	if d, err := Evaluate(signed, same); err != nil || len(d.Added) > 0 {
		t.Errorf("an update that changes nothing: %+v, %v", d, err)
	}
	absent := Request{Zone: origin, Class: wire.ClassIN, Prerequisites: rrs(t, "nowhere.example.org 0 ANY ANY")}
	if _, err := Evaluate(signed, absent); !errors.As(err, &e) || e.Rcode != wire.RcodeNXDomain {
		t.Errorf("a prerequisite of a signed zone: %v", err)
	}
	if _, err := Evaluate(build(t, append(rrs(t, content), sig(wire.TypeNS))), add); err != nil {
		t.Errorf("a zone whose SOA is not signed: %v", err)
	}
}
