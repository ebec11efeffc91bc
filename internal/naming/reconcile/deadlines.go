package reconcile

import (
	"container/heap"
	"net/netip"
	"time"
)

// Deadlines orders addresses by the end of their leases, one entry an address. One goroutine owns it.
type Deadlines struct {
	entries map[netip.Addr]*deadline
	heap    deadlineHeap
}

type deadline struct {
	at      time.Time
	address netip.Addr
	index   int
}

// NewDeadlines makes an empty set.
func NewDeadlines() *Deadlines { return &Deadlines{entries: map[netip.Addr]*deadline{}} }

// Set sets the end of an address' lease.
func (d *Deadlines) Set(a netip.Addr, at time.Time) {
	if e := d.entries[a]; e != nil {
		e.at = at
		heap.Fix(&d.heap, e.index)
		return
	}
	e := &deadline{at: at, address: a}
	d.entries[a] = e
	heap.Push(&d.heap, e)
}

// Drop forgets an address.
func (d *Deadlines) Drop(a netip.Addr) {
	if e := d.entries[a]; e != nil {
		heap.Remove(&d.heap, e.index)
		delete(d.entries, a)
	}
}

// Past takes out an address whose end is not after now.
func (d *Deadlines) Past(now time.Time) (netip.Addr, bool) {
	if len(d.heap) == 0 || d.heap[0].at.After(now) {
		return netip.Addr{}, false
	}
	a := d.heap[0].address
	d.Drop(a)
	return a, true
}

// Next gives the earliest end.
func (d *Deadlines) Next() (time.Time, bool) {
	if len(d.heap) == 0 {
		return time.Time{}, false
	}
	return d.heap[0].at, true
}

type deadlineHeap []*deadline

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *deadlineHeap) Push(x any) {
	e := x.(*deadline)
	e.index = len(*h)
	*h = append(*h, e)
}
func (h *deadlineHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
