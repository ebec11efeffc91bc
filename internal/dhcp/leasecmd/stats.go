package leasecmd

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"net/netip"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// Subnet is what a subnet has and uses.
type Subnet struct {
	ID        uint32  `json:"subnet_id"`
	Prefix    string  `json:"subnet,omitempty"`               // empty when it is not configured any more
	Addresses uint64  `json:"total_addresses"`                // of its pools; math.MaxInt64 when there are more
	Assigned  uint64  `json:"assigned_addresses"`             // active, also those that are over and not reclaimed yet
	Declined  uint64  `json:"declined_addresses"`             //
	Reclaimed uint64  `json:"reclaimed_leases"`               // remembered for their clients
	Prefixes  *uint64 `json:"total_pds,omitempty"`            // DHCPv6
	Delegated *uint64 `json:"assigned_pds,omitempty"`         // DHCPv6
	Register  *uint64 `json:"registered_addresses,omitempty"` // DHCPv6
	Refused   uint64  `json:"allocation_failures"`            // since the start
}

// Subnets counts for all subnets that are configured, or have leases.
func Subnets(s Server, f lease.Family) []Subnet {
	var out []Subnet
	at := map[uint32]int{}
	row := func(id uint32, prefix string) *Subnet {
		if i, ok := at[id]; ok {
			return &out[i]
		}
		at[id] = len(out)
		out = append(out, Subnet{ID: id, Prefix: prefix, Refused: s.Refused(id)})
		r := &out[len(out)-1]
		if f == lease.Family6 {
			r.Prefixes, r.Delegated, r.Register = new(uint64), new(uint64), new(uint64)
		}
		return r
	}
	for _, n := range s.Subnets().All() {
		r := row(n.ID, n.Prefix.String())
		for _, p := range n.Pools {
			if p.Delegates && r.Prefixes != nil {
				*r.Prefixes = add(*r.Prefixes, prefixes(p))
			} else if !p.Delegates {
				r.Addresses = add(r.Addresses, distance(p.First, p.Last))
			}
		}
	}
	for _, t := range s.Leases().Tallies() {
		r := row(t.Subnet, "")
		r.Declined += t.Declined
		r.Reclaimed += t.Reclaimed
		switch {
		case t.Kind == lease.PD && r.Delegated != nil:
			*r.Delegated += t.Active
		default:
			r.Assigned += t.Active
		}
		if r.Register != nil {
			*r.Register += t.Registered
		}
	}
	return out
}

func (c *call) stats() (any, error) {
	id, err := c.subnetID()
	if err != nil {
		return nil, err
	}
	all := Subnets(c.server, c.family)
	if id == 0 {
		return all, nil
	}
	for _, s := range all {
		if s.ID == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("subnet_id: subnet %d is not configured and has no leases", id)
}

// add keeps sums within what JSON readers take for an integer.
func add(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 || sum > math.MaxInt64 {
		return math.MaxInt64
	}
	return sum
}

// distance is the number of addresses from first to last.
func distance(first, last netip.Addr) uint64 {
	a, b := new(big.Int).SetBytes(first.AsSlice()), new(big.Int).SetBytes(last.AsSlice())
	n := b.Sub(b, a).Add(b, big.NewInt(1))
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return n.Uint64()
}

// prefixes is the number of prefixes in a pool of them.
func prefixes(p *subnet.Pool) uint64 {
	a, b := new(big.Int).SetBytes(p.First.AsSlice()), new(big.Int).SetBytes(p.Last.AsSlice())
	n := b.Sub(b, a).Add(b, big.NewInt(1)).Rsh(b, uint(128-p.Length))
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return n.Uint64()
}
