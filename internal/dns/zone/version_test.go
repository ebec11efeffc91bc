package zone_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

const header = "example. 300 IN SOA ns.example. host.example. 1 3600 600 86400 300\nexample. 300 IN NS ns.example.\n"

func build(t testing.TB, text string) *zone.Version {
	t.Helper()
	v, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, seq(parseZone(t, text)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func all(v *zone.Version) []wire.RR { return slices.Collect(v.All()) }

func TestBuild(t *testing.T) {
	v := build(t, header+`b.a.example. 60 IN A 192.0.2.1
B.a.example. 30 IN A 192.0.2.2
b.A.example. 90 IN A 192.0.2.1
*.example. 60 IN TXT "x"`)
	if v.Len() != 5 || v.Serial() != 1 || v.SOA().Type != wire.TypeSOA || v.Origin() != wire.MustParseName("example.") {
		t.Errorf("%d records, serial %d", v.Len(), v.Serial())
	}
	set := v.RRset(wire.MustParseName("b.a.EXAMPLE."), wire.TypeA)
	if len(set) != 2 || set[0].TTL != 30 || set[1].TTL != 30 {
		t.Errorf("RRset of mixed TTLs: %v", set)
	}
	if v.Types(wire.MustParseName("a.example.")) != nil || v.RRset(wire.MustParseName("a.example."), wire.TypeA) != nil {
		t.Error("an empty non-terminal has types")
	}
	if got := v.Types(v.Origin()); !slices.Equal(got, []wire.Type{wire.TypeNS, wire.TypeSOA}) {
		t.Errorf("types of the apex: %v", got)
	}
	var order []string
	for rr := range v.All() {
		order = append(order, rr.Name.String()+rr.Type.String())
	}
	if want := []string{"example.SOA", "example.NS", "*.example.TXT", "b.a.example.A", "b.a.example.A"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	for _, bad := range []wire.RR{
		{Name: wire.MustParseName("example.com."), Type: wire.TypeA, Class: wire.ClassIN, Data: []byte{1, 2, 3, 4}},
		{Name: wire.MustParseName("a.example."), Type: wire.TypeA, Class: wire.ClassCH, Data: []byte{1, 2, 3, 4}},
		{Name: wire.MustParseName("a.example."), Type: wire.TypeA, Class: wire.ClassIN, Data: []byte{1, 2, 3}},
	} {
		if _, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, seq([]wire.RR{bad})); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	boom := errors.New("boom")
	if _, err := zone.Build(wire.MustParseName("example."), wire.ClassIN, func(yield func(wire.RR, error) bool) { yield(wire.RR{}, boom) }); !errors.Is(err, boom) {
		t.Errorf("the error of the source became %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		text  string
		fatal string
		warns int
	}{
		{header + "ns.example. 60 IN A 192.0.2.1", "", 0},
		{header, "", 1},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.other."), "", 0},
		{"example. 300 IN NS ns.other.", "no SOA", 0},
		{"example. 300 IN SOA ns.example. host.example. 1 3600 600 86400 300", "no NS", 0},
		{header + "example. 300 IN SOA ns.example. host.example. 2 3600 600 86400 300\nns.example. 60 IN A 192.0.2.1", "2 SOA", 0},
		{header + "ns.example. 60 IN CNAME a.example.", "is a CNAME", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.sub.example.") + "sub.example. 60 IN DNAME other.", "below the DNAME", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.sub.example.") + "sub.example. 60 IN NS other.", "", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.sub.example.") + "sub.example. 60 IN NS other.\nsub.example. 60 IN DNAME other.", "", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.a.sub.example.") + "sub.example. 60 IN NS other.\na.sub.example. 60 IN DNAME other.", "", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.a.sub.example.") + "sub.example. 60 IN DNAME other.\na.sub.example. 60 IN NS other.", "below the DNAME", 0},
		{strings.ReplaceAll(header, "NS ns.example.", "NS ns.sub.example.") + "sub.example. 60 IN NS other.\nns.sub.example. 60 IN CNAME a.example.", "", 0},
		{header + "example. 60 IN DNAME other.", "below the DNAME", 0},
		{header + "ns.example. 60 IN A 192.0.2.1\na.example. 60 IN CNAME b.\na.example. 60 IN TXT x", "CNAME record and TXT", 0},
		{header + "ns.example. 60 IN A 192.0.2.1\na.example. 60 IN CNAME b.\na.example. 60 IN CNAME c.", "2 CNAME", 0},
	} {
		v := build(t, c.text)
		warns, fatal := 0, ""
		for _, f := range v.Check() {
			if f.Fatal {
				fatal += f.Text
			} else {
				warns++
			}
		}
		if warns != c.warns || !strings.Contains(fatal, c.fatal) || (fatal == "") != (c.fatal == "") {
			t.Errorf("%s\ngave %q and %d warnings, want %q and %d", c.text, fatal, warns, c.fatal, c.warns)
		}
	}
}

func TestSerial(t *testing.T) {
	for _, c := range []struct {
		a, b zone.Serial
		less bool
	}{{0, 1, true}, {1, 0, false}, {1, 1, false}, {4294967295, 0, true}, {0, 1 << 31, false}, {1 << 31, 0, false}, {0, 1<<31 - 1, true}} {
		if c.a.Less(c.b) != c.less {
			t.Errorf("%d < %d is %t", c.a, c.b, !c.less)
		}
	}
	soa := build(t, header).SOA()
	if next := zone.WithSerial(soa, 77); zone.SerialOf(next) != 77 || zone.SerialOf(soa) != 1 {
		t.Error("WithSerial is wrong")
	}
}

// TestApply makes random differences and compares the result, and every answer, with a zone built from nothing.
func TestApply(t *testing.T) {
	origin := wire.MustParseName("example.")
	labels := []string{"a", "b", "*", "A"}
	rapid.Check(t, func(t *rapid.T) {
		soa := func(serial uint32) wire.RR {
			data := append(append([]byte(nil), origin...), origin...)
			for _, n := range []uint32{serial, 3600, 600, 86400, 300} {
				data = binary.BigEndian.AppendUint32(data, n)
			}
			return wire.RR{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 300, Data: data}
		}
		name := rapid.Custom(func(t *rapid.T) wire.Name {
			n := origin
			for _, l := range rapid.SliceOfN(rapid.SampledFrom(labels), 0, 4).Draw(t, "labels") {
				n, _ = n.Child(l)
			}
			return n
		})
		record := rapid.Custom(func(t *rapid.T) wire.RR {
			rr := wire.RR{Name: name.Draw(t, "owner"), Class: wire.ClassIN, TTL: 60}
			switch rapid.IntRange(0, 4).Draw(t, "type") {
			case 0:
				rr.Type, rr.Data = wire.TypeA, []byte{192, 0, 2, byte(rapid.IntRange(0, 3).Draw(t, "address"))}
			case 1:
				rr.Type, rr.Data = wire.TypeNS, []byte(name.Draw(t, "server"))
			case 2:
				rr.Type, rr.Data = wire.TypeDNAME, []byte(name.Draw(t, "target"))
			case 3:
				rr.Type, rr.Data = wire.TypeCNAME, []byte(name.Draw(t, "alias"))
			case 4:
				rr.Type = wire.TypeRRSIG
				rr.Data = append(append([]byte{0, byte(rapid.IntRange(1, 2).Draw(t, "covered"))}, make([]byte, 16)...), 0, 1)
			}
			return rr
		})
		id := func(rr wire.RR) string {
			return fmt.Sprintf("%s %d %x", rr.Name.Lower(), rr.Type, lowered(rr))
		}
		ns := wire.RR{Name: origin, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte(wire.MustParseName("ns.other."))}
		model := map[string]wire.RR{id(ns): ns}
		v, err := zone.Build(origin, wire.ClassIN, seq([]wire.RR{soa(1), ns}))
		if err != nil {
			t.Fatal(err)
		}
		questions := rapid.SliceOfN(name, 3, 3).Draw(t, "questions")
		for serial := uint32(1); serial < 8; serial++ {
			d := zone.Diff{From: zone.Serial(serial), To: zone.Serial(serial + 1), Deleted: []wire.RR{soa(serial)}, Added: []wire.RR{soa(serial + 1)}}
			for _, k := range slices.Sorted(maps.Keys(model)) {
				if rapid.IntRange(0, 3).Draw(t, "delete") == 0 && model[k].Type != ns.Type {
					d.Deleted = append(d.Deleted, model[k])
					delete(model, k)
				}
			}
			for _, rr := range rapid.SliceOfN(record, 0, 6).Draw(t, "add") {
				// Of two aliases at one name either may be the answer; valid zones have one.
				second := false
				for _, o := range model {
					second = second || o.Type == rr.Type && o.Name.Equal(rr.Name)
				}
				alias := rr.Type == wire.TypeCNAME || rr.Type == wire.TypeDNAME
				if _, ok := model[id(rr)]; !ok && !(alias && second) && !slices.ContainsFunc(d.Deleted, rr.Equal) {
					d.Added = append(d.Added, rr)
					model[id(rr)] = rr
				}
			}
			before := all(v)
			next, err := v.Apply(d)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(before, all(v), wire.RR.Equal) {
				t.Fatal("the old version has changed")
			}
			fresh, err := zone.Build(origin, wire.ClassIN, seq(append(slices.Collect(maps.Values(model)), soa(serial+1))))
			if err != nil {
				t.Fatal(err)
			}
			if a, b := texts(all(next)), texts(all(fresh)); !slices.Equal(a, b) || next.Len() != fresh.Len() {
				t.Fatalf("after %+v\ngot  %q\nwant %q", d, a, b)
			}
			for _, q := range questions {
				for _, typ := range []wire.Type{wire.TypeA, wire.TypeDS, wire.TypeANY, wire.TypeRRSIG} {
					if a, b := digest(t, next, q, typ), digest(t, fresh, q, typ); a != b {
						t.Fatalf("%s %s: %s, built anew %s", q, typ, a, b)
					}
				}
			}
			if back, err := v.Apply(v.Between(next)); err != nil || !slices.Equal(texts(all(back)), texts(all(next))) {
				t.Fatalf("Between is wrong: %v", err)
			}
			v = next
		}
	})
}

// digest sums up an answer without regard to the order of records, and checks that it can be read.
func digest(t *rapid.T, v *zone.Version, name wire.Name, typ wire.Type) string {
	var a zone.Answer
	v.Lookup(name.Lower(), typ, true, &a)
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	a.Write(&b)
	m, err := wire.ParseMessage(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64()
	fmt.Fprint(h, texts(m.Answer), texts(m.Authority), texts(m.Additional))
	return fmt.Sprintf("%s %t %d %d %d %x", a.Rcode, a.AA, len(m.Answer), len(m.Authority), len(m.Additional), h.Sum64())
}

func TestApplyRefuses(t *testing.T) {
	v := build(t, header+"a.example. 60 IN A 192.0.2.1")
	soa1, soa2 := v.SOA(), zone.WithSerial(v.SOA(), 2)
	a := v.RRset(wire.MustParseName("a.example."), wire.TypeA)[0]
	b := a
	b.Data = []byte{192, 0, 2, 2}
	for name, d := range map[string]zone.Diff{
		"other serial":     {From: 5, To: 2, Deleted: []wire.RR{soa1}, Added: []wire.RR{soa2}},
		"wrong new serial": {From: 1, To: 3, Deleted: []wire.RR{soa1}, Added: []wire.RR{soa2}},
		"no such record":   {From: 1, To: 2, Deleted: []wire.RR{soa1, b}, Added: []wire.RR{soa2}},
		"there already":    {From: 1, To: 2, Deleted: []wire.RR{soa1}, Added: []wire.RR{soa2, a}},
	} {
		if _, err := v.Apply(d); !errors.Is(err, zone.ErrDiff) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.TTL = 5 // the TTL of a deleted record does not matter; one in both parts changes its TTL
	next, err := v.Apply(zone.Diff{From: 1, To: 2, Deleted: []wire.RR{soa1, a}, Added: []wire.RR{soa2, a}})
	if err != nil || next.RRset(a.Name, wire.TypeA)[0].TTL != 5 {
		t.Errorf("change of a TTL: %v", err)
	}
}

func TestCatalog(t *testing.T) {
	var c zone.Catalog
	in := func(text string) *zone.Entry { return c.Find(wire.ClassIN, wire.MustParseName(text)) }
	if in("example.") != nil {
		t.Error("an empty catalog has a zone")
	}
	v := build(t, header)
	c.Put(v)
	boom := errors.New("boom")
	c.Fail(wire.MustParseName("Sub.example."), wire.ClassIN, boom)
	if e := in("a.b.example."); e == nil || e.Version() != v || e.Err() != nil {
		t.Errorf("found %+v", e)
	}
	if e := in("a.sub.example."); e == nil || e.Version() != nil || !errors.Is(e.Err(), boom) {
		t.Errorf("found %+v", e)
	}
	if in("com.") != nil || in(".") != nil || c.Find(wire.ClassCH, wire.MustParseName("example.")) != nil {
		t.Error("found a zone that is not there")
	}
	if c.Get(wire.ClassIN, wire.MustParseName("SUB.example.")) == nil || c.Get(wire.ClassIN, wire.MustParseName("a.example.")) != nil {
		t.Error("Get is wrong")
	}
	kept := in("example.")
	c.Put(v)
	if in("example.") != kept || len(slices.Collect(c.All())) != 2 {
		t.Error("an entry did not stay the same")
	}
	c.Remove(wire.MustParseName("sub.EXAMPLE."), wire.ClassIN)
	if in("a.sub.example.") != kept {
		t.Error("a removed zone is still there")
	}
	c.Replace([]zone.State{{Origin: wire.Root, Class: wire.ClassIN, Err: boom}, {Origin: v.Origin(), Class: wire.ClassIN, Version: v}, {Origin: v.Origin(), Class: wire.ClassIN, Err: boom}})
	if in("com.") == nil || in("a.example.").Version() != v {
		t.Error("Replace is wrong")
	}
	c.Replace(nil)
	if in("example.") != nil || len(slices.Collect(c.All())) > 0 {
		t.Error("Replace with nothing left a zone")
	}
}

// TestChainOverZones follows aliases from zone to zone, and round in a circle.
func TestChainOverZones(t *testing.T) {
	var c zone.Catalog
	c.Put(build(t, header+"a.example. 60 IN CNAME b.other.\nc.example. 60 IN A 192.0.2.1\nd.example. 60 IN CNAME gone.nowhere.\ne.example. 60 IN CNAME e.other."))
	other := parseZone(t, strings.ReplaceAll(header, "example.", "other.")+"b.other. 60 IN CNAME c.example.\ne.other. 60 IN CNAME e.example.\n")
	v, err := zone.Build(wire.MustParseName("other."), wire.ClassIN, seq(other))
	if err != nil {
		t.Fatal(err)
	}
	c.Put(v)
	for name, want := range map[string]int{"a.example.": 3, "d.example.": 1, "e.example.": 2} {
		if m := ask(t, &c, name, "A"); len(m.Answer) != want || m.Header.Flags.Rcode() != wire.RcodeNoError {
			t.Errorf("%s: %v", name, m.Answer)
		}
	}
}

// BenchmarkApply changes one record in zones of two sizes: the cost must be about the same.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1000, 100000} {
		origin := wire.MustParseName("example.")
		v, err := zone.Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
			for _, rr := range parseZone(b, header) {
				yield(rr, nil)
			}
			for i := range size {
				n, err := origin.Child(fmt.Sprint("host", i))
				if !yield(wire.RR{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}, err) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		n, _ := origin.Child("new")
		rr := wire.RR{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}
		d := zone.Diff{From: 1, To: 2, Deleted: []wire.RR{v.SOA()}, Added: []wire.RR{zone.WithSerial(v.SOA(), 2), rr}}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.Apply(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBuild gives the time for each of 100,000 names with two addresses.
func BenchmarkBuild(b *testing.B) {
	origin := wire.MustParseName("example.")
	const size = 100000
	rrs := parseZone(b, header)
	for i := range size {
		n, err := origin.Child(fmt.Sprint("host", i))
		if err != nil {
			b.Fatal(err)
		}
		rrs = append(rrs, wire.RR{Name: n, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}},
			wire.RR{Name: n, Type: wire.TypeAAAA, Class: wire.ClassIN, TTL: 60, Data: make([]byte, 16)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := zone.Build(origin, wire.ClassIN, seq(rrs)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/name")
}
