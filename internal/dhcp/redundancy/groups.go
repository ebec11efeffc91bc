package redundancy

import (
	"net/netip"
	"slices"
)

// Role is what a node is to a group.
type Role string

// Backup serves nothing of the group and changes no name of its leases; Master does both.
const (
	Backup Role = "backup"
	Master Role = "master"
)

// Groups says what belongs to which group. It is immutable; nil has no groups.
type Groups struct {
	names      []string
	subnets    []member
	interfaces map[string]string // name of the group by interface
}

type member struct {
	prefix netip.Prefix
	group  string
}

// Names gives the names of the groups in the order of the configuration.
func (g *Groups) Names() []string {
	if g == nil {
		return nil
	}
	return slices.Clone(g.names)
}

// Subnets gives the subnets of all groups.
func (g *Groups) Subnets() (out []netip.Prefix) {
	if g == nil {
		return nil
	}
	for _, m := range g.subnets {
		out = append(out, m.prefix)
	}
	return out
}

// Has tells whether there is a group of that name.
func (g *Groups) Has(name string) bool { return g != nil && slices.Contains(g.names, name) }

// Of gives the group that an address belongs to: that of the longest subnet it lies in, else that of the interface, which
// may be ""; "" if it belongs to none.
func (g *Groups) Of(a netip.Addr, iface string) string {
	if g == nil {
		return ""
	}
	group, bits := "", -1
	for _, m := range g.subnets {
		if m.prefix.Bits() > bits && m.prefix.Contains(a) {
			group, bits = m.group, m.prefix.Bits()
		}
	}
	if bits < 0 {
		group = g.interfaces[iface]
	}
	return group
}

// Duties is what this node has to serve at one moment. It is immutable; nil serves everything.
type Duties struct {
	groups  *Groups
	masters map[string]bool
}

// NewDuties makes the duties of a node with these roles. A group without role is one it is backup of.
func NewDuties(groups *Groups, roles map[string]Role) *Duties {
	d := &Duties{groups: groups, masters: map[string]bool{}}
	for name, role := range roles {
		if role == Master && groups.Has(name) {
			d.masters[name] = true
		}
	}
	return d
}

// Serves tells whether clients in the subnet of a, which ask through the interface, are this node's to serve. The address
// may be invalid and the interface "" if it is not known.
func (d *Duties) Serves(a netip.Addr, iface string) bool {
	if d == nil {
		return true
	}
	group := d.groups.Of(a, iface)
	return group == "" || d.masters[group]
}

// Group gives the group that decides about a and the interface, "" if none does.
func (d *Duties) Group(a netip.Addr, iface string) string {
	if d == nil {
		return ""
	}
	return d.groups.Of(a, iface)
}

// Empty tells whether there are no groups, so that all is served.
func (d *Duties) Empty() bool { return d == nil || d.groups == nil || len(d.groups.names) == 0 }

// Gained tells whether this node is master of a group that it was not master of before.
func (d *Duties) Gained(before *Duties) bool {
	if d == nil {
		return false
	}
	for name := range d.masters {
		if before == nil || !before.masters[name] {
			return true
		}
	}
	return false
}

func (d *Duties) equal(o *Duties) bool {
	return d != nil && o != nil && d.groups == o.groups && len(d.masters) == len(o.masters) &&
		!slices.ContainsFunc(o.groups.Names(), func(n string) bool { return d.masters[n] != o.masters[n] })
}
