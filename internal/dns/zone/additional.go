package zone

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

// maxTargets bounds the names whose records are added for one RRset: more than any sane one has, and too few to make
// additional data a load (CVE-2024-11187).
const maxTargets = 13

// related adds what who asked for s will need next, as far as the zone has it: the addresses of the hosts that its
// records name, and the records that they lead to. owner is the name that was asked for.
func (a *Answer) related(v *Version, owner wire.Name, s rrset, do bool) {
	switch s.typ {
	case wire.TypeNS, wire.TypeMX, wire.TypeSRV, wire.TypeAFSDB, wire.TypeRT, wire.TypeKX, wire.TypeSVCB, wire.TypeHTTPS, wire.TypeNAPTR:
	default:
		return
	}
	t := s.targets()
	for i := 0; i < maxTargets && t.next(); i++ {
		switch s.typ {
		case wire.TypeSVCB, wire.TypeHTTPS:
			a.service(v, owner, s.typ, &t, do)
		case wire.TypeNAPTR:
			a.rewritten(v, &t, do)
		default:
			a.addresses(v, t.name, do, false)
		}
	}
}

// service adds what a service binding leads to (RFC 9460 section 4.1): the addresses, and behind an alias its records of
// the same type. Of a service the target "." is the owner, and that of an alias says that there is none (sections 2.5.1
// and 2.5.2).
func (a *Answer) service(v *Version, owner wire.Name, typ wire.Type, t *targets, do bool) {
	alias := binary.BigEndian.Uint16(t.data) == 0
	switch {
	case t.name != wire.Root:
		owner = t.name
	case alias:
		return
	}
	if alias {
		if n, name := a.host(v, owner); n.exists() {
			a.attach(n, name, typ, do, false)
		}
	}
	a.addresses(v, owner, do, false)
}

// rewritten adds what the replacement of a terminal NAPTR record leads to: addresses or SRV records, by its flag (RFC
// 3404 section 4.3).
func (a *Answer) rewritten(v *Version, t *targets, do bool) {
	if t.data[4] != 1 { // flags are a string, and these stand alone
		return
	}
	switch t.data[5] {
	case 'a', 'A':
		a.addresses(v, t.name, do, false)
	case 's', 'S':
		if n, name := a.host(v, t.name); n.exists() {
			a.attach(n, name, wire.TypeSRV, do, false)
		}
	}
}

// addresses adds the addresses of a host, if it lies in the zone.
func (a *Answer) addresses(v *Version, host wire.Name, do, required bool) {
	n, owner := a.host(v, host)
	if n.exists() {
		a.attach(n, owner, wire.TypeA, do, required)
		a.attach(n, owner, wire.TypeAAAA, do, required)
	}
}

// attach adds the RRset of a type unless it is there under that name.
func (a *Answer) attach(n node, owner wire.Name, typ wire.Type, do, required bool) {
	if s := n.set(typ); s.exists() && !a.sent(owner, s) {
		a.add(wire.Additional, n, owner, s, do, required)
	}
}

// host gives the node that has the records of a name, and the name to write; none if the name is not in the zone.
func (a *Answer) host(v *Version, name wire.Name) (node, wire.Name) {
	if !name.IsBelow(v.key) {
		return node{}, ""
	}
	if n := v.names.get(name); n.exists() {
		return n, n.name()
	}
	return a.standIn(v, name), name
}

// standIn gives the wildcard that stands for a name that does not exist (RFC 4592 section 3.3.1); none if there is none,
// or the name lies below a delegation or a DNAME.
func (a *Answer) standIn(v *Version, name wire.Name) node {
	encloser := name.Parent()
	at := v.names.get(encloser)
	for !at.exists() {
		encloser = encloser.Parent()
		at = v.names.get(encloser)
	}
	if !at.star() {
		return node{}
	}
	if v.cuts > 0 {
		for above := encloser; ; above = above.Parent() {
			n := v.names.get(above)
			if n.set(wire.TypeDNAME).exists() || len(above) > len(v.key) && n.set(wire.TypeNS).exists() {
				return node{}
			}
			if len(above) <= len(v.key) {
				break
			}
		}
	}
	return v.names.get(a.wildcardOf(encloser))
}

// sent tells whether an RRset is in the answer or additional section under that name.
func (a *Answer) sent(owner wire.Name, s rrset) bool {
	for _, section := range [...]wire.Section{wire.Answer, wire.Additional} {
		for _, it := range a.sections[section] {
			if it.set.same(s) && it.owner.Equal(owner) {
				return true
			}
		}
	}
	return false
}
