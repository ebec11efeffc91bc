package subnet

import (
	"fmt"
	"net/netip"

	"bundy/internal/dhcp/class"
	"bundy/internal/dhcp/option"
)

// Limit says who may use a subnet or a pool.
type Limit struct {
	Classes  []string // clients of any of these; none: all clients
	Required []string // classes that are looked at only for clients that use it, in this order
}

// Allows tells whether a client of these classes may use what is limited.
func (l Limit) Allows(classes class.Set) bool {
	for _, name := range l.Classes {
		if classes.Has(name) {
			return true
		}
	}
	return len(l.Classes) == 0
}

// Boot is the fixed fields of DHCPv4 that lead to a boot file.
type Boot struct {
	NextServer netip.Addr // siaddr; the invalid address: not said
	ServerName string     // sname
	FileName   string     // file
}

// Or gives what b says, and what it leaves open by other.
func (b Boot) Or(other Boot) Boot {
	if !b.NextServer.IsValid() {
		b.NextServer = other.NextServer
	}
	if b.ServerName == "" {
		b.ServerName = other.ServerName
	}
	if b.FileName == "" {
		b.FileName = other.FileName
	}
	return b
}

// Pool is addresses, or prefixes of one length, that are given out.
type Pool struct {
	Range                  // addresses; of a pool of prefixes all their addresses
	Length    uint8        // of the prefixes given out: 32 or 128 when these are addresses
	ID        uint32       // as the operator numbered it, for statistics and leases; 0 when not
	Delegates bool         // prefixes are given out (IA_PD), even if of length 128
	Excluded  netip.Prefix // RFC 6603; the invalid prefix: none
	Limit     Limit
	Options   option.Set  // its own
	Wire      option.Wire // with those of the subnet, the network and the global ones below them
}

// Subnet is one network with what its clients are told.
type Subnet struct {
	Path    string // where it stands in the configuration, for messages: "subnet4[0]"
	ID      uint32 // in the lease database; 0 until numbered (Identities)
	Prefix  netip.Prefix
	Network *Network // that it belongs to; a lone subnet has one of its own
	Pools   []*Pool  // of addresses and of prefixes, in the order of the configuration
	Hosts   *Hosts   // the reservations that hold in it alone; never nil in a List

	// How its clients are found.
	Limit       Limit
	Relays      []netip.Addr // addresses of relay agents that select it too
	Interface   string       // name of the interface whose direct clients belong here; empty: by the addresses
	InterfaceID string       // of relays (DHCPv6 option 18), raw octets; empty: none

	// What they are told.
	Timers  Timers
	Boot    Boot
	Options option.Set  // its own over those of its network
	Wire    option.Wire // with the global ones below them

	// How they are served.
	RapidCommit     bool
	IgnoreClientIDs bool // clients are told apart by their hardware addresses alone
	Authoritative   bool
	CacheThreshold  float64 // part of the lifetime within which a renewal leaves the lease as it is; 0: never
	GlobalHosts     bool    // the reservations of the whole server hold here too

	global *Hosts // those, if they hold; set by NewList
}

// Network is the subnets of one link: a shared network, or a subnet of its own.
type Network struct {
	Name    string // empty for a lone subnet
	Limit   Limit  // beside that of each subnet
	Subnets []*Subnet
}

// Allowed gives the subnets of the link that clients of these classes may use, a chosen one in front.
func (n *Network) Allowed(first *Subnet, classes class.Set) []*Subnet {
	if len(n.Subnets) == 1 {
		return n.Subnets
	}
	out := []*Subnet{first}
	for _, s := range n.Subnets {
		if s != first && s.Allows(classes) {
			out = append(out, s)
		}
	}
	return out
}

// Allows tells whether clients of these classes may use the subnet.
func (s *Subnet) Allows(classes class.Set) bool {
	return s.Network.Limit.Allows(classes) && s.Limit.Allows(classes)
}

// Contains tells whether an address belongs to the network.
func (s *Subnet) Contains(a netip.Addr) bool { return s.Prefix.Contains(a) }

// Pool finds the pool that an address, or the first address of a prefix, lies in; nil if there is none.
func (s *Subnet) Pool(a netip.Addr) *Pool {
	for _, p := range s.Pools {
		if p.Contains(a) {
			return p
		}
	}
	return nil
}

// Host gives the reservation of a client by its identifiers, in order; nil if it has none.
func (s *Subnet) Host(ids []Identifier) *Host {
	if host := s.Hosts.Find(ids); host != nil {
		return host
	}
	return s.global.Find(ids)
}

// Holder tells for whom an address, or a prefix by its first address, is reserved; nil for nobody.
func (s *Subnet) Holder(a netip.Addr) *Host {
	if host := s.Hosts.Holder(a); host != nil {
		return host
	}
	return s.global.Holder(a)
}

// Holds tells whether a lease of that address may belong to the subnet: an address of its network, or of one of its
// pools of prefixes, or reserved in it.
func (s *Subnet) Holds(a netip.Addr) bool {
	return s.Contains(a) || s.Pool(a) != nil || s.Holder(a) != nil
}

// CheckPools tells what is wrong with a subnet's pools: addresses outside of it, or pools that overlap. Errors come by
// the index in Pools.
func (s *Subnet) CheckPools() map[int]error {
	wrong := map[int]error{}
	for i, p := range s.Pools {
		if !p.Delegates && (!s.Contains(p.First) || !s.Contains(p.Last)) {
			wrong[i] = fmt.Errorf("pool %s does not lie in the subnet %s", p.Range, s.Prefix)
			continue
		}
		for j, o := range s.Pools[:i] {
			if p.Overlaps(o.Range) {
				wrong[i] = fmt.Errorf("pool %s overlaps pool[%d] %s", p.Range, j, o.Range)
				break
			}
		}
	}
	return wrong
}
