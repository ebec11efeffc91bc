package update

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// model is a zone as a plain list of records, and RFC 2136 section 3 read aloud over it.
type model []wire.RR

func (m model) at(n wire.Name, t wire.Type) (found []wire.RR) {
	for _, r := range m {
		if r.Name.Equal(n) && (t == wire.TypeANY || r.Type == t) {
			found = append(found, r)
		}
	}
	return found
}

func (m model) without(drop func(wire.RR) bool) model {
	return slices.DeleteFunc(slices.Clone(m), drop)
}

func (m model) prerequisites(r Request) wire.Rcode {
	type set struct {
		name wire.Name
		t    wire.Type
	}
	given := map[set]map[string]bool{}
	for _, p := range r.Prerequisites {
		found := len(m.at(p.Name, p.Type)) > 0
		switch {
		case p.Class == wire.ClassANY && p.Type == wire.TypeANY && !found:
			return wire.RcodeNXDomain
		case p.Class == wire.ClassANY && !found:
			return wire.RcodeNXRRSet
		case p.Class == wire.ClassNONE && p.Type == wire.TypeANY && found:
			return wire.RcodeYXDomain
		case p.Class == wire.ClassNONE && found:
			return wire.RcodeYXRRSet
		case p.Class == wire.ClassIN:
			k := set{p.Name.Lower(), p.Type}
			if given[k] == nil {
				given[k] = map[string]bool{}
			}
			given[k][string(p.Data)] = true
		}
	}
	for k, want := range given {
		have := m.at(k.name, k.t)
		if len(have) != len(want) {
			return wire.RcodeNXRRSet
		}
		for _, r := range have {
			if !want[string(r.Data)] {
				return wire.RcodeNXRRSet
			}
		}
	}
	return wire.RcodeNoError
}

func (m model) update(r Request) (model, wire.Rcode) {
	if code := m.prerequisites(r); code != wire.RcodeNoError {
		return m, code
	}
	next := slices.Clone(m)
	for _, u := range r.Updates {
		apex := u.Name.Equal(origin)
		switch {
		case u.Class == wire.ClassIN:
			next = next.add(u)
		case u.Class == wire.ClassANY:
			next = next.without(func(o wire.RR) bool {
				return o.Name.Equal(u.Name) && (u.Type == wire.TypeANY || o.Type == u.Type) &&
					!(apex && (o.Type == wire.TypeSOA || o.Type == wire.TypeNS))
			})
		case u.Type == wire.TypeSOA, apex && u.Type == wire.TypeNS && len(next.at(origin, wire.TypeNS)) == 1:
		default:
			next = next.without(func(o wire.RR) bool {
				return o.Name.Equal(u.Name) && o.Type == u.Type && string(o.Data) == string(u.Data)
			})
		}
	}
	for _, ns := range next.at(origin, wire.TypeNS) {
		host := wire.Name(ns.Data)
		if len(next.at(host, wire.TypeCNAME)) > 0 {
			return m, wire.RcodeRefused
		}
		for _, d := range next {
			if d.Type == wire.TypeDNAME && host.IsBelow(d.Name) && !host.Equal(d.Name) && host.IsBelow(origin) {
				return m, wire.RcodeRefused
			}
		}
	}
	if slices.Equal(next.dump(), m.dump()) {
		return m, wire.RcodeNoError
	}
	old, now := m.at(origin, wire.TypeSOA)[0], next.at(origin, wire.TypeSOA)[0]
	if zone.SerialOf(old) == zone.SerialOf(now) {
		next = append(next.without(func(o wire.RR) bool { return o.Type == wire.TypeSOA }), zone.WithSerial(now, zone.SerialOf(now)+1))
	}
	return next, wire.RcodeNoError
}

func (m model) add(u wire.RR) model {
	there := m.at(u.Name, wire.TypeANY)
	only := func(t wire.Type) bool { return len(there) == len(m.at(u.Name, t)) }
	same := func(o wire.RR) bool { return o.Name.Equal(u.Name) && o.Type == u.Type }
	switch u.Type {
	case wire.TypeSOA:
		if !u.Name.Equal(origin) || !zone.SerialOf(m.at(origin, wire.TypeSOA)[0]).Less(zone.SerialOf(u)) {
			return m
		}
		return append(m.without(same), u)
	case wire.TypeCNAME:
		if !only(wire.TypeCNAME) {
			return m
		}
		return append(m.without(same), u)
	}
	if len(m.at(u.Name, wire.TypeCNAME)) > 0 {
		return m
	}
	if u.Type == wire.TypeDNAME {
		return append(m.without(same), u)
	}
	next := m.without(func(o wire.RR) bool { return same(o) && string(o.Data) == string(u.Data) })
	for i := range next {
		if same(next[i]) {
			next[i].TTL = u.TTL
		}
	}
	return append(next, u)
}

func (m model) dump() []string {
	var out []string
	for _, r := range m {
		out = append(out, strings.ToLower(text(r)))
	}
	slices.Sort(out)
	return out
}

func drawRR(t *rapid.T, tb testing.TB, kind string) wire.RR {
	name := rapid.SampledFrom([]string{"example.org", "a.example.org", "A.example.org", "b.a.example.org", "ns1.example.org", "*.example.org", "sub.example.org"}).Draw(t, "name")
	data := map[string][]string{
		"A": {"192.0.2.1", "192.0.2.2", "192.0.2.3"}, "NS": {"ns1.example.org", "ns.example.com", "ns.sub.example.org"},
		"CNAME": {"x", "y"}, "DNAME": {"x", "y"}, "TXT": {"one", "two"}, "SOA": {"3", "9", "12", "15"},
	}
	types := []string{"A", "NS", "CNAME", "DNAME", "TXT", "SOA"}
	typ := rapid.SampledFrom(types).Draw(t, "type")
	value := rapid.SampledFrom(data[typ]).Draw(t, "data")
	ttl := rapid.SampledFrom([]string{"60", "300"}).Draw(t, "ttl")
	whole := func(class, ttl string) wire.RR {
		return rr(tb, strings.Join([]string{name, ttl, class, typ, value}, " "))
	}
	class := rapid.SampledFrom([]string{"IN", "ANY", "NONE"}).Draw(t, "class")
	switch {
	case class == "IN" && kind == "prerequisite":
		return whole(class, "0")
	case class == "IN":
		return whole(class, ttl)
	case class == "NONE" && kind == "update":
		return whole(class, "0")
	}
	typ = rapid.SampledFrom(append(types, "ANY")).Draw(t, "type")
	return rr(tb, strings.Join([]string{name, "0", class, typ}, " "))
}

// TestModel does random requests one after another on versions of a zone and on the model: they always agree.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		start := rrs(t, `example.org 3600 IN SOA 7
			example.org 3600 IN NS ns1.example.org
			ns1.example.org 300 IN A 192.0.2.1
			a.example.org 300 IN A 192.0.2.1
			b.a.example.org 300 IN CNAME x`)
		m, v := model(start), build(t, start)
		for range rapid.IntRange(1, 8).Draw(rt, "requests") {
			r := Request{Zone: origin, Class: wire.ClassIN}
			for range rapid.IntRange(0, 2).Draw(rt, "prerequisites") {
				r.Prerequisites = append(r.Prerequisites, drawRR(rt, t, "prerequisite"))
			}
			for range rapid.IntRange(0, 5).Draw(rt, "updates") {
				r.Updates = append(r.Updates, drawRR(rt, t, "update"))
			}
			next, code := m.update(r)
			d, err := Evaluate(v, r)
			if Rcode(err) != code {
				rt.Fatalf("%v, the model says %v, of %q %q", err, code, texts(r.Prerequisites), texts(r.Updates))
			}
			m = next
			if len(d.Added) > 0 {
				if v, err = v.Apply(d); err != nil {
					rt.Fatal(err)
				}
			}
			if got, want := model(slices.Collect(v.All())).dump(), m.dump(); !slices.Equal(got, want) {
				rt.Fatalf("zone\n%s\nmodel\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}
