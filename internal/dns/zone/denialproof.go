package zone

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

// denialRoom is the memory in which proofs are made.
type denialRoom struct {
	runs  int // of SHA-1 for this question
	owner [wire.MaxName]byte
	key   [maxOrderKey]byte
}

// denyType proves that the existing name n, whose name is name in lower case, has not the type asked for (RFC 4035
// section 3.1.3.1, RFC 5155 sections 7.2.3 and 7.2.4). At a delegation that is the proof that it is not signed (RFC 4035
// section 3.1.4, RFC 5155 section 7.2.7).
func (a *Answer) denyType(v *Version, n node, name wire.Name) {
	switch {
	case !v.denial.signed():
	case v.denial.chain != nil:
		if !a.match(v, name) { // left out by opt-out
			a.denyCloser(v, name)
		}
	case n.set(wire.TypeNSEC).exists():
		a.prove(v, n, wire.TypeNSEC)
	default: // an empty non-terminal: the record before it leads to a name below it
		a.cover(v, name)
	}
}

// denyName proves that closer does not exist, which is the name asked for or lies above it, nor a wildcard beside it
// (RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2).
func (a *Answer) denyName(v *Version, closer wire.Name) {
	switch {
	case !v.denial.signed():
	case v.denial.chain != nil:
		if encloser := a.denyCloser(v, closer); encloser != "" {
			a.cover(v, a.wildcardOf(encloser))
		}
	default:
		a.cover(v, closer)
		a.cover(v, a.wildcardOf(closer.Parent()))
	}
}

// denyExpansion proves that closer does not exist, so that a wildcard stands for it (RFC 4035 section 3.1.3.3, RFC 5155
// section 7.2.6).
func (a *Answer) denyExpansion(v *Version, closer wire.Name) {
	if v.denial.signed() {
		a.cover(v, closer)
	}
}

// denyWildcardType proves that closer does not exist, and that n, the wildcard that stands for it, has not the type
// asked for (RFC 4035 section 3.1.3.4, RFC 5155 section 7.2.5).
func (a *Answer) denyWildcardType(v *Version, n node, closer wire.Name) {
	switch {
	case !v.denial.signed():
	case v.denial.chain != nil:
		a.denyCloser(v, closer)
		a.match(v, a.wildcardOf(closer.Parent()))
	default:
		a.denyType(v, n, a.wildcardOf(closer.Parent()))
		a.cover(v, closer)
	}
}

// denyCloser is the closest encloser proof of RFC 5155 section 7.2.1 for a name without NSEC3 record. Names that exist
// may be without one too, where opt-out left them out, so that the encloser is the first name above that has one
// (section 6). It gives that name, "" if there is none.
func (a *Answer) denyCloser(v *Version, closer wire.Name) (encloser wire.Name) {
	for len(closer) > len(v.key) {
		parent := closer.Parent()
		if a.match(v, parent) {
			a.cover(v, closer)
			return parent
		}
		closer = parent
	}
	return ""
}

// wildcardOf gives "*" below a name. It is valid until the next call.
func (a *Answer) wildcardOf(encloser wire.Name) wire.Name {
	return wire.BorrowName(append(append(a.star[:0], 1, '*'), encloser...))
}

// match adds the NSEC3 record of exactly that name. False: there is none.
func (a *Answer) match(v *Version, name wire.Name) bool {
	if len(name) == len(v.key) {
		return v.denial.apexProof.exists() && a.prove(v, v.denial.apexProof, wire.TypeNSEC3)
	}
	x, ok := a.hash(v, name)
	return ok && a.proveHash(v, &x)
}

// cover adds the record that shows that there is nothing between its owner and the next one, where the name would be.
func (a *Answer) cover(v *Version, name wire.Name) {
	d := &v.denial
	if d.chain == nil {
		key := d.names.before(appendOrderKey(a.denial.key[:0], name, v.key))
		if n := v.names.get(orderName(key, v.key, a.denial.owner[:])); n.exists() {
			a.prove(v, n, wire.TypeNSEC)
		}
		return
	}
	if isStar(v, name) {
		if d.starProof.exists() {
			a.prove(v, d.starProof, wire.TypeNSEC3)
		}
		return
	}
	if x, ok := a.hash(v, name); ok {
		var before nsecHash
		copy(before[:], d.hashes.before(x[:]))
		a.proveHash(v, &before)
	}
}

func (a *Answer) proveHash(v *Version, x *nsecHash) bool {
	n := v.names.get(x.owner(v.key, a.denial.owner[:]))
	return n.exists() && a.prove(v, n, wire.TypeNSEC3)
}

// prove adds the NSEC or NSEC3 record of a name with its signature, once. Its TTL is at most that of a negative answer
// (RFC 9077 section 3). False: there is none.
func (a *Answer) prove(v *Version, n node, t wire.Type) bool {
	s := n.set(t)
	if !s.exists() {
		return false
	}
	for _, it := range a.sections[wire.Authority] {
		if it.set.same(s) {
			return true
		}
	}
	ttl := v.negativeTTL()
	a.put(wire.Authority, item{n.name(), s, ttl, true})
	if sig := n.signature(t); sig.exists() {
		a.put(wire.Authority, item{n.name(), sig, ttl, true})
	}
	return true
}

// hash hashes a name of the zone. False: the question has used up what it may cost.
func (a *Answer) hash(v *Version, name wire.Name) (nsecHash, bool) {
	d := &v.denial
	switch {
	case isStar(v, name):
		return d.star, true
	case !a.affords(v, 1):
		return nsecHash{}, false
	}
	a.denial.runs += d.chain.runs()
	return d.chain.hash(name), true
}

// isStar tells whether a name of the zone is "*" below the origin.
func isStar(v *Version, name wire.Name) bool { return len(name) == len(v.key)+2 && name[1] == '*' }

// affords tells whether the question may hash so many more names of the zone.
func (a *Answer) affords(v *Version, names int) bool {
	return v.denial.chain == nil || a.denial.runs+names*v.denial.chain.runs() <= maxRuns
}

// hashed tells whether a name is there only for NSEC3 records. Such names are no names of the zone (RFC 5155 section
// 7.2.8).
func (n node) hashed() bool {
	if !n.owns() || n.children() > 0 {
		return false
	}
	if t := n.firstType(); t != wire.TypeRRSIG && t != wire.TypeNSEC3 { // nearly every name: sets stand by type
		return false
	}
	for c := n.sets(); c.next(); {
		if !c.set.denies() {
			return false
		}
	}
	return true
}

// firstType gives the type of the first RRset of a name that has records.
func (n node) firstType() wire.Type {
	return wire.Type(binary.LittleEndian.Uint16(n.b[nodeHead+int(n.b[9]):]))
}

// denies tells whether these are NSEC3 records or their signatures, which are only for proofs.
func (s rrset) denies() bool { return s.typ == wire.TypeNSEC3 || s.covers == wire.TypeNSEC3 }
