package update

import (
	"bundy/internal/dns/wire"
)

// prescan checks the form of the update section before anything of it is done (RFC 2136 section 3.4.1).
func prescan(r Request) error {
	for _, rr := range r.Updates {
		if !rr.Name.IsBelow(r.Zone) {
			return refuse(wire.RcodeNotZone, "update of %s, which is outside %s", rr.Name, r.Zone)
		}
		switch rr.Class {
		case r.Class:
			if meta(rr.Type) {
				return refuse(wire.RcodeFormErr, "addition of type %s at %s", rr.Type, rr.Name)
			}
			if err := wire.CheckData(rr.Type, rr.Data); err != nil {
				return refuse(wire.RcodeFormErr, "addition at %s: %v", rr.Name, err)
			}
		case wire.ClassANY:
			if rr.TTL != 0 || len(rr.Data) > 0 || meta(rr.Type) && rr.Type != wire.TypeANY {
				return refuse(wire.RcodeFormErr, "deletion of the %s records at %s has a TTL, data or a wrong type", rr.Type, rr.Name)
			}
		case wire.ClassNONE:
			if rr.TTL != 0 || meta(rr.Type) {
				return refuse(wire.RcodeFormErr, "deletion of a %s record at %s has a TTL or a wrong type", rr.Type, rr.Name)
			}
		default:
			return refuse(wire.RcodeFormErr, "update of %s of class %s", rr.Name, rr.Class)
		}
	}
	return nil
}

// meta tells the types that no zone can hold (RFC 6895 section 3.1: 0, OPT, and the range of meta and query types).
func meta(t wire.Type) bool { return t == 0 || t == wire.TypeOPT || t >= 128 && t <= 255 }
