package publish

import (
	"context"
	"fmt"

	"bundy/internal/dns/wire"
)

// findZone asks the server which of its zones a name is in: the SOA record in the answer, or in the authority section
// of a negative answer (RFC 2308 section 2.1), is the zone's. It is for the domain "*", whose zones are not known.
func (t *transaction) findZone(ctx context.Context) (wire.Name, error) {
	owner := t.records.owner
	query := wire.Message{Question: []wire.Question{{Name: owner, Type: wire.TypeSOA, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return "", err
	}
	reply, err := t.exchange(ctx, msg)
	if err != nil {
		return "", err
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		return "", err
	}
	for _, section := range [][]wire.RR{m.Answer, m.Authority} {
		for _, rr := range section {
			if rr.Type == wire.TypeSOA && rr.Class == wire.ClassIN && rr.Name != wire.Root && owner.IsBelow(rr.Name) {
				return rr.Name.Lower(), nil
			}
		}
	}
	return "", fmt.Errorf("no zone for %s found, rcode %s", owner, m.Header.Flags.Rcode())
}
