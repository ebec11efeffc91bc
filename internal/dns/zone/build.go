package zone

import (
	"errors"
	"fmt"
	"iter"

	"bundy/internal/dns/wire"
)

// ErrOutOfZone is wrapped by errors about records that do not belong to the zone: another class, or an owner that is
// not below the origin.
var ErrOutOfZone = errors.New("record is out of the zone")

// Builder builds zones one after the other, and uses again for the next one what it needed for the last: a small zone
// then costs little more than the memory that it stays in. The zero value is ready; one goroutine may use it.
type Builder struct {
	staged, written []byte   // lent to the writers of each zone; larger ones have memory of their own besides
	records         []record // of one name
	buf             []byte   // a node
}

const (
	lentRoom    = 32 << 10 // octets: hundreds of records fit
	lentRecords = 1 << 10  // a name with more is rare
)

// Build makes a version of the records, in any order; repeated records count once. RRsets with different TTLs get the
// lowest; a TTL above 2^31-1 is 0 (RFC 2181 section 8). The first error of records ends it. A zone without SOA or NS
// can be built, so that Check can say what is wrong with it, but it is not served. What records gives must stay as it is
// until Build returns, but is not kept. A zone of more than about 30 GiB is ErrTooLarge, and one with an RRset
// that no message could hold ErrTooManyRecords.
func Build(origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (*Version, error) {
	return new(Builder).build(origin, class, records)
}

// Build is as the function Build.
func (b *Builder) Build(origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (*Version, error) {
	if b.staged == nil {
		b.staged, b.written = make([]byte, lentRoom), make([]byte, lentRoom)
	}
	return b.build(origin, class, records)
}

func (b *Builder) build(origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (*Version, error) {
	v := &Version{origin: origin, key: origin.Lower(), class: class}
	s, err := b.newStaging(v)
	if err != nil {
		return nil, err
	}
	l := loader{v: v, add: s.add}
	if err := l.take(records); err != nil {
		return nil, err
	}
	if err := s.finish(); err != nil {
		return nil, fmt.Errorf("zone %s: %w", origin, err)
	}
	return v, nil
}

// accepts tells whether rr can be a record of the zone.
func (v *Version) accepts(rr wire.RR) error {
	switch {
	case rr.Class != v.class:
		return fmt.Errorf("%w: %s %s has class %s, the zone %s has %s", ErrOutOfZone, rr.Name, rr.Type, rr.Class, v.origin, v.class)
	case !rr.Name.IsBelow(v.origin):
		return fmt.Errorf("%w: %s is not below %s", ErrOutOfZone, rr.Name, v.origin)
	}
	if err := wire.CheckData(rr.Type, rr.Data); err != nil {
		return fmt.Errorf("record of %s: %w", rr.Name, err)
	}
	return nil
}

// settle looks up what every answer needs.
func (v *Version) settle() {
	v.apex = v.names.get(v.key)
	v.soa = v.apex.set(wire.TypeSOA)
	v.ns = v.apex.set(wire.TypeNS)
}

// isCut tells whether RRsets of a type at a name change what lies below it.
func (v *Version) isCut(t wire.Type, name wire.Name) bool {
	return t == wire.TypeDNAME || t == wire.TypeNS && len(name) > len(v.key)
}
