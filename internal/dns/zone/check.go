package zone

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// Finding is one fault of a zone. A zone with a fatal one must not be served.
type Finding struct {
	Fatal bool
	Text  string // one line, names escaped
}

// maxFindings bounds what is reported of one zone; the operator mends the first ones first.
const maxFindings = 100

// Check looks the whole zone over: exactly one SOA and some NS at the apex; name servers inside the zone that are no
// aliases and have addresses; no alias beside other data (RFC 1034 section 3.6.2), no second CNAME or DNAME; a chain of NSEC or NSEC3 records without
// gaps, if the zone is signed.
func (v *Version) Check() []Finding {
	found := v.checkApex()
	v.names.all(func(n node) bool {
		found = append(found, n.check()...)
		return len(found) < maxFindings
	})
	return append(found, v.checkDenial()...)
}

// CheckChange looks over only the apex and the names that d changed to make v.
func (v *Version) CheckChange(d Diff) []Finding {
	found := v.checkApex()
	seen := make(map[wire.Name]bool)
	for _, rr := range d.Added {
		key := rr.Name.Lower()
		if n := v.names.get(key); n.exists() && !seen[key] && len(found) < maxFindings {
			seen[key] = true
			found = append(found, n.check()...)
		}
	}
	return found
}

func fatal(format string, args ...any) Finding {
	return Finding{Fatal: true, Text: fmt.Sprintf(format, args...)}
}

func (v *Version) checkApex() []Finding {
	var found []Finding
	switch {
	case !v.soa.exists():
		found = append(found, fatal("zone %s has no SOA record", v.origin))
	case v.soa.count > 1:
		found = append(found, fatal("zone %s has %d SOA records", v.origin, v.soa.count))
	}
	if !v.ns.exists() {
		return append(found, fatal("zone %s has no NS record", v.origin))
	}
	for t := v.ns.targets(); t.next(); {
		if t.name.IsBelow(v.key) && len(found) < maxFindings {
			found = append(found, v.checkServer(t.name)...)
		}
	}
	return found
}

// checkServer looks at one name server of the apex whose name lies in the zone.
func (v *Version) checkServer(server wire.Name) []Finding {
	// What stands highest between the apex and the name decides, as it does for an answer.
	cut, redirect := false, node{}
	for n := server; ; n = n.Parent() {
		if at := v.names.get(n); at.exists() {
			if len(n) > len(v.key) && at.set(wire.TypeNS).exists() {
				cut = true
			} else if len(n) < len(server) && at.set(wire.TypeDNAME).exists() {
				cut, redirect = false, at
			}
		}
		if len(n) <= len(v.key) {
			break
		}
	}
	at := v.names.get(server)
	switch {
	case cut:
		return nil // its addresses are the business of the child zone
	case redirect.exists():
		return []Finding{fatal("zone %s: name server %s is below the DNAME %s", v.origin, server, redirect.name())}
	case at.exists() && at.set(wire.TypeCNAME).exists():
		return []Finding{fatal("zone %s: name server %s is a CNAME", v.origin, server)}
	case at.exists() && (at.set(wire.TypeA).exists() || at.set(wire.TypeAAAA).exists()):
		return nil
	}
	return []Finding{{Text: fmt.Sprintf("zone %s: name server %s has no address", v.origin, server)}}
}

// check looks at the RRsets of one name.
func (n node) check() []Finding {
	var found []Finding
	cname := false
	others := wire.Type(0)
	for c := n.sets(); c.next(); {
		s := c.set
		switch s.typ {
		case wire.TypeCNAME:
			cname = true
			if s.count > 1 {
				found = append(found, fatal("%s has %d CNAME records", n.name(), s.count))
			}
		case wire.TypeDNAME:
			others = s.typ
			if s.count > 1 {
				found = append(found, fatal("%s has %d DNAME records", n.name(), s.count))
			}
		case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeSIG: // may stand beside a CNAME (RFC 4034 sections 3 and 4)
		default:
			others = s.typ
		}
	}
	if cname && others != 0 {
		found = append(found, fatal("%s has a CNAME record and %s records", n.name(), others))
	}
	return found
}
