package zone

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"bundy/internal/dns/wire"
)

// staging collects the records of a zone in the order in which they come, each in a list of its name, and then writes
// every name with its RRsets in one piece. So the time is in proportion to the records whatever their order, and
// memory that is not needed any more is used again at once.
//
// A staged name: the name staged after it (4), its last record (4), names one label below (4),
// flags (1), length (1), the name. A staged record: the record of the same name before it (4), TTL (4),
// type (2), length of RDATA (2), RDATA.
type staging struct {
	v     *Version
	b     *Builder
	seed  maphash.Seed
	slab  *slab
	w     writer
	table table // of staged names

	last  ref   // of the names in the order in which they came
	runs  []ref // every runLength-th name
	names int

	owner wire.Name // of the last record
	at    ref       // its staged name

	denial denialOwners

	mu   sync.Mutex // while names are written
	done []int      // of each worker: it needs no piece of the slab before this one any more
	free int        // pieces that were given away
}

const (
	nameHead   = 14
	recordHead = 12
	runLength  = 1 << 14 // names written by one worker at a time
)

func (b *Builder) newStaging(v *Version) (*staging, error) {
	s := &staging{v: v, seed: maphash.MakeSeed(), slab: newSlab(), table: newTable()}
	s.w = writer{slab: s.slab, lent: b.staged}
	s.b = b
	s.denial.origin = v.key
	_, err := s.name(v.origin, v.key) // the apex always exists
	return s, err
}

// name gives the staged name, made with all names between it and the apex if it is not there.
func (s *staging) name(name, key wire.Name) (ref, error) {
	hash := maphash.String(s.seed, string(key))
	if at := s.find(tagOf(hash), key); at != 0 {
		return at, nil
	}
	at, b, err := s.alloc(nameHead + len(name))
	if err != nil {
		return 0, err
	}
	clear(b[:nameHead])
	b[13] = byte(len(name))
	copy(b[nameHead:], name)
	if name != key {
		b[12] = mixedCase
	}
	s.table.insert(tagOf(hash), at)
	if s.last != 0 {
		binary.LittleEndian.PutUint32(s.slab.at(s.last), uint32(at))
	}
	s.last = at
	if s.names%runLength == 0 {
		s.runs = append(s.runs, at)
	}
	s.names++
	if len(key) == len(s.v.key) {
		return at, nil
	}
	above, err := s.name(name.Parent(), key.Parent())
	if err != nil {
		return 0, err
	}
	parent := s.slab.at(above)
	binary.LittleEndian.PutUint32(parent[8:], binary.LittleEndian.Uint32(parent[8:])+1)
	if key.IsWildcard() {
		parent[12] |= starBelow
	}
	return at, nil
}

// find looks a staged name up; 0 is none.
func (s *staging) find(tag uint32, key wire.Name) ref {
	mask := uint32(len(s.table.slots) - 1)
	for i := tag >> s.table.shift; ; i = (i + 1) & mask {
		slot := s.table.slots[i]
		if slot == 0 {
			return 0
		}
		if uint32(slot>>32) == tag {
			b := s.slab.at(ref(slot))
			if name := stagedName(b); name == key || b[12]&mixedCase != 0 && name.Equal(key) {
				return ref(slot)
			}
		}
	}
}

func stagedName(b []byte) wire.Name { return wire.BorrowName(b[nameHead : nameHead+int(b[13])]) }

// add takes a record, whose memory it does not keep.
func (s *staging) add(rr wire.RR) error {
	s.denial.see(rr)
	if rr.Name != s.owner || s.at == 0 {
		at, err := s.name(rr.Name, rr.Name.Lower())
		if err != nil {
			return err
		}
		s.at, s.owner = at, stagedName(s.slab.at(at))
	}
	r, b, err := s.alloc(recordHead + len(rr.Data))
	if err != nil {
		return err
	}
	owner := s.slab.at(s.at)
	copy(b[:4], owner[4:8])
	binary.LittleEndian.PutUint32(owner[4:], uint32(r))
	binary.LittleEndian.PutUint32(b[4:], rr.TTL)
	binary.LittleEndian.PutUint16(b[8:], uint16(rr.Type))
	binary.LittleEndian.PutUint16(b[10:], uint16(len(rr.Data)))
	copy(b[recordHead:], rr.Data)
	return nil
}

// alloc gives room in the slab.
func (s *staging) alloc(n int) (ref, []byte, error) {
	piece := s.w.number
	r, b, err := s.w.alloc(n)
	if s.w.number != piece && s.w.number%collectEvery == 0 {
		s.collect()
	}
	return r, b, err
}

// collectEvery is how many full-grown pieces are filled between two runs of the collector.
const collectEvery = 3

// collect runs the collector if the zone is large: what a reader leaves behind for each record would else grow until it is
// as much as everything that the process holds, the version in service too. There is little to walk over.
func (s *staging) collect() {
	if s.w.size == 1<<chunkBits {
		runtime.GC()
	}
}

// finish writes the names and makes the index of the version.
func (s *staging) finish() error {
	if !s.w.isLent {
		s.w.close()
	}
	s.collect()
	out := newSlab()
	if err := s.write(out); err != nil {
		return err
	}
	t := &s.table
	clear(t.slots) // there are as many nodes as there were names
	out.each(func(r ref, n node) bool {
		t.place(uint64(tagOf(maphash.String(s.seed, string(n.key()))))<<32 | uint64(r))
		return true
	})
	out.spare = nil
	s.v.names = names{frozen: &frozen{slab: out, table: s.table}, over: index[node]{seed: s.seed}}
	s.v.settle()
	s.v.denial = s.denial.of(s.v)
	return nil
}

// write writes all staged names to a slab, a small zone without the price of goroutines.
func (s *staging) write(out *slab) error {
	workers := make([]nodeWriter, min(runtime.GOMAXPROCS(0), len(s.runs)))
	s.done = make([]int, len(workers))
	first := &workers[0]
	first.w.lent, first.records, first.buf = s.b.written, s.b.records, s.b.buf
	var group errgroup.Group
	for i := range workers {
		workers[i].staging, workers[i].w.slab = s, out
		if i > 0 {
			group.Go(func() error { return workers[i].write(i, len(workers)) })
		}
	}
	err := first.write(0, len(workers))
	err = cmp.Or(err, group.Wait())
	for i := range workers {
		s.v.rrs += workers[i].rrs
		s.v.cuts += workers[i].cuts
	}
	if cap(first.buf) <= lentRoom {
		s.b.buf = first.buf
	}
	if cap(first.records) <= lentRecords {
		s.b.records = first.records
		clear(s.b.records[:cap(s.b.records)]) // they keep the memory of the zone alive
	}
	return err
}

// nodeWriter writes some of the staged names as nodes.
type nodeWriter struct {
	*staging
	w         writer
	rrs, cuts int
	records   []record
	buf       []byte
}

// write writes every run of names whose number leaves worker when divided by workers.
func (n *nodeWriter) write(worker, workers int) error {
	for i := worker; i < len(n.runs); {
		at := n.runs[i]
		for left := runLength; left > 0 && at != 0; left-- {
			b := n.slab.at(at)
			if err := n.node(b); err != nil {
				return err
			}
			at = ref(binary.LittleEndian.Uint32(b))
		}
		next := maxChunks
		if i += workers; i < len(n.runs) {
			next = int(n.runs[i] >> offsetBits)
		}
		n.written(worker, next, n.w.slab)
	}
	n.w.close()
	return nil
}

// written notes that what a worker has still to write stands in the piece next and behind it. The records of a name stand
// behind it, and names in the order in which they are written: pieces before those that all workers still need are empty
// for what is written now. So a zone that is being built never takes twice its memory.
func (s *staging) written(worker, next int, to *slab) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done[worker] = next
	for end := min(slices.Min(s.done), len(s.slab.chunks)); s.free < end; s.free++ {
		to.reuse(s.slab.chunks[s.free])
		s.slab.chunks[s.free] = nil
	}
}

// node writes the node of a staged name.
func (n *nodeWriter) node(staged []byte) error {
	n.records = n.records[:0]
	for at := ref(binary.LittleEndian.Uint32(staged[4:])); at != 0; {
		b := n.slab.at(at)
		length := int(binary.LittleEndian.Uint16(b[10:]))
		n.records = append(n.records, record{
			typ:  wire.Type(binary.LittleEndian.Uint16(b[8:])),
			ttl:  binary.LittleEndian.Uint32(b[4:]),
			data: b[recordHead : recordHead+length : recordHead+length],
		})
		at = ref(binary.LittleEndian.Uint32(b))
	}
	slices.Reverse(n.records)
	if len(n.records) > 1 {
		slices.SortStableFunc(n.records, func(a, b record) int {
			return compareTypes(a.typ, coveredType(a.typ, a.data), b.typ, coveredType(b.typ, b.data))
		})
	}
	name := stagedName(staged)
	n.buf = appendNode(n.buf[:0], name, binary.LittleEndian.Uint32(staged[8:]), 0, staged[12])
	sets := uint32(0)
	for rest := n.records; len(rest) > 0; sets++ {
		end := 1
		for end < len(rest) && rest[end].inSetOf(rest[0]) {
			end++
		}
		set := distinct(rest[:end])
		if err := checkCount(name, set); err != nil {
			return err
		}
		n.buf = appendSet(n.buf, n.v.class, set)
		n.rrs += len(set)
		if n.v.isCut(set[0].typ, name) {
			n.cuts++
		}
		rest = rest[end:]
	}
	binary.LittleEndian.PutUint32(n.buf[4:], sets)
	_, room, err := n.w.alloc(len(n.buf))
	copy(room, n.buf)
	return err
}

// inSetOf tells whether two records of one owner belong to the same RRset.
func (r record) inSetOf(o record) bool {
	return r.typ == o.typ && coveredType(r.typ, r.data) == coveredType(o.typ, o.data)
}
