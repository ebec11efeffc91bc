package memfile

import "encoding/binary"

const (
	granule  = 8         // octets; pieces are whole numbers of them
	pageSize = 128 << 10 // granules of a page: 1 MiB

	// maxPiece is the longest piece of a page in granules: 2 KiB. Longer texts, which are rare, are kept one by one.
	maxPiece = 256

	// maxPages bounds the slab at 16 GiB, so that positions fit into 31 bits; the other bit marks long texts.
	maxPages = 1 << 31 / pageSize

	longText = 1 << 31
)

// slab keeps octets without a pointer for each piece, so that millions of them cost the collector nothing. A piece that
// is given back serves again for one of the same size.
type slab struct {
	pages [][]byte
	used  uint32               // granules of the last page
	free  [maxPiece + 1]uint32 // the first free piece of each size; its first octets name the next
	long  map[uint32][]byte
	last  uint32 // name last given to a long text
}

func newSlab() *slab { return &slab{long: map[uint32][]byte{}} }

func granules(n int) uint32 { return uint32(n+granule-1) / granule }

// take finds room for n octets; false when the slab is full. No octets are at 0.
func (s *slab) take(n int) (at uint32, ok bool) {
	size := granules(n)
	switch {
	case size == 0:
		return 0, true
	case size > maxPiece:
		for {
			s.last = (s.last + 1) | longText
			if s.long[s.last] == nil {
				s.long[s.last] = make([]byte, n)
				return s.last, true
			}
		}
	case s.free[size] != 0:
		at = s.free[size]
		s.free[size] = binary.NativeEndian.Uint32(s.octets(at, granule))
		return at, true
	}
	if len(s.pages) == 0 || s.used+size > pageSize {
		if len(s.pages) == maxPages {
			return 0, false
		}
		if len(s.pages) > 0 && s.used < pageSize {
			s.put(uint32(len(s.pages)-1)*pageSize+s.used, pageSize-s.used)
		}
		s.pages = append(s.pages, make([]byte, pageSize*granule))
		s.used = 0
		if len(s.pages) == 1 {
			s.used = 1 // position 0 stands for nothing
		}
	}
	at = uint32(len(s.pages)-1)*pageSize + s.used
	s.used += size
	return at, true
}

// give returns the piece of n octets at a position.
func (s *slab) give(at uint32, n int) {
	switch size := granules(n); {
	case size == 0:
	case size > maxPiece:
		delete(s.long, at)
	default:
		s.put(at, size)
	}
}

func (s *slab) put(at, size uint32) {
	binary.NativeEndian.PutUint32(s.octets(at, granule), s.free[size])
	s.free[size] = at
}

// octets are the n octets at a position. They change when the piece is given back.
func (s *slab) octets(at uint32, n int) []byte {
	if n == 0 {
		return nil
	}
	if at&longText != 0 {
		return s.long[at]
	}
	start := at % pageSize * granule
	return s.pages[at/pageSize][start : start+uint32(n)]
}
