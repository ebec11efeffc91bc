package zone

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"bundy/internal/dns/wire"
)

// Store has the names of one state of a zone that is not in memory. What it gives must stay as it is, and so must the
// state, while a View uses it.
type Store interface {
	// Owner tells of a name in lower case, at or below the origin.
	Owner(name wire.Name) (Owner, error)
	// Before gives the greatest name in canonical order that is not above name and owns a record of type t that takes
	// accepts, the greatest of all if there is none: chains of denial are rings. It is "" if no name owns one.
	Before(name wire.Name, t wire.Type, takes func(owner wire.Name, data []byte) bool) (wire.Name, error)
}

// Owner is a name of a zone.
type Owner struct {
	Name    wire.Name // as it was first given; "" if it has no records
	Records []wire.RR // all of the name
	Below   bool      // there are names below it
	Star    bool      // one of them is "*", or lies below that
}

// View is a version of a zone that reads its names from a Store when an answer needs them, and keeps those. It can be
// asked, and changed by Apply, but not be listed: Len is 0, and All, Check and Compact see nothing. For one goroutine.
type View struct {
	version Version
	store   Store
	nodes   map[wire.Name]node
	err     error
	blank   node // given for every name when the store has failed: it exists, as who asks may rely on, and has nothing
}

// NewView makes a view of a zone. The error is of the store.
func NewView(origin wire.Name, class wire.Class, store Store) (*View, error) {
	w := &View{store: store, nodes: make(map[wire.Name]node), blank: (&draft{name: origin}).node()}
	v := &w.version
	*v = Version{origin: origin, key: origin.Lower(), class: class}
	v.cuts = 1 // perhaps
	v.names = names{frozen: &frozen{slab: newSlab(), table: newTable()}, over: index[node]{seed: maphash.MakeSeed(), root: &branch[node]{}}, view: w}
	v.settle()
	d := &v.denial
	if chain := v.chain(); chain != nil {
		d.use(v, chain)
		d.hashes = order{n: 1, far: w.hashBefore}
	} else if v.apex.set(wire.TypeNSEC).exists() { // every chain has the apex (RFC 4035 section 2.3)
		d.names = order{n: 1, far: w.nameBefore}
	}
	d.settle(v)
	return w, w.err
}

// Version gives the version. What it is asked is only answered well as long as Err is nil.
func (w *View) Version() *Version { return &w.version }

// Err gives the first error of the store.
func (w *View) Err() error { return w.err }

// node finds a name in lower case.
func (w *View) node(key wire.Name) node {
	if n, ok := w.nodes[key]; ok {
		return n
	}
	if w.err != nil {
		return w.blank
	}
	key = wire.Name(strings.Clone(string(key))) // callers have it on their stack, and only here it must leave that
	o, err := w.store.Owner(key)
	var n node
	if err == nil {
		n, err = w.version.nodeOf(key, o)
	}
	if err != nil {
		w.err = err
		return w.blank
	}
	w.nodes[key] = n
	return n
}

// manyBelow is the number of names below one that has some: it must not become 0 when a difference deletes them.
const manyBelow = 1 << 30

// nodeOf makes the node of a name; none if the zone does not have it.
func (v *Version) nodeOf(key wire.Name, o Owner) (node, error) {
	if len(o.Records) == 0 && !o.Below && key != v.key {
		return node{}, nil
	}
	records := make([]record, len(o.Records))
	for i, rr := range o.Records {
		if err := v.accepts(rr); err != nil {
			return node{}, err
		}
		if rr.TTL > math.MaxInt32 {
			rr.TTL = 0
		}
		records[i] = record{rr.Type, rr.TTL, rr.Data}
	}
	slices.SortStableFunc(records, func(a, b record) int {
		return compareTypes(a.typ, coveredType(a.typ, a.data), b.typ, coveredType(b.typ, b.data))
	})
	d := draft{name: key, star: o.Star}
	if o.Name != "" {
		d.name = o.Name
	}
	if o.Below {
		d.children = manyBelow
	}
	for rest := records; len(rest) > 0; {
		end := 1
		for end < len(rest) && rest[end].inSetOf(rest[0]) {
			end++
		}
		set := distinct(rest[:end:end])
		if err := checkCount(d.name, set); err != nil {
			return node{}, fmt.Errorf("zone %s: %w", v.origin, err)
		}
		d.sets = append(d.sets, newSet(v.class, set))
		rest = rest[end:]
	}
	return d.node(), nil
}

// before asks the store, for names of NSEC and of NSEC3 records.
func (w *View) before(name wire.Name, t wire.Type, takes func(wire.Name, []byte) bool) wire.Name {
	if w.err != nil || name == "" {
		return ""
	}
	n, err := w.store.Before(name, t, takes)
	if err != nil {
		w.err = err
		return ""
	}
	return n.Lower()
}

// nameBefore is order.before for the owners of NSEC records.
func (w *View) nameBefore(k []byte) []byte {
	var room [wire.MaxName]byte
	key := w.version.key
	n := w.before(orderName(k, key, room[:]), wire.TypeNSEC, func(wire.Name, []byte) bool { return true })
	if n == "" {
		return nil
	}
	return appendOrderKey([]byte{}, n, key)
}

// hashBefore is order.before for the owners of NSEC3 records of the chain that is used.
func (w *View) hashBefore(k []byte) []byte {
	var room [wire.MaxName]byte
	v := &w.version
	var x nsecHash
	copy(x[:], k)
	n := w.before(x.owner(v.key, room[:]), wire.TypeNSEC3, func(owner wire.Name, data []byte) bool {
		_, ok := hashOf(owner, v.key)
		return ok && v.denial.chain.matches(data)
	})
	x, _ = hashOf(n, v.key) // none only when the store has failed: the chain has the apex at least
	return x[:]
}
