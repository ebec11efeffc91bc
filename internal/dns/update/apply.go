package update

import (
	"math"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

const (
	// maxRecords and maxTypes bound what updates can pile up at one name, because every answer and every change
	// handles an RRset as a whole. A zone that was loaded with more keeps what it has.
	maxRecords = 100 // of one type at one name
	maxTypes   = 100 // at one name
)

// apply does the update section on l (RFC 2136 section 3.4.2). What the rules forbid is passed over in silence, as
// they say; only the bounds above are an error.
func apply(l *layer, r Request) error {
	for _, rr := range r.Updates {
		switch rr.Class {
		case wire.ClassANY:
			deleteRRsets(l, r.Zone, rr)
		case wire.ClassNONE:
			deleteRR(l, r.Zone, rr)
		default:
			if err := add(l, r.Zone, rr); err != nil {
				return err
			}
		}
	}
	return nil
}

// add enters one record (section 3.4.2.2).
func add(l *layer, origin wire.Name, rr wire.RR) error {
	if rr.TTL > math.MaxInt32 {
		rr.TTL = 0 // RFC 2181 section 8
	}
	sets := l.write(rr.Name)
	for _, set := range sets {
		rr.Name = set[0].Name // one spelling for one name: the one it was first written in
		break
	}
	switch cname := len(sets[wire.TypeCNAME]) > 0; {
	case rr.Type == wire.TypeSOA:
		if !rr.Name.Equal(origin) || !zone.SerialOf(sets[wire.TypeSOA][0]).Less(zone.SerialOf(rr)) {
			return nil
		}
		replaceOnly(sets, rr)
		return nil
	case rr.Type == wire.TypeCNAME:
		if !onlyBesideCNAME(sets) {
			return nil
		}
		replaceOnly(sets, rr)
		return nil
	case cname && !besideCNAME(rr.Type):
		return nil
	case rr.Type == wire.TypeDNAME: // a name has one at most (RFC 6672 section 2.4)
		replaceOnly(sets, rr)
		return nil
	}
	return addTo(sets, rr)
}

// addTo puts rr into its RRset and gives all records of the set its TTL, for they must agree (RFC 2181 section 5.2)
// and the newest word on it is this one.
func addTo(sets rrsets, rr wire.RR) error {
	set := sets[rr.Type]
	if len(set) == 0 && len(sets) >= maxTypes {
		return refuse(wire.RcodeRefused, "more than %d types at %s", maxTypes, rr.Name)
	}
	if indexOf(set, rr) < 0 {
		if len(set) >= maxRecords {
			return refuse(wire.RcodeRefused, "more than %d %s records at %s", maxRecords, rr.Type, rr.Name)
		}
		set = append(set, rr)
	}
	for i := range set {
		if covered(set[i]) == covered(rr) {
			set[i].TTL = rr.TTL
		}
	}
	sets[rr.Type] = set
	return nil
}

// replaceOnly makes rr the only record of its type. Data that differs in the case of names alone stays as it is.
func replaceOnly(sets rrsets, rr wire.RR) {
	if old := sets[rr.Type]; len(old) == 1 && sameData(old[0], rr) {
		rr.Data = old[0].Data
	}
	sets[rr.Type] = []wire.RR{rr}
}

// deleteRRsets deletes one RRset or all at a name, but never SOA and NS of the apex (section 3.4.2.3).
func deleteRRsets(l *layer, origin wire.Name, rr wire.RR) {
	apex := rr.Name.Equal(origin)
	for _, t := range l.Types(rr.Name) {
		if rr.Type != wire.TypeANY && rr.Type != t || apex && (t == wire.TypeSOA || t == wire.TypeNS) {
			continue
		}
		delete(l.write(rr.Name), t)
	}
}

// deleteRR deletes one record, but never the SOA nor the last NS of the apex (section 3.4.2.4).
func deleteRR(l *layer, origin wire.Name, rr wire.RR) {
	set := l.RRset(rr.Name, rr.Type)
	i := indexOf(set, rr)
	if i < 0 || rr.Type == wire.TypeSOA || rr.Type == wire.TypeNS && len(set) == 1 && rr.Name.Equal(origin) {
		return
	}
	sets := l.write(rr.Name)
	if len(set) == 1 {
		delete(sets, rr.Type)
		return
	}
	set = sets[rr.Type]
	sets[rr.Type] = append(set[:i], set[i+1:]...)
}

func indexOf(set []wire.RR, rr wire.RR) int {
	for i := range set {
		if sameData(set[i], rr) {
			return i
		}
	}
	return -1
}

// covered tells apart the RRsets among the RRSIGs of a name, which are sets by the type they cover and take their TTL
// from it (RFC 4034 section 3).
func covered(rr wire.RR) [2]byte {
	if rr.Type != wire.TypeRRSIG || len(rr.Data) < 2 {
		return [2]byte{}
	}
	return [2]byte(rr.Data[:2])
}

// besideCNAME tells the types that may stand at a name with a CNAME (RFC 4035 section 2.5).
func besideCNAME(t wire.Type) bool { return t == wire.TypeRRSIG || t == wire.TypeNSEC }

func onlyBesideCNAME(sets rrsets) bool {
	for t := range sets {
		if t != wire.TypeCNAME && !besideCNAME(t) {
			return false
		}
	}
	return true
}
