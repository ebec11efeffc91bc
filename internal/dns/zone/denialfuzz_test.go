package zone_test

import (
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// FuzzDenial builds zones with chains of denial of any octets, changes them, and asks for proofs: no record may bring the
// server down. The input is records, each a type, the length of its owner's label and of its RDATA, and the octets of both.
func FuzzDenial(f *testing.F) {
	chain := "\x32\x20\x1a0p9mhaveqvm6t7vbl5lop2u3t2rp3tom\x01\x00\x00\x00\x00\x1412345678901234567890"
	f.Add([]byte("\x33\x00\x05\x01\x00\x00\x00\x00" + chain))
	f.Add([]byte("\x33\x00\x05\x01\x00\x00\x01\xff" + chain))
	f.Add([]byte("\x2f\x01\x09a\x07example\x00\x2f\x02\x09zz\x07example\x00\x33\x00\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		origin := wire.MustParseName("example.")
		rrs := parseZone(t, header)
		for len(input) >= 3 && len(rrs) < 40 {
			typ, label, length := wire.Type(input[0]), int(input[1]), int(input[2])
			input = input[3:]
			if len(input) < label+length {
				break
			}
			name := origin
			if label > 0 {
				var err error
				if name, err = origin.Child(string(input[:label])); err != nil {
					break
				}
			}
			rr := wire.RR{Name: name, Type: typ, Class: wire.ClassIN, TTL: 60, Data: input[label : label+length]}
			input = input[label+length:]
			switch typ {
			case wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeRRSIG, wire.TypeA, wire.TypeNS, wire.TypeDNAME:
				if wire.CheckData(typ, rr.Data) == nil {
					rrs = append(rrs, rr)
				}
			}
		}
		v, err := zone.Build(origin, wire.ClassIN, seq(rrs))
		if err != nil {
			t.Fatal(err)
		}
		less, err := zone.Build(origin, wire.ClassIN, seq(rrs[:2]))
		if err != nil {
			t.Fatal(err)
		}
		half, err := zone.Build(origin, wire.ClassIN, seq(rrs[:2+(len(rrs)-2)/2]))
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []*zone.Version{half, less} {
			if other.Serial() != v.Serial() || v.SOA().Type == 0 {
				continue
			}
			if _, err := v.Apply(v.Between(other)); err != nil {
				t.Fatal(err)
			}
			if _, err := other.Apply(other.Between(v)); err != nil {
				t.Fatal(err)
			}
		}
		v.Check()
		for _, name := range []string{"example.", "x.example.", "a.b.c.example.", "a.example.", "*.example."} {
			for _, typ := range []wire.Type{wire.TypeA, wire.TypeDS, wire.TypeANY, wire.TypeNSEC3} {
				var a zone.Answer
				v.Lookup(wire.MustParseName(name), typ, true, &a)
				var b wire.Builder
				b.Reset(nil, wire.MaxMessage)
				a.Write(&b)
				if _, err := wire.ParseMessage(b.Bytes()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
