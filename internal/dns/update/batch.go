package update

import (
	"maps"
	"slices"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Batch collects the outcome of several requests to one zone, so that one write to disk serves them all. Each request
// sees what those before it did. A Batch belongs to one goroutine.
type Batch struct {
	version *zone.Version
	sum     *layer
}

// NewBatch begins with the present version of the zone.
func NewBatch(v *zone.Version) *Batch { return &Batch{version: v, sum: newLayer(v)} }

// Do carries out r: prerequisites, prescan, update, and the validity of the zone afterwards. The serial grows by one
// if anything changed and the request did not bring a newer SOA itself; 0 is left out. An *Error means that r had no
// effect. Who asks must have been found to be allowed to.
func (b *Batch) Do(r Request) error {
	if !r.Zone.Equal(b.version.Origin()) || r.Class != b.version.Class() {
		return refuse(wire.RcodeNotAuth, "the zone is %s, not %s", b.version.Origin(), r.Zone)
	}
	if soa(b.sum, r.Zone).Type == 0 {
		return refuse(wire.RcodeServFail, "the zone %s has no SOA", r.Zone)
	}
	if err := prerequisites(b.sum, r); err != nil {
		return err
	}
	if err := prescan(r); err != nil {
		return err
	}
	l := newLayer(b.sum)
	if err := apply(l, r); err != nil {
		return err
	}
	if !l.changed() {
		return nil
	}
	if err := validate(l, r.Zone); err != nil {
		return err
	}
	before, after := soa(b.sum, r.Zone), soa(l, r.Zone)
	if serial := zone.SerialOf(before); zone.SerialOf(after) == serial {
		l.write(r.Zone)[wire.TypeSOA] = []wire.RR{zone.WithSerial(after, max(serial+1, 1))}
	}
	maps.Copy(b.sum.names, l.names)
	return nil
}

// Diff gives all that the requests changed together, in canonical order behind the SOA records. It is empty, without
// SOA records, when nothing changed.
func (b *Batch) Diff() zone.Diff {
	origin := b.version.Origin()
	before, after := b.version.SOA(), soa(b.sum, origin)
	d := zone.Diff{From: zone.SerialOf(before), To: zone.SerialOf(after)}
	if d.From == d.To {
		return d
	}
	d.Deleted, d.Added = append(d.Deleted, before), append(d.Added, after)
	for _, n := range slices.SortedFunc(maps.Keys(b.sum.names), wire.Name.Compare) {
		types := append(b.version.Types(n), b.sum.Types(n)...)
		slices.Sort(types)
		for _, t := range slices.Compact(types) {
			if t == wire.TypeSOA {
				continue
			}
			deleted, added := difference(b.version.RRset(n, t), b.sum.RRset(n, t))
			d.Deleted, d.Added = append(d.Deleted, deleted...), append(d.Added, added...)
		}
	}
	return d
}

// soa gives the SOA record of the apex; its type is 0 if there is none.
func soa(c contents, origin wire.Name) wire.RR {
	for _, rr := range c.RRset(origin, wire.TypeSOA) {
		return rr
	}
	return wire.RR{}
}

// Evaluate carries out one request on v and gives what it changes, an empty difference if nothing. The error is an
// *Error; its response code is also what Rcode gives.
func Evaluate(v *zone.Version, r Request) (zone.Diff, error) {
	b := NewBatch(v)
	if err := b.Do(r); err != nil {
		return zone.Diff{}, err
	}
	return b.Diff(), nil
}

// validate finds what would make the zone unfit to be served. The apex keeps its SOA and an NS by the rules of apply;
// but a name server of the zone must not become an alias (RFC 2181 section 10.3), nor fall below a DNAME.
func validate(c contents, origin wire.Name) error {
	for _, ns := range c.RRset(origin, wire.TypeNS) {
		for _, host := range wire.DataNames(wire.TypeNS, ns.Data) {
			if !host.IsBelow(origin) {
				continue
			}
			if len(c.RRset(host, wire.TypeCNAME)) > 0 {
				return refuse(wire.RcodeRefused, "%s, a name server of the zone, would be a CNAME", host)
			}
			for n := host; !n.Equal(origin); {
				n = n.Parent()
				if len(c.RRset(n, wire.TypeDNAME)) > 0 {
					return refuse(wire.RcodeRefused, "%s, a name server of the zone, would lie below the DNAME at %s", host, n)
				}
			}
		}
	}
	return nil
}
