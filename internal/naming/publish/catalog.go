package publish

import (
	"net/netip"
	"strconv"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// Server is one name server of a domain: an address, or a host name that is looked up each time.
type Server struct {
	Address netip.Addr // invalid if Host is given
	Host    string
	Port    uint16
}

// Domain is a zone and the servers that take updates for it, tried first to last. Without servers it is a zone of this suite.
type Domain struct {
	Zone    wire.Name // wire.Root in the domain "*": the servers are asked which zone a name is in
	Any     bool      // the domain "*", used for what no other domain matches
	Key     *tsig.Key // nil: updates are not signed
	Servers []Server
	Owner   string // that markers of today name; see owned.Marker
}

// Ours tells whether the zone is one of this suite, which is changed without the network (Publisher.Here).
func (d Domain) Ours() bool { return len(d.Servers) == 0 }

// Loopback tells whether all servers are on this machine.
func (d Domain) Loopback() bool {
	for _, s := range d.Servers {
		if !s.Address.IsLoopback() {
			return false
		}
	}
	return true
}

// Catalog is the set of domains for both directions. It is immutable.
type Catalog struct {
	Forward []Domain
	Reverse []Domain
}

// Domains gives the domains of one direction.
func (c *Catalog) Domains(k owned.Kind) []Domain {
	if k == owned.Reverse {
		return c.Reverse
	}
	return c.Forward
}

// Match finds the domain for a record: the longest zone that the record's name in DNS lies in, or the one that
// matches all. False if there is none.
func (c *Catalog) Match(k owned.Key) (Domain, bool) {
	best, found := Domain{}, false
	for _, d := range c.Domains(k.Kind) {
		switch {
		case d.Any && !found:
			best, found = d, true
		case !d.Any && d.holds(k) && (!found || best.Any || len(d.Zone) > len(best.Zone)):
			best, found = d, true
		}
	}
	return best, found
}

// holds tells whether a record has its place in the domain.
func (d Domain) holds(k owned.Key) bool { return Owner(k, d.Zone).IsBelow(d.Zone) }

// For finds the domain for the next transaction of a record. A record is removed where it was added, and nowhere else:
// if that zone is not configured any more there is none. One that is still to be added may go elsewhere by now.
func (c *Catalog) For(r owned.Record) (Domain, bool) {
	for _, d := range c.Domains(r.Kind) {
		if d.Zone == r.Zone {
			return d, true
		}
	}
	if r.State.Leaving() {
		return Domain{}, false
	}
	return c.Match(r.Key)
}

// Owner gives the name in DNS of a record of a zone: the client's name, or the reverse name of its address. In the zone
// of a part of a network (RFC 2317) that is the last octet below the zone, to which the owner of the network points.
func Owner(k owned.Key, zone wire.Name) wire.Name {
	if k.Kind != owned.Reverse {
		return k.Name
	}
	return ownerOf(k.Address, zone)
}

// ownerOf gives the name of an address' reverse record in a zone.
func ownerOf(a netip.Addr, zone wire.Name) wire.Name {
	name := ReverseName(a)
	if a.Is4() {
		if part, ok := classless(zone); ok && part.Contains(a) {
			if n, err := zone.Child(name.Label()); err == nil {
				return n
			}
		}
	}
	return name
}

// lastOf gives the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// AddressOf gives the address whose reverse record has a name in a zone: what Owner does, backwards.
func AddressOf(owner, zone wire.Name) (netip.Addr, bool) {
	a, ok := ofReverseName(owner)
	if part, is := classless(zone); !ok && is {
		if v, fits := octet(owner.Label()); fits && owner.IsBelow(zone) && len(owner) > len(zone) {
			b := part.Addr().As4()
			b[3] = v
			a = netip.AddrFrom4(b)
			ok = part.Contains(a)
		}
	}
	return a, ok && !a.Is4In6() && Owner(owned.Key{Kind: owned.Reverse, Address: a}, zone).Equal(owner)
}

// ofReverseName is ReverseName backwards.
func ofReverseName(n wire.Name) (netip.Addr, bool) {
	n = n.Lower()
	labels := n.Labels()
	switch {
	case n.IsBelow("\x07in-addr\x04arpa\x00") && labels == 6:
		var b [4]byte
		for i := 3; i >= 0; i-- {
			v, ok := octet(n.Label())
			if !ok {
				return netip.Addr{}, false
			}
			b[i], n = v, n.Parent()
		}
		return netip.AddrFrom4(b), true
	case n.IsBelow("\x03ip6\x04arpa\x00") && labels == 34: // 32 half-octets
		var b [16]byte
		for i := 31; i >= 0; i-- {
			v, err := strconv.ParseUint(n.Label(), 16, 4)
			if err != nil {
				return netip.Addr{}, false
			}
			b[i/2] |= byte(v) << (4 * (1 - i%2))
			n = n.Parent()
		}
		return netip.AddrFrom16(b), true
	}
	return netip.Addr{}, false
}

// ReverseName gives the name below in-addr.arpa (RFC 1035 section 3.5) or ip6.arpa (RFC 3596 section 2.5).
func ReverseName(a netip.Addr) wire.Name {
	b := make([]byte, 0, 80)
	if a.Is4() {
		v4 := a.As4()
		for i := 3; i >= 0; i-- {
			start := len(b)
			b = append(b, 0)
			b = appendDecimal(b, v4[i])
			b[start] = byte(len(b) - start - 1)
		}
		return wire.Name(append(b, "\x07in-addr\x04arpa\x00"...))
	}
	const hex = "0123456789abcdef"
	v6 := a.As16()
	for i := 15; i >= 0; i-- {
		b = append(b, 1, hex[v6[i]&15], 1, hex[v6[i]>>4])
	}
	return wire.Name(append(b, "\x03ip6\x04arpa\x00"...))
}

func appendDecimal(b []byte, v byte) []byte {
	if v >= 100 {
		b = append(b, '0'+v/100)
	}
	if v >= 10 {
		b = append(b, '0'+v/10%10)
	}
	return append(b, '0'+v%10)
}
