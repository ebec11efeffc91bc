package allocate

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
)

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

func TestOffers(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	one, two := Client{ID: "one"}, Client{HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x02"}
	o := NewOffers()
	if d := o.Put(one, 1, "eth0", now.Add(OfferTime), a); d != nil {
		t.Errorf("dropped %v", d)
	}
	if d := o.Put(one, 1, "eth0", now.Add(OfferTime), b); !slices.Equal(d, []netip.Addr{a}) {
		t.Errorf("dropped %v", d)
	}
	if d := o.Put(one, 2, "eth1", now.Add(OfferTime), a); d != nil { // another link
		t.Errorf("dropped %v", d)
	}
	o.Put(two, 1, "eth0", now.Add(time.Second).Add(OfferTime), b)
	if c, ok := o.Holder(b, now); !ok || c != two {
		t.Errorf("held by %+v", c)
	}
	if _, ok := o.For(one, 1, now); ok {
		t.Error("the first client still has an offer")
	}
	if got, ok := o.For(two, 1, now.Add(OfferTime)); !ok || got != b {
		t.Errorf("offer %v %v", got, ok)
	}
	if got, ok := o.Expire(now.Add(OfferTime)); !ok || got != a {
		t.Errorf("ended %v %v", got, ok)
	}
	if got, ok := o.Expire(now.Add(OfferTime)); ok {
		t.Errorf("ended %v too early", got)
	}
	if _, ok := o.Holder(b, now.Add(OfferTime+time.Second)); ok {
		t.Error("an offer that is over is held")
	}
	if o.Len() != 1 || len(o.byAddress) != 1 || len(o.byClient) != 1 || len(o.byOrigin) != 1 {
		t.Errorf("%d offers, %d addresses, %d clients, %d origins", o.Len(), len(o.byAddress), len(o.byClient), len(o.byOrigin))
	}
}

func TestOffersOfAssociations(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o := NewOffers()
	a := netip.MustParseAddr("2001:db8::1")
	for i, c := range []Client{
		{DUID: "d", Kind: lease.NA, IAID: 1}, {DUID: "d", Kind: lease.NA, IAID: 2}, {DUID: "d", Kind: lease.PD, IAID: 1},
		{DUID: "e", Kind: lease.NA, IAID: 1},
	} {
		if d := o.Put(c, 1, "", now.Add(OfferTime), a); d != nil {
			t.Errorf("dropped %v by %d", d, i)
		}
		if got, ok := o.For(c, 1, now); !ok || got != a {
			t.Errorf("%+v has %v", c, got)
		}
		a = a.Next()
	}
}

// TestSeveralOffers: all that one association was offered is kept, until it is offered something else.
func TestSeveralOffers(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o, c := NewOffers(), Client{DUID: "d", Kind: lease.NA, IAID: 1}
	a := func(n uint32) netip.Addr { return address(n) }
	if d := o.Put(c, 1, "", now.Add(time.Second), a(1), a(2), a(2), a(3)); d != nil || o.Len() != 3 {
		t.Errorf("dropped %v, %d offers", d, o.Len())
	}
	o.Drop(a(2))
	if got := o.AllFor(c, 1, now); !slices.Equal(got, []netip.Addr{a(1), a(3)}) {
		t.Errorf("kept %v", got)
	}
	if d := o.Put(c, 1, "", now.Add(time.Hour), a(3), a(4)); !slices.Equal(d, []netip.Addr{a(1)}) {
		t.Errorf("dropped %v", d)
	}
	o.Put(Client{DUID: "e", Kind: lease.NA}, 1, "", now.Add(time.Minute), a(5)) // ends earlier, though put later
	if got, ok := o.Expire(now.Add(time.Minute)); !ok || got != a(5) {
		t.Errorf("ended %v", got)
	}
	o.Drop(a(3))
	o.Drop(a(4))
	if got := o.AllFor(c, 1, now); got != nil || o.Len() != 0 || len(o.byClient) > 0 || len(o.byOrigin) > 0 {
		t.Errorf("kept %v, %d offers", got, o.Len())
	}
}

// TestOffersAreBounded: a flood takes the oldest offers, but only those of its own origin when it has its share.
func TestOffersAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o := NewOffers()
	put := func(i int, from string) []netip.Addr {
		return o.Put(Client{ID: string(address(uint32(i)).AsSlice())}, 1, from, now.Add(OfferTime), address(uint32(i)))
	}
	put(0, "quiet")
	for i := 1; i <= maxShare; i++ {
		put(i, "loud")
	}
	if d := put(maxShare+1, "loud"); !slices.Equal(d, []netip.Addr{address(1)}) {
		t.Errorf("dropped %v", d)
	}
	for i := maxShare + 2; o.Len() < MaxOffers; i++ {
		put(i, string(rune('a'+i%8)))
	}
	if d := put(MaxOffers*2, "other"); !slices.Equal(d, []netip.Addr{address(0)}) || o.Len() != MaxOffers {
		t.Errorf("dropped %v, %d offers", d, o.Len())
	}
}

func TestOwns(t *testing.T) {
	for _, c := range []struct {
		client Client
		lease  lease.Lease
		want   bool
	}{
		{Client{ID: "a", HWType: 1, HWAddr: "m"}, lease.Lease{ClientID: "a", HWType: 1, HWAddr: "n"}, true},
		{Client{ID: "a", HWType: 1, HWAddr: "m"}, lease.Lease{ClientID: "b", HWType: 1, HWAddr: "m"}, false},
		{Client{HWType: 1, HWAddr: "m"}, lease.Lease{ClientID: "b", HWType: 1, HWAddr: "m"}, true},
		{Client{HWType: 6, HWAddr: "m"}, lease.Lease{HWType: 1, HWAddr: "m"}, false},
		{Client{ID: "a"}, lease.Lease{}, false},
		{Client{}, lease.Lease{}, false},
		{Client{DUID: "d", Kind: lease.NA, IAID: 7}, lease.Lease{DUID: "d", Kind: lease.NA, IAID: 7}, true},
		{Client{DUID: "d", Kind: lease.NA, IAID: 7}, lease.Lease{DUID: "d", Kind: lease.NA, IAID: 8}, false},
		{Client{DUID: "d", Kind: lease.NA, IAID: 7}, lease.Lease{DUID: "d", Kind: lease.PD, IAID: 7}, false},
		{Client{Kind: lease.NA}, lease.Lease{Kind: lease.NA}, false},
	} {
		if got := c.client.Owns(c.lease); got != c.want {
			t.Errorf("%+v owns %+v: %v", c.client, c.lease, got)
		}
	}
}
