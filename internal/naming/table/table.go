package table

import "iter"

// Table is a map. The zero value is empty. One goroutine owns it; nothing may change it while All is walked.
type Table[K comparable, V any] struct {
	at   map[K]int32
	list []entry[K, V]
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// Len counts the entries.
func (t *Table[K, V]) Len() int { return len(t.list) }

// Get finds the value of a key.
func (t *Table[K, V]) Get(k K) (v V, ok bool) {
	i, ok := t.at[k]
	if ok {
		v = t.list[i].value
	}
	return v, ok
}

// Set puts a value in place of what the key had, and tells whether it had any.
func (t *Table[K, V]) Set(k K, v V) (had bool) {
	if i, had := t.at[k]; had {
		t.list[i].value = v
		return true
	}
	if t.at == nil {
		t.at = map[K]int32{}
	}
	t.at[k] = int32(len(t.list))
	t.list = append(t.list, entry[K, V]{k, v})
	return false
}

// Delete removes a key, and tells whether it was there.
func (t *Table[K, V]) Delete(k K) (had bool) {
	i, had := t.at[k]
	if !had {
		return false
	}
	delete(t.at, k)
	last := len(t.list) - 1
	if int(i) != last {
		t.list[i] = t.list[last]
		t.at[t.list[i].key] = i
	}
	t.list[last] = entry[K, V]{} // so that it is forgotten
	if t.list = t.list[:last]; cap(t.list) > 1024 && len(t.list) < cap(t.list)/4 {
		t.list = append(make([]entry[K, V], 0, cap(t.list)/2), t.list...)
	}
	return true
}

// Clear removes everything.
func (t *Table[K, V]) Clear() { *t = Table[K, V]{} }

// All gives all entries, in no order.
func (t *Table[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := range t.list {
			if !yield(t.list[i].key, t.list[i].value) {
				return
			}
		}
	}
}

// Piece calls fn for up to n entries and gives where the next piece begins: 0 when all were seen. A walk begins at Len. The
// table may change between two pieces: what is there all the time is seen, maybe twice; what comes or goes meanwhile may be
// seen or not. fn changes nothing.
func (t *Table[K, V]) Piece(from, n int, fn func(K, V)) (next int) {
	from = min(from, len(t.list)) // downwards: what takes the place of a removed entry comes from above
	next = max(from-n, 0)
	for i := from - 1; i >= next; i-- {
		fn(t.list[i].key, t.list[i].value)
	}
	return next
}
