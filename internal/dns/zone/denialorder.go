package zone

import (
	"bytes"
	"iter"
	"slices"
)

// order is a persistent ordered set of octet strings: a B+ tree whose pages hold their keys in one piece, so that the
// collector has one pointer a page to walk and not one a key. Versions share pages; a change makes the pages on its way
// anew, whatever the size of the set. The zero value is empty.
type order struct {
	root *page
	n    int
	far  func(k []byte) []byte // before, where the keys are not in memory; root is nil then
}

// pageKeys bounds the keys of one page: few enough that copying one is cheap, many enough that a million keys are four
// pages deep.
const pageKeys = 64

// page holds keys in ascending order. It is immutable.
type page struct {
	keys []byte   // one behind the other
	ends []uint16 // where each ends; pageKeys keys of at most maxOrderKey octets fit
	subs []*page  // of a branch: the page that begins with each key; nil in a leaf
}

func (p *page) key(i int) []byte {
	start := uint16(0)
	if i > 0 {
		start = p.ends[i-1]
	}
	return p.keys[start:p.ends[i]:p.ends[i]]
}

// floor gives the index of the greatest key that is not above k, -1 if there is none.
func (p *page) floor(k []byte) int {
	low, high := 0, len(p.ends)
	for low < high {
		mid := (low + high) / 2
		if bytes.Compare(p.key(mid), k) > 0 {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low - 1
}

// before gives the greatest key that is not above k; the greatest of all if there is none, because chains of denial are
// rings. It is nil only if the set is empty. The key is shared and must not be written to.
func (o *order) before(k []byte) []byte {
	p := o.root
	if p == nil {
		if o.far != nil {
			return o.far(bytes.Clone(k)) // so that k can stay on the stack of others
		}
		return nil
	}
	if bytes.Compare(p.key(0), k) > 0 {
		return o.last()
	}
	for {
		i := p.floor(k) // never -1: a branch's key is the first of its page
		if p.subs == nil {
			return p.key(i)
		}
		p = p.subs[i]
	}
}

// after gives the least key above k, the least of all if there is none; nil only if the set is empty.
func (o *order) after(k []byte) []byte {
	if o.root == nil {
		return nil
	}
	var next []byte
	for p := o.root; ; {
		i := p.floor(k)
		if i+1 < len(p.ends) {
			next = p.key(i + 1)
		}
		if p.subs == nil || i < 0 {
			break
		}
		p = p.subs[i]
	}
	if next == nil {
		next = o.root.key(0)
	}
	return next
}

func (o *order) last() []byte {
	p := o.root
	for p.subs != nil {
		p = p.subs[len(p.subs)-1]
	}
	return p.key(len(p.ends) - 1)
}

// all gives the keys in ascending order.
func (o *order) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if o.root != nil {
			o.root.all(yield)
		}
	}
}

func (p *page) all(yield func([]byte) bool) bool {
	for i := range p.ends {
		if p.subs != nil {
			if !p.subs[i].all(yield) {
				return false
			}
		} else if !yield(p.key(i)) {
			return false
		}
	}
	return true
}

// put enters a key, at most maxOrderKey octets, and remove takes one out; nothing happens if it is there already, or is
// not there.
func (o *order) put(k []byte)    { o.change(k, true) }
func (o *order) remove(k []byte) { o.change(k, false) }

func (o *order) change(k []byte, in bool) {
	if o.root == nil {
		if in {
			o.root, o.n = makePages([][]byte{k}, nil)[0], 1
		}
		return
	}
	if bytes.Equal(o.before(k), k) == in {
		return
	}
	pages := o.root.change(k, in)
	for len(pages) > 1 {
		pages = makePages(firstKeys(pages), pages)
	}
	switch {
	case len(pages) == 0:
		o.root = nil
	default:
		o.root = pages[0]
		for len(o.root.subs) == 1 {
			o.root = o.root.subs[0]
		}
	}
	if in {
		o.n++
	} else {
		o.n--
	}
}

// change gives the pages that take the place of p: none, one, or two.
func (p *page) change(k []byte, in bool) []*page {
	i := p.floor(k)
	keys := make([][]byte, len(p.ends), len(p.ends)+1)
	for j := range keys {
		keys[j] = p.key(j)
	}
	if p.subs == nil {
		if in {
			keys = slices.Insert(keys, i+1, k)
		} else {
			keys = slices.Delete(keys, i, i+1)
		}
		return makePages(keys, nil)
	}
	i = max(i, 0)
	first, end := i, i+1
	fresh := p.subs[i].change(k, in)
	if len(fresh) == 1 && len(fresh[0].ends) < pageKeys/4 { // too small: joined with a neighbour
		if i > 0 {
			first, fresh = i-1, join(p.subs[i-1], fresh[0])
		} else if end < len(p.subs) {
			fresh, end = join(fresh[0], p.subs[end]), end+1
		}
	}
	return makePages(slices.Replace(keys, first, end, firstKeys(fresh)...), slices.Replace(slices.Clone(p.subs), first, end, fresh...))
}

// join gives the pages that hold what two neighbours held.
func join(a, b *page) []*page {
	keys := make([][]byte, 0, len(a.ends)+len(b.ends))
	for _, p := range [...]*page{a, b} {
		for i := range p.ends {
			keys = append(keys, p.key(i))
		}
	}
	return makePages(keys, append(slices.Clone(a.subs), b.subs...))
}

func firstKeys(pages []*page) [][]byte {
	keys := make([][]byte, len(pages))
	for i, p := range pages {
		keys[i] = p.key(0)
	}
	return keys
}

// makePages spreads ascending keys, and the pages below them if they are a branch's, evenly over as few pages as it can.
func makePages(keys [][]byte, subs []*page) []*page {
	count := (len(keys) + pageKeys - 1) / pageKeys
	pages := make([]*page, 0, count)
	for i := range count {
		from, to := i*len(keys)/count, (i+1)*len(keys)/count
		size := 0
		for _, k := range keys[from:to] {
			size += len(k)
		}
		p := &page{keys: make([]byte, 0, size), ends: make([]uint16, 0, to-from)}
		for _, k := range keys[from:to] {
			p.keys = append(p.keys, k...)
			p.ends = append(p.ends, uint16(len(p.keys)))
		}
		if len(subs) > 0 {
			p.subs = slices.Clone(subs[from:to])
		}
		pages = append(pages, p)
	}
	return pages
}

// newOrder makes a set of ascending keys, all different.
func newOrder(keys [][]byte) order {
	if len(keys) == 0 {
		return order{}
	}
	pages := makePages(keys, nil)
	for len(pages) > 1 {
		pages = makePages(firstKeys(pages), pages)
	}
	return order{root: pages[0], n: len(keys)}
}
