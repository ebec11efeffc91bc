package zone

import (
	"hash/maphash"
	"unsafe"

	"bundy/internal/dns/pages"
	"bundy/internal/dns/wire"
)

// names is a persistent map from names in lower case to nodes: what the zone had when it was built or last folded, in
// one piece, and over it what changed since. A change costs its own size; the collector walks over what changed only.
type names struct {
	frozen *frozen
	over   index[node] // a node that does not exist: the frozen name is gone
	view   *View       // has what over does not have, if it is not nil; over.root is not nil then
}

// foldAt is how many changed names there may be more than frozen names before all is worth freezing anew. The cost of that,
// in proportion to the zone, then falls on at least as many changes.
const foldAt = 4096

// frozen holds nodes in a slab, found by a hash table with open addressing. It is immutable when complete.
type frozen struct {
	slab  *slab
	table table
}

// table is a hash table of nodes. A slot holds the hash, cut to 32 bits, above the ref; an empty slot is 0. The place of
// a slot is given by the highest bits of its hash, so that the table can grow without looking at the names. The hash is
// seeded, so that names chosen by clients cannot be made to collide.
type table struct {
	slots []uint64
	shift uint8 // 32 less the binary logarithm of the number of slots
	n     int
}

func newTable() table { return table{slots: make([]uint64, 8), shift: 32 - 3} }

// insert enters a node that is not there yet.
func (t *table) insert(tag uint32, r ref) {
	if 5*(t.n+1) > 4*len(t.slots) { // probes stay short up to four fifths
		old := t.slots
		t.slots = make([]uint64, 2*len(old))
		pages.Large(unsafe.Slice((*byte)(unsafe.Pointer(&t.slots[0])), 8*len(t.slots)))
		t.shift--
		for _, s := range old {
			if s != 0 {
				t.place(s)
			}
		}
	}
	t.n++
	t.place(uint64(tag)<<32 | uint64(r))
}

func (t *table) place(slot uint64) {
	i := slot >> 32 >> t.shift
	for t.slots[i] != 0 {
		i = (i + 1) & uint64(len(t.slots)-1)
	}
	t.slots[i] = slot
}

func tagOf(hash uint64) uint32 { return uint32(hash >> 32) }

// get finds the node of a name in lower case.
func (b *frozen) get(hash uint64, key wire.Name) node {
	if r := b.find(hash, key); r != 0 {
		return node{b.slab.at(r)}
	}
	return node{}
}

// find gives where the node of a name in lower case stands; 0 is nowhere.
func (b *frozen) find(hash uint64, key wire.Name) ref {
	tag := tagOf(hash)
	mask := uint32(len(b.table.slots) - 1)
	for i := tag >> b.table.shift; ; i = (i + 1) & mask {
		s := b.table.slots[i]
		if s == 0 {
			return 0
		}
		if uint32(s>>32) == tag {
			if n := (node{b.slab.at(ref(s))}); n.is(key) {
				return ref(s)
			}
		}
	}
}

// all calls yield for every node in the order in which they stand in memory, until it returns false.
func (b *frozen) all(yield func(node) bool) bool {
	return b.slab.each(func(_ ref, n node) bool { return yield(n) })
}

// get finds the node of a name in lower case.
func (x *names) get(key wire.Name) node {
	h := maphash.String(x.over.seed, string(key))
	if x.over.root != nil {
		if n := x.over.find(h, key); n != nil {
			return *n
		}
		if x.view != nil {
			return x.view.node(key)
		}
	}
	return x.frozen.get(h, key)
}

// put enters a node, in the place of one of that name.
func (x *names) put(e *edit, key wire.Name, n node) { x.over.put(e, key, &n) }

// remove takes a name out.
func (x *names) remove(e *edit, key wire.Name) {
	if x.view != nil || x.frozen.get(maphash.String(x.over.seed, string(key)), key).exists() {
		x.over.put(e, key, &node{})
		return
	}
	x.over.remove(e, key)
}

// all calls yield for every node in no order until it returns false.
func (x *names) all(yield func(node) bool) {
	more := x.frozen.all(func(n node) bool {
		if x.over.root != nil && x.over.get(n.key()) != nil {
			return true
		}
		return yield(n)
	})
	if more {
		x.over.all(func(_ wire.Name, n *node) bool { return !n.exists() || yield(*n) })
	}
}

// unlike calls yield for every node of x that is not also one of o, and perhaps for some that are.
func (x *names) unlike(o *names, yield func(node)) {
	if x.frozen != o.frozen {
		x.all(func(n node) bool { yield(n); return true })
		return
	}
	x.over.all(func(_ wire.Name, n *node) bool {
		if n.exists() {
			yield(*n)
		}
		return true
	})
	o.over.all(func(key wire.Name, _ *node) bool {
		if x.over.get(key) == nil {
			if n := x.get(key); n.exists() {
				yield(n)
			}
		}
		return true
	})
}

// crowd tells how often the names that have changed would have been worth a fold.
func (x *names) crowd() int { return x.over.n / (x.frozen.table.n + foldAt) }

// fold gives the same map with nothing over what is frozen.
func (x *names) fold() (names, error) {
	b := &frozen{slab: newSlab(), table: newTable()}
	w := writer{slab: b.slab}
	var err error
	x.all(func(n node) bool {
		octets := n.b[:n.size()]
		r, room, e := w.alloc(len(octets))
		if e != nil {
			err = e
			return false
		}
		copy(room, octets)
		b.table.insert(tagOf(maphash.String(x.over.seed, string(n.key()))), r)
		return true
	})
	w.close()
	return names{frozen: b, over: index[node]{seed: x.over.seed}}, err
}
