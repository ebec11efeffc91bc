package zone

import (
	"errors"
	"fmt"
	"slices"

	"bundy/internal/dns/wire"
)

// ErrDiff is wrapped by errors of Apply about a difference that does not fit the version.
var ErrDiff = errors.New("difference does not fit the zone")

// Diff leads from one serial of a zone to another: Deleted[0] is the old SOA and Added[0] the new one, as in IXFR
// (RFC 1995 section 4). A record with a changed TTL is in both. Its records are shared and must not be written to.
type Diff struct {
	From, To       Serial
	Deleted, Added []wire.RR
}

// setKey names an RRset.
type setKey struct {
	owner       wire.Name // lower case
	typ, covers wire.Type
}

// change is what a Diff does to one RRset.
type change struct {
	name           wire.Name
	deleted, added []record
}

// Apply makes the next version. It shares with v all that the difference does not touch, so that its cost is the size
// of the difference, not of the zone. Every deleted record must be there (its TTL is not compared), no added one may
// be, From must be the serial of v and To that of the result; else the error wraps ErrDiff, ErrOutOfZone
// or ErrTooManyRecords.
func (v *Version) Apply(d Diff) (*Version, error) {
	if d.From != v.Serial() {
		return nil, fmt.Errorf("%w: %s has serial %d, the difference begins at %d", ErrDiff, v.origin, v.Serial(), d.From)
	}
	changes, order, err := v.changes(d)
	if err != nil {
		return nil, err
	}
	next := *v
	ed := &editor{v: &next, drafts: make(map[wire.Name]*draft, len(order))}
	for _, k := range order {
		c := changes[k]
		n := ed.node(c.name, k.owner)
		old := n.find(k.typ, k.covers)
		records, err := c.apply(old)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", ErrDiff, c.name, k.typ, err)
		}
		var s rrset
		if err := checkCount(c.name, records); err != nil {
			return nil, fmt.Errorf("zone %s: %w", v.origin, err)
		}
		if len(records) > 0 {
			s = newSet(v.class, records)
		}
		ed.put(n, old, s)
		ed.prune(n, k.owner)
	}
	out, err := ed.finish()
	if err != nil {
		return nil, err
	}
	out.denial = v.denial.apply(out, d)
	if out.Serial() != d.To {
		return nil, fmt.Errorf("%w: %s becomes serial %d, the difference says %d", ErrDiff, v.origin, out.Serial(), d.To)
	}
	return out, nil
}

// changes sorts a difference by RRset, and gives the RRsets in the order in which it names them.
func (v *Version) changes(d Diff) (map[setKey]*change, []setKey, error) {
	changes := make(map[setKey]*change, 2)
	var order []setKey
	of := func(rr wire.RR) (*change, error) {
		if err := v.accepts(rr); err != nil {
			return nil, err
		}
		k := setKey{rr.Name.Lower(), rr.Type, coveredType(rr.Type, rr.Data)}
		c := changes[k]
		if c == nil {
			c = &change{name: rr.Name}
			changes[k] = c
			order = append(order, k)
		}
		return c, nil
	}
	for _, rr := range d.Deleted {
		c, err := of(rr)
		if err != nil {
			return nil, nil, err
		}
		c.deleted = append(c.deleted, record{rr.Type, rr.TTL, rr.Data})
	}
	for _, rr := range d.Added {
		c, err := of(rr)
		if err != nil {
			return nil, nil, err
		}
		c.added = append(c.added, record{rr.Type, rr.TTL, rr.Data})
	}
	return changes, order, nil
}

// apply gives the records of an RRset after the change.
func (c *change) apply(old rrset) ([]record, error) {
	records := old.records()
	for _, r := range c.deleted {
		i := slices.IndexFunc(records, r.same)
		if i < 0 {
			return nil, errors.New("a deleted record is not there")
		}
		records = slices.Delete(records, i, i+1)
	}
	for _, r := range c.added {
		if slices.ContainsFunc(records, r.same) {
			return nil, errors.New("an added record is there already")
		}
		records = append(records, r)
	}
	return records, nil
}

// same tells whether two records of one RRset have the same RDATA.
func (r record) same(o record) bool { return wire.CompareData(r.typ, r.data, o.data) == 0 }

// distinct takes repeated records of one RRset out; the first of each stays, with the lowest TTL of its kind. The order
// is kept.
func distinct(records []record) []record {
	if len(records) < 2 {
		return records
	}
	order := make([]int, len(records))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return wire.CompareData(records[i].typ, records[i].data, records[j].data)
	})
	repeated := 0
	drop := make([]bool, len(records))
	for k, first := 1, order[0]; k < len(order); k++ {
		i := order[k]
		if !records[i].same(records[first]) {
			first = i
			continue
		}
		records[first].ttl = min(records[first].ttl, records[i].ttl)
		drop[i] = true
		repeated++
	}
	if repeated == 0 {
		return records
	}
	out := records[:0]
	for i, r := range records {
		if !drop[i] {
			out = append(out, r)
		}
	}
	return out
}

// Between gives the difference that makes next of v. Both must be versions of one zone with an SOA. Names that the two
// share in memory are passed over.
func (v *Version) Between(next *Version) Diff {
	d := Diff{From: v.Serial(), To: next.Serial(), Deleted: []wire.RR{v.SOA()}, Added: []wire.RR{next.SOA()}}
	v.minus(next, &d.Deleted)
	next.minus(v, &d.Added)
	return d
}

// minus appends the records of v that o does not have with the same TTL, without the SOA.
func (v *Version) minus(o *Version, to *[]wire.RR) {
	v.names.unlike(&o.names, func(n node) {
		other := o.names.get(n.key())
		if other.same(n) {
			return
		}
		for c := n.sets(); c.next(); {
			s := c.set
			var os rrset
			if other.exists() {
				os = other.find(s.typ, s.covers)
			}
			if s.same(v.soa) {
				continue
			}
			for _, rr := range s.appendRRs(nil, n.name(), v.class) {
				if !os.exists() || os.ttl() != s.ttl() || !os.has(rr.Data) {
					*to = append(*to, rr)
				}
			}
		}
	})
}
