package zone

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"bundy/internal/dns/wire"
)

// ErrOutOfZone is wrapped by errors about records that do not belong to the zone: another class, or an owner that is
// not below the origin.
var ErrOutOfZone = errors.New("record is out of the zone")

// Build makes a version of the records, in any order; repeated records count once. RRsets with different TTLs get the
// lowest; a TTL above 2^31-1 is 0 (RFC 2181 section 8). The first error of records ends it. A zone without SOA or NS
// can be built, so that Check can say what is wrong with it, but it is not served.
func Build(origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (*Version, error) {
	ed := newEditor(&Version{origin: origin, key: origin.Lower(), class: class, names: newIndex[node]()})
	var run []record // records of one owner and type that follow one another
	var owner, key wire.Name
	for rr, err := range records {
		if err != nil {
			return nil, err
		}
		if err := ed.v.accepts(rr); err != nil {
			return nil, err
		}
		r := record{rr.Type, rr.TTL, rr.Data}
		if r.ttl > math.MaxInt32 {
			r.ttl = 0
		}
		same := len(run) > 0 && run[0].typ == r.typ && coveredType(r.typ, run[0].data) == coveredType(r.typ, r.data)
		if !same || rr.Name != owner {
			ed.add(owner, key, run)
			run = run[:0]
			if rr.Name != owner {
				owner, key = rr.Name, rr.Name.Lower()
			}
		}
		run = append(run, r)
	}
	ed.add(owner, key, run)
	return ed.finish(), nil
}

// accepts tells whether rr can be a record of the zone.
func (v *Version) accepts(rr wire.RR) error {
	switch {
	case rr.Class != v.class:
		return fmt.Errorf("%w: %s %s has class %s, the zone %s has %s", ErrOutOfZone, rr.Name, rr.Type, rr.Class, v.origin, v.class)
	case !rr.Name.IsBelow(v.origin):
		return fmt.Errorf("%w: %s is not below %s", ErrOutOfZone, rr.Name, v.origin)
	}
	if err := wire.CheckData(rr.Type, rr.Data); err != nil {
		return fmt.Errorf("record of %s: %w", rr.Name, err)
	}
	return nil
}

// editor makes a new version, whose parts it may write to until finish.
type editor struct {
	v    *Version
	edit *edit
}

// newEditor takes v, a copy that nobody else knows, whose index may be shared.
func newEditor(v *Version) *editor {
	ed := &editor{v: v, edit: &edit{}}
	ed.node(v.origin, v.key) // the apex always exists
	return ed
}

func (ed *editor) finish() *Version {
	v := ed.v
	v.apex = v.names.get(v.key)
	v.soa = v.apex.set(wire.TypeSOA)
	v.ns = v.apex.set(wire.TypeNS)
	return v
}

// node gives the node of a name to write to, made with all names between it and the apex if it is not there.
func (ed *editor) node(name, key wire.Name) *node {
	if n := ed.v.names.get(key); n != nil {
		if n.edit == ed.edit {
			return n
		}
		c := *n
		c.edit = ed.edit
		ed.v.names.put(ed.edit, key, &c)
		return &c
	}
	n := &node{edit: ed.edit, name: name}
	ed.v.names.put(ed.edit, key, n)
	if len(key) > len(ed.v.key) {
		parent := ed.node(name.Parent(), key.Parent())
		parent.children++
		if key.IsWildcard() {
			parent.star = true
		}
	}
	return n
}

// prune takes a name out that has neither records nor names below it, and then its parent alike.
func (ed *editor) prune(n *node, key wire.Name) {
	if len(n.sets) > 0 || n.children > 0 || len(key) <= len(ed.v.key) {
		return
	}
	ed.v.names.remove(ed.edit, key)
	parent := ed.node(n.name.Parent(), key.Parent())
	parent.children--
	if key.IsWildcard() {
		parent.star = false
	}
	ed.prune(parent, key.Parent())
}

// add puts records of one type into the RRset at a name.
func (ed *editor) add(name, key wire.Name, records []record) {
	if len(records) == 0 {
		return
	}
	n := ed.node(name, key)
	old := n.find(records[0].typ, coveredType(records[0].typ, records[0].data))
	if old != nil {
		records = append(old.records(), records...)
	}
	ed.put(n, key, old, newSet(ed.v.class, distinct(records)))
}

// put replaces the RRset old at n by s; either may be nil.
func (ed *editor) put(n *node, key wire.Name, old, s *rrset) {
	var t, covers wire.Type
	if old != nil {
		t, covers = old.typ, old.covers
		ed.v.rrs -= old.count
		ed.v.cuts -= ed.cut(t, key)
	}
	if s != nil {
		t, covers = s.typ, s.covers
		ed.v.rrs += s.count
		ed.v.cuts += ed.cut(t, key)
	}
	n.replace(t, covers, s)
}

// cut gives 1 for an RRset that changes what lies below it.
func (ed *editor) cut(t wire.Type, key wire.Name) int {
	if t == wire.TypeDNAME || t == wire.TypeNS && len(key) > len(ed.v.key) {
		return 1
	}
	return 0
}
