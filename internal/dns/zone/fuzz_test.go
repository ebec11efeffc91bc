package zone_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// program makes zones and a question out of octets: whatever they are, it is a zone that could have been loaded. So a
// fuzzer finds odd zones rather than bad text.
type program struct{ code []byte }

func (p *program) octet() byte {
	if len(p.code) == 0 {
		return 0
	}
	c := p.code[0]
	p.code = p.code[1:]
	return c
}

// name gives one of few names, so that they meet: up to three labels in or around the zones.
func (p *program) name() wire.Name {
	c := p.octet()
	n := []wire.Name{"\x01z\x00", "\x01a\x01z\x00", "\x01z\x00", "\x03out\x00"}[c&3]
	for c >>= 2; c != 0; c >>= 3 {
		next, err := n.Child([]string{"", "a", "b", "*", "B", "\\.", strings.Repeat("l", 63), "c"}[c&7])
		if err != nil {
			return n
		}
		n = next
	}
	return n
}

const typeSVCB wire.Type = 64 // RFC 9460

// programTypes are the types that answers treat in ways of their own.
var programTypes = []wire.Type{wire.TypeA, wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME, wire.TypeMX, wire.TypeSRV, wire.TypeTXT, wire.TypeDS,
	wire.TypeAAAA, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeSOA, typeSVCB, wire.TypeDNSKEY, wire.TypeANY}

func (p *program) rrtype() wire.Type { return programTypes[int(p.octet())%len(programTypes)] }

// bitmap has the types of NSEC and NSEC3 records (RFC 4034 section 4.1.2).
func (p *program) bitmap() []byte { return []byte{0, 2, p.octet(), p.octet()} }

func hash(n wire.Name) []byte {
	sum := sha1.Sum([]byte(n.Lower()))
	return sum[:]
}

func (p *program) record() wire.RR {
	rr := wire.RR{Name: p.name(), Type: p.rrtype(), Class: wire.ClassIN, TTL: 60}
	switch rr.Type {
	case wire.TypeA:
		rr.Data = []byte{192, 0, 2, p.octet()}
	case wire.TypeAAAA:
		rr.Data = append(make([]byte, 15), p.octet())
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME:
		rr.Data = []byte(p.name())
	case wire.TypeMX:
		rr.Data = append([]byte{0, p.octet()}, p.name()...)
	case wire.TypeSRV:
		rr.Data = append([]byte{0, p.octet(), 0, 0, 0, 0}, p.name()...)
	case typeSVCB:
		rr.Data = append([]byte{0, p.octet()}, p.name()...)
	case wire.TypeTXT:
		n := p.octet()
		rr.Data = append([]byte{n}, bytes.Repeat([]byte{p.octet()}, int(n))...)
	case wire.TypeDS:
		rr.Data = append([]byte{0, p.octet(), 8, 1}, hash(rr.Name)...)
	case wire.TypeDNSKEY:
		rr.Data = []byte{1, 0, 3, 8, p.octet()}
	case wire.TypeRRSIG:
		rr.Data = binary.BigEndian.AppendUint16(nil, uint16(p.rrtype()))
		rr.Data = append(append(append(rr.Data, make([]byte, 16)...), p.name()...), bytes.Repeat([]byte{1}, 1+int(p.octet()))...)
	case wire.TypeNSEC:
		rr.Data = append([]byte(p.name()), p.bitmap()...)
	case wire.TypeNSEC3:
		apex := wire.Name("\x01z\x00")
		if n, err := apex.Child(base32.HexEncoding.EncodeToString(hash(rr.Name))); err == nil {
			rr.Name = n
		}
		rr.Data = append(append([]byte{1, p.octet() & 1, 0, p.octet(), 0, 20}, hash(p.name())...), p.bitmap()...)
	default:
		rr.Type = wire.TypeSOA
		rr.Data = append([]byte(p.name()), p.name()...)
		rr.Data = append(rr.Data, make([]byte, 20)...)
	}
	return rr
}

// FuzzAnswer builds zones and answers a question from them: the reply can be read, keeps to its limit, is the same each
// time, and a denial says from which zone it is.
func FuzzAnswer(f *testing.F) {
	add := func(records ...[]byte) { f.Add(bytes.Join(records, nil)) }
	const inZ, ofA, ofB, star = 0, 1 << 2, 2 << 2, 3 << 2
	limit := []byte{0, 0}
	add([]byte{2, inZ, 0, 1}, []byte{inZ | ofA, 2, inZ | ofB, inZ | ofB, 2, inZ | ofA}, []byte{inZ | ofA, 0, 1}, limit)               // CNAME loop
	add([]byte{1, inZ | ofA, 3, inZ | ofA}, []byte{inZ | ofA | ofB<<3, 0, 1}, limit)                                                  // DNAME to itself
	add([]byte{3, inZ | star, 2, inZ | star, inZ | star, 9, 2, inZ, 9, inZ | ofB, 10, inZ, 255, 255}, []byte{inZ | ofA, 0, 1}, limit) // wildcard CNAME to itself, signed
	add([]byte{2, 1, 1, 1, inZ | ofA, 7, 9}, []byte{1, 7, 1}, limit)                                                                  // DS between two zones
	add([]byte{3, inZ, 11, 0, 0, inZ | ofA, 255, 255, inZ | ofA, 11, 1, 2, inZ, 255, 255, inZ, 1, 3}, []byte{inZ | ofB, 0, 1}, limit) // NSEC3 and opt-out
	f.Fuzz(func(t *testing.T, code []byte) {
		p := &program{code}
		records := map[wire.Name][]wire.RR{}
		for _, origin := range []wire.Name{"\x01z\x00", "\x01a\x01z\x00"} {
			soa := wire.RR{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: append([]byte(origin+origin), make([]byte, 20)...)}
			records[origin] = []wire.RR{soa, {Name: origin, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte("\x02ns\x03out\x00")}}
		}
		for range p.octet() % 64 {
			rr := p.record()
			for origin := range records {
				if rr.Name.IsBelow(origin) && (rr.Type != wire.TypeSOA || len(rr.Name) > len(origin)) {
					records[origin] = append(records[origin], rr)
				}
			}
		}
		var catalog zone.Catalog
		for origin, rrs := range records {
			if origin != "\x01z\x00" && p.octet()&1 == 0 {
				continue // without the child zone
			}
			v, err := zone.Build(origin, wire.ClassIN, seq(rrs))
			if err != nil {
				t.Fatalf("%s: %v\n%v", origin, err, texts(rrs))
			}
			v.Check()
			catalog.Put(v)
		}
		qname, qtype, do := p.name(), p.rrtype(), p.octet()&1 != 0
		limit := 512 + int(p.octet())<<8 + int(p.octet())
		reply := func(limit int) ([]byte, bool, zone.Answer) {
			var a zone.Answer
			catalog.Lookup(wire.ClassIN, qname.Lower(), qtype, do, &a)
			var b wire.Builder
			b.Reset(nil, limit)
			var flags wire.Flags
			if a.AA {
				flags |= wire.FlagAA
			}
			b.SetHeader(1, (flags | wire.FlagQR).WithRcode(a.Rcode))
			b.AddQuestion(wire.Question{Name: qname, Type: qtype, Class: wire.ClassIN})
			truncated := a.Write(&b)
			return b.Bytes(), truncated, a
		}
		msg, truncated, a := reply(limit)
		if len(msg) > limit {
			t.Fatalf("%d octets, limit %d", len(msg), limit)
		}
		m, err := wire.ParseMessage(msg)
		if err != nil {
			t.Fatalf("%v: %x", err, msg)
		}
		if again, _, _ := reply(limit); !bytes.Equal(again, msg) {
			t.Fatalf("two answers:\n%x\n%x", msg, again)
		}
		if whole, _, _ := reply(wire.MaxMessage); truncated && len(whole) <= limit {
			t.Fatalf("truncated at %d octets, and needs %d", limit, len(whole))
		}
		hasSOA := slices.ContainsFunc(m.Authority, func(rr wire.RR) bool { return rr.Type == wire.TypeSOA })
		switch {
		case a.Rcode == wire.RcodeNXDomain && !hasSOA && !truncated:
			t.Fatalf("NXDOMAIN without SOA: %x", msg)
		case a.Rcode != wire.RcodeNoError && a.Rcode != wire.RcodeNXDomain && len(m.Answer)+len(m.Authority) > 0 && a.Rcode != wire.RcodeYXDomain:
			t.Fatalf("%s with records: %x", a.Rcode, msg)
		}
	})
}
