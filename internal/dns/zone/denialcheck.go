package zone

import (
	"bytes"
	"fmt"

	"bundy/internal/dns/wire"
)

// checkDenial looks at the chain from which proofs are made. Its faults are not fatal: all that exists is still answered
// and can be validated, and proofs are made of what is there, so that a validator finds wrong only what is wrong.
func (v *Version) checkDenial() []Finding {
	var found []Finding
	for data := range v.apex.set(wire.TypeNSEC3PARAM).all() {
		h, ok := hashingOf(data)
		if ok && data[1] == 0 && h.iterations > maxIterations {
			found = append(found, Finding{Text: fmt.Sprintf("zone %s: NSEC3 with %d iterations is not used, %d are the most (RFC 9276 wants 0)", v.origin, h.iterations, maxIterations)})
		}
	}
	switch {
	case v.denial.chain != nil:
		found = append(found, v.checkChain(&v.denial.hashes, v.checkNSEC3)...)
	case v.denial.names.n > 0:
		found = append(found, v.checkChain(&v.denial.names, v.checkNSEC)...)
	case v.apex.signature(wire.TypeSOA).exists():
		found = append(found, Finding{Text: fmt.Sprintf("zone %s is signed, but has no chain of NSEC or NSEC3 records that can be used", v.origin)})
	}
	return found
}

// checkChain compares what each record of a chain says the next one is with the next one. link gives the owner of the
// record with that key, and the key that it leads to.
func (v *Version) checkChain(o *order, link func(key []byte) (owner wire.Name, next []byte)) []Finding {
	broken := 0
	var first wire.Name
	for key := range o.all() {
		owner, next := link(key)
		if bytes.Equal(next, o.after(key)) {
			continue
		}
		if broken++; broken == 1 {
			first = owner
		}
	}
	if broken == 0 {
		return nil
	}
	return []Finding{{Text: fmt.Sprintf("zone %s: %d NSEC or NSEC3 records do not lead to the next one, the first is that of %s", v.origin, broken, first)}}
}

func (v *Version) checkNSEC(key []byte) (owner wire.Name, next []byte) {
	var room [wire.MaxName]byte
	n := v.names.get(orderName(key, v.key, room[:]))
	names := wire.DataNames(wire.TypeNSEC, n.set(wire.TypeNSEC).first())
	if len(names) != 1 || !names[0].IsBelow(v.key) {
		return n.name(), nil
	}
	return n.name(), appendOrderKey([]byte{}, names[0].Lower(), v.key)
}

func (v *Version) checkNSEC3(key []byte) (owner wire.Name, next []byte) {
	var x nsecHash
	copy(x[:], key)
	var room [wire.MaxName]byte
	n := v.names.get(x.owner(v.key, room[:]))
	for data := range n.set(wire.TypeNSEC3).all() {
		if at := nsec3Fixed + len(v.denial.chain.salt); v.denial.chain.matches(data) && len(data) > at+len(x) && int(data[at]) == len(x) {
			return n.name(), data[at+1 : at+1+len(x)]
		}
	}
	return n.name(), nil
}
