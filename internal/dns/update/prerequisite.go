package update

import (
	"slices"

	"bundy/internal/dns/wire"
)

// contents is what the rules read: a version of a zone, or changes on top of one.
type contents interface {
	// RRset gives the records of exactly this owner and type, nil if there are none.
	RRset(n wire.Name, t wire.Type) []wire.RR
	// Types gives the types of the records of exactly this owner. It is empty for a name that a wildcard or a longer
	// name implies.
	Types(n wire.Name) []wire.Type
}

// prerequisites checks the prerequisite section (RFC 2136 section 3.2): in order those that need no values, then the
// RRsets that must be as given.
func prerequisites(c contents, r Request) error {
	var values []wire.RR
	for _, rr := range r.Prerequisites {
		if !rr.Name.IsBelow(r.Zone) {
			return refuse(wire.RcodeNotZone, "prerequisite on %s, which is outside %s", rr.Name, r.Zone)
		}
		if rr.TTL != 0 {
			return refuse(wire.RcodeFormErr, "prerequisite on %s with a TTL", rr.Name)
		}
		if rr.Class == r.Class {
			values = append(values, rr)
			continue
		}
		if rr.Class != wire.ClassANY && rr.Class != wire.ClassNONE {
			return refuse(wire.RcodeFormErr, "prerequisite on %s of class %s", rr.Name, rr.Class)
		}
		if len(rr.Data) > 0 {
			return refuse(wire.RcodeFormErr, "prerequisite on %s of class %s with data", rr.Name, rr.Class)
		}
		if err := exists(c, rr); err != nil {
			return err
		}
	}
	return valuesMatch(c, values)
}

// exists checks a prerequisite of class ANY (must exist) or NONE (must not).
func exists(c contents, rr wire.RR) error {
	must := rr.Class == wire.ClassANY
	if rr.Type == wire.TypeANY {
		switch found := len(c.Types(rr.Name)) > 0; {
		case must && !found:
			return refuse(wire.RcodeNXDomain, "no record at %s", rr.Name)
		case !must && found:
			return refuse(wire.RcodeYXDomain, "there are records at %s", rr.Name)
		}
		return nil
	}
	switch found := len(c.RRset(rr.Name, rr.Type)) > 0; {
	case must && !found:
		return refuse(wire.RcodeNXRRSet, "no %s record at %s", rr.Type, rr.Name)
	case !must && found:
		return refuse(wire.RcodeYXRRSet, "there are %s records at %s", rr.Type, rr.Name)
	}
	return nil
}

// valuesMatch checks that each RRset of rrs is the zone's, as sets of data. It sorts, so that large sets cost little
// more than reading them.
func valuesMatch(c contents, rrs []wire.RR) error {
	slices.SortStableFunc(rrs, compareRR)
	for len(rrs) > 0 {
		n := 1
		for n < len(rrs) && rrs[n].Type == rrs[0].Type && rrs[n].Name.Equal(rrs[0].Name) {
			n++
		}
		want := slices.CompactFunc(rrs[:n:n], sameData)
		have := slices.Clone(c.RRset(rrs[0].Name, rrs[0].Type))
		slices.SortFunc(have, compareRR)
		if !slices.EqualFunc(want, have, sameData) {
			return refuse(wire.RcodeNXRRSet, "the %s records at %s are not those given", rrs[0].Type, rrs[0].Name)
		}
		rrs = rrs[n:]
	}
	return nil
}

// compareRR orders records by owner, type and data.
func compareRR(a, b wire.RR) int {
	if d := a.Name.Compare(b.Name); d != 0 {
		return d
	}
	if a.Type != b.Type {
		return int(a.Type) - int(b.Type)
	}
	return wire.CompareData(a.Type, a.Data, b.Data)
}

// sameData tells whether two records of one RRset are the same but for the TTL (RFC 2136 section 1.1.1).
func sameData(a, b wire.RR) bool { return wire.CompareData(a.Type, a.Data, b.Data) == 0 }
