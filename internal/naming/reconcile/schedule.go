package reconcile

import (
	"container/heap"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// maxLook bounds how many blocked records one call of Next sets aside, so that a round stays short.
const maxLook = 512

// Schedule knows which records need an update and which may go now. Its rules: one transaction at a time for a name,
// for the forward records of an address, and for a reverse name; what is to be removed there goes before what is to
// be added; a reverse record is added when the forward one is there. One goroutine owns it.
type Schedule struct {
	entries map[owned.Key]*entry
	places  map[place]*queue
	due     dueHeap
	running int
	checks  int // entries that are Present
	seq     uint64
}

// place is what only one transaction may touch at a time: a forward name, an address in the forward direction (the
// old name of an address goes before its new one comes), or an address in the reverse direction.
type place struct {
	kind    owned.Kind
	name    wire.Name
	address netip.Addr
}

// queue is the state of one place.
type queue struct {
	all     []*entry // every entry of this place: mostly one, so that a slice costs a tenth of a map
	leaving []*entry // those of them in state Removing
	holder  *entry   // the one that runs
	waiting []*entry // set aside until something changes here
}

type entry struct {
	record  owned.Record
	seq     uint64 // order of arrival
	index   int    // in the heap; -1 if not there
	running bool
	placed  bool // it stands in the queues of its places
	passed  bool // its transaction has succeeded, which is not yet written down
}

// NewSchedule makes an empty schedule.
func NewSchedule() *Schedule {
	return &Schedule{entries: map[owned.Key]*entry{}, places: map[place]*queue{}}
}

func places(k owned.Key) []place {
	if k.Kind == owned.Reverse {
		return []place{{kind: k.Kind, address: k.Address}}
	}
	return []place{{kind: k.Kind, name: k.Name}, {kind: k.Kind, address: k.Address}}
}

// Put tells the newest state of a record. One that is Present needs nothing and is dropped.
func (s *Schedule) Put(r owned.Record) {
	if r.State == owned.Present {
		s.Delete(r.Key)
		return
	}
	s.enter(r)
}

// Verify lets a record that is Present be looked at in DNS. If something is to be done about it already, that goes on
// instead. Put and Delete end it.
func (s *Schedule) Verify(r owned.Record) {
	if e := s.entries[r.Key]; r.State == owned.Present && (e == nil || e.record.State == owned.Present) {
		s.enter(r)
	}
}

func (s *Schedule) enter(r owned.Record) {
	e := s.entries[r.Key]
	switch {
	case e == nil:
		s.seq++
		e = &entry{seq: s.seq, index: -1}
		s.entries[r.Key] = e
	case e.record.State == owned.Present:
		s.checks--
	}
	if r.State == owned.Present {
		s.checks++
	}
	e.record, e.passed = r, false
	for _, p := range places(r.Key) {
		q := s.queue(p)
		if !e.placed {
			q.all = append(q.all, e)
		}
		switch i := slices.Index(q.leaving, e); {
		case i < 0 && r.State == owned.Removing:
			q.leaving = append(q.leaving, e)
		case i >= 0 && r.State != owned.Removing:
			q.leaving = slices.Delete(q.leaving, i, i+1)
		}
	}
	e.placed = true
	s.requeue(e)
	s.wake(r.Key)
}

// Delete tells that a record needs nothing any more. If its transaction is under way, its places stay taken until
// Ended.
func (s *Schedule) Delete(k owned.Key) {
	e := s.entries[k]
	if e == nil {
		return
	}
	delete(s.entries, k)
	if e.record.State == owned.Present {
		s.checks--
	}
	if e.index >= 0 {
		heap.Remove(&s.due, e.index)
	}
	for _, p := range places(k) {
		q := s.queue(p)
		if i := slices.Index(q.all, e); i >= 0 {
			q.all = slices.Delete(q.all, i, i+1)
		}
		if i := slices.Index(q.leaving, e); i >= 0 {
			q.leaving = slices.Delete(q.leaving, i, i+1)
		}
		q.drop(e)
	}
	s.wake(k)
	s.prune(k)
}

// Next gives a record whose time has come at now and that may go, and takes its places until Ended. False means that
// there is none, or that too many were found blocked: then NextTime is already past.
func (s *Schedule) Next(now time.Time) (owned.Record, bool) {
	for look := 0; look < maxLook && len(s.due) > 0 && !s.due[0].record.NextTry.After(now); look++ {
		e := heap.Pop(&s.due).(*entry)
		if q := s.blocked(e); q != nil {
			q.waiting = append(q.waiting, e)
			continue
		}
		s.run(e)
		return e.record, true
	}
	return owned.Record{}, false
}

// run lets an entry that is not in the heap take its places.
func (s *Schedule) run(e *entry) {
	for _, p := range places(e.record.Key) {
		s.queue(p).holder = e
	}
	e.running = true
	s.running++
}

// Together lets the reverse record of a forward record that Next gave take its place too, if nothing but the forward one keeps it
// from that: they go in one transaction, and it does not matter which of them is due. Ended is to be told of both.
func (s *Schedule) Together(forward owned.Key) bool {
	k := forward
	k.Kind = owned.Reverse
	f, e := s.entries[forward], s.entries[k]
	if f == nil || e == nil || e.running || e.record.State != f.record.State || s.taken(e) != nil {
		return false
	}
	if e.index >= 0 {
		heap.Remove(&s.due, e.index)
	}
	for _, key := range []owned.Key{forward, k} { // it may be set aside because of either
		for _, p := range places(key) {
			s.queue(p).drop(e)
		}
	}
	s.run(e)
	return true
}

// Ended tells that the transaction of a record is over. Its outcome is told by Put or Delete, before or after.
func (s *Schedule) Ended(k owned.Key) {
	for i, p := range places(k) {
		q := s.queue(p)
		if e := q.holder; e != nil && e.record.Key == k {
			q.holder = nil
			if i == 0 {
				e.running = false
				s.running--
				if s.entries[k] == e {
					s.requeue(e)
				}
			}
		}
	}
	if e := s.entries[k]; e != nil && !e.running {
		s.requeue(e)
	}
	s.wake(k)
	s.prune(k)
}

// Passed tells that the addition of a forward record has succeeded, before that is written down and told by Put: its
// reverse record, which was written down before, may go.
func (s *Schedule) Passed(k owned.Key) {
	if e := s.entries[k]; e != nil && e.record.State == owned.Adding {
		e.passed = true
		s.wake(k)
	}
}

// Freed tells that a record of ours at the places of k has gone from DNS: what stood in Conflict with it is due at
// once.
func (s *Schedule) Freed(k owned.Key) {
	p := places(k)[0]
	q := s.places[p]
	if q == nil {
		return
	}
	for _, e := range q.all {
		if e.record.State == owned.Conflict {
			e.record.NextTry = time.Time{}
			s.requeue(e)
		}
	}
}

// NextTime gives the time of the earliest record that is not blocked; false if there is none.
func (s *Schedule) NextTime() (time.Time, bool) {
	if len(s.due) == 0 {
		return time.Time{}, false
	}
	return s.due[0].record.NextTry, true
}

// Running counts transactions under way, Len the records that are not Present.
func (s *Schedule) Running() int { return s.running }
func (s *Schedule) Len() int     { return len(s.entries) - s.checks }

func (s *Schedule) queue(p place) *queue {
	q := s.places[p]
	if q == nil {
		q = &queue{}
		s.places[p] = q
	}
	return q
}

// blocked gives the place where e must wait, or nil.
func (s *Schedule) blocked(e *entry) *queue {
	if k := e.record.Key; k.Kind == owned.Reverse && e.record.State != owned.Present && !e.record.State.Leaving() {
		k.Kind = owned.Forward
		if f := s.entries[k]; f != nil && !f.passed && (f.record.State == owned.Adding || f.record.State == owned.Conflict) {
			return s.queue(places(k)[0])
		}
	}
	return s.taken(e)
}

// taken gives the place of e itself where it must wait, or nil.
func (s *Schedule) taken(e *entry) *queue {
	for i, p := range places(e.record.Key) {
		q := s.queue(p)
		if q.holder != nil {
			return q
		}
		if e.record.State == owned.Removing {
			continue
		}
		for _, other := range q.leaving {
			// The old name of an address is another name, perhaps at a server that is down: it goes first, but once
			// it was tried it does not hold up the new one.
			if other != e && (i == 0 || other.record.Tries == 0) {
				return q
			}
		}
	}
	return nil
}

// requeue puts an entry into the heap, at its right place, unless it runs.
func (s *Schedule) requeue(e *entry) {
	switch {
	case e.running:
	case e.index >= 0:
		heap.Fix(&s.due, e.index)
	default:
		for _, p := range places(e.record.Key) {
			s.queue(p).drop(e)
		}
		heap.Push(&s.due, e)
	}
}

// wake lets all that wait at the places of k be looked at again.
func (s *Schedule) wake(k owned.Key) {
	for _, p := range places(k) {
		q := s.places[p]
		if q == nil {
			continue
		}
		for _, e := range q.waiting {
			if e.index < 0 && !e.running && s.entries[e.record.Key] == e {
				heap.Push(&s.due, e)
			}
		}
		q.waiting = nil
	}
}

// prune forgets places that nothing refers to.
func (s *Schedule) prune(k owned.Key) {
	for _, p := range places(k) {
		if q := s.places[p]; q != nil && len(q.all) == 0 && q.holder == nil && len(q.waiting) == 0 {
			delete(s.places, p)
		}
	}
}

func (q *queue) drop(e *entry) {
	for i, w := range q.waiting {
		if w == e {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return
		}
	}
}

// dueHeap orders by time, then removals before additions, then arrival.
type dueHeap []*entry

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if !a.record.NextTry.Equal(b.record.NextTry) {
		return a.record.NextTry.Before(b.record.NextTry)
	}
	if x, y := a.record.State == owned.Removing, b.record.State == owned.Removing; x != y {
		return x
	}
	return a.seq < b.seq
}
func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *dueHeap) Push(x any) {
	e := x.(*entry)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.index = -1
	return e
}
