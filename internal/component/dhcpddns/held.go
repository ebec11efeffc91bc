package dhcpddns

import (
	"math"
	"net/netip"
	"time"

	"bundy/internal/dhcp/redundancy"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/schema"
)

// defaultLifetime is that of leases where the configuration of a DHCP server says none, in seconds.
const defaultLifetime = 4000

// longestLease finds the longest lifetime that a DHCP server's section gives leases anywhere, in seconds.
func longestLease(section schema.Section) uint32 {
	longest := uint32(0)
	var look func(v any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for item, value := range v {
				if n, ok := value.(int64); ok && (item == "valid-lifetime" || item == "max-valid-lifetime") {
					longest = max(longest, uint32(min(max(n, 0), math.MaxUint32)))
				}
				look(value)
			}
		case []any:
			for _, one := range v {
				look(one)
			}
		}
	}
	look(map[string]any(section))
	if _, said := section["valid-lifetime"]; !said {
		longest = max(longest, defaultLifetime)
	}
	return longest
}

// heldUntil is how long a record whose lease is not known here may have one that another node gave before now: the longest lease
// that there is. Zero is for ever.
func (s *settings) heldUntil(a netip.Addr, now time.Time) time.Time {
	i := s.fileOf(a)
	switch {
	case i < 0 || i >= families: // of another server's leases nobody knows how long they are
		return now.Add(othersKept)
	case s.longest[i] == math.MaxUint32:
		return time.Time{}
	}
	return now.Add(time.Duration(s.longest[i]) * time.Second)
}

// judges tells whether records of an address are ours to judge when no lease here speaks of it: those of our pools, of our
// redundancy groups, and of networks that a followed lease file is for; and what nobody's lease file decides about. An address
// of our subnets that no pool has may be leased by a server that has a pool there.
func (s *settings) judges(a netip.Addr, links []link) bool {
	i := s.fileOf(a)
	switch {
	case i < 0:
		return true
	case i >= families:
		for _, p := range s.files[i].subnets {
			if p.Bits() > 0 && p.Contains(a) {
				return true
			}
		}
		return false
	}
	return s.plan.Place(a).Pool != "" || s.groups.Of(a, interfaceOf(a, s.links, links)) != ""
}

// ranges gives the addresses that a walk through a reverse zone looks at.
func (s *settings) ranges() []policy.Range {
	out := s.plan.Pools()
	for _, p := range s.groups.Subnets() {
		out = append(out, policy.RangeOf(p))
	}
	for _, f := range s.files[families:] {
		for _, p := range f.subnets {
			if p.Bits() > 0 {
				out = append(out, policy.RangeOf(p))
			}
		}
	}
	return out
}

// held tells whether a record without lease stays because another node's lease may be behind it: always while this node is
// backup, for then the other one goes on giving leases.
func (e *engine) held(r owned.Record) bool {
	return r.Source == owned.Found && r.State == owned.Present &&
		(r.Expires.IsZero() || e.c.now().Before(r.Expires) || !e.duties.Serves(r.Address, e.interfaceOf(r.Address)))
}

// withoutHeld drops the records that are held.
func (e *engine) withoutHeld(records []owned.Record) []owned.Record {
	out := records[:0]
	for _, r := range records {
		if !e.held(r) {
			out = append(out, r)
		}
	}
	return out
}

// holdUntil lets an address be compared when its record is held no longer.
func (e *engine) holdUntil(r owned.Record) {
	if !r.Expires.IsZero() {
		e.holds.Set(r.Address, r.Expires)
	}
}

// holdAnew lets the time of held records begin when this node becomes master: until then the other one may have renewed their
// leases. False means that the state could not be written.
func (e *engine) holdAnew(next *redundancy.Duties) bool {
	now := e.c.now()
	var changes []owned.Change
	for r := range e.store.All() {
		on := e.interfaceOf(r.Address)
		if r.Source != owned.Found || r.State != owned.Present || e.duties.Serves(r.Address, on) || !next.Serves(r.Address, on) {
			continue
		}
		r.Expires = e.settings.heldUntil(r.Address, now)
		changes = append(changes, owned.Put(r))
		e.holdUntil(r)
	}
	for len(changes) > 0 {
		n := min(len(changes), roundAddresses)
		if !e.write(changes[:n]) {
			return false
		}
		changes = changes[n:]
	}
	return true
}

// letGo ends the holding of an address' records: our server has said something about the address since they were found.
func (e *engine) letGo(a netip.Addr) {
	var changes []owned.Change
	for _, r := range e.store.At(a) {
		if now := e.c.now(); e.held(r) && r.Source == owned.Found {
			r.Expires = now
			changes = append(changes, owned.Put(r))
		}
	}
	if len(changes) > 0 && e.write(changes) {
		e.dirty.add(a)
	}
}
