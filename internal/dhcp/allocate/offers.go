package allocate

import (
	"container/list"
	"net/netip"
	"strconv"
	"time"

	"bundy/internal/dhcp/lease"
)

// OfferTime is how long an offered address is kept for its client: longer than clients collect offers and check an
// address, short enough that clients which went to another server do not drain a small pool.
const OfferTime = 30 * time.Second

// MaxOffers bounds the table of offers: at about 200 octets each some 13 MB under a flood of DISCOVERs.
const MaxOffers = 65536

// Client is who asks: the client identifier, and the hardware address with its type. Raw octets.
type Client struct {
	ID     string
	HWType uint8
	HWAddr string
}

// Owns tells whether a lease is this client's: by the client identifier when both have one, else by the hardware
// address (RFC 2131 section 4.2). A lease without owner (declined) is nobody's.
func (c Client) Owns(l lease.Lease) bool {
	if c.ID != "" && l.ClientID != "" {
		return c.ID == l.ClientID
	}
	return c.HWAddr != "" && c.HWAddr == l.HWAddr && c.HWType == l.HWType
}

// key names the client in the table of offers.
func (c Client) key(subnetID uint32) string {
	if c.ID != "" {
		return strconv.FormatUint(uint64(subnetID), 36) + "i" + c.ID
	}
	return strconv.FormatUint(uint64(subnetID), 36) + "h" + string(c.HWType) + c.HWAddr
}

type offer struct {
	address netip.Addr
	subnet  uint32
	client  Client
	until   time.Time
}

// Offers is the table of addresses that were offered and not yet requested. One goroutine owns it.
type Offers struct {
	byAddress map[netip.Addr]*list.Element
	byClient  map[string]*list.Element
	queue     *list.List // of *offer, the first to end in front
}

// NewOffers makes an empty table.
func NewOffers() *Offers {
	return &Offers{byAddress: map[netip.Addr]*list.Element{}, byClient: map[string]*list.Element{}, queue: list.New()}
}

// Put keeps an address for a client until now plus OfferTime. It takes the place of other offers for the same address
// or client; those addresses that are not kept any more are returned (the oldest one too when the table is full).
func (o *Offers) Put(c Client, subnetID uint32, a netip.Addr, now time.Time) (dropped []netip.Addr) {
	o.Drop(a)
	if e := o.byClient[c.key(subnetID)]; e != nil {
		dropped = append(dropped, o.remove(e))
	}
	if o.queue.Len() >= MaxOffers {
		dropped = append(dropped, o.remove(o.queue.Front()))
	}
	e := o.queue.PushBack(&offer{a, subnetID, c, now.Add(OfferTime)})
	o.byAddress[a], o.byClient[c.key(subnetID)] = e, e
	return dropped
}

// Drop forgets the offer of an address.
func (o *Offers) Drop(a netip.Addr) {
	if e := o.byAddress[a]; e != nil {
		o.remove(e)
	}
}

// Holder tells for whom an address is kept.
func (o *Offers) Holder(a netip.Addr, now time.Time) (Client, bool) {
	if e := o.byAddress[a]; e != nil && now.Before(e.Value.(*offer).until) {
		return e.Value.(*offer).client, true
	}
	return Client{}, false
}

// For tells which address is kept for a client in a subnet.
func (o *Offers) For(c Client, subnetID uint32, now time.Time) (netip.Addr, bool) {
	if e := o.byClient[c.key(subnetID)]; e != nil && now.Before(e.Value.(*offer).until) {
		return e.Value.(*offer).address, true
	}
	return netip.Addr{}, false
}

// Expire forgets the oldest offer that is over at now and gives its address; false when there is none.
func (o *Offers) Expire(now time.Time) (netip.Addr, bool) {
	e := o.queue.Front()
	if e == nil || now.Before(e.Value.(*offer).until) {
		return netip.Addr{}, false
	}
	return o.remove(e), true
}

// Len is the number of offers kept.
func (o *Offers) Len() int { return o.queue.Len() }

func (o *Offers) remove(e *list.Element) netip.Addr {
	f := o.queue.Remove(e).(*offer)
	delete(o.byAddress, f.address)
	delete(o.byClient, f.client.key(f.subnet))
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
