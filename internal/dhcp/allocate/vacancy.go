package allocate

import (
	"container/list"
	"encoding/binary"
	"math/bits"
	"net/netip"

	"bundy/internal/dhcp/subnet"
)

// State is what an address of a pool is good for.
type State uint8

const (
	Free    State = iota // nobody had it, or it was forgotten
	Retired              // the lease ended; kept for its client as long as others are free
	Taken                // leased, declined, offered or reserved
)

// chunkSize is the number of units whose state is kept together, and the number of chunks that a summary covers. Memory
// is used only for chunks that hold a unit that is not free, so that a pool of a /8 or a /48 costs nothing until it is
// used.
const chunkSize = 4096

// maxUnits bounds what is searched of a pool: nobody will ever use up so many addresses. Clients may still ask for those
// behind.
const maxUnits = 1 << 62

// bitmap is one bit for each unit of a chunk that is not free, or for each chunk of a summary that is full.
type bitmap struct {
	used  int
	words [chunkSize / 64]uint64
}

// flip changes the bit of a place, if it is not as it should be, and tells whether it was changed.
func (m *bitmap) flip(place uint64, set bool) bool {
	word, bit := &m.words[place/64], uint64(1)<<(place%64)
	if set == (*word&bit != 0) {
		return false
	}
	*word ^= bit
	if set {
		m.used++
	} else {
		m.used--
	}
	return true
}

// clear finds the first clear bit at or behind a place; chunkSize when there is none.
func (m *bitmap) clear(from uint64) uint64 {
	for w := from / 64; w < chunkSize/64; w++ {
		open := ^m.words[w]
		if w == from/64 {
			open &= ^uint64(0) << (from % 64)
		}
		if open != 0 {
			return w*64 + uint64(bits.TrailingZeros64(open))
		}
	}
	return chunkSize
}

// Vacancy knows the free units of one pool: addresses, or prefixes of one length. Finding one costs about the same
// whether the pool is empty or nearly full. One goroutine owns it.
type Vacancy struct {
	first     uint128
	shift     uint   // a unit is 2 to that power of addresses
	size      uint64 // units
	used      uint64 // units not free
	chunks    map[uint64]*bitmap
	summaries map[uint64]*bitmap
	next      uint64 // where the search goes on
	is4       bool
	retired   map[uint64]*list.Element
	oldest    *list.List // of units, the longest retired first
}

// NewVacancy makes a vacancy where all of a pool is free.
func NewVacancy(p *subnet.Pool) *Vacancy {
	v := &Vacancy{
		first: number(p.First), shift: uint(p.First.BitLen() - int(p.Length)), is4: p.First.Is4(),
		chunks: map[uint64]*bitmap{}, summaries: map[uint64]*bitmap{}, retired: map[uint64]*list.Element{}, oldest: list.New(),
	}
	top := number(p.Last).minus(v.first).right(v.shift)
	v.size = maxUnits
	if top.hi == 0 && top.lo < maxUnits {
		v.size = top.lo + 1
	}
	return v
}

// Set notes the state of the unit that an address lies in. What lies outside of the pool is ignored.
func (v *Vacancy) Set(a netip.Addr, s State) {
	unit, ok := v.unit(a)
	if !ok {
		return
	}
	v.mark(unit, s != Free)
	e := v.retired[unit]
	switch {
	case s == Retired && e != nil:
		v.oldest.MoveToBack(e)
	case s == Retired:
		v.retired[unit] = v.oldest.PushBack(unit)
	case e != nil:
		v.oldest.Remove(e)
		delete(v.retired, unit)
	}
}

// State tells what is noted of the unit that an address lies in; Free of what lies outside of the pool.
func (v *Vacancy) State(a netip.Addr) State {
	unit, ok := v.unit(a)
	if !ok {
		return Free
	}
	c := v.chunks[unit/chunkSize]
	switch {
	case c == nil || c.words[unit%chunkSize/64]&(1<<(unit%64)) == 0:
		return Free
	case v.retired[unit] != nil:
		return Retired
	}
	return Taken
}

// base is the first address of the unit that an address of the pool lies in.
func (v *Vacancy) base(a netip.Addr) netip.Addr {
	unit, _ := v.unit(a)
	return v.address(unit)
}

// Free gives the first address of a free unit, the one behind that given last; false when there is none. The unit stays
// as it is until Set.
func (v *Vacancy) Free() (netip.Addr, bool) {
	if v.used == v.size {
		return netip.Addr{}, false
	}
	unit, ok := v.search(v.next)
	if !ok {
		if unit, ok = v.search(0); !ok {
			return netip.Addr{}, false
		}
	}
	v.next = unit + 1
	return v.address(unit), true
}

// Oldest gives the unit that has been retired longest; false when there is none.
func (v *Vacancy) Oldest() (netip.Addr, bool) {
	if e := v.oldest.Front(); e != nil {
		return v.address(e.Value.(uint64)), true
	}
	return netip.Addr{}, false
}

// Counts gives the number of units in the pool, of those not free, and of those retired among them.
func (v *Vacancy) Counts() (size, used, retired uint64) {
	return v.size, v.used, uint64(v.oldest.Len())
}

func (v *Vacancy) unit(a netip.Addr) (uint64, bool) {
	n := number(a)
	if a.Is4() != v.is4 || n.less(v.first) {
		return 0, false
	}
	n = n.minus(v.first).right(v.shift)
	return n.lo, n.hi == 0 && n.lo < v.size
}

func (v *Vacancy) address(unit uint64) netip.Addr { return v.first.plus(unit, v.shift).addr(v.is4) }

func (v *Vacancy) mark(unit uint64, used bool) {
	index, place := unit/chunkSize, unit%chunkSize
	c := v.chunks[index]
	if c == nil {
		if !used {
			return
		}
		c = &bitmap{}
		v.chunks[index] = c
	}
	wasFull := c.used == chunkSize
	if !c.flip(place, used) {
		return
	}
	if used {
		v.used++
	} else {
		v.used--
	}
	if full := c.used == chunkSize; full != wasFull {
		v.summarise(index, full)
	}
	if c.used == 0 {
		delete(v.chunks, index)
	}
}

func (v *Vacancy) summarise(chunk uint64, full bool) {
	s := v.summaries[chunk/chunkSize]
	if s == nil {
		s = &bitmap{}
		v.summaries[chunk/chunkSize] = s
	}
	s.flip(chunk%chunkSize, full)
	if s.used == 0 {
		delete(v.summaries, chunk/chunkSize)
	}
}

// search finds the first free unit at or behind from. It steps over full chunks sixty-four at a time.
func (v *Vacancy) search(from uint64) (uint64, bool) {
	for from < v.size {
		chunk := from / chunkSize
		if s := v.summaries[chunk/chunkSize]; s != nil {
			open := s.clear(chunk % chunkSize)
			if to := chunk - chunk%chunkSize + open; to != chunk {
				from = to * chunkSize
				continue
			}
		}
		c := v.chunks[chunk]
		if c == nil {
			return from, true
		}
		if place := c.clear(from % chunkSize); place < chunkSize {
			found := chunk*chunkSize + place
			return found, found < v.size
		}
		from = (chunk + 1) * chunkSize // the free ones of this chunk lie before from
	}
	return 0, false
}

// uint128 is an address as a number.
type uint128 struct{ hi, lo uint64 }

func number(a netip.Addr) uint128 {
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n uint128) addr(is4 bool) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	a := netip.AddrFrom16(b)
	if is4 {
		return a.Unmap()
	}
	return a
}

func (n uint128) less(m uint128) bool { return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo }

func (n uint128) minus(m uint128) uint128 {
	lo, borrow := bits.Sub64(n.lo, m.lo, 0)
	hi, _ := bits.Sub64(n.hi, m.hi, borrow)
	return uint128{hi, lo}
}

// plus adds units of 2 to the power of shift.
func (n uint128) plus(units uint64, shift uint) uint128 {
	add := uint128{lo: units}
	if shift >= 64 {
		add = uint128{hi: units << (shift - 64)}
	} else if shift > 0 {
		add = uint128{hi: units >> (64 - shift), lo: units << shift}
	}
	lo, carry := bits.Add64(n.lo, add.lo, 0)
	hi, _ := bits.Add64(n.hi, add.hi, carry)
	return uint128{hi, lo}
}

func (n uint128) right(shift uint) uint128 {
	switch {
	case shift >= 64:
		return uint128{lo: n.hi >> (shift - 64)}
	case shift > 0:
		return uint128{hi: n.hi >> shift, lo: n.lo>>shift | n.hi<<(64-shift)}
	}
	return n
}
