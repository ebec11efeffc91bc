package publish

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
)

// maxTargets bounds the names that one zone may keep from clients.
const maxTargets = 256

// targetTypes are the types at a zone's apex that name hosts.
var targetTypes = [...]wire.Type{wire.TypeSOA, wire.TypeNS, wire.TypeMX}

// Targets asks the servers of a domain which host names its zone stands on: its name servers, its primary, and its mail
// exchangers. A client that took one of them would get what is sent there. answered tells whether any server said something,
// be it that it does not tell.
func (p *Publisher) Targets(ctx context.Context, d Domain) (names []wire.Name, answered bool, err error) {
	if d.Ours() {
		return p.targetsHere(ctx, d.Zone)
	}
	servers, bad := p.servers(ctx, d)
	var errs []error
	for _, r := range bad {
		errs = append(errs, errors.New(r.String()))
	}
	for _, server := range servers {
		t := &talk{p: p, server: server, key: d.Key}
		names, said, err := t.targets(ctx, d.Zone)
		if err == nil {
			return names, true, nil
		}
		answered = answered || said
		errs = append(errs, fmt.Errorf("%s: %w", server, err))
	}
	return nil, answered, errors.Join(errs...)
}

func (t *talk) targets(ctx context.Context, zone wire.Name) (names []wire.Name, answered bool, err error) {
	for _, typ := range targetTypes {
		m, err := t.ask(ctx, zone, typ)
		if err != nil {
			return nil, false, err
		}
		if rcode := m.Header.Flags.Rcode(); rcode != wire.RcodeNoError {
			return nil, true, fmt.Errorf("asked for %s of %s: %s", typ, zone, rcode)
		}
		for _, rr := range m.Answer {
			if rr.Type == typ && rr.Name.Equal(zone) {
				names = appendTarget(names, typ, rr.Data)
			}
		}
	}
	return names, true, nil
}

// targetsHere is Targets for a zone of this suite.
func (p *Publisher) targetsHere(ctx context.Context, zone wire.Name) (names []wire.Name, answered bool, err error) {
	if p.Suite == nil {
		return nil, false, errNotAsked
	}
	sight, err := p.Suite.Look(ctx, zone, zone, targetTypes[:]...)
	switch {
	case err != nil:
		return nil, false, err
	case sight.Rcode != wire.RcodeNoError: // it may be served soon: loaded, or configured
		return nil, false, fmt.Errorf("%s: %s: %s", SuiteName, sight.Rcode, sight.Text)
	}
	for _, rr := range sight.Records {
		names = appendTarget(names, rr.Type, rr.Data)
	}
	return names, true, nil
}

// appendTarget adds the host name that a record of one of the targetTypes holds.
func appendTarget(names []wire.Name, typ wire.Type, data []byte) []wire.Name {
	at := 0
	if typ == wire.TypeMX {
		at = 2 // the preference
	}
	n, _, err := wire.ReadName(data, at)
	if err != nil || len(names) == maxTargets {
		return names
	}
	return append(names, n.Lower())
}
