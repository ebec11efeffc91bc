package subnet

import (
	"fmt"
	"net/netip"
	"strings"
)

// Range is the addresses from First to Last, both included, of one family.
type Range struct{ First, Last netip.Addr }

// Contains tells whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return a.BitLen() == r.First.BitLen() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

// Overlaps tells whether the ranges share an address.
func (r Range) Overlaps(o Range) bool {
	return r.First.BitLen() == o.First.BitLen() && r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// RangeOf is all addresses of a prefix.
func RangeOf(p netip.Prefix) Range { return Range{p.Masked().Addr(), last(p)} }

// ParseRange reads a pool: "192.0.2.10 - 192.0.2.20" or "2001:db8::/96"; blanks are ignored.
func ParseRange(text string) (Range, error) {
	plain := strings.NewReplacer(" ", "", "\t", "").Replace(text)
	bad := func(why string) (Range, error) { return Range{}, fmt.Errorf("pool %q: %s", text, why) }
	if first, last, ok := strings.Cut(plain, "-"); ok {
		a, errA := netip.ParseAddr(first)
		b, errB := netip.ParseAddr(last)
		switch {
		case errA != nil || errB != nil || a.BitLen() != b.BitLen() || a.Zone() != "" || b.Zone() != "" || a.Is4In6() || b.Is4In6():
			return bad("not two addresses with a hyphen between them")
		case b.Less(a):
			return bad("the last address is below the first")
		}
		return Range{a, b}, nil
	}
	p, err := netip.ParsePrefix(plain)
	if err != nil || p.Addr().Is4In6() {
		return bad(`neither "first - last" nor "prefix/length"`)
	}
	if p.Masked() != p {
		return bad("bits behind the prefix are set")
	}
	return RangeOf(p), nil
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(a); bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	out, _ := netip.AddrFromSlice(a)
	return out
}

// ParsePrefix reads the prefix of a subnet, as "192.0.2.0/24" or "2001:db8::/64"; bits is 32 or 128, the length of the
// family's addresses. Bits behind the prefix are dropped, as the original does.
func ParsePrefix(text string, bits int) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(text))
	if err != nil || p.Addr().BitLen() != bits || p.Addr().Is4In6() {
		family := "IPv4"
		if bits == 128 {
			family = "IPv6"
		}
		return netip.Prefix{}, fmt.Errorf("subnet %q is not an %s prefix with length", text, family)
	}
	return p.Masked(), nil
}
