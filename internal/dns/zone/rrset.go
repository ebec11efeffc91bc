package zone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"

	"bundy/internal/dns/wire"
)

// rrset is one RRset, encoded as a message holds it: a view of immutable octets, to be passed by value. Signatures are
// RRsets of their own, one for each covered type, because that is how they are asked for and how their TTLs agree
// (RFC 4034 section 3).
type rrset struct {
	typ     wire.Type
	covers  wire.Type // of RRSIG: the type that is signed
	count   uint32    // 0 in the zero value, which is no RRset
	encoded []byte    // as wire.Builder.AddSet takes it; the RRs in the order in which they came
	lowered []byte    // encoded with the targets in lower case; the same octets when they are
}

// The head of a set in memory: type, covered type, number of records, and length of what encoded holds, whose highest
// bit says that lowered follows in as many octets.
const (
	setHead  = 12
	hasLower = 1 << 31
)

// maxRecords bounds the records of an RRset: so many fit a message when each takes 12 octets, for the owner, the head and
// RDATA. More could never be sent, and changing one by one those of an RRset without bound is work without bound.
const maxRecords = wire.MaxMessage / 12

// ErrTooManyRecords is wrapped by errors for an RRset that no message could hold.
var ErrTooManyRecords = errors.New("more than a message can hold")

// record is one RR without owner and class.
type record struct {
	typ  wire.Type
	ttl  uint32
	data []byte
}

func (s rrset) exists() bool { return s.count > 0 }

// same tells whether both are views of the same octets.
func (s rrset) same(o rrset) bool {
	return s.count > 0 && o.count > 0 && &s.encoded[0] == &o.encoded[0]
}

// coveredType reads what an RRSIG signs, 0 for other types.
func coveredType(t wire.Type, data []byte) wire.Type {
	if t != wire.TypeRRSIG || len(data) < 2 {
		return 0
	}
	return wire.Type(binary.BigEndian.Uint16(data))
}

// targetSpan tells where RDATA names a host or an alias; false for types whose names an answer does not follow, and for
// RDATA that is not of its type's form.
func targetSpan(t wire.Type, data []byte) (from, to int, ok bool) {
	switch t {
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME:
		return 0, len(data), true
	case wire.TypeMX, wire.TypeAFSDB, wire.TypeRT, wire.TypeKX:
		return 2, len(data), true
	case wire.TypeSRV:
		return 6, len(data), true
	case wire.TypeSVCB, wire.TypeHTTPS: // parameters follow
		n := wire.NameLength(data[min(2, len(data)):])
		return 2, 2 + n, n > 0
	case wire.TypeNAPTR: // three strings stand before it
		from = 4
		for range 3 {
			if from >= len(data) {
				return 0, 0, false
			}
			from += 1 + int(data[from])
		}
		return from, len(data), from < len(data)
	}
	return 0, 0, false
}

// appendSet appends the form in memory of an RRset with one TTL of records (at least one) of one owner and type, all
// different and at most maxRecords. The TTL of each record becomes the lowest of all (RFC 2181 section 5.2).
func appendSet(dst []byte, class wire.Class, records []record) []byte {
	ttl := uint32(math.MaxInt32)
	for _, r := range records {
		ttl = min(ttl, r.ttl)
	}
	first := records[0]
	head := len(dst)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(first.typ))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(coveredType(first.typ, first.data)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(records)))
	dst = append(dst, 0, 0, 0, 0)
	upper := false
	for _, r := range records {
		dst = binary.BigEndian.AppendUint16(dst, uint16(r.typ))
		dst = binary.BigEndian.AppendUint16(dst, uint16(class))
		dst = binary.BigEndian.AppendUint32(dst, ttl)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.data)))
		dst = append(dst, r.data...)
		from, to, aims := targetSpan(r.typ, r.data)
		upper = upper || aims && hasUpper(r.data[from:to])
	}
	size := uint32(len(dst) - head - setHead)
	binary.LittleEndian.PutUint32(dst[head+8:], size)
	if !upper {
		return dst
	}
	binary.LittleEndian.PutUint32(dst[head+8:], size|hasLower)
	at := len(dst)
	dst = append(dst, dst[head+setHead:]...)
	for rest := dst[at:]; len(rest) > 0; {
		end := wire.RRHead + int(binary.BigEndian.Uint16(rest[8:]))
		if from, to, aims := targetSpan(first.typ, rest[wire.RRHead:end]); aims {
			lowerOctets(rest[wire.RRHead+from : wire.RRHead+to])
		}
		rest = rest[end:]
	}
	return dst
}

// appendTo appends the form in memory of an RRset that exists already.
func (s rrset) appendTo(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(s.typ))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(s.covers))
	dst = binary.LittleEndian.AppendUint32(dst, s.count)
	size := uint32(len(s.encoded))
	if &s.lowered[0] == &s.encoded[0] {
		dst = binary.LittleEndian.AppendUint32(dst, size)
		return append(dst, s.encoded...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, size|hasLower)
	dst = append(dst, s.encoded...)
	return append(dst, s.lowered...)
}

// checkCount tells whether records of one name and type are too many for an RRset.
func checkCount(owner wire.Name, records []record) error {
	if len(records) > maxRecords {
		return fmt.Errorf("%s has %d %s records: %w", owner, len(records), records[0].typ, ErrTooManyRecords)
	}
	return nil
}

// newSet makes an RRset outside of a node, as appendSet does.
func newSet(class wire.Class, records []record) rrset {
	s, _ := readSet(appendSet(nil, class, records))
	return s
}

// readSet gives the RRset at the beginning of b, and what follows it.
func readSet(b []byte) (rrset, []byte) {
	s := rrset{
		typ:    wire.Type(binary.LittleEndian.Uint16(b)),
		covers: wire.Type(binary.LittleEndian.Uint16(b[2:])),
		count:  binary.LittleEndian.Uint32(b[4:]),
	}
	size := binary.LittleEndian.Uint32(b[8:])
	n := size &^ hasLower
	b = b[setHead:]
	s.encoded = b[:n:n]
	s.lowered = s.encoded
	b = b[n:]
	if size&hasLower != 0 {
		s.lowered = b[:n:n]
		b = b[n:]
	}
	return s, b
}

func hasUpper(name []byte) bool {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}

// lowerOctets puts the letters of a name in lower case; lengths of labels are below the letters.
func lowerOctets(name []byte) {
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			name[i] = c + ('a' - 'A')
		}
	}
}

// cutRecord gives the RDATA of the first record of encoded, and the records behind it.
func cutRecord(encoded []byte) (data, rest []byte) {
	end := wire.RRHead + int(binary.BigEndian.Uint16(encoded[8:]))
	return encoded[wire.RRHead:end:end], encoded[end:]
}

// first gives the RDATA of the first record.
func (s rrset) first() []byte {
	data, _ := cutRecord(s.encoded)
	return data
}

// all gives the RDATA of each record in order.
func (s rrset) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := s.encoded; len(rest) > 0; {
			var data []byte
			if data, rest = cutRecord(rest); !yield(data) {
				return
			}
		}
	}
}

// targets walks over the names in lower case that the records point to, in order. Types without have none.
type targets struct {
	typ  wire.Type
	rest []byte
	data []byte    // RDATA of the record at hand
	name wire.Name // shares memory with the RRset
}

func (s rrset) targets() targets { return targets{typ: s.typ, rest: s.lowered} }

func (t *targets) next() bool {
	for len(t.rest) > 0 {
		t.data, t.rest = cutRecord(t.rest)
		if from, to, ok := targetSpan(t.typ, t.data); ok {
			t.name = wire.BorrowName(t.data[from:to])
			return true
		}
	}
	return false
}

// target gives the first target; the RRset must be of a type that has one.
func (s rrset) target() wire.Name {
	t := s.targets()
	t.next()
	return t.name
}

// ttl gives the TTL in seconds, the same for all records.
func (s rrset) ttl() uint32 { return binary.BigEndian.Uint32(s.encoded[4:]) }

// has tells whether there is a record with this RDATA.
func (s rrset) has(data []byte) bool {
	for own := range s.all() {
		if wire.CompareData(s.typ, own, data) == 0 {
			return true
		}
	}
	return false
}

// records gives the records as values that share memory with the set.
func (s rrset) records() []record {
	rs := make([]record, 0, s.count)
	for data := range s.all() {
		rs = append(rs, record{s.typ, s.ttl(), data})
	}
	return rs
}

// appendRRs appends the records as RRs of owner, in their order.
func (s rrset) appendRRs(to []wire.RR, owner wire.Name, class wire.Class) []wire.RR {
	for data := range s.all() {
		to = append(to, wire.RR{Name: owner, Type: s.typ, Class: class, TTL: s.ttl(), Data: data})
	}
	return to
}
