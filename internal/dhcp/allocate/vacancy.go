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
	Taken                // leased, declined or offered
)

// chunkSize is the number of addresses whose state is kept together. Memory is used only for chunks that hold an
// address that is not free, so that a pool of 10.0.0.0/8 costs nothing until it is used.
const chunkSize = 4096

type chunk struct {
	used  int
	words [chunkSize / 64]uint64
}

type pool struct {
	first  uint32
	size   uint64
	chunks map[uint32]*chunk
	used   uint64
}

// Vacancy knows the free addresses of one subnet. Finding one costs about the same whether the pools are empty or
// nearly full. One goroutine owns it.
type Vacancy struct {
	pools   []pool
	at      int    // pool and offset where the search goes on
	offset  uint64 //
	retired map[netip.Addr]*list.Element
	oldest  *list.List // of netip.Addr, the longest retired first
}

// NewVacancy makes a vacancy where all addresses of the pools are free. Pools must not overlap.
func NewVacancy(pools []*subnet.Pool) *Vacancy {
	v := &Vacancy{retired: map[netip.Addr]*list.Element{}, oldest: list.New()}
	for _, r := range pools {
		first := number(r.First)
		v.pools = append(v.pools, pool{
			first: first, size: uint64(number(r.Last)-first) + 1, chunks: map[uint32]*chunk{},
		})
	}
	return v
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// Set notes the state of an address. Addresses outside of the pools are ignored.
func (v *Vacancy) Set(a netip.Addr, s State) {
	p, offset, ok := v.find(a)
	if !ok {
		return
	}
	p.mark(offset, s != Free)
	e := v.retired[a]
	switch {
	case s == Retired && e != nil:
		v.oldest.MoveToBack(e)
	case s == Retired:
		v.retired[a] = v.oldest.PushBack(a)
	case e != nil:
		v.oldest.Remove(e)
		delete(v.retired, a)
	}
}

// Next gives a free address, the one behind that given last, or the address that has been retired longest; false when
// there is neither. The address stays as it is until Set.
func (v *Vacancy) Next() (netip.Addr, bool) {
	for range len(v.pools) + 1 { // the first pool twice: its part before the offset comes last
		if v.at >= len(v.pools) {
			v.at, v.offset = 0, 0
			if len(v.pools) == 0 {
				break
			}
		}
		p := &v.pools[v.at]
		if offset, ok := p.free(v.offset); ok {
			v.offset = offset + 1
			return address(p.first + uint32(offset)), true
		}
		v.at, v.offset = v.at+1, 0
	}
	if e := v.oldest.Front(); e != nil {
		return e.Value.(netip.Addr), true
	}
	return netip.Addr{}, false
}

// Counts gives the number of addresses in the pools, of those not free, and of those retired among them.
func (v *Vacancy) Counts() (size, used, retired uint64) {
	for i := range v.pools {
		size += v.pools[i].size
		used += v.pools[i].used
	}
	return size, used, uint64(v.oldest.Len())
}

func (v *Vacancy) find(a netip.Addr) (*pool, uint64, bool) {
	if !a.Is4() {
		return nil, 0, false
	}
	n := number(a)
	for i := range v.pools {
		p := &v.pools[i]
		if n >= p.first && uint64(n-p.first) < p.size {
			return p, uint64(n - p.first), true
		}
	}
	return nil, 0, false
}

func (p *pool) mark(offset uint64, used bool) {
	index := uint32(offset / chunkSize)
	c := p.chunks[index]
	if c == nil {
		if !used {
			return
		}
		c = &chunk{}
		p.chunks[index] = c
	}
	word, bit := &c.words[offset%chunkSize/64], uint64(1)<<(offset%64)
	if used == (*word&bit != 0) {
		return
	}
	*word ^= bit
	if used {
		c.used++
		p.used++
		return
	}
	c.used--
	p.used--
	if c.used == 0 {
		delete(p.chunks, index)
	}
}

// free finds the first free offset at or behind from.
func (p *pool) free(from uint64) (uint64, bool) {
	if p.used == p.size {
		return 0, false
	}
	for from < p.size {
		c := p.chunks[uint32(from/chunkSize)]
		if c == nil {
			return from, true
		}
		end := from - from%chunkSize + chunkSize
		if c.used < chunkSize {
			for w := from % chunkSize / 64; w < chunkSize/64; w++ {
				open := ^c.words[w]
				if w == from%chunkSize/64 {
					open &= ^uint64(0) << (from % 64)
				}
				if open != 0 {
					found := end - chunkSize + w*64 + uint64(bits.TrailingZeros64(open))
					return found, found < p.size
				}
			}
		}
		from = end
	}
	return 0, false
}
