package zone

import (
	"errors"
	"sync"

	"bundy/internal/dns/pages"
)

// ErrTooLarge is wrapped by errors for a zone that a slab cannot hold.
var ErrTooLarge = errors.New("zone is too large to be held in memory")

const (
	unitBits   = 3                    // what a slab holds begins at a multiple of 8 octets
	chunkBits  = 22                   // a chunk that has grown up has 4 MiB: two large pages
	offsetBits = chunkBits - unitBits // of a ref
	maxChunks  = 1 << (32 - offsetBits)
	firstChunk = 256 // octets; the next is twice as large, so that a small zone takes little
)

// ref says where something stands in a slab: the number of the chunk, then the offset in it in units. Nothing stands
// at 0.
type ref uint32

// slab is memory for many small things, in a few pieces without pointers: the collector has nothing to walk, and
// a reference takes four octets. A ref is good for ever; what at gave for it is only good for reading once its writer has
// gone on to the next chunk.
type slab struct {
	mu     sync.Mutex // held to append a chunk, and for spare
	chunks [][]byte
	spare  [][]byte // to be filled again, with whatever stands in them; only while there are writers
}

// newSlab makes a slab whose first chunk is empty, so that no ref to anything is 0.
func newSlab() *slab { return &slab{chunks: make([][]byte, 1, 2)} }

// at gives what begins at r, and all that stands behind it in the chunk.
func (s *slab) at(r ref) []byte {
	return s.chunks[r>>offsetBits][(r&(1<<offsetBits-1))<<unitBits:]
}

// chunk takes a new chunk into the slab and gives its number.
func (s *slab) chunk(c []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chunks) == maxChunks {
		return 0, ErrTooLarge
	}
	s.chunks = append(s.chunks, c)
	return len(s.chunks) - 1, nil
}

// reuse gives the slab a chunk to be filled again by its writers. Small ones are left to the collector.
func (s *slab) reuse(c []byte) {
	if cap(c) < 1<<chunkBits/16 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = append(s.spare, c[:cap(c)])
}

// used takes a chunk of at least the given size that was given to reuse, nil if there is none.
func (s *slab) used(size int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.spare) - 1
	if n < 0 || size > len(s.spare[n]) {
		return nil
	}
	c := s.spare[n]
	s.spare = s.spare[:n]
	return c
}

// each calls yield for every node in a slab that holds only those, in the order in which they stand in memory, until it
// returns false.
func (s *slab) each(yield func(ref, node) bool) bool {
	for i, c := range s.chunks {
		for at := 0; at < len(c); {
			n := node{c[at:]}
			if !yield(ref(i<<offsetBits|at>>unitBits), n) {
				return false
			}
			at += (n.size() + 1<<unitBits - 1) &^ (1<<unitBits - 1)
		}
	}
	return true
}

// writer fills chunks of a slab. A slab may have several writers, each of one goroutine; it can be read when all
// are closed.
type writer struct {
	slab   *slab
	number int
	used   int
	size   int
	open   []byte // the chunk being filled, nil before the first
	lent   []byte // to be filled first and then left to its owner: close copies what stands in it
	isLent bool   // open is lent
}

// alloc gives room for n octets, with whatever stands in them.
func (w *writer) alloc(n int) (ref, []byte, error) {
	n = (n + 1<<unitBits - 1) &^ (1<<unitBits - 1)
	if w.open == nil || w.used+n > len(w.open) {
		if err := w.next(n); err != nil {
			return 0, nil, err
		}
	}
	at := w.used
	w.used += n
	return ref(w.number<<offsetBits | at>>unitBits), w.open[at : at+n : at+n], nil
}

// next begins a chunk with room for n octets.
func (w *writer) next(n int) error {
	w.close()
	if w.isLent = n <= len(w.lent); w.isLent {
		w.open, w.lent = w.lent, nil
	} else if w.open = w.slab.used(n); w.open == nil {
		w.size = min(max(2*w.size, firstChunk), 1<<chunkBits)
		w.open = make([]byte, max(w.size, n))
		pages.Large(w.open)
	}
	number, err := w.slab.chunk(w.open)
	w.number, w.used = number, 0
	return err
}

// close ends the open chunk: its length becomes what is used, and if much is not, its memory too.
func (w *writer) close() {
	if w.open == nil {
		return
	}
	c := w.open[:w.used]
	if w.isLent || len(w.open)-w.used > len(w.open)/8 {
		c = append(make([]byte, 0, w.used), c...)
	}
	w.slab.mu.Lock()
	w.slab.chunks[w.number] = c
	w.slab.mu.Unlock()
	w.open = nil
}
