package publish

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
)

// errNoZone is wrapped when a server answers, but has no zone for a name.
var errNoZone = errors.New("the server has no zone")

// look asks the server what is at a task's name, with the key of the updates, so that it is the view that they change. A
// datagram that gets lost is sent once more.
func (t *talk) look(ctx context.Context, task *task) (found, error) {
	f := found{}
	for _, typ := range task.records.looks() {
		m, err := t.ask(ctx, task.records.owner, typ)
		if err != nil {
			return nil, err
		}
		switch rcode := m.Header.Flags.Rcode(); {
		case rcode != wire.RcodeNoError && rcode != wire.RcodeNXDomain:
			return nil, fmt.Errorf("look for %s %s: %s", task.records.owner, typ, rcode)
		case m.Header.Flags&wire.FlagAA == 0: // of a cache, it may be old
			return nil, fmt.Errorf("look for %s %s: the server does not answer with authority", task.records.owner, typ)
		}
		for _, rr := range m.Answer {
			if rr.Type == typ && rr.Class == wire.ClassIN && rr.Name.Equal(task.records.owner) {
				f[typ] = append(f[typ], rr.Data)
			}
		}
	}
	return f, nil
}

func (t *talk) ask(ctx context.Context, name wire.Name, typ wire.Type) (*wire.Message, error) {
	query := wire.Message{Question: []wire.Question{{Name: name, Type: typ, Class: wire.ClassIN}}}
	msg, err := query.Pack()
	if err != nil {
		return nil, err
	}
	reply, err := t.exchange(ctx, msg)
	if err != nil && doubtful(err) && ctx.Err() == nil {
		reply, err = t.exchange(ctx, msg)
	}
	if err != nil {
		return nil, err
	}
	return wire.ParseMessage(reply)
}

// findZone asks the server which of its zones a name is in: the SOA record in the answer, or in the authority section
// of a negative answer (RFC 2308 section 2.1), is the zone's. It is for the domain "*", whose zones are not known.
func (t *talk) findZone(ctx context.Context, owner wire.Name) (wire.Name, error) {
	m, err := t.ask(ctx, owner, wire.TypeSOA)
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
	return "", fmt.Errorf("%w of %s, rcode %s", errNoZone, owner, m.Header.Flags.Rcode())
}
