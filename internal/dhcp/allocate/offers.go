package allocate

import (
	"container/list"
	"net/netip"
	"time"
)

// OfferTime is how long an offered address is kept for its client: longer than clients collect offers and check an
// address, short enough that clients which went to another server do not drain a small pool.
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
	origin  *origin
	inAll   *list.Element
	inShare *list.Element
	until   time.Time
}

type offerKey struct {
	link   uint32
	client Client // its identity
}

type origin struct {
	name   string
	offers *list.List // of *offer, the first to end in front
}

// Offers is the table of addresses that were offered and not yet requested. One goroutine owns it.
type Offers struct {
	byAddress map[netip.Addr]*offer
	byClient  map[offerKey]*offer
	byOrigin  map[string]*origin
	queue     *list.List // of *offer, the first to end in front
}

// NewOffers makes an empty table.
func NewOffers() *Offers {
	return &Offers{
		byAddress: map[netip.Addr]*offer{}, byClient: map[offerKey]*offer{}, byOrigin: map[string]*origin{}, queue: list.New(),
	}
}

// Put keeps an address for a client on a link until now plus OfferTime. from names where the client asked. It takes the
// place of other offers for the same address or client; those addresses that are not kept any more are returned (that
// of the oldest offer too when the table, or what from may have of it, is full).
func (o *Offers) Put(c Client, link uint32, a netip.Addr, from string, now time.Time) (dropped []netip.Addr) {
	o.Drop(a)
	key := offerKey{link, c.identity()}
	if f := o.byClient[key]; f != nil {
		dropped = append(dropped, o.remove(f))
	}
	share := o.byOrigin[from]
	switch {
	case share != nil && share.offers.Len() >= maxShare:
		dropped = append(dropped, o.remove(share.offers.Front().Value.(*offer)))
	case o.queue.Len() >= MaxOffers:
		dropped = append(dropped, o.remove(o.queue.Front().Value.(*offer)))
	}
	if share = o.byOrigin[from]; share == nil {
		share = &origin{from, list.New()}
		o.byOrigin[from] = share
	}
	f := &offer{address: a, client: c, key: key, origin: share, until: now.Add(OfferTime)}
	f.inAll, f.inShare = o.queue.PushBack(f), share.offers.PushBack(f)
	o.byAddress[a], o.byClient[key] = f, f
	return dropped
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

// For tells which address is kept for a client on a link.
func (o *Offers) For(c Client, link uint32, now time.Time) (netip.Addr, bool) {
	if f := o.byClient[offerKey{link, c.identity()}]; f != nil && now.Before(f.until) {
		return f.address, true
	}
	return netip.Addr{}, false
}

// Expire forgets the oldest offer that is over at now and gives its address; false when there is none.
func (o *Offers) Expire(now time.Time) (netip.Addr, bool) {
	e := o.queue.Front()
	if e == nil || now.Before(e.Value.(*offer).until) {
		return netip.Addr{}, false
	}
	return o.remove(e.Value.(*offer)), true
}

// Len is the number of offers kept.
func (o *Offers) Len() int { return o.queue.Len() }

func (o *Offers) remove(f *offer) netip.Addr {
	o.queue.Remove(f.inAll)
	f.origin.offers.Remove(f.inShare)
	if f.origin.offers.Len() == 0 {
		delete(o.byOrigin, f.origin.name)
	}
	delete(o.byAddress, f.address)
	delete(o.byClient, f.key)
	return f.address
}

// Addresses lists the addresses offered, the first to end in front.
func (o *Offers) Addresses() []netip.Addr {
	out := make([]netip.Addr, 0, o.queue.Len())
	for e := o.queue.Front(); e != nil; e = e.Next() {
		out = append(out, e.Value.(*offer).address)
	}
	return out
}
