package zone

import (
	"encoding/binary"
	"slices"

	"bundy/internal/dns/wire"
)

// node is one existing name: the owner of RRsets, or an empty non-terminal (RFC 4592 section 2.2.2). It is a view of
// immutable octets, to be passed by value; the zero value is no name. Name and RRsets stand in one piece, as each hop
// to another piece of memory is a cache miss.
//
// The octets: number of names one label below (4), number of RRsets (4), flags (1), length of the name (1), the name as
// first written, the RRsets by type and then by covered type.
type node struct{ b []byte }

const (
	nodeHead  = 10
	starBelow = 1 << 0 // one of the names below is "*" (RFC 4592 section 2.1.1)
	mixedCase = 1 << 1 // the name holds letters in upper case
)

// appendNode appends the octets of a node up to its RRsets.
func appendNode(dst []byte, name wire.Name, children, sets uint32, flags byte) []byte {
	if name != name.Lower() {
		flags |= mixedCase
	}
	dst = binary.LittleEndian.AppendUint32(dst, children)
	dst = binary.LittleEndian.AppendUint32(dst, sets)
	dst = append(dst, flags, byte(len(name)))
	return append(dst, name...)
}

func (n node) exists() bool { return n.b != nil }

// same tells whether both are views of the same octets.
func (n node) same(o node) bool { return n.exists() && o.exists() && &n.b[0] == &o.b[0] }

// name gives the name as first written. It shares memory with the node.
func (n node) name() wire.Name { return wire.BorrowName(n.b[nodeHead : nodeHead+int(n.b[9])]) }

// key gives the name in lower case.
func (n node) key() wire.Name {
	if n.b[8]&mixedCase != 0 {
		return n.name().Lower()
	}
	return n.name()
}

// is tells whether the node has that name, which is in lower case.
func (n node) is(key wire.Name) bool {
	name := n.name()
	return name == key || n.b[8]&mixedCase != 0 && name.Equal(key)
}

// children counts the existing names one label below.
func (n node) children() uint32 { return binary.LittleEndian.Uint32(n.b) }

// star tells whether one of the names below is "*".
func (n node) star() bool { return n.b[8]&starBelow != 0 }

// owns tells whether the name has records.
func (n node) owns() bool { return binary.LittleEndian.Uint32(n.b[4:]) > 0 }

// size gives the length of the node's octets.
func (n node) size() int {
	c := n.sets()
	for c.next() {
	}
	return len(n.b) - len(c.rest)
}

// sets walks over the RRsets of a node.
type sets struct {
	rest []byte
	left uint32
	set  rrset
}

func (n node) sets() sets {
	return sets{rest: n.b[nodeHead+int(n.b[9]):], left: binary.LittleEndian.Uint32(n.b[4:])}
}

func (c *sets) next() bool {
	if c.left == 0 {
		return false
	}
	c.left--
	c.set, c.rest = readSet(c.rest)
	return true
}

// set gives the RRset of type t. Not for RRSIG.
func (n node) set(t wire.Type) rrset { return n.find(t, 0) }

// signature gives the RRSIGs that cover t.
func (n node) signature(t wire.Type) rrset { return n.find(wire.TypeRRSIG, t) }

// find gives the RRset of type t that covers covers; one that does not exist if there is none.
func (n node) find(t, covers wire.Type) rrset {
	b := n.b[nodeHead+int(n.b[9]):]
	for left := binary.LittleEndian.Uint32(n.b[4:]); left > 0; left-- {
		if wire.Type(binary.LittleEndian.Uint16(b)) == t && wire.Type(binary.LittleEndian.Uint16(b[2:])) == covers {
			s, _ := readSet(b)
			return s
		}
		size := binary.LittleEndian.Uint32(b[8:])
		skip := size &^ hasLower
		b = b[setHead+skip:]
		if size&hasLower != 0 {
			b = b[skip:]
		}
	}
	return rrset{}
}

// draft is a node that is being changed.
type draft struct {
	name     wire.Name
	children uint32
	star     bool
	gone     bool
	sets     []rrset
}

func (n node) draft() *draft {
	d := &draft{name: n.name(), children: n.children(), star: n.star()}
	for c := n.sets(); c.next(); {
		d.sets = append(d.sets, c.set)
	}
	return d
}

// node gives the octets of a finished draft.
func (d *draft) node() node {
	var flags byte
	if d.star {
		flags = starBelow
	}
	size := nodeHead + len(d.name)
	for _, s := range d.sets {
		size += setHead + len(s.encoded)
	}
	b := appendNode(make([]byte, 0, size), d.name, d.children, uint32(len(d.sets)), flags)
	for _, s := range d.sets {
		b = s.appendTo(b)
	}
	return node{b}
}

// find gives the RRset of type t that covers covers; one that does not exist if there is none.
func (d *draft) find(t, covers wire.Type) rrset {
	for _, s := range d.sets {
		if s.typ == t && s.covers == covers {
			return s
		}
	}
	return rrset{}
}

// replace puts s, if it exists, in the place of the set of that type.
func (d *draft) replace(t, covers wire.Type, s rrset) {
	d.sets = slices.DeleteFunc(d.sets, func(o rrset) bool { return o.typ == t && o.covers == covers })
	if s.exists() {
		d.sets = append(d.sets, s)
		slices.SortFunc(d.sets, func(a, b rrset) int { return compareTypes(a.typ, a.covers, b.typ, b.covers) })
	}
}

// compareTypes gives the order of RRsets at a name.
func compareTypes(t, covers, t2, covers2 wire.Type) int {
	if t != t2 {
		return int(t) - int(t2)
	}
	return int(covers) - int(covers2)
}
