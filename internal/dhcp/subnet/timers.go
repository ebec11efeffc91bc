package subnet

import (
	"math"

	"bundy/internal/dhcp/lease"
)

// Lifetime is a time in seconds with the bounds of what a client may ask for.
type Lifetime struct{ Min, Default, Max uint32 }

// Fixed is a lifetime that clients cannot change.
func Fixed(seconds uint32) Lifetime { return Lifetime{seconds, seconds, seconds} }

// For is the lifetime for a client that asks for so much; 0: it does not ask.
func (l Lifetime) For(asked uint32) uint32 {
	if asked == 0 {
		return l.Default
	}
	return min(max(asked, l.Min), l.Max)
}

// Timers is the times in seconds that go with a lease.
type Timers struct {
	Valid     Lifetime
	Preferred Lifetime // of DHCPv6 only
	Renew     uint32   // T1; 0: not said
	Rebind    uint32   // T2; 0: not said

	// Shares of the lifetime that stand for T1 and T2 when these are not said; 0: none.
	RenewShare, RebindShare float64
}

// Tees gives T1 and T2 for a lifetime. Either is 0, for the client to choose, when it is not said or does not come
// before what follows it: T2, and the end of the lifetime.
func (t Timers) Tees(lifetime uint32) (renew, rebind uint32) {
	share := func(said uint32, share float64) uint32 {
		if said == 0 && share > 0 && lifetime != lease.Infinity {
			return uint32(math.Round(share * float64(lifetime)))
		}
		return said
	}
	renew, rebind = share(t.Renew, t.RenewShare), share(t.Rebind, t.RebindShare)
	ceiling := lifetime
	if rebind >= ceiling {
		rebind = 0
	} else if rebind > 0 {
		ceiling = rebind
	}
	if renew >= ceiling {
		renew = 0
	}
	return renew, rebind
}
