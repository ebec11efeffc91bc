package publish

import (
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
)

// records are the two records that one owned.Record stands for.
type records struct {
	owner wire.Name
	data  wire.RR // A, AAAA or PTR
	dhcid wire.RR
}

func recordsOf(r owned.Record) records {
	owner := Owner(r.Key)
	rr := func(t wire.Type, data []byte) wire.RR {
		return wire.RR{Name: owner, Type: t, Class: wire.ClassIN, TTL: r.TTL, Data: data}
	}
	out := records{owner: owner, dhcid: rr(wire.TypeDHCID, []byte(r.DHCID))}
	switch {
	case r.Kind == owned.Reverse:
		out.data = rr(wire.TypePTR, []byte(r.Name))
	case r.Address.Is4():
		out.data = rr(wire.TypeA, r.Address.AsSlice())
	default:
		out.data = rr(wire.TypeAAAA, r.Address.AsSlice())
	}
	return out
}

// addFree adds both records if the name owns nothing at all (RFC 4703 section 5.3.1).
func (r records) addFree(zone wire.Name) update.Request {
	return update.Request{Zone: zone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{update.NameNotInUse(r.owner)},
		Updates:       []wire.RR{update.Add(r.data), update.Add(r.dhcid)},
	}
}

// addOurs adds the record if the name is our client's already (section 5.3.2). The section would delete the other
// addresses of the name; they may be of another lease of the client or an operator's, and ours are removed one by
// one, so nothing is deleted here. A CNAME must not be there, as the server would pass over our record in silence
// (RFC 2136 section 3.4.2.2).
func (r records) addOurs(zone wire.Name) update.Request {
	return update.Request{Zone: zone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{
			update.NameInUse(r.owner), update.RRsetIs(r.dhcid), update.RRsetNotExists(r.owner, wire.TypeCNAME),
		},
		Updates: []wire.RR{update.Add(r.data)},
	}
}

// removeData deletes the address record by its value if the name is our client's (section 5.5).
func (r records) removeData(zone wire.Name) update.Request {
	return update.Request{Zone: zone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{update.RRsetIs(r.dhcid)},
		Updates:       []wire.RR{update.DeleteRR(r.data)},
	}
}

// removeMark gives the name free: it deletes our DHCID once the name has no address any more. (Section 5.5 deletes
// all records of the name; those that are not ours stay.)
func (r records) removeMark(zone wire.Name) update.Request {
	return update.Request{Zone: zone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{
			update.RRsetIs(r.dhcid), update.RRsetNotExists(r.owner, wire.TypeA),
			update.RRsetNotExists(r.owner, wire.TypeAAAA),
		},
		Updates: []wire.RR{update.DeleteRR(r.dhcid)},
	}
}

// removeReverse deletes the pointer by its value together with our DHCID. A reverse name has one address, so there
// is nothing to wait for.
func (r records) removeReverse(zone wire.Name) update.Request {
	return update.Request{Zone: zone, Class: wire.ClassIN,
		Prerequisites: []wire.RR{update.RRsetIs(r.dhcid)},
		Updates:       []wire.RR{update.DeleteRR(r.data), update.DeleteRR(r.dhcid)},
	}
}
