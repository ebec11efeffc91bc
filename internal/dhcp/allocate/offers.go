package allocate

import (
	"container/heap"
	"container/list"
	"net/netip"
	"time"
)

// OfferTime is how long an offered address is kept for its client if nothing else is configured: longer than clients
// collect offers and check an address, short enough that clients which went to another server do not drain a small pool.
const OfferTime = 30 * time.Second

// MaxOffers bounds the table of offers: at about 400 octets each some 26 MB under a flood of DISCOVERs.
const MaxOffers = 65536

// maxShare bounds the offers out to one origin: a relay's port, a relay, or an interface. What floods one of them with
// clients that do not exist takes no offers away from those behind others.
const maxShare = MaxOffers / 4

type offer struct {
	address netip.Addr
	client  Client
	key     offerKey
	next    *offer // of the same client
	origin  *origin
	place   int // in the queue
	inShare *list.Element
	until   time.Time
}

type offerKey struct {
	link   uint32
	client Client // its identity
}

type origin struct {
	name   string
	offers *list.List // of *offer, the oldest in front
}

// Offers is the table of addresses that were offered and not yet requested. One goroutine owns it.
type Offers struct {
	byAddress map[netip.Addr]*offer
	byClient  map[offerKey]*offer // the first of each client, as they were put
	byOrigin  map[string]*origin
	queue     queue
}

// queue is a heap of offers: the first to end in front.
type queue []*offer

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].until.Before(q[j].until) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	f, _ := x.(*offer)
	f.place = len(*q)
	*q = append(*q, f)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	f := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return f
}

// NewOffers makes an empty table.
func NewOffers() *Offers {
	return &Offers{byAddress: map[netip.Addr]*offer{}, byClient: map[offerKey]*offer{}, byOrigin: map[string]*origin{}}
}

// Put keeps addresses, or prefixes by their first addresses, for a client on a link until a time. from names where the
// client asked. They take the place of other offers for the same addresses or client; those addresses that are not kept
// any more are returned (those of the oldest offers too when the table, or what from may have of it, is full).
func (o *Offers) Put(c Client, link uint32, from string, until time.Time, addresses ...netip.Addr) (dropped []netip.Addr) {
	for _, a := range addresses {
		o.Drop(a)
	}
	key := offerKey{link, c.identity()}
	for f := o.byClient[key]; f != nil; f = o.byClient[key] {
		dropped = append(dropped, o.remove(f))
	}
	for _, a := range addresses {
		if old := o.byAddress[a]; old != nil { // named twice
			continue
		}
		share := o.byOrigin[from]
		switch {
		case share != nil && share.offers.Len() >= maxShare:
			f, _ := share.offers.Front().Value.(*offer)
			dropped = append(dropped, o.remove(f))
		case len(o.queue) >= MaxOffers:
			dropped = append(dropped, o.remove(o.queue[0]))
		}
		if share = o.byOrigin[from]; share == nil {
			share = &origin{from, list.New()}
			o.byOrigin[from] = share
		}
		f := &offer{address: a, client: c, key: key, origin: share, until: until}
		f.inShare = share.offers.PushBack(f)
		heap.Push(&o.queue, f)
		o.byAddress[a] = f
		o.chain(f)
	}
	return dropped
}

// chain puts an offer behind the others of its client, which are at most those of one Put.
func (o *Offers) chain(f *offer) {
	last := o.byClient[f.key]
	if last == nil {
		o.byClient[f.key] = f
		return
	}
	for last.next != nil {
		last = last.next
	}
	last.next = f
}

// Drop forgets the offer of an address.
func (o *Offers) Drop(a netip.Addr) {
	if f := o.byAddress[a]; f != nil {
		o.remove(f)
	}
}

// Holder tells for whom an address is kept.
func (o *Offers) Holder(a netip.Addr, now time.Time) (Client, bool) {
	if f := o.byAddress[a]; f != nil && now.Before(f.until) {
		return f.client, true
	}
	return Client{}, false
}

// For tells which address is kept for a client on a link, the first if there are several.
func (o *Offers) For(c Client, link uint32, now time.Time) (netip.Addr, bool) {
	if f := o.byClient[offerKey{link, c.identity()}]; f != nil && now.Before(f.until) {
		return f.address, true
	}
	return netip.Addr{}, false
}

// AllFor lists the addresses that are kept for a client on a link, as they were put.
func (o *Offers) AllFor(c Client, link uint32, now time.Time) (out []netip.Addr) {
	for f := o.byClient[offerKey{link, c.identity()}]; f != nil; f = f.next {
		if now.Before(f.until) {
			out = append(out, f.address)
		}
	}
	return out
}

// Expire forgets the oldest offer that is over at now and gives its address; false when there is none.
func (o *Offers) Expire(now time.Time) (netip.Addr, bool) {
	if len(o.queue) == 0 || now.Before(o.queue[0].until) {
		return netip.Addr{}, false
	}
	return o.remove(o.queue[0]), true
}

// Len is the number of offers kept.
func (o *Offers) Len() int { return len(o.queue) }

func (o *Offers) remove(f *offer) netip.Addr {
	heap.Remove(&o.queue, f.place)
	f.origin.offers.Remove(f.inShare)
	if f.origin.offers.Len() == 0 {
		delete(o.byOrigin, f.origin.name)
	}
	delete(o.byAddress, f.address)
	switch first := o.byClient[f.key]; {
	case first == f && f.next == nil:
		delete(o.byClient, f.key)
	case first == f:
		o.byClient[f.key] = f.next
	default:
		for first.next != f {
			first = first.next
		}
		first.next = f.next
	}
	return f.address
}

// Addresses lists the addresses offered, in no order.
func (o *Offers) Addresses() []netip.Addr {
	out := make([]netip.Addr, 0, len(o.queue))
	for _, f := range o.queue {
		out = append(out, f.address)
	}
	return out
}
