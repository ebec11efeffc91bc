package wire

import (
	"bytes"
	"fmt"
)

// layout says where the names in the RDATA of a type are: skip octets, then strings character strings (RFC 1035
// section 3.3), then names names, then at least minTail and at most maxTail octets.
type layout struct {
	skip, strings, names int
	minTail, maxTail     int
	compress             bool // names may be compressed by a sender (RFC 3597 section 4: only types of RFC 1035)
	fold                 bool // names are compared in lower case (RFC 4034 section 6.2, less NSEC by RFC 6840 section 5.1)
}

// maxNames is the largest number of names in the RDATA of a type with a layout.
const maxNames = 2

// layoutOf gives the layout of the types whose RDATA holds names that a sender may have compressed (RFC 3597 section
// 4), or that must be compared in lower case. All other types are opaque octets.
func layoutOf(t Type) (layout, bool) {
	switch t {
	case TypeNS, typeMD, typeMF, TypeCNAME, typeMB, typeMG, typeMR, TypePTR:
		return layout{names: 1, compress: true, fold: true}, true
	case TypeSOA:
		return layout{names: 2, minTail: 20, maxTail: 20, compress: true, fold: true}, true
	case typeMINFO:
		return layout{names: 2, compress: true, fold: true}, true
	case TypeMX:
		return layout{skip: 2, names: 1, compress: true, fold: true}, true
	case typeRP:
		return layout{names: 2, fold: true}, true
	case TypeAFSDB, TypeRT, TypeKX:
		return layout{skip: 2, names: 1, fold: true}, true
	case TypeSIG, TypeRRSIG:
		return layout{skip: 18, names: 1, minTail: 1, maxTail: MaxMessage, fold: true}, true
	case typePX:
		return layout{skip: 2, names: 2, fold: true}, true
	case typeNXT:
		return layout{names: 1, maxTail: MaxMessage, fold: true}, true
	case TypeNSEC:
		return layout{names: 1, maxTail: MaxMessage}, true
	case TypeSRV:
		return layout{skip: 6, names: 1, fold: true}, true
	case TypeNAPTR:
		return layout{skip: 4, strings: 3, names: 1, fold: true}, true
	case TypeDNAME:
		return layout{names: 1, fold: true}, true
	}
	return layout{}, false
}

// dataStart gives the offset of the first name in data[off:end], or -1 if the octets before it do not fit.
func (l layout) dataStart(data []byte, off, end int) int {
	off += l.skip
	for i := 0; i < l.strings; i++ {
		if off >= end {
			return -1
		}
		off += 1 + int(data[off])
	}
	if off > end {
		return -1
	}
	return off
}

// spans finds the names in uncompressed RDATA: the start and end of each, and their number; -1 if data does not
// follow the layout.
func (l layout) spans(data []byte, at *[maxNames][2]int) int {
	off := l.dataStart(data, 0, len(data))
	if off < 0 {
		return -1
	}
	for i := 0; i < l.names; i++ {
		n := NameLength(data[off:])
		if n == 0 {
			return -1
		}
		at[i] = [2]int{off, off + n}
		off += n
	}
	if tail := len(data) - off; tail < l.minTail || tail > l.maxTail {
		return -1
	}
	return l.names
}

// expandData copies the RDATA at msg[off:end] with its names decompressed, and checks its form.
func expandData(t Type, msg []byte, off, end int) ([]byte, error) {
	l, ok := layoutOf(t)
	if !ok {
		data := bytes.Clone(msg[off:end])
		return data, CheckData(t, data)
	}
	at := l.dataStart(msg, off, end)
	if at < 0 {
		return nil, fmt.Errorf("%w: short RDATA", ErrMessage)
	}
	data := append(make([]byte, 0, end-off+MaxName), msg[off:at]...)
	for i := 0; i < l.names; i++ {
		var buf [MaxName]byte
		n, next := expandName(msg[:end], at, &buf)
		if n == 0 || next > end {
			return nil, fmt.Errorf("%w: bad name in RDATA", ErrMessage)
		}
		data, at = append(data, buf[:n]...), next
	}
	if tail := end - at; tail < l.minTail || tail > l.maxTail {
		return nil, fmt.Errorf("%w: RDATA has %d octets behind its names", ErrMessage, tail)
	}
	data = append(data, msg[at:end]...)
	if len(data) > MaxMessage {
		return nil, fmt.Errorf("%w: RDATA is too long", ErrMessage)
	}
	return data, nil
}

// CheckData tells whether data is well-formed uncompressed RDATA of type t, as far as answering needs it: addresses
// have their length, names and character strings their form. Types without a known form are all accepted (RFC 3597).
// The error wraps ErrMessage.
func CheckData(t Type, data []byte) error {
	bad := func(what string) error { return fmt.Errorf("%w: RDATA of type %s: %s", ErrMessage, t, what) }
	if len(data) > MaxMessage {
		return bad("longer than 65535 octets")
	}
	if l, ok := layoutOf(t); ok {
		var at [maxNames][2]int
		if l.spans(data, &at) < 0 {
			return bad("wrong form")
		}
		return nil
	}
	switch t {
	case TypeA:
		// In class CH the RDATA of A is a name and a number (RFC 1035 errata, Chaosnet); this server knows none.
		if len(data) != 4 {
			return bad("an address has 4 octets")
		}
	case TypeAAAA:
		if len(data) != 16 {
			return bad("an address has 16 octets")
		}
	case TypeTXT, typeSPF, typeHINFO, typeX25, typeISDN:
		if len(data) == 0 {
			return bad("empty")
		}
		for rest := data; len(rest) > 0; {
			n := 1 + int(rest[0])
			if n > len(rest) {
				return bad("a character string is cut off")
			}
			rest = rest[n:]
		}
	}
	return nil
}

// DataNames gives the names in uncompressed RDATA, in order: the target of NS, CNAME, MX and so on; MNAME and RNAME
// of SOA. It is empty for types without names in a known place and for malformed RDATA. Names are borrowed from data.
func DataNames(t Type, data []byte) []Name {
	l, ok := layoutOf(t)
	if !ok {
		return nil
	}
	var at [maxNames][2]int
	var names []Name
	for i := range l.spans(data, &at) {
		names = append(names, BorrowName(data[at[i][0]:at[i][1]]))
	}
	return names
}

// CompareData orders the RDATA of two records of type t canonically (RFC 4034 section 6.3): -1, 0 or +1. Names in the
// RDATA of the types of section 6.2 are compared without case, so 0 means the same record (RFC 2136 section 1.1.1).
func CompareData(t Type, a, b []byte) int {
	l, ok := layoutOf(t)
	if !ok || !l.fold {
		return bytes.Compare(a, b)
	}
	var x, y [maxNames][2]int
	if n := l.spans(a, &x); n < 0 || l.spans(b, &y) < 0 {
		return bytes.Compare(a, b)
	}
	for i := 0; i < len(a) && i < len(b); i++ {
		c, d := a[i], b[i]
		if c != d {
			c, d = l.folded(c, i, &x), l.folded(d, i, &y)
		}
		if c != d {
			if c < d {
				return -1
			}
			return 1
		}
	}
	switch {
	case len(a) < len(b):
		return -1
	case len(a) > len(b):
		return 1
	}
	return 0
}

// AppendCanonicalData appends RDATA in its canonical form (RFC 4034 section 6.2): the names that CompareData compares
// without case are in lower case. Octets of such forms are in the order of CompareData.
func AppendCanonicalData(to []byte, t Type, data []byte) []byte {
	at := len(to)
	to = append(to, data...)
	l, ok := layoutOf(t)
	if !ok || !l.fold {
		return to
	}
	var names [maxNames][2]int
	for i := range max(l.spans(data, &names), 0) {
		for j := names[i][0]; j < names[i][1]; j++ {
			to[at+j] = lower(to[at+j])
		}
	}
	return to
}

// folded gives c, octet i of RDATA, in lower case if it stands in a name.
func (l layout) folded(c byte, i int, at *[maxNames][2]int) byte {
	for _, s := range at[:l.names] {
		if i >= s[0] && i < s[1] {
			return lower(c)
		}
	}
	return c
}

// Equal tells whether two records are the same but for the TTL: owner without case, type, class, RDATA.
func (rr RR) Equal(o RR) bool {
	return rr.Type == o.Type && rr.Class == o.Class && rr.Name.Equal(o.Name) && CompareData(rr.Type, rr.Data, o.Data) == 0
}
