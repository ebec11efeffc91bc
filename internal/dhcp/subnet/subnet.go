package subnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/option"
)

// Range is the addresses from First to Last, both included, of IPv4.
type Range struct{ First, Last netip.Addr }

// Contains tells whether a lies in the range.
func (r Range) Contains(a netip.Addr) bool {
	return a.Is4() && r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0
}

func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

// ParseRange reads a pool: "192.0.2.10 - 192.0.2.20" or "192.0.2.64/26"; blanks are ignored.
func ParseRange(text string) (Range, error) {
	plain := strings.NewReplacer(" ", "", "\t", "").Replace(text)
	bad := func(why string) (Range, error) { return Range{}, fmt.Errorf("pool %q: %s", text, why) }
	if first, last, ok := strings.Cut(plain, "-"); ok {
		a, errA := netip.ParseAddr(first)
		b, errB := netip.ParseAddr(last)
		switch {
		case errA != nil || errB != nil || !a.Is4() || !b.Is4():
			return bad("not two IPv4 addresses with a hyphen between them")
		case b.Less(a):
			return bad("the last address is below the first")
		}
		return Range{a, b}, nil
	}
	p, err := netip.ParsePrefix(plain)
	if err != nil || !p.Addr().Is4() {
		return bad(`neither "first - last" nor "prefix/length" of IPv4`)
	}
	if p.Masked() != p {
		return bad("bits behind the prefix are set")
	}
	return Range{p.Addr(), last(p)}, nil
}

// last is the highest address of an IPv4 prefix.
func last(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(a[:]) | uint32(1<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(a[:], n)
	return netip.AddrFrom4(a)
}

// Subnet is one network with what its clients are told. It is immutable.
type Subnet struct {
	ID          uint32
	Prefix      netip.Prefix
	Pools       []Range
	Renew       uint32 // T1 in seconds
	Rebind      uint32 // T2
	Valid       uint32 // lease time
	NextServer  netip.Addr
	ClientClass string     // only for clients of this class; empty: for all
	Relay       netip.Addr // giaddr that selects this subnet too; 0.0.0.0 none
	Options     option.Wire
}

// Contains tells whether an address belongs to the network.
func (s *Subnet) Contains(a netip.Addr) bool { return s.Prefix.Contains(a) }

// InPool tells whether an address may be given out.
func (s *Subnet) InPool(a netip.Addr) bool {
	for _, r := range s.Pools {
		if r.Contains(a) {
			return true
		}
	}
	return false
}

// ParsePrefix reads "192.0.2.0/24". Bits behind the prefix are dropped, as the original does.
func ParsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(text))
	if err != nil || !p.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("subnet %q is not an IPv4 prefix with length", text)
	}
	return p.Masked(), nil
}

// CheckPools tells what is wrong with a subnet's pools: outside of it, or overlapping. Errors come by pool index.
func (s *Subnet) CheckPools() map[int]error {
	wrong := map[int]error{}
	for i, r := range s.Pools {
		if !s.Contains(r.First) || !s.Contains(r.Last) {
			wrong[i] = fmt.Errorf("pool %s does not lie in the subnet %s", r, s.Prefix)
			continue
		}
		for j, o := range s.Pools[:i] {
			if r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0 {
				wrong[i] = fmt.Errorf("pool %s overlaps pool[%d] %s", r, j, o)
				break
			}
		}
	}
	return wrong
}

// Number gives subnets without an identifier (0) one: the numbers from 1 in the order of the configuration, leaving
// out those that are given. So the removal of a subnet can renumber those behind it; the server then moves the leases
// to the new numbers (a lease belongs to the subnet that its address lies in), so that nothing is lost.
func Number(ids []uint32) []uint32 {
	taken := map[uint32]bool{}
	for _, id := range ids {
		taken[id] = true
	}
	out, next := make([]uint32, len(ids)), uint32(1)
	for i, id := range ids {
		if id == 0 {
			for taken[next] {
				next++
			}
			id = next
			next++
		}
		out[i] = id
	}
	return out
}

// List is the subnets in the order of the configuration. It is immutable.
type List []*Subnet

// Check tells what is wrong between subnets: an identifier or a prefix that occurs twice, or an address that stands in
// pools of two. Errors come by index.
func (l List) Check() map[int]error {
	wrong := map[int]error{}
	ids, prefixes := map[uint32]int{}, map[netip.Prefix]int{}
	for i, s := range l {
		j, sameID := ids[s.ID]
		k, samePrefix := prefixes[s.Prefix]
		switch {
		case sameID:
			wrong[i] = fmt.Errorf("id %d is already used by subnet4[%d]", s.ID, j)
		case samePrefix:
			wrong[i] = fmt.Errorf("subnet %s is already configured as subnet4[%d]", s.Prefix, k)
		default:
			ids[s.ID], prefixes[s.Prefix] = i, i
		}
	}
	type owned struct {
		Range
		index int
	}
	var pools []owned
	for i, s := range l {
		for _, r := range s.Pools {
			pools = append(pools, owned{r, i})
		}
	}
	slices.SortFunc(pools, func(a, b owned) int { return a.First.Compare(b.First) })
	for i := 1; i < len(pools); i++ {
		a, b := pools[i-1], pools[i]
		if a.index != b.index && b.First.Compare(a.Last) <= 0 && wrong[max(a.index, b.index)] == nil {
			wrong[max(a.index, b.index)] = fmt.Errorf("pools %s and %s of subnet4[%d] and subnet4[%d] overlap",
				a.Range, b.Range, a.index, b.index)
		}
		if b.Last.Less(a.Last) {
			pools[i] = a // goes on behind b
		}
	}
	return wrong
}

// Where is what a packet tells about the place of its client. Addresses are 0.0.0.0 when unknown.
type Where struct {
	Relay     netip.Addr // giaddr
	Link      netip.Addr // where the relay says that the client is (RFC 3527), instead of giaddr
	Client    netip.Addr // ciaddr of a client that sent unicast
	Interface netip.Addr // first address of the interface that received the packet
}

// ErrNone is returned when no subnet fits.
var ErrNone = errors.New("no subnet for this client")

// Select finds the subnet of a client: relayed by the relay's address (in the subnet, or named by its relay/ip-address),
// else by the client's own address, else by the interface. A link that the relay names stands in place of its
// address (RFC 3527 section 3). The first in the order of the configuration that the
// classes allow is taken.
func (l List) Select(w Where, classes class.Set) (*Subnet, error) {
	relayed := w.Relay.IsValid() && !w.Relay.IsUnspecified()
	linked := w.Link.IsValid() && !w.Link.IsUnspecified()
	at := w.Interface
	switch {
	case linked:
		at = w.Link
	case relayed:
		at = w.Relay
	case w.Client.IsValid() && !w.Client.IsUnspecified():
		at = w.Client
	}
	for _, s := range l {
		named := relayed && !linked && s.Relay.IsValid() && !s.Relay.IsUnspecified() && s.Relay == w.Relay
		if (named || at.IsValid() && s.Contains(at)) && classes.Allows(s.ClientClass) {
			return s, nil
		}
	}
	return nil, ErrNone
}

// ByID finds a subnet by its identifier, or nil.
func (l List) ByID(id uint32) *Subnet {
	for _, s := range l {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// Of finds the subnet that a lease belongs to: the one with its identifier if the address lies in it, else the first
// with the address in a pool, else the first that contains it; nil if there is none.
func (l List) Of(id uint32, a netip.Addr) *Subnet {
	if s := l.ByID(id); s != nil && s.Contains(a) {
		return s
	}
	var found *Subnet
	for _, s := range l {
		if s.InPool(a) {
			return s
		}
		if found == nil && s.Contains(a) {
			found = s
		}
	}
	return found
}
