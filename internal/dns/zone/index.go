package zone

import (
	"hash/maphash"
	"math/bits"

	"bundy/internal/dns/wire"
)

// index is a persistent map from names in lower case to values: a hash trie whose branches are shared between versions
// and copied when changed. Looking up allocates nothing; a change copies a path of a few branches whatever the size of
// the map. The hash is seeded, so that names chosen by clients cannot be made to collide.
type index[V any] struct {
	seed maphash.Seed
	root *branch[V]
	n    int
}

// branch is one level of the trie. Bit b of bitmap says that there is a slot for the hash digit b; slots stand in the
// order of their digits. Below the last digit of the hash, bitmap is 0 and slots are the names whose hashes are equal.
type branch[V any] struct {
	edit   *edit // the change in which this branch was made and may be written to
	bitmap uint64
	slots  []slot[V]
}

// slot holds either a branch or a value under its name.
type slot[V any] struct {
	sub   *branch[V]
	key   wire.Name
	value *V
}

// edit marks what one change owns. It has a size, so that every edit has an address of its own.
type edit struct{ _ byte }

const (
	digitBits = 6
	digitMask = 1<<digitBits - 1
	hashBits  = 64
)

func newIndex[V any]() index[V] { return index[V]{seed: maphash.MakeSeed()} }

// get finds the value under key, which must be in lower case; nil if there is none.
func (x *index[V]) get(key wire.Name) *V {
	if x.root == nil {
		return nil
	}
	return x.find(maphash.String(x.seed, string(key)), key)
}

// find is get for a key whose hash is h, in an index that is not empty.
func (x *index[V]) find(h uint64, key wire.Name) *V {
	b := x.root
	for shift := 0; shift < hashBits; shift += digitBits {
		bit := uint64(1) << (h >> shift & digitMask)
		if b.bitmap&bit == 0 {
			return nil
		}
		s := &b.slots[bits.OnesCount64(b.bitmap&(bit-1))]
		if s.sub == nil {
			if s.key == key {
				return s.value
			}
			return nil
		}
		b = s.sub
	}
	for i := range b.slots {
		if b.slots[i].key == key {
			return b.slots[i].value
		}
	}
	return nil
}

// all calls yield for every value in no order until it returns false.
func (x *index[V]) all(yield func(wire.Name, *V) bool) {
	if x.root != nil {
		x.root.all(yield)
	}
}

func (b *branch[V]) all(yield func(wire.Name, *V) bool) bool {
	for i := range b.slots {
		if s := &b.slots[i]; s.sub != nil {
			if !s.sub.all(yield) {
				return false
			}
		} else if !yield(s.key, s.value) {
			return false
		}
	}
	return true
}

// unlike calls yield for what is not the same value, or not there, in o, of which x came or which came of x. What the
// two share is passed over.
func (x *index[V]) unlike(o *index[V], yield func(*slot[V])) {
	if x.root != nil {
		x.root.unlike(o.root, o, yield)
	}
}

// unlike does so below one branch; beside stands at its place in o, nil if no branch does.
func (b *branch[V]) unlike(beside *branch[V], o *index[V], yield func(*slot[V])) {
	if b == beside {
		return
	}
	for rest, i := b.bitmap, 0; i < len(b.slots); i++ {
		s := &b.slots[i]
		if s.sub == nil {
			if o.get(s.key) != s.value {
				yield(s)
			}
		} else {
			var sub *branch[V]
			if bit := rest & -rest; beside != nil && beside.bitmap&bit != 0 {
				sub = beside.slots[bits.OnesCount64(beside.bitmap&(bit-1))].sub
			}
			s.sub.unlike(sub, o, yield)
		}
		rest &= rest - 1
	}
}

// put enters value under key, which must be in lower case. Branches that e does not own are copied first.
func (x *index[V]) put(e *edit, key wire.Name, value *V) {
	if x.root == nil {
		x.root = &branch[V]{edit: e}
	}
	var added bool
	x.root, added = x.put1(x.root, e, maphash.String(x.seed, string(key)), 0, key, value)
	if added {
		x.n++
	}
}

func (x *index[V]) put1(b *branch[V], e *edit, h uint64, shift int, key wire.Name, value *V) (*branch[V], bool) {
	b = b.own(e)
	if shift >= hashBits {
		for i := range b.slots {
			if b.slots[i].key == key {
				b.slots[i].value = value
				return b, false
			}
		}
		b.slots = append(b.slots, slot[V]{key: key, value: value})
		return b, true
	}
	bit := uint64(1) << (h >> shift & digitMask)
	i := bits.OnesCount64(b.bitmap & (bit - 1))
	if b.bitmap&bit == 0 {
		b.insert(i, slot[V]{key: key, value: value})
		b.bitmap |= bit
		return b, true
	}
	s := &b.slots[i]
	if s.sub == nil {
		if s.key == key {
			s.value = value
			return b, false
		}
		sub := &branch[V]{edit: e}
		sub, _ = x.put1(sub, e, maphash.String(x.seed, string(s.key)), shift+digitBits, s.key, s.value)
		*s = slot[V]{sub: sub}
	}
	var added bool
	s.sub, added = x.put1(s.sub, e, h, shift+digitBits, key, value)
	return b, added
}

// remove takes key out, if it is there.
func (x *index[V]) remove(e *edit, key wire.Name) {
	if x.get(key) == nil {
		return
	}
	x.root = x.root.remove(e, maphash.String(x.seed, string(key)), 0, key)
	x.n--
}

func (b *branch[V]) remove(e *edit, h uint64, shift int, key wire.Name) *branch[V] {
	b = b.own(e)
	if shift >= hashBits {
		for i := range b.slots {
			if b.slots[i].key == key {
				b.slots = append(b.slots[:i], b.slots[i+1:]...)
				break
			}
		}
		return b
	}
	bit := uint64(1) << (h >> shift & digitMask)
	i := bits.OnesCount64(b.bitmap & (bit - 1))
	s := &b.slots[i]
	if s.sub != nil {
		s.sub = s.sub.remove(e, h, shift+digitBits, key)
		switch {
		case len(s.sub.slots) == 1 && s.sub.slots[0].sub == nil:
			*s = s.sub.slots[0] // a branch of one name is that name
			return b
		case len(s.sub.slots) > 0:
			return b
		}
	}
	b.slots = append(b.slots[:i], b.slots[i+1:]...)
	b.bitmap &^= bit
	return b
}

// own gives a branch that e may write to.
func (b *branch[V]) own(e *edit) *branch[V] {
	if b.edit == e {
		return b
	}
	return &branch[V]{edit: e, bitmap: b.bitmap, slots: append(make([]slot[V], 0, len(b.slots)+1), b.slots...)}
}

// insert puts s at position i. Slots grow by one or two, not by doubling: most branches never change again.
func (b *branch[V]) insert(i int, s slot[V]) {
	if len(b.slots) == cap(b.slots) {
		b.slots = append(make([]slot[V], 0, len(b.slots)+max(1, len(b.slots)/4)), b.slots...)
	}
	b.slots = append(b.slots, slot[V]{})
	copy(b.slots[i+1:], b.slots[i:])
	b.slots[i] = s
}
