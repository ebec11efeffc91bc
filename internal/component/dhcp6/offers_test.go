package dhcp6

import (
	"fmt"
	"strings"
	"testing"

	"bundy/internal/dhcp/packet6"
)

// TestAllOffersAreKept: of several addresses and prefixes that an association is offered, nobody else gets one.
func TestAllOffersAreKept(t *testing.T) {
	b := newBench(t, basicConfig)
	const asks, prefixes = "na=1 2001:db8:1::10 2001:db8:1::12", "pd=2 2001:db8:8000:100::/56 2001:db8:8000:200::/56"
	const na, pd = " na1:2001:db8:1::10(3000,4000):2001:db8:1::12(3000,4000)", " pd2:2001:db8:8000:100::/56(3000,4000):2001:db8:8000:200::/56(3000,4000)"
	b.expect("ADVERTISE"+na+pd, packet6.Solicit, asks, prefixes)
	b.expect("ADVERTISE na1:2001:db8:1::11(3000,4000) pd2:2001:db8:8000::/56(3000,4000)", packet6.Solicit, "client="+otherDUID, asks, prefixes)
	b.expect("ADVERTISE na1!2", packet6.Solicit, "client=a third", asks)
	b.expect("ADVERTISE"+na+pd, packet6.Solicit, asks, prefixes) // again
	// It takes one of them, though it is not the first.
	b.expect("REPLY na1:2001:db8:1::12(3000,4000)", packet6.Request, "server=", "na=1 2001:db8:1::12")
	// Another server has better ones for the others.
	b.expect("silence", packet6.Request, "server="+otherDUID, "client="+otherDUID, "na=1 2001:db8:ffff::1")
	b.expect("ADVERTISE na1:2001:db8:1::11(3000,4000)", packet6.Solicit, "client=a third", "na=1 2001:db8:1::11")
}

// TestLengthsOfOffersStay: a client that asks again for several prefixes of a length is offered the same.
func TestLengthsOfOffersStay(t *testing.T) {
	b := newBench(t, basicConfig)
	first := b.exchange(packet6.Solicit, "pd=2 ::/56 ::/56 ::/56").summary()
	if n := strings.Count(first, "/56("); n != 3 {
		t.Fatal(first)
	}
	b.expect(first, packet6.Solicit, "pd=2 ::/56 ::/56 ::/56")
}

// TestOneMessageTakesNoPool: however much one message asks for, it gets no more than a client could want, and what a client
// has already does not count.
func TestOneMessageTakesNoPool(t *testing.T) {
	b := newBench(t, `{"subnet6": [{"subnet": "2001:db8:1::/64", "interface": "eth0", "pool": ["2001:db8:1:0:1::/80"]}]}`)
	var parts []string
	for i := range 20 {
		part := fmt.Sprintf("na=%d", i)
		for j := range 10 {
			part += fmt.Sprintf(" 2001:db8:1:0:1::%x", 1+10*i+j)
		}
		parts = append(parts, part)
	}
	given := func(o *outgoing) (n int) {
		for _, ia := range o.IAs() {
			n += len(ia.Leases)
		}
		return n
	}
	if n := given(b.exchange(packet6.Solicit, parts...)); n != 64 || b.Book.Offers.Len() != 64 {
		t.Errorf("offered %d, kept %d", n, b.Book.Offers.Len())
	}
	for i := range parts { // one association after the other
		b.exchange(packet6.Request, "server=", parts[i])
	}
	o := b.exchange(packet6.Renew, append([]string{"server="}, parts...)...)
	if n := given(o); n != 200 {
		t.Errorf("renewed %d", n)
	}
}
