package zone

import (
	"encoding/binary"
	"math"
	"slices"

	"bundy/internal/dns/wire"
)

// rrset is one RRset, encoded as a message holds it. It is immutable. Signatures are RRsets of their own, one for each
// covered type, because that is how they are asked for and how their TTLs agree (RFC 4034 section 3).
type rrset struct {
	typ     wire.Type
	covers  wire.Type // of RRSIG: the type that is signed
	count   int
	encoded []byte      // as wire.Builder.AddSet takes it; the RRs in the order in which they came
	targets []wire.Name // lower case: the names that NS, CNAME, DNAME, MX and SRV records point to, in order
	at      []int       // offsets of the records in encoded beyond the first; nil for one record
}

// coveredType reads what an RRSIG signs, 0 for other types.
func coveredType(t wire.Type, data []byte) wire.Type {
	if t != wire.TypeRRSIG || len(data) < 2 {
		return 0
	}
	return wire.Type(binary.BigEndian.Uint16(data))
}

// newSet makes an RRset with one TTL of records (at least one) of one owner and type, all different. The TTL of each
// record becomes the lowest of all (RFC 2181 section 5.2).
func newSet(class wire.Class, records []record) *rrset {
	size, ttl := 0, uint32(math.MaxInt32)
	for _, r := range records {
		size += wire.RRHead + len(r.data)
		ttl = min(ttl, r.ttl)
	}
	s := &rrset{typ: records[0].typ, covers: coveredType(records[0].typ, records[0].data), count: len(records)}
	s.encoded = make([]byte, 0, size)
	for i, r := range records {
		if i > 0 {
			s.at = append(s.at, len(s.encoded))
		}
		s.encoded = binary.BigEndian.AppendUint16(s.encoded, uint16(r.typ))
		s.encoded = binary.BigEndian.AppendUint16(s.encoded, uint16(class))
		s.encoded = binary.BigEndian.AppendUint32(s.encoded, ttl)
		s.encoded = binary.BigEndian.AppendUint16(s.encoded, uint16(len(r.data)))
		s.encoded = append(s.encoded, r.data...)
	}
	switch s.typ {
	case wire.TypeNS, wire.TypeCNAME, wire.TypeDNAME, wire.TypeMX, wire.TypeSRV:
		s.targets = make([]wire.Name, 0, len(records))
		for i := range records {
			for _, n := range wire.DataNames(s.typ, s.data(i)) {
				s.targets = append(s.targets, n.Lower())
			}
		}
	}
	return s
}

// record is one RR without owner and class.
type record struct {
	typ  wire.Type
	ttl  uint32
	data []byte
}

// data gives the RDATA of record i.
func (s *rrset) data(i int) []byte {
	start, end := 0, len(s.encoded)
	if i > 0 {
		start = s.at[i-1]
	}
	if i < len(s.at) {
		end = s.at[i]
	}
	return s.encoded[start+wire.RRHead : end : end]
}

// ttl gives the TTL in seconds, the same for all records.
func (s *rrset) ttl() uint32 { return binary.BigEndian.Uint32(s.encoded[4:]) }

// find gives the index of the record with this RDATA, -1 if there is none.
func (s *rrset) find(data []byte) int {
	for i := range s.count {
		if wire.CompareData(s.typ, s.data(i), data) == 0 {
			return i
		}
	}
	return -1
}

// records gives the records as values that share memory with the set.
func (s *rrset) records() []record {
	rs := make([]record, 0, s.count)
	for i := range s.count {
		rs = append(rs, record{s.typ, s.ttl(), s.data(i)})
	}
	return rs
}

// appendRRs appends the records as RRs of owner, in their order.
func (s *rrset) appendRRs(to []wire.RR, owner wire.Name, class wire.Class) []wire.RR {
	for i := range s.count {
		to = append(to, wire.RR{Name: owner, Type: s.typ, Class: class, TTL: s.ttl(), Data: s.data(i)})
	}
	return to
}

// node is one existing name: the owner of RRsets, or an empty non-terminal (RFC 4592 section 2.2.2). It is immutable
// once its version is published.
type node struct {
	edit     *edit
	name     wire.Name // as first written, case kept
	sets     []rrset   // by type, then covered type; in one piece, as each hop to another is a cache miss
	children int       // existing names one label below
	star     bool      // one of the children is "*" (RFC 4592 section 2.1.1)
}

// set gives the RRset of type t, nil if there is none. Not for RRSIG.
func (n *node) set(t wire.Type) *rrset { return n.find(t, 0) }

// signature gives the RRSIGs that cover t, nil if there are none.
func (n *node) signature(t wire.Type) *rrset { return n.find(wire.TypeRRSIG, t) }

func (n *node) find(t, covers wire.Type) *rrset {
	for i := range n.sets {
		if s := &n.sets[i]; s.typ == t && s.covers == covers {
			return s
		}
	}
	return nil
}

// replace puts s in the place of the set of that type, or takes that set out if s is nil. The slice is copied: other
// versions read it.
func (n *node) replace(t, covers wire.Type, s *rrset) {
	sets := make([]rrset, 0, len(n.sets)+1)
	for _, o := range n.sets {
		if o.typ != t || o.covers != covers {
			sets = append(sets, o)
		}
	}
	if s != nil {
		sets = append(sets, *s)
		slices.SortFunc(sets, func(a, b rrset) int {
			if a.typ != b.typ {
				return int(a.typ) - int(b.typ)
			}
			return int(a.covers) - int(b.covers)
		})
	}
	n.sets = sets
}
