package zone

import (
	"encoding/binary"
	"fmt"
	"testing"

	"bundy/internal/dns/wire"
)

// BenchmarkDenial gives the time of an NXDOMAIN with its proof, in a zone of 100,000 names.
func BenchmarkDenial(b *testing.B) {
	const size = 100000
	origin := wire.MustParseName("example.")
	soa := append(append([]byte(nil), origin...), origin...)
	for _, n := range []uint32{1, 3600, 600, 86400, 300} {
		soa = binary.BigEndian.AppendUint32(soa, n)
	}
	for _, c := range []struct {
		name       string
		nsec3      bool
		iterations int
	}{{"NSEC", false, 0}, {"NSEC3-0", true, 0}, {"NSEC3-10", true, 10}, {"NSEC3-150", true, 150}} {
		h := hashing{iterations: c.iterations}
		param := binary.BigEndian.AppendUint16([]byte{nsec3SHA1, 0}, uint16(c.iterations))
		param = append(param, 0)
		v, err := Build(origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
			put := func(name wire.Name, t wire.Type, data []byte) {
				yield(wire.RR{Name: name, Type: t, Class: wire.ClassIN, TTL: 60, Data: data}, nil)
			}
			put(origin, wire.TypeSOA, soa)
			put(origin, wire.TypeNS, []byte(wire.MustParseName("ns.other.")))
			if c.nsec3 {
				put(origin, wire.TypeNSEC3PARAM, param)
			}
			for i := range size {
				name := origin
				if i > 0 {
					name, _ = origin.Child(fmt.Sprint("host", i))
					put(name, wire.TypeA, []byte{192, 0, 2, 1})
				}
				if !c.nsec3 {
					put(name, wire.TypeNSEC, append([]byte(origin), 0, 1, 0x40))
					continue
				}
				x := h.hash(name)
				var room [wire.MaxName]byte
				data := append(append(append([]byte(nil), param...), 20), x[:]...)
				put(wire.Name(string(x.owner(origin, room[:]))), wire.TypeNSEC3, data)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		names := make([]wire.Name, 4096)
		for i := range names {
			names[i], _ = origin.Child(fmt.Sprintf("no%dsuch", i*7919))
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var a Answer
			for i := 0; b.Loop(); i++ {
				v.Lookup(names[i%len(names)], wire.TypeA, true, &a)
			}
			if len(a.sections[wire.Authority]) < 3 {
				b.Fatal("no proof")
			}
		})
		if c.nsec3 {
			b.Run(c.name+"/hash", func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					h.hash(names[i%len(names)])
				}
			})
		}
	}
}
