package zone

import (
	"cmp"
	"iter"
	"slices"

	"bundy/internal/dns/wire"
)

// Version is one state of a zone. It is immutable; any number of goroutines may read it.
type Version struct {
	origin wire.Name // as given, case kept
	key    wire.Name // origin in lower case
	class  wire.Class
	names  names
	apex   node
	soa    rrset // none when the apex has none
	ns     rrset // of the apex
	rrs    int
	denial denial
	cuts   int // names with a DNAME, or with NS records below the apex: those that change what lies below them
}

// Origin gives the name of the zone's apex.
func (v *Version) Origin() wire.Name { return v.origin }

// Class gives the class of all records.
func (v *Version) Class() wire.Class { return v.class }

// Len gives the number of records.
func (v *Version) Len() int { return v.rrs }

// Serial gives the serial of the SOA record, 0 if there is none.
func (v *Version) Serial() Serial { return SerialOf(v.SOA()) }

// SOA gives the SOA record; its type is 0 if there is none.
func (v *Version) SOA() wire.RR {
	if !v.soa.exists() {
		return wire.RR{}
	}
	return wire.RR{Name: v.apex.name(), Type: wire.TypeSOA, Class: v.class, TTL: v.soa.ttl(), Data: v.soa.first()}
}

// RRset gives the records of type t at exactly the name n, wildcards not applied; nil if there are none. For RRSIG it
// gives the signatures of all types. The RDATA is shared and must not be written to.
func (v *Version) RRset(n wire.Name, t wire.Type) []wire.RR {
	at := v.names.get(n.Lower())
	if !at.exists() {
		return nil
	}
	var rrs []wire.RR
	for c := at.sets(); c.next(); {
		if c.set.typ == t {
			rrs = c.set.appendRRs(rrs, at.name(), v.class)
		}
	}
	return rrs
}

// Types gives the types at the name n in ascending order; none if the name is an empty non-terminal or is not there.
func (v *Version) Types(n wire.Name) []wire.Type {
	at := v.names.get(n.Lower())
	if !at.exists() {
		return nil
	}
	var types []wire.Type
	for c := at.sets(); c.next(); {
		if len(types) == 0 || types[len(types)-1] != c.set.typ {
			types = append(types, c.set.typ)
		}
	}
	return types
}

// All gives every record: the SOA first, then by name in canonical order (RFC 4034 section 6.1) and by type. It sorts
// the names when the iteration begins.
func (v *Version) All() iter.Seq[wire.RR] {
	return func(yield func(wire.RR) bool) {
		if v.soa.exists() && !yield(v.SOA()) {
			return
		}
		var buf []wire.RR
		for _, n := range v.sorted() {
			for c := n.sets(); c.next(); {
				buf = c.set.appendRRs(buf[:0], n.name(), v.class)
				if c.set.same(v.soa) {
					buf = buf[1:] // went out first
				}
				for _, rr := range buf {
					if !yield(rr) {
						return
					}
				}
			}
		}
	}
}

// sorted gives the names that own records in canonical order. Sorting by a key made once a name is several times as fast
// as comparing names label by label.
func (v *Version) sorted() []node {
	type keyed struct {
		key  string
		node node
	}
	all := make([]keyed, 0, v.names.frozen.table.n)
	var room [maxOrderKey]byte
	v.names.all(func(n node) bool {
		if n.owns() {
			all = append(all, keyed{string(appendOrderKey(room[:0], n.key(), v.key)), n})
		}
		return true
	})
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	nodes := make([]node, len(all))
	for i, k := range all {
		nodes[i] = k.node
	}
	return nodes
}
