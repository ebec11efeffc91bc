package reconfigure

import (
	"container/heap"
	"time"

	"bundy/internal/dhcp/packet6"
)

// How often a client is called (RFC 9915 section 7.6).
const (
	firstTimeout = 2 * time.Second // REC_TIMEOUT; doubled each time
	maxAttempts  = 8               // REC_MAX_RC
)

// MaxCalls bounds the clients that are being called: some 500 octets each, so at most 32 MB.
const MaxCalls = 65536

// Call is an order to one client. It is repeated until the client obeys.
type Call struct {
	DUID     string
	Ask      packet6.Type // what the client is to send
	Contact  Contact
	Attempts int // made so far

	due     time.Time
	timeout time.Duration
	index   int // in the heap
}

// Schedule is the calls under way. Its zero value is ready. It belongs to one goroutine.
type Schedule struct {
	calls  map[string]*Call
	order  queue
	replay uint64
}

// Add begins to call a client, at once; a call to the same client that is under way is replaced. false: too many are
// under way already.
func (s *Schedule) Add(duid string, ask packet6.Type, to Contact, now time.Time) bool {
	if s.calls == nil {
		s.calls = map[string]*Call{}
	}
	s.Answered(duid)
	if len(s.calls) >= MaxCalls {
		return false
	}
	c := &Call{DUID: duid, Ask: ask, Contact: to, due: now, timeout: firstTimeout}
	s.calls[duid] = c
	heap.Push(&s.order, c)
	return true
}

// Answered ends the call to a client; it tells whether there was one.
func (s *Schedule) Answered(duid string) bool {
	c := s.calls[duid]
	if c == nil {
		return false
	}
	delete(s.calls, duid)
	heap.Remove(&s.order, c.index)
	return true
}

// Next is a call that is to be made at now, or that is over without an answer: then over is true. ok is false when
// there is none.
func (s *Schedule) Next(now time.Time) (c Call, over, ok bool) {
	if len(s.order) == 0 || s.order[0].due.After(now) {
		return Call{}, false, false
	}
	first := s.order[0]
	if first.Attempts == maxAttempts {
		s.Answered(first.DUID)
		return *first, true, true
	}
	first.Attempts++
	first.due = now.Add(first.timeout)
	first.timeout *= 2
	heap.Fix(&s.order, 0)
	return *first, false, true
}

// Due is when Next has something; false when nobody is called.
func (s *Schedule) Due() (time.Time, bool) {
	if len(s.order) == 0 {
		return time.Time{}, false
	}
	return s.order[0].due, true
}

// Len is the number of clients that are being called.
func (s *Schedule) Len() int { return len(s.calls) }

// Replay gives a number greater than all before, also than those before the last start, as long as the clock does not
// go back by more than the server was down.
func (s *Schedule) Replay(now time.Time) uint64 {
	s.replay = max(s.replay+1, uint64(max(now.UnixNano(), 0)))
	return s.replay
}

// queue orders calls by time.
type queue []*Call

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(c any) {
	call := c.(*Call)
	call.index = len(*q)
	*q = append(*q, call)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return c
}
