package subnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"bundy/internal/dhcp/class"
)

// List is the subnets of a server in the order of the configuration. It is immutable.
type List struct {
	all         []*Subnet
	byID        map[uint32]*Subnet
	byPrefix    map[netip.Prefix]int
	lengths     []int // of the prefixes that occur, the longest first
	byRelay     map[netip.Addr][]int
	byInterface map[string][]int
	byLink      map[string][]int // by interface-id
	pools       []owned          // in the order of addresses
	global      *Hosts
}

type owned struct {
	*Pool
	index int // of the subnet
}

// NewList makes the index over subnets, whose identifiers are set, and of reservations for all of them (nil: none).
// A subnet without Network gets one of its own. What is wrong between them is told by Check.
func NewList(all []*Subnet, global *Hosts) *List {
	none, _ := NewHosts(nil)
	if global == nil {
		global = none
	}
	l := &List{
		all: all, byID: map[uint32]*Subnet{}, byPrefix: map[netip.Prefix]int{}, byRelay: map[netip.Addr][]int{},
		byInterface: map[string][]int{}, byLink: map[string][]int{}, global: global,
	}
	for i, s := range all {
		if s.Network == nil {
			s.Network = &Network{Subnets: []*Subnet{s}}
		}
		if s.Hosts == nil {
			s.Hosts = none
		}
		if s.global = none; s.GlobalHosts {
			s.global = global
		}
		if l.byID[s.ID] == nil {
			l.byID[s.ID] = s
		}
		if _, ok := l.byPrefix[s.Prefix]; !ok {
			l.byPrefix[s.Prefix] = i
		}
		if !slices.Contains(l.lengths, s.Prefix.Bits()) {
			l.lengths = append(l.lengths, s.Prefix.Bits())
		}
		for _, a := range s.Relays {
			l.byRelay[a] = append(l.byRelay[a], i)
		}
		if s.Interface != "" {
			l.byInterface[s.Interface] = append(l.byInterface[s.Interface], i)
		}
		if s.InterfaceID != "" {
			l.byLink[s.InterfaceID] = append(l.byLink[s.InterfaceID], i)
		}
		for _, p := range s.Pools {
			l.pools = append(l.pools, owned{p, i})
		}
	}
	slices.Sort(l.lengths)
	slices.Reverse(l.lengths)
	slices.SortStableFunc(l.pools, func(a, b owned) int { return a.First.Compare(b.First) })
	return l
}

// All gives the subnets in the order of the configuration. The slice must not be changed.
func (l *List) All() []*Subnet { return l.all }

// Hosts is the reservations for all subnets.
func (l *List) Hosts() *Hosts { return l.global }

// Check tells what is wrong between subnets: an identifier or a prefix that occurs twice, or an address that stands in
// pools of two. Errors come by index.
func (l *List) Check() map[int]error {
	wrong := map[int]error{}
	for i, s := range l.all {
		first := l.all[l.byPrefix[s.Prefix]]
		switch {
		case l.byID[s.ID] != s && s.ID != 0:
			wrong[i] = fmt.Errorf("id %d is already used by %s", s.ID, l.byID[s.ID].Path)
		case first != s:
			wrong[i] = fmt.Errorf("subnet %s is already configured as %s", s.Prefix, first.Path)
		}
	}
	reach := owned{} // the pool so far that goes on longest
	for i, b := range l.pools {
		a := reach
		if i > 0 && a.index != b.index && a.Overlaps(b.Range) && wrong[max(a.index, b.index)] == nil {
			wrong[max(a.index, b.index)] = fmt.Errorf("pools %s and %s of %s and %s overlap",
				a.Range, b.Range, l.all[a.index].Path, l.all[b.index].Path)
		}
		if i == 0 || a.Last.Less(b.Last) {
			reach = b
		}
	}
	return wrong
}

// Where is what a packet tells about the place of its client. Addresses are invalid or unspecified when unknown.
type Where struct {
	Relay       netip.Addr   // giaddr, or the link-address of the relay nearest to the client
	InterfaceID string       // what that relay calls the client's interface (DHCPv6); empty: nothing
	Link        netip.Addr   // where the relay or the client says that the client is (RFC 3527, RFC 3011), instead of giaddr
	Client      netip.Addr   // the address of a client that sent unicast, or its link-local address
	Interface   string       // that received the packet
	Local       []netip.Addr // the addresses of that interface
}

// ErrNone is returned when no subnet fits.
var ErrNone = errors.New("no subnet for this client")

// Select finds the subnet of a client: relayed by the link that the relay names, or by the relay's address (in the
// subnet, or one of its relays); else by the client's own address, else by the interface. A link that the relay names
// stands in place of its address (RFC 3527 section 3). The first in the order of the configuration that the classes
// allow is taken, or another of its network that they allow.
func (l *List) Select(w Where, classes class.Set) (*Subnet, error) {
	known := func(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }
	relayed := known(w.Relay) || w.InterfaceID != ""
	var at []int
	switch {
	case w.InterfaceID != "" && len(l.byLink[w.InterfaceID]) > 0:
		at = l.byLink[w.InterfaceID]
	case known(w.Link):
		at = l.around(nil, w.Link)
	case relayed:
		at = l.around(slices.Clone(l.byRelay[w.Relay]), w.Relay)
	default:
		at = l.byInterface[w.Interface]
		if known(w.Client) {
			if around := l.around(nil, w.Client); len(around) > 0 {
				at = around
			}
			break
		}
		for _, a := range w.Local {
			if s := l.allowed(at, classes); s != nil {
				return s, nil
			}
			at = l.around(nil, a)
		}
	}
	if s := l.allowed(at, classes); s != nil {
		return s, nil
	}
	return nil, ErrNone
}

// around adds the subnets that contain an address, in the order of the configuration.
func (l *List) around(at []int, a netip.Addr) []int {
	if !a.IsValid() {
		return at
	}
	for _, bits := range l.lengths {
		if p, err := a.Prefix(bits); err == nil {
			if i, ok := l.byPrefix[p]; ok {
				at = append(at, i)
			}
		}
	}
	slices.Sort(at)
	return at
}

func (l *List) allowed(at []int, classes class.Set) *Subnet {
	for _, i := range at {
		if l.all[i].Allows(classes) {
			return l.all[i]
		}
	}
	for _, i := range at {
		for _, s := range l.all[i].Network.Subnets {
			if s.Allows(classes) {
				return s
			}
		}
	}
	return nil
}

// ByID finds a subnet by its identifier, or nil.
func (l *List) ByID(id uint32) *Subnet { return l.byID[id] }

// Of finds the subnet that a lease belongs to: the one with its identifier if the address may belong to it, else the one
// with the address in a pool, else the smallest that contains it; nil if there is none.
func (l *List) Of(id uint32, a netip.Addr) *Subnet {
	if s := l.byID[id]; s != nil && s.Holds(a) {
		return s
	}
	if s, _ := l.Pool(a); s != nil {
		return s
	}
	for _, bits := range l.lengths {
		if p, err := a.Prefix(bits); err == nil {
			if i, ok := l.byPrefix[p]; ok {
				return l.all[i]
			}
		}
	}
	return nil
}

// Pool finds the pool that an address lies in, with its subnet; nil if there is none.
func (l *List) Pool(a netip.Addr) (*Subnet, *Pool) {
	i, found := slices.BinarySearchFunc(l.pools, a, func(p owned, a netip.Addr) int { return p.First.Compare(a) })
	if !found {
		i--
	}
	if i >= 0 && l.pools[i].Contains(a) {
		return l.all[l.pools[i].index], l.pools[i].Pool
	}
	return nil, nil
}
