package publish

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
)

// maxTargets bounds the names that one zone may keep from clients.
const maxTargets = 256

// Targets asks the servers of a domain which host names its zone stands on: its name servers, its primary, and its mail
// exchangers. A client that took one of them would get what is sent there.
func (p *Publisher) Targets(ctx context.Context, d Domain) ([]wire.Name, error) {
	servers, bad := p.servers(ctx, d)
	var errs []error
	for _, r := range bad {
		errs = append(errs, errors.New(r.String()))
	}
	for _, server := range servers {
		t := &talk{p: p, server: server, key: d.Key}
		names, err := t.targets(ctx, d.Zone)
		if err == nil {
			return names, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", server, err))
	}
	return nil, errors.Join(errs...)
}

func (t *talk) targets(ctx context.Context, zone wire.Name) ([]wire.Name, error) {
	var out []wire.Name
	for _, typ := range []wire.Type{wire.TypeSOA, wire.TypeNS, wire.TypeMX} {
		m, err := t.ask(ctx, zone, typ)
		if err != nil {
			return nil, err
		}
		if rcode := m.Header.Flags.Rcode(); rcode != wire.RcodeNoError {
			return nil, fmt.Errorf("asked for %s of %s: %s", typ, zone, rcode)
		}
		for _, rr := range m.Answer {
			if rr.Type != typ || !rr.Name.Equal(zone) || len(out) == maxTargets {
				continue
			}
			at := 0
			if typ == wire.TypeMX {
				at = 2 // the preference
			}
			if n, _, err := wire.ReadName(rr.Data, at); err == nil {
				out = append(out, n.Lower())
			}
		}
	}
	return out, nil
}
