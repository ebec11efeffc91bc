package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"runtime"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

const (
	// renewLeast is the number of records below which a zone is built anew: that costs little, and what is built is
	// compact.
	renewLeast = 10_000
	// renewFree and renewShare bound the differences of a renewal: renewFree, and one for so many records read. A name that
	// differs takes a few times the memory of one that is built, so that an eighth of them, the old ones beside the new, is
	// still less than the half that a second zone would take beside this one. Since the bound follows the reading, a file in
	// which much differs is found out at its beginning.
	renewFree  = 4096
	renewShare = 8
	// renewCollect is the records between two runs of the collector, as collectEvery is in a zone that is built.
	renewCollect = 1 << 17
	// renewNear is the number of records of an RRset among which the next one is looked for; in larger ones it is kept.
	renewNear = 16
)

// errUnlike is the reason to build a zone and not to renew it.
var errUnlike = errors.New("too many differences")

// Renew makes the same version as Build. If the records differ little from those of old, a version of the same zone
// or nil, it shares with old all that is the same, and takes memory for the differences only. It may range over records
// twice.
func (b *Builder) Renew(old *Version, origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (*Version, error) {
	if old == nil || old.class != class || old.key != origin.Lower() || old.rrs < renewLeast {
		return b.Build(origin, class, records)
	}
	v, err := old.renew(origin, records)
	if errors.Is(err, errUnlike) {
		return b.Build(origin, class, records)
	}
	return v, err
}

// renew is Renew that fails with errUnlike where it should not be done.
func (v *Version) renew(origin wire.Name, records iter.Seq2[wire.RR, error]) (*Version, error) {
	r := newRenewal(v, origin)
	l := loader{v: r.v, add: r.add}
	if err := l.take(records); err != nil {
		return nil, err
	}
	next, err := r.finish()
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", origin, err)
	}
	return next, nil
}

// renewal compares records, in the order in which they come, with what a version holds. It marks in the version's slab
// what has come: a name, when it was written for the first time; each record of an RRset, as long as they come in the order in
// which they stand; an RRset, when they no longer do. From then on the RRset is collected, and those before belong to it. So the order
// of records, the lowest TTL, repeated records and the case of names become what Build makes of them. What is not marked
// at the end is gone. Names that have changed since the version was built are collected whole: there are few.
type renewal struct {
	old, v  *Version // v: a copy that becomes the next one
	came    marks
	next    map[place]nextRecord // of a large RRset by its head: the record that comes next, once others have come
	fresh   map[wire.Name]*fresh
	order   []wire.Name // the keys of fresh as they came
	records int
	changes int // names and records in fresh

	owner wire.Name // of the last record
	at    place     // its node
	to    *fresh
}

// place is an octet of a slab.
type place struct{ chunk, at int }

func placeOf(r ref) place {
	return place{int(r >> offsetBits), int(r&(1<<offsetBits-1)) << unitBits}
}

// nextRecord is a record of an RRset.
type nextRecord struct {
	number int // -1: none
	place
}

// marks has a bit for each unit of a slab. Names, RRsets and records are all longer than one.
type marks [][]uint64

func newMarks(s *slab) marks {
	m := make(marks, len(s.chunks))
	for i, c := range s.chunks {
		m[i] = make([]uint64, len(c)>>(unitBits+6)+1)
	}
	return m
}

func (m marks) has(p place) bool {
	unit := p.at >> unitBits
	return m[p.chunk][unit>>6]&(1<<(unit&63)) != 0
}

func (m marks) set(p place) {
	unit := p.at >> unitBits
	m[p.chunk][unit>>6] |= 1 << (unit & 63)
}

// fresh is a name that differs: as it was written first, and the RRsets that differ, or all if the slab does not have it.
type fresh struct {
	name wire.Name
	sets []freshSet
}

type freshSet struct {
	typ, covers wire.Type
	records     []record
}

func newRenewal(old *Version, origin wire.Name) *renewal {
	next := *old
	next.origin = origin
	r := &renewal{old: old, v: &next, came: newMarks(old.names.frozen.slab), next: make(map[place]nextRecord), fresh: make(map[wire.Name]*fresh)}
	r.mention(origin, next.key) // the apex always exists
	return r
}

// mention notes that a name is written, and all names between it and the apex. It gives where the slab has it, and what is
// collected of it; either may be none.
func (r *renewal) mention(name, key wire.Name) (place, *fresh) {
	names := &r.old.names
	hash := maphash.String(names.over.seed, string(key))
	var at ref
	if names.over.root == nil || names.over.find(hash, key) == nil {
		at = names.frozen.find(hash, key)
	}
	f := r.fresh[key]
	p := placeOf(at)
	if at != 0 {
		if r.came.has(p) {
			return p, f
		}
		r.came.set(p)
		if old := (node{names.frozen.slab.at(at)}).name(); old != name {
			f = r.differ(name, key)
		}
	} else {
		if f != nil {
			return p, f
		}
		f = r.differ(name, key)
	}
	if len(key) > len(r.v.key) {
		r.mention(name.Parent(), key.Parent())
	}
	return p, f
}

// differ begins to collect a name, whose memory it does not keep.
func (r *renewal) differ(name, key wire.Name) *fresh {
	f := &fresh{name: wire.Name(strings.Clone(string(name)))}
	if name == key {
		key = f.name
	} else {
		key = wire.Name(strings.Clone(string(key)))
	}
	r.fresh[key] = f
	r.order = append(r.order, key)
	r.changes++
	return f
}

// add takes a record, whose memory it does not keep.
func (r *renewal) add(rr wire.RR) error {
	if r.records++; r.records%renewCollect == 0 {
		runtime.GC()
	}
	if rr.Name != r.owner {
		r.at, r.to = r.mention(rr.Name, rr.Name.Lower())
		r.owner = ""
		if r.to != nil && r.to.name == rr.Name {
			r.owner = r.to.name
		} else if r.at.chunk > 0 {
			if name := r.node(r.at).name(); name == rr.Name {
				r.owner = name
			}
		}
	}
	covers := coveredType(rr.Type, rr.Data)
	if set := r.set(rr.Type, covers); set.chunk > 0 && !r.came.has(set) {
		next := r.comes(set)
		if next.number >= 0 && r.same(next.place, rr) {
			r.note(set, next)
			return nil
		}
		r.came.set(set)
		old, _ := readSet(r.octets(set))
		records := old.records()
		if next.number >= 0 {
			records = records[:next.number]
		}
		r.collect(rr.Type, covers, records...)
	}
	r.collect(rr.Type, covers, record{rr.Type, rr.TTL, bytes.Clone(rr.Data)})
	return r.bound()
}

// bound is the error when there are too many differences.
func (r *renewal) bound() error {
	if r.changes > renewFree+r.records/renewShare {
		return errUnlike
	}
	return nil
}

func (r *renewal) octets(p place) []byte { return r.old.names.frozen.slab.chunks[p.chunk][p.at:] }
func (r *renewal) node(p place) node     { return node{r.octets(p)} }

// count gives the number of records of an RRset.
func (r *renewal) count(set place) int { return int(binary.LittleEndian.Uint32(r.octets(set)[4:])) }

// set finds an RRset of the name at hand in the slab; nowhere if it is not there.
func (r *renewal) set(t, covers wire.Type) place {
	if r.at.chunk == 0 {
		return place{}
	}
	for set := range r.sets(r.at) {
		if b := r.octets(set); wire.Type(binary.LittleEndian.Uint16(b)) == t && wire.Type(binary.LittleEndian.Uint16(b[2:])) == covers {
			return set
		}
	}
	return place{}
}

// sets gives the RRsets of a node in the slab.
func (r *renewal) sets(p place) iter.Seq[place] {
	return func(yield func(place) bool) {
		n := r.node(p)
		p.at += nodeHead + int(n.b[9])
		for left := binary.LittleEndian.Uint32(n.b[4:]); left > 0 && yield(p); left-- {
			size := binary.LittleEndian.Uint32(r.octets(p)[8:])
			p.at += setHead + int(size&^hasLower)
			if size&hasLower != 0 {
				p.at += int(size &^ hasLower)
			}
		}
	}
}

// comes gives the record of an RRset that must come next, none if all have come.
func (r *renewal) comes(set place) nextRecord {
	n := nextRecord{0, place{set.chunk, set.at + setHead}}
	count := r.count(set)
	if count > renewNear {
		if next, ok := r.next[set]; ok {
			return next
		}
		return n
	}
	for ; n.number < count; n = r.behind(n) {
		if !r.came.has(n.place) {
			return n
		}
	}
	n.number = -1
	return n
}

// behind gives the record after another one of an RRset, whether there is one or not.
func (r *renewal) behind(n nextRecord) nextRecord {
	n.number++
	n.at += wire.RRHead + int(binary.BigEndian.Uint16(r.octets(n.place)[8:]))
	return n
}

// note notes that a record has come.
func (r *renewal) note(set place, n nextRecord) {
	count := r.count(set)
	if count <= renewNear {
		r.came.set(n.place)
		return
	}
	if n = r.behind(n); n.number == count {
		n.number = -1
	}
	r.next[set] = n
}

// same tells whether the slab has a record with this RDATA and TTL at p; the type is the same.
func (r *renewal) same(p place, rr wire.RR) bool {
	b := r.octets(p)
	data, _ := cutRecord(b)
	return binary.BigEndian.Uint32(b[4:]) == rr.TTL && string(data) == string(rr.Data)
}

// collect takes records of an RRset of the name at hand.
func (r *renewal) collect(t, covers wire.Type, records ...record) {
	if r.to == nil {
		n := r.node(r.at)
		r.to = r.differ(n.name(), n.key())
	}
	r.changes += len(records)
	i := slices.IndexFunc(r.to.sets, func(s freshSet) bool { return s.typ == t && s.covers == covers })
	if i < 0 {
		i = len(r.to.sets)
		r.to.sets = append(r.to.sets, freshSet{typ: t, covers: covers})
	}
	r.to.sets[i].records = append(r.to.sets[i].records, records...)
}

// finish makes the version. What came is entered before what is gone is taken out, so that no name goes that is needed.
func (r *renewal) finish() (*Version, error) {
	ed := &editor{v: r.v, drafts: make(map[wire.Name]*draft, len(r.fresh))}
	for _, key := range r.order {
		if err := r.enter(ed, key); err != nil {
			return nil, err
		}
	}
	gone, err := r.compare(ed)
	if err != nil {
		return nil, err
	}
	for _, n := range gone {
		key := n.key()
		if d := ed.drafts[key]; d != nil && d.gone {
			continue // with the last name below it
		}
		d := ed.node(n.name(), key)
		for _, s := range slices.Clone(d.sets) {
			ed.put(d, s, rrset{})
		}
		ed.prune(d, key)
	}
	by := r.denialChange(ed)
	next, err := ed.finish()
	if err != nil {
		return nil, err
	}
	next.denial = r.old.denial.apply(next, by)
	return next, nil
}

// enter puts what was collected of a name into its draft.
func (r *renewal) enter(ed *editor, key wire.Name) error {
	f := r.fresh[key]
	d := ed.node(f.name, key)
	d.name = f.name
	if o := r.old.names.over; o.root != nil && o.get(key) != nil { // collected whole
		for _, s := range slices.Clone(d.sets) {
			ed.put(d, s, rrset{})
		}
	}
	for _, s := range f.sets {
		records := distinct(s.records)
		if err := checkCount(f.name, records); err != nil {
			return err
		}
		ed.put(d, d.find(s.typ, s.covers), newSet(r.v.class, records))
	}
	return nil
}

// compare shortens RRsets of which the last records did not come, and gives the names that did not come.
func (r *renewal) compare(ed *editor) (gone []node, err error) {
	names := &r.old.names
	names.frozen.slab.each(func(at ref, n node) bool {
		p := placeOf(at)
		if !r.came.has(p) {
			if names.over.root == nil || names.over.get(n.key()) == nil {
				r.changes++
				gone = append(gone, n)
			}
			err = r.bound()
			return err == nil
		}
		for set := range r.sets(p) {
			i := r.comes(set).number
			if i < 0 || r.came.has(set) {
				continue
			}
			r.changes++
			d := ed.node(n.name(), n.key())
			old, _ := readSet(r.octets(set))
			var s rrset
			if i > 0 {
				s = newSet(r.v.class, old.records()[:i])
			}
			ed.put(d, old, s)
		}
		err = r.bound()
		return err == nil
	})
	names.over.all(func(key wire.Name, n *node) bool {
		if n.exists() && r.fresh[key] == nil {
			r.changes++
			gone = append(gone, *n)
		}
		return true
	})
	return gone, err
}

// denialChange drops drafts that are as the old version has them, and gives what the others do to the proofs of what does
// not exist.
func (r *renewal) denialChange(ed *editor) Diff {
	var by Diff
	proofs := func(n node, to *[]wire.RR) {
		for _, t := range [...]wire.Type{wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM} {
			if s := n.set(t); s.exists() {
				*to = s.appendRRs(*to, n.name(), r.v.class)
			}
		}
	}
	for key, d := range ed.drafts {
		was := r.old.names.get(key)
		if !d.gone {
			is := d.node()
			if was.exists() && bytes.Equal(is.b, was.b[:was.size()]) {
				delete(ed.drafts, key)
				continue
			}
			proofs(is, &by.Added)
		}
		if was.exists() {
			proofs(was, &by.Deleted)
		}
	}
	return by
}
