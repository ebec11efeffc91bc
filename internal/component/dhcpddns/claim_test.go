package dhcpddns

import (
	"net/netip"
	"testing"

	"bundy/internal/dns/wire"
)

// TestYieldedAddressesAreForgotten: who holds a name for long makes nobody remember all that wanted it meanwhile.
func TestYieldedAddressesAreForgotten(t *testing.T) {
	n := wire.MustParseName("pc.lab.example.")
	c := claims{yielded: map[wire.Name][]netip.Addr{}}
	stays := netip.MustParseAddr("2001:db8::1")
	a := stays
	for range 1000 {
		c.yield(n, a, func(other netip.Addr) bool { return other == stays || other == a })
		a = a.Next()
	}
	if y := c.yielded[n]; len(y) > 16 || y[0] != stays {
		t.Errorf("%d addresses are remembered, the first is %v", len(y), y[0])
	}
}
