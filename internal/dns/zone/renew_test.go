package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
)

// likeBuilt compares what a version holds with another one, octet by octet.
func likeBuilt(t interface{ Fatalf(string, ...any) }, got, want *Version) {
	nodes := func(v *Version) map[wire.Name]node {
		m := make(map[wire.Name]node)
		v.names.all(func(n node) bool { m[n.key()] = n; return true })
		return m
	}
	have, need := nodes(got), nodes(want)
	for key, n := range need {
		if o := have[key]; !o.exists() {
			t.Fatalf("%s is missing", key)
		} else if !bytes.Equal(o.b[:o.size()], n.b[:n.size()]) {
			t.Fatalf("%s is\n%x, want\n%x", key, o.b[:o.size()], n.b[:n.size()])
		}
		if !got.names.get(key).exists() {
			t.Fatalf("%s is not found", key)
		}
	}
	for key := range have {
		if !need[key].exists() {
			t.Fatalf("%s is too many", key)
		}
	}
	if got.origin != want.origin || got.rrs != want.rrs || got.cuts != want.cuts {
		t.Fatalf("%q has %d records and %d cuts, want %q with %d and %d", got.origin, got.rrs, got.cuts, want.origin, want.rrs, want.cuts)
	}
	if !bytes.Equal(got.soa.encoded, want.soa.encoded) || !bytes.Equal(got.ns.encoded, want.ns.encoded) {
		t.Fatalf("the apex is another one")
	}
	d, e := got.denial, want.denial
	if (d.chain == nil) != (e.chain == nil) || d.chain != nil && (*d.chain != *e.chain || d.apex != e.apex || d.star != e.star) ||
		d.apexProof.exists() != e.apexProof.exists() || d.starProof.exists() != e.starProof.exists() ||
		d.starProof.exists() && d.starProof.name() != e.starProof.name() {
		t.Fatalf("proofs are made from %+v, want %+v", d.chain, e.chain)
	}
	for _, o := range [...][2]*order{{&d.names, &e.names}, {&d.hashes, &e.hashes}} {
		if !slices.EqualFunc(slices.Collect(o[0].all()), slices.Collect(o[1].all()), bytes.Equal) {
			t.Fatalf("%d names in the order of proofs, want %d", o[0].n, o[1].n)
		}
	}
}

func listed(records []wire.RR) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		for _, rr := range records {
			if !yield(rr, nil) {
				return
			}
		}
	}
}

// drawRecord makes any record of a small zone: few names, so that they meet, in either case.
func drawRecord(t *rapid.T, origin wire.Name) wire.RR {
	name := origin
	for _, l := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "A", "b", "*"}), 0, 3).Draw(t, "labels") {
		name, _ = name.Child(l)
	}
	rr := wire.RR{Name: name, Class: wire.ClassIN, TTL: rapid.SampledFrom([]uint32{60, 60, 60, 30, math.MaxUint32}).Draw(t, "ttl")}
	small := func() byte { return byte(rapid.IntRange(0, 3).Draw(t, "number")) }
	chain := hashing{0, strings.Repeat("s", int(small())/2)}
	param := append([]byte{1, 0, 0, 0, byte(len(chain.salt))}, chain.salt...)
	switch rapid.IntRange(0, 8).Draw(t, "type") {
	case 0, 1:
		rr.Type, rr.Data = wire.TypeA, []byte{192, 0, 2, small()}
	case 2:
		rr.Type, rr.Data = wire.TypeNS, []byte(wire.MustParseName(rapid.SampledFrom([]string{"ns.", "NS.", "a.example."}).Draw(t, "server")))
	case 3:
		rr.Type, rr.Data = wire.TypeDNAME, []byte(wire.MustParseName("other."))
	case 4:
		rr.Type, rr.Data = wire.TypeTXT, append([]byte{40, small()}, make([]byte, 39)...)
	case 5:
		rr.Type, rr.Data = wire.TypeRRSIG, append(append([]byte{0, 1 + small()%2}, make([]byte, 16)...), 0, small())
	case 6:
		rr.Type, rr.Data = wire.TypeNSEC, append([]byte(origin), 0, 1, 0x40)
	case 7:
		rr.Name, rr.Type, rr.Data = origin, wire.TypeNSEC3PARAM, param
	case 8:
		of := chain.hash(name.Lower())
		rr.Name = wire.Name(of.owner(origin, make([]byte, wire.MaxName)))
		rr.Type, rr.Data = wire.TypeNSEC3, append(append(append(param, byte(len(of))), of[:]...), 0, 1, 0x40)
	}
	return rr
}

// TestRenew: a zone read again, with any changes, and again, is octet for octet what is built from the same records.
func TestRenew(t *testing.T) {
	origin := wire.MustParseName("example.")
	soa := append([]byte(origin+origin), make([]byte, 20)...)
	first := []wire.RR{{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: soa}}
	rapid.Check(t, func(t *rapid.T) {
		build := func(records []wire.RR) *Version {
			v, err := Build(origin, wire.ClassIN, listed(records))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		some := func(least int) []wire.RR {
			n := rapid.IntRange(least, 3*least+3).Draw(t, "count")
			var rrs []wire.RR
			for range n {
				rrs = append(rrs, drawRecord(t, origin))
			}
			return rrs
		}
		records := append(slices.Clone(first), some(10)...)
		v := build(records)
		for range 4 {
			before, was := records, v
			records = nil
			for _, rr := range before {
				switch rapid.IntRange(0, 11).Draw(t, "change") {
				case 0: // gone
				case 1:
					records = append(records, rr, rr)
				case 2:
					rr.TTL = 30
					records = append(records, rr)
				case 3:
					records = append(records, drawRecord(t, origin), rr)
				case 4:
					records = append([]wire.RR{rr}, records...)
				default:
					records = append(records, rr)
				}
			}
			records = append(records, some(0)...)
			next, err := v.renew(origin, listed(records))
			if err != nil {
				t.Fatal(err)
			}
			likeBuilt(t, next, build(records))
			likeBuilt(t, was, build(before)) // which is still in service
			v = next
		}
	})
}

// TestRenewShares: a large zone with few changes shares memory with the one before, one with many is built, and either is
// what the records say.
func TestRenewShares(t *testing.T) {
	origin := wire.MustParseName("example.")
	var b Builder
	const names = 12_000
	var all []wire.RR
	for rr := range numbered(origin, names) {
		all = append(all, rr)
	}
	old, err := b.Build(origin, wire.ClassIN, listed(all))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(which func(i int) bool) []wire.RR {
		rrs := slices.Clone(all)
		for i := range rrs {
			if rr := &rrs[i]; rr.Type == wire.TypeA && which(i) {
				rr.Data = bytes.Clone(rr.Data)
				rr.Data[len(rr.Data)-1]++
			}
		}
		return rrs
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	for _, c := range []struct {
		name    string
		records []wire.RR
		shared  bool
	}{
		{"nothing changed", all, true},
		{"one in a hundred", changed(func(i int) bool { return i%100 == 0 }), true},
		{"each", changed(func(int) bool { return true }), false},
		{"half is gone", all[:names], false},
		{"in the other order", backwards, true},
	} {
		v, err := b.Renew(old, origin, wire.ClassIN, listed(c.records))
		if err != nil {
			t.Fatal(c.name, err)
		}
		if shared := v.names.frozen == old.names.frozen; shared != c.shared {
			t.Errorf("%s: shared %v, over it %d names", c.name, shared, v.names.over.n)
		}
		want, err := Build(origin, wire.ClassIN, listed(c.records))
		if err != nil {
			t.Fatal(err)
		}
		likeBuilt(t, v, want)
	}
	boom := errors.New("boom")
	bad := func(yield func(wire.RR, error) bool) {
		for _, rr := range all[:2*names-2000] {
			if !yield(rr, nil) {
				return
			}
		}
		yield(wire.RR{}, boom)
	}
	if _, err := b.Renew(old, origin, wire.ClassIN, bad); !errors.Is(err, boom) {
		t.Error("the error of a source became ", err)
	}
	out := wire.RR{Name: wire.MustParseName("example.com."), Type: wire.TypeA, Class: wire.ClassIN, Data: make([]byte, 4)}
	if _, err := b.Renew(old, origin, wire.ClassIN, listed(append(slices.Clip(all), out))); !errors.Is(err, ErrOutOfZone) {
		t.Error("a record of another zone: ", err)
	}
}

// TestRenewLargeSets: RRsets that are as large as they can be, record by record in turn, take no time to speak of; those that
// grow larger are refused.
func TestRenewLargeSets(t *testing.T) {
	origin := wire.MustParseName("example.")
	const sets = 4
	var rrs []wire.RR
	for i := range maxRecords {
		for j := range sets {
			rrs = append(rrs, wire.RR{Name: wire.MustParseName(fmt.Sprintf("n%d.example.", j)), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60,
				Data: binary.BigEndian.AppendUint32(nil, uint32(i))})
		}
	}
	old, err := Build(origin, wire.ClassIN, listed(rrs))
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int{0, 1, 4 * 100} {
		v, err := old.renew(origin, listed(rrs[:len(rrs)-cut]))
		if err != nil {
			t.Fatal(err)
		}
		want, err := Build(origin, wire.ClassIN, listed(rrs[:len(rrs)-cut]))
		if err != nil {
			t.Fatal(err)
		}
		likeBuilt(t, v, want)
	}
	more := rrs[0]
	more.Data = []byte{255, 255, 255, 255}
	var b Builder
	if _, err := b.Renew(old, origin, wire.ClassIN, listed(append(rrs, more))); !errors.Is(err, ErrTooManyRecords) {
		t.Error("one more: ", err)
	}
}

// BenchmarkRenew reads a zone of a million records again, of which some have changed, and builds it anew.
func BenchmarkRenew(b *testing.B) {
	origin := wire.MustParseName("example.")
	records := func(every int) iter.Seq2[wire.RR, error] { // of which one changes
		return func(yield func(wire.RR, error) bool) {
			for i := range 1_000_000 {
				name, err := origin.Child(fmt.Sprintf("h%x", uint32(i)*2654435761))
				rr := wire.RR{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}}
				if i%every == every-1 {
					rr.TTL++
				}
				if !yield(rr, err) {
					return
				}
			}
		}
	}
	old, err := Build(origin, wire.ClassIN, records(math.MaxInt))
	if err != nil {
		b.Fatal(err)
	}
	for _, every := range []int{math.MaxInt, 1000, 100, 20, 5, 1} {
		b.Run(fmt.Sprintf("one of %d", every), func(b *testing.B) {
			b.ReportAllocs()
			var builder Builder
			for b.Loop() {
				if _, err := builder.Renew(old, origin, wire.ClassIN, records(every)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("build", func(b *testing.B) {
		b.ReportAllocs()
		var builder Builder
		for b.Loop() {
			if _, err := builder.Build(origin, wire.ClassIN, records(math.MaxInt)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
