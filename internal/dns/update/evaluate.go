package update

import (
	"encoding/binary"
	"maps"
	"slices"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Evaluate carries r out on v: prerequisites, prescan, update, and the validity of the zone afterwards. It gives what
// changes, in canonical order behind the SOA records, or an empty difference if nothing does. The serial grows by one
// unless the request brings a newer SOA itself; 0 is left out. A signed zone is not changed: REFUSED. Who asks must have
// been found to be allowed to. The error is an *Error.
func Evaluate(v *zone.Version, r Request) (zone.Diff, error) {
	l, err := evaluate(v, v, r)
	if err != nil {
		return zone.Diff{}, err
	}
	return difference(v, l), nil
}

// evaluate carries r out on base, which is v or changes on top of it, and gives what changes there.
func evaluate(v *zone.Version, base contents, r Request) (*layer, error) {
	if !r.Zone.Equal(v.Origin()) || r.Class != v.Class() {
		return nil, refuse(wire.RcodeNotAuth, "the zone is %s, not %s", v.Origin(), r.Zone)
	}
	if v.SOA().Type == 0 {
		return nil, refuse(wire.RcodeServFail, "the zone %s has no SOA", r.Zone)
	}
	if err := prerequisites(base, r); err != nil {
		return nil, err
	}
	if err := prescan(r); err != nil {
		return nil, err
	}
	l := newLayer(base)
	if err := apply(l, r); err != nil {
		return nil, err
	}
	if !l.changes() {
		return l, nil
	}
	if signed(v) {
		return nil, refuse(wire.RcodeRefused, "the zone %s is signed; who signs it must make changes", v.Origin())
	}
	if err := validate(l, r.Zone); err != nil {
		return nil, err
	}
	return l, nil
}

// signed tells whether the SOA record is signed. There are no keys here: every update changes the serial, after which that
// signature is wrong, and validators would take the zone for forged (RFC 3007 section 4 leaves the signing to the server).
func signed(v *zone.Version) bool {
	for _, rr := range v.RRset(v.Origin(), wire.TypeRRSIG) {
		if len(rr.Data) >= 2 && wire.Type(binary.BigEndian.Uint16(rr.Data)) == wire.TypeSOA {
			return true
		}
	}
	return false
}

// difference compares the zone with its changes.
func difference(v *zone.Version, l *layer) zone.Diff {
	before, after := v.SOA(), v.SOA()
	var deleted, added []wire.RR
	for _, n := range slices.SortedFunc(maps.Keys(l.names), wire.Name.Compare) {
		types := append(v.Types(n), l.Types(n)...)
		slices.Sort(types)
		for _, t := range slices.Compact(types) {
			if t == wire.TypeSOA {
				after = l.RRset(n, t)[0]
				continue
			}
			deleted = append(deleted, missing(v.RRset(n, t), l.RRset(n, t))...)
			added = append(added, missing(l.RRset(n, t), v.RRset(n, t))...)
		}
	}
	d := zone.Diff{From: zone.SerialOf(before), To: zone.SerialOf(after)}
	if d.To == d.From {
		if len(deleted)+len(added) == 0 {
			return d
		}
		d.To = max(d.From+1, 1)
		after = zone.WithSerial(after, d.To)
	}
	d.Deleted, d.Added = append([]wire.RR{before}, deleted...), append([]wire.RR{after}, added...)
	return d
}

// missing gives the records of one state of an RRset that are not in another with the same TTL. Data that was not
// changed is the same octets in both, so octets are compared.
func missing(from, in []wire.RR) []wire.RR {
	have := make(map[string]uint32, len(in))
	for _, rr := range in {
		have[string(rr.Data)] = rr.TTL
	}
	var out []wire.RR
	for _, rr := range from {
		if ttl, ok := have[string(rr.Data)]; !ok || ttl != rr.TTL {
			out = append(out, rr)
		}
	}
	return out
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
