package update

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestTogetherModel does random transactions of requests for two zones on versions and on models: all of a transaction is
// done or nothing, what is done is what one request after the other would have done, and each refused request has its own rcode.
func TestTogetherModel(t *testing.T) {
	other := wire.MustParseName("example.net")
	counted, _ := other.Child("n")
	one := wire.RR{Name: counted, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}
	rapid.Check(t, func(rt *rapid.T) {
		start := rrs(t, `example.org 3600 IN SOA 7
			example.org 3600 IN NS ns1.example.org
			a.example.org 300 IN A 192.0.2.1`)
		m, there := model(start), false
		v := build(t, start)
		soa := start[0]
		soa.Name = other
		w, err := zone.Build(other, wire.ClassIN, func(yield func(wire.RR, error) bool) {
			_ = yield(soa, nil) && yield(wire.RR{Name: other, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte(origin)}, nil)
		})
		if err != nil {
			rt.Fatal(err)
		}
		var ts []Transaction
		var want [][]wire.Rcode
		for range rapid.IntRange(1, 6).Draw(rt, "transactions") {
			var t1 Transaction
			var codes []wire.Rcode
			next, nowThere := m, there
			for range rapid.IntRange(0, 3).Draw(rt, "for the first zone") {
				r := Request{Zone: origin, Class: wire.ClassIN}
				for range rapid.IntRange(0, 2).Draw(rt, "prerequisites") {
					if p := drawRR(rt, t, "prerequisite"); p.Type != wire.TypeSOA {
						r.Prerequisites = append(r.Prerequisites, p)
					}
				}
				for range rapid.IntRange(0, 4).Draw(rt, "updates") {
					if u := drawRR(rt, t, "update"); u.Type != wire.TypeSOA {
						r.Updates = append(r.Updates, u)
					}
				}
				after, code := next.update(r)
				next, t1, codes = after, append(t1, r), append(codes, code)
			}
			if rapid.Bool().Draw(rt, "second zone") {
				r := Request{Zone: other, Class: wire.ClassIN}
				code := wire.RcodeNoError
				if rapid.Bool().Draw(rt, "add") {
					r.Prerequisites, r.Updates = []wire.RR{NameNotInUse(counted)}, []wire.RR{Add(one)}
					if there {
						code = wire.RcodeYXDomain
					}
					nowThere = true
				} else {
					r.Updates = []wire.RR{DeleteName(counted)}
					nowThere = false
				}
				t1, codes = append(t1, r), append(codes, code)
			}
			if rapid.IntRange(0, 9).Draw(rt, "no such zone") == 0 {
				t1, codes = append(t1, Request{Zone: wire.MustParseName("example.com"), Class: wire.ClassIN}), append(codes, wire.RcodeNotAuth)
			}
			if !slices.ContainsFunc(codes, func(c wire.Rcode) bool { return c != wire.RcodeNoError }) {
				m, there, codes = next, nowThere, nil
			}
			ts, want = append(ts, t1), append(want, codes)
		}
		before := w.Serial()
		diffs, errs := EvaluateAll([]*zone.Version{v, w}, ts)
		for i, codes := range want {
			if len(codes) != len(errs[i]) {
				rt.Fatalf("transaction %d: %v, the model says %v", i, errs[i], codes)
			}
			for j, code := range codes {
				if err := errs[i][j]; code == wire.RcodeNoError && !errors.Is(err, ErrUntouched) || code != wire.RcodeNoError && Rcode(err) != code {
					rt.Fatalf("transaction %d, request %d: %v, the model says %v", i, j, err, code)
				}
			}
		}
		for i, d := range diffs {
			at := []**zone.Version{&v, &w}[i]
			if len(d.Added) > 0 {
				if *at, err = (*at).Apply(d); err != nil {
					rt.Fatal(err)
				}
			}
		}
		noSOA := func(rr wire.RR) bool { return rr.Type == wire.TypeSOA }
		got := model(slices.DeleteFunc(slices.Collect(v.All()), noSOA)).dump()
		if want := m.without(noSOA).dump(); !slices.Equal(got, want) {
			rt.Fatalf("zone\n%s\nmodel\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if got := len(w.RRset(counted, wire.TypeA)) > 0; got != there {
			rt.Fatalf("the second zone has the record: %v, the model says %v", got, there)
		}
		if step := w.Serial() - before; step > 1 || (step == 1) != there {
			rt.Fatalf("the serial grew by %d", step)
		}
	})
}

// TestTogetherInOneZone does a transaction with two requests for one zone: both must be in what is committed.
func TestTogetherInOneZone(t *testing.T) {
	v := build(t, rrs(t, `example.org 3600 IN SOA 7
		example.org 3600 IN NS ns1.example.org`))
	name := func(text string) wire.RR {
		return wire.RR{Name: wire.MustParseName(text), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}
	}
	a, b := name("a.example.org"), name("b.example.org")
	diffs, errs := EvaluateAll([]*zone.Version{v}, []Transaction{{
		{Zone: origin, Class: wire.ClassIN, Updates: []wire.RR{Add(a)}},
		{Zone: origin, Class: wire.ClassIN, Prerequisites: []wire.RR{NameInUse(a.Name)}, Updates: []wire.RR{Add(b)}},
	}})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	for _, want := range []wire.RR{a, b} {
		if !slices.ContainsFunc(diffs[0].Added, want.Equal) {
			t.Errorf("%s is not in the difference %v", want.Name, diffs[0].Added)
		}
	}
}

func TestReplyOfAnotherCall(t *testing.T) {
	ts := []Transaction{{Request{}, Request{}}}
	for _, r := range []Refused{{Transaction: 1, Rcodes: make([]wire.Rcode, 2)}, {Transaction: -1}, {Rcodes: make([]wire.Rcode, 1)}} {
		if _, err := (Reply{Refused: []Refused{r}}).Errors(ts); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	errs, err := Reply{Refused: []Refused{{Rcodes: []wire.Rcode{0, wire.RcodeYXDomain}, Text: "why"}}}.Errors(ts)
	if err != nil || !errors.Is(errs[0][0], ErrUntouched) || Rcode(errs[0][1]) != wire.RcodeYXDomain {
		t.Error(errs, err)
	}
}
