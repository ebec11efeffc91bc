package memfile

// table finds record numbers by the hash of a key: open addressing with linear probing. A slot is the hash above and the
// number below, so that other keys are met in memory hardly ever, and growing looks at no record. 0 is an empty slot.
type table struct {
	slots []uint64
	used  int
}

const firstSlots = 64

func slot(hash, number uint32) uint64 { return uint64(hash)<<32 | uint64(number) }

// find gives the first number with this hash that is the one, else 0.
func (t *table) find(hash uint32, is func(number uint32) bool) uint32 {
	if t.used == 0 {
		return 0
	}
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; t.slots[i] != 0; i = (i + 1) & mask {
		if s := t.slots[i]; uint32(s>>32) == hash && is(uint32(s)) {
			return uint32(s)
		}
	}
	return 0
}

// add enters a number that is not there.
func (t *table) add(hash, number uint32) {
	if t.used+1 > len(t.slots)/4*3 {
		t.grow(max(firstSlots, 2*len(t.slots)))
	}
	t.insert(slot(hash, number))
	t.used++
}

func (t *table) insert(s uint64) {
	mask := uint32(len(t.slots) - 1)
	i := uint32(s>>32) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *table) grow(size int) {
	old := t.slots
	t.slots = make([]uint64, size)
	for _, s := range old {
		if s != 0 {
			t.insert(s)
		}
	}
}

func (t *table) at(hash, number uint32) uint32 {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i] != slot(hash, number) {
		i = (i + 1) & mask
	}
	return i
}

// replace puts another number of the same key in the place of one that is there.
func (t *table) replace(hash, number, by uint32) { t.slots[t.at(hash, number)] = slot(hash, by) }

// remove takes out a number that is there, and moves up what would not be found behind the gap.
func (t *table) remove(hash, number uint32) {
	mask := uint32(len(t.slots) - 1)
	gap := t.at(hash, number)
	for i := (gap + 1) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		home := uint32(t.slots[i]>>32) & mask
		if (i-home)&mask >= (i-gap)&mask {
			t.slots[gap] = t.slots[i]
			gap = i
		}
	}
	t.slots[gap] = 0
	t.used--
}
