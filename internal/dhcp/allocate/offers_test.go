package allocate

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
)

func TestOffers(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	one, two := Client{ID: "one"}, Client{HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x02"}
	o := NewOffers()
	if d := o.Put(one, 1, a, now); d != nil {
		t.Errorf("dropped %v", d)
	}
	if d := o.Put(one, 1, b, now); !slices.Equal(d, []netip.Addr{a}) {
		t.Errorf("dropped %v", d)
	}
	if d := o.Put(one, 2, a, now); d != nil { // another subnet
		t.Errorf("dropped %v", d)
	}
	o.Put(two, 1, b, now.Add(time.Second))
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
	if o.Len() != 1 || len(o.byAddress) != 1 || len(o.byClient) != 1 {
		t.Errorf("%d offers, %d addresses, %d clients", o.Len(), len(o.byAddress), len(o.byClient))
	}
}

func TestOffersAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o := NewOffers()
	for i := range uint32(MaxOffers) {
		o.Put(Client{ID: string(rune(i)) + "x" + string(address(i).AsSlice())}, 1, address(i), now)
	}
	if d := o.Put(Client{ID: "last"}, 1, address(MaxOffers), now); !slices.Equal(d, []netip.Addr{address(0)}) || o.Len() != MaxOffers {
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
	} {
		if got := c.client.Owns(c.lease); got != c.want {
			t.Errorf("%+v owns %+v: %v", c.client, c.lease, got)
		}
	}
}
