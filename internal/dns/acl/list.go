package acl

import (
	"net/netip"
	"slices"

	"bundy/internal/dns/wire"
)

// Action is what a list says about a request. The zero value rejects.
type Action int8

const (
	Reject Action = iota // refuse with an error reply
	Accept
	Drop // no reply at all
)

func (a Action) String() string {
	switch a {
	case Accept:
		return "ACCEPT"
	case Drop:
		return "DROP"
	}
	return "REJECT"
}

// List is an ordered list of rules. It is immutable; the zero value has no rule.
type List struct{ rules []rule }

type rule struct {
	when   condition
	action Action
}

// Keys gives the names of keys that rules ask for, each once, in lower case.
func (l List) Keys() []wire.Name {
	var names []wire.Name
	var walk func(condition)
	walk = func(c condition) {
		switch c := c.(type) {
		case keyed:
			for _, n := range c {
				if n = n.Lower(); !slices.Contains(names, n) {
					names = append(names, n)
				}
			}
		case allOf:
			for _, inner := range c {
				walk(inner)
			}
		case anyOf:
			for _, inner := range c {
				walk(inner)
			}
		case not:
			walk(c.condition)
		}
	}
	for _, r := range l.rules {
		walk(r.when)
	}
	return names
}

// Decide gives the action of the first rule that matches, fallback if none does. key is the name of the key whose
// signature on the request was verified, in any case, or "" for an unsigned request. An IPv4 address in IPv6 form
// counts as IPv4, and the zone of a scoped address is left out.
func (l List) Decide(client netip.Addr, key wire.Name, fallback Action) Action {
	client = client.Unmap().WithZone("")
	for _, r := range l.rules {
		if r.when.matches(client, key) {
			return r.action
		}
	}
	return fallback
}

// condition is one node of a rule's expression.
type condition interface {
	matches(client netip.Addr, key wire.Name) bool
}

type (
	from  []netip.Prefix // any of them
	keyed []wire.Name    // any of them
	allOf []condition    // true when empty
	anyOf []condition    // false when empty
	not   struct{ condition }
)

func (f from) matches(client netip.Addr, _ wire.Name) bool {
	for _, p := range f {
		if p.Contains(client) {
			return true
		}
	}
	return false
}

func (k keyed) matches(_ netip.Addr, key wire.Name) bool {
	for _, n := range k {
		if n.Equal(key) {
			return true
		}
	}
	return false
}

func (a allOf) matches(client netip.Addr, key wire.Name) bool {
	for _, c := range a {
		if !c.matches(client, key) {
			return false
		}
	}
	return true
}

func (a anyOf) matches(client netip.Addr, key wire.Name) bool {
	for _, c := range a {
		if c.matches(client, key) {
			return true
		}
	}
	return false
}

func (n not) matches(client netip.Addr, key wire.Name) bool { return !n.condition.matches(client, key) }
