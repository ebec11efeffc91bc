package zone

import (
	"bytes"
	"slices"

	"bundy/internal/dns/wire"
)

// denial finds the records that prove what a signed zone does not have. It holds no records, only the order of those
// who own them, so that it does not depend on how the zone stores its names. The zero value is that of an unsigned zone.
// It is immutable.
type denial struct {
	names  order    // order keys of the owners of NSEC records (RFC 4034 section 4)
	chain  *hashing // of the NSEC3 records that proofs are made of; nil: of NSEC
	hashes order    // hashes of the owners of those
	apex   nsecHash // hash of the origin
	star   nsecHash // hash of "*" below the origin: most names that are asked for and do not exist lie below the apex

	// What is the same in nearly every proof: the owner of the NSEC3 record of the origin, and of that which covers star.
	apexProof, starProof node
}

// signed tells whether there is anything to prove with.
func (d *denial) signed() bool { return d.chain != nil || d.names.n > 0 }

// denialOwners collects the owners of NSEC and NSEC3 records while a zone is built.
type denialOwners struct {
	origin wire.Name // lower case
	names  [][]byte
	slab   []byte // the keys in names stand in pieces of this size
	hashes map[hashing]*[]nsecHash
	last   hashing // the parameters of the last NSEC3 record, nearly always those of the next
	to     *[]nsecHash
}

// slabSize is the size of the pieces of memory in which keys are collected.
const slabSize = 1 << 16

// see takes note of one record of the zone.
func (o *denialOwners) see(rr wire.RR) {
	switch rr.Type {
	case wire.TypeNSEC:
		if cap(o.slab)-len(o.slab) < maxOrderKey {
			o.slab = make([]byte, 0, slabSize)
		}
		at := len(o.slab)
		o.slab = appendOrderKey(o.slab, rr.Name.Lower(), o.origin)
		o.names = append(o.names, o.slab[at:len(o.slab):len(o.slab)])
	case wire.TypeNSEC3:
		x, ok := hashOf(rr.Name, o.origin)
		if !ok {
			return
		}
		if o.to == nil || !o.last.matches(rr.Data) {
			h, ok := hashingOf(rr.Data)
			if !ok {
				return
			}
			if o.hashes == nil {
				o.hashes = make(map[hashing]*[]nsecHash, 1)
			}
			if o.hashes[h] == nil {
				o.hashes[h] = new([]nsecHash)
			}
			o.last, o.to = h, o.hashes[h]
		}
		*o.to = append(*o.to, x)
	}
}

// of makes the index of v, whose records were all seen.
func (o *denialOwners) of(v *Version) denial {
	var d denial
	slices.SortFunc(o.names, bytes.Compare)
	d.names = newOrder(slices.CompactFunc(o.names, bytes.Equal))
	d.use(v, v.chain())
	if d.chain != nil {
		d.hashes = hashOrder(*o.hashes[*d.chain])
	}
	d.settle(v)
	return d
}

// settle finds the records that most proofs need. The rest of d must be complete.
func (d *denial) settle(v *Version) {
	d.apexProof, d.starProof = node{}, node{}
	if d.chain == nil || d.hashes.n == 0 {
		return
	}
	var room [wire.MaxName]byte
	d.apexProof = v.names.get(d.apex.owner(v.key, room[:]))
	before := nsecHash(d.hashes.before(d.star[:]))
	d.starProof = v.names.get(before.owner(v.key, room[:]))
}

func hashOrder(hashes []nsecHash) order {
	slices.SortFunc(hashes, func(a, b nsecHash) int { return bytes.Compare(a[:], b[:]) })
	hashes = slices.Compact(hashes)
	keys := make([][]byte, len(hashes))
	for i := range hashes {
		keys[i] = hashes[i][:]
	}
	return newOrder(keys)
}

// use makes proofs from the chain h on; nil: from NSEC.
func (d *denial) use(v *Version, h *hashing) {
	d.chain, d.hashes = h, order{}
	if h == nil {
		return
	}
	d.apex = h.hash(v.key)
	if star, err := v.key.Child("*"); err == nil {
		d.star = h.hash(star)
	}
}

// chain gives the parameters of the NSEC3 chain to use: those of an NSEC3PARAM record (RFC 5155 section 4) whose chain
// is there, as far as the record of the apex shows. nil: none, so that NSEC records prove, if there are any.
func (v *Version) chain() *hashing {
	params := v.apex.set(wire.TypeNSEC3PARAM)
	for data := range params.all() {
		h, ok := hashingOf(data)
		if !ok || data[1] != 0 || h.iterations > maxIterations { // flags must be 0 (RFC 5155 section 4.1.2)
			continue
		}
		x := h.hash(v.key)
		if v.hasNSEC3(&x, &h) {
			return &h
		}
	}
	return nil
}

// hasNSEC3 tells whether the zone has the NSEC3 record of a hash, made with these parameters.
func (v *Version) hasNSEC3(x *nsecHash, h *hashing) bool {
	var room [wire.MaxName]byte
	owner := x.owner(v.key, room[:])
	if owner == "" {
		return false
	}
	n := v.names.get(owner)
	if !n.exists() {
		return false
	}
	for data := range n.set(wire.TypeNSEC3).all() {
		if h.matches(data) {
			return true
		}
	}
	return false
}

// apply gives the index of v, which the difference made of the version whose index d is. Its cost is the size of the
// difference, unless that changes which NSEC3 chain is used.
func (d denial) apply(v *Version, by Diff) denial {
	reconsider := false
	for _, records := range [...][]wire.RR{by.Deleted, by.Added} {
		for _, rr := range records {
			switch rr.Type {
			case wire.TypeNSEC:
				d.update(v, rr.Name.Lower())
			case wire.TypeNSEC3PARAM:
				reconsider = true
			case wire.TypeNSEC3:
				x, ok := hashOf(rr.Name, v.key)
				if !ok {
					continue
				}
				reconsider = true // a chain comes into use, or goes, with its record of the apex
				if d.chain != nil && d.chain.matches(rr.Data) {
					if v.hasNSEC3(&x, d.chain) {
						d.hashes.put(x[:])
					} else {
						d.hashes.remove(x[:])
					}
				}
			}
		}
	}
	if reconsider {
		next := v.chain()
		if next == nil || d.chain == nil || *next != *d.chain {
			d.use(v, next)
			if next != nil {
				d.hashes = v.nsec3Owners(next)
			}
		}
	}
	d.settle(v) // also when nothing changed: the nodes may have moved
	return d
}

// update enters the name of an NSEC record that came or went.
func (d *denial) update(v *Version, name wire.Name) {
	var room [maxOrderKey]byte
	key := appendOrderKey(room[:0], name, v.key)
	if n := v.names.get(name); n.exists() && n.set(wire.TypeNSEC).exists() {
		d.names.put(key)
	} else {
		d.names.remove(key)
	}
}

// nsec3Owners finds the records of an NSEC3 chain by looking at every name of the zone.
func (v *Version) nsec3Owners(h *hashing) order {
	var hashes []nsecHash
	v.names.all(func(n node) bool {
		for data := range n.set(wire.TypeNSEC3).all() {
			if x, ok := hashOf(n.key(), v.key); ok && h.matches(data) {
				hashes = append(hashes, x)
				break
			}
		}
		return true
	})
	return hashOrder(hashes)
}
