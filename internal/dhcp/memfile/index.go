package memfile

import (
	"net/netip"
	"time"

	"bundy/internal/dhcp/lease"
)

// entry is the newest state of one address.
type entry struct {
	lease lease.Lease
	queue *timeline // the timeline it stands in, or nil
	pos   int       // its place there
}

type hardware struct {
	subnet uint32
	kind   uint8
	addr   string
}

type identity struct {
	subnet uint32
	id     string
}

// index is the memory: leases by address, by client, and by the time they end. It knows no disk and no lock.
type index struct {
	byAddress  map[netip.Addr]*entry
	byHardware map[hardware][]*entry
	byClient   map[identity][]*entry
	running    timeline // Active and Declined with an end
	reclaimed  timeline // Reclaimed
}

func newIndex() *index {
	return &index{byAddress: map[netip.Addr]*entry{}, byHardware: map[hardware][]*entry{}, byClient: map[identity][]*entry{}}
}

// set makes l the state of its address; a lifetime of 0 removes the address. It returns the state before.
func (x *index) set(l lease.Lease) (before lease.Lease, existed bool) {
	e := x.byAddress[l.Address]
	if e != nil {
		before, existed = e.lease, true
		x.unlink(e)
	}
	if l.ValidLifetime == 0 {
		delete(x.byAddress, l.Address)
		return before, existed
	}
	if e == nil {
		e = &entry{}
		x.byAddress[l.Address] = e
	}
	e.lease = l
	x.link(e)
	return before, existed
}

func (x *index) link(e *entry) {
	l := &e.lease
	if l.HWAddr != "" {
		k := hardware{l.SubnetID, l.HWType, l.HWAddr}
		x.byHardware[k] = append(x.byHardware[k], e)
	}
	if l.ClientID != "" {
		k := identity{l.SubnetID, l.ClientID}
		x.byClient[k] = append(x.byClient[k], e)
	}
	switch {
	case l.State == lease.Reclaimed:
		x.reclaimed.push(e)
	case l.ValidLifetime != lease.Infinity:
		x.running.push(e)
	}
}

func (x *index) unlink(e *entry) {
	l := &e.lease
	if l.HWAddr != "" {
		k := hardware{l.SubnetID, l.HWType, l.HWAddr}
		if rest := without(x.byHardware[k], e); len(rest) > 0 {
			x.byHardware[k] = rest
		} else {
			delete(x.byHardware, k)
		}
	}
	if l.ClientID != "" {
		k := identity{l.SubnetID, l.ClientID}
		if rest := without(x.byClient[k], e); len(rest) > 0 {
			x.byClient[k] = rest
		} else {
			delete(x.byClient, k)
		}
	}
	if e.queue != nil {
		e.queue.remove(e)
	}
}

func without(list []*entry, e *entry) []*entry {
	for i := range list {
		if list[i] == e {
			list[i] = list[len(list)-1]
			list[len(list)-1] = nil
			return list[:len(list)-1]
		}
	}
	return list
}

// best picks the lease of a client that has several: an active one, else the one given last.
func best(list []*entry) (lease.Lease, bool) {
	var found *entry
	for _, e := range list {
		switch {
		case found == nil,
			e.lease.State == lease.Active && found.lease.State != lease.Active,
			(e.lease.State == lease.Active) == (found.lease.State == lease.Active) && e.lease.Start.After(found.lease.Start):
			found = e
		}
	}
	if found == nil {
		return lease.Lease{}, false
	}
	return found.lease, true
}

// timeline is a heap of entries by the time their lease ends.
type timeline []*entry

func (q timeline) end(i int) time.Time { return q[i].lease.Expire() }

func (q *timeline) push(e *entry) {
	e.queue, e.pos = q, len(*q)
	*q = append(*q, e)
	q.up(e.pos)
}

func (q *timeline) remove(e *entry) {
	i, last := e.pos, len(*q)-1
	q.swap(i, last)
	(*q)[last] = nil
	*q = (*q)[:last]
	if i < last {
		q.down(i)
		q.up(i)
	}
	e.queue = nil
}

func (q timeline) swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].pos, q[j].pos = i, j
}

func (q timeline) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.end(i).Before(q.end(parent)) {
			return
		}
		q.swap(i, parent)
		i = parent
	}
}

func (q timeline) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(q); c++ {
			if q.end(c).Before(q.end(least)) {
				least = c
			}
		}
		if least == i {
			return
		}
		q.swap(i, least)
		i = least
	}
}

// ended gives up to limit leases that end no later than t, oldest first, without changing the heap: it walks the
// heap's tree with a small heap of its own, so the cost follows limit and not the number of leases.
func (q timeline) ended(t time.Time, limit int) []lease.Lease {
	var out []lease.Lease
	var open []int // positions whose parents were taken, as a heap by end
	add := func(i int) {
		if i >= len(q) || q.end(i).After(t) {
			return
		}
		open = append(open, i)
		for c := len(open) - 1; c > 0 && q.end(open[c]).Before(q.end(open[(c-1)/2])); c = (c - 1) / 2 {
			open[c], open[(c-1)/2] = open[(c-1)/2], open[c]
		}
	}
	take := func() int {
		first, last := open[0], len(open)-1
		open[0] = open[last]
		open = open[:last]
		for i := 0; ; {
			least := i
			for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
				if q.end(open[c]).Before(q.end(open[least])) {
					least = c
				}
			}
			if least == i {
				return first
			}
			open[i], open[least] = open[least], open[i]
			i = least
		}
	}
	add(0)
	for len(open) > 0 && len(out) < limit {
		i := take()
		out = append(out, q[i].lease)
		add(2*i + 1)
		add(2*i + 2)
	}
	return out
}
