package servertest

import (
	"context"
	"errors"
	"slices"

	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Server is also a publish.Suite: the DNS server of the suite itself, which is told what to do without the network. What it
// was told about its behaviour counts for this way too, but for parts of updates: there are none.

// ErrSilent is what a caller gets in place of an answer that does not come.
var ErrSilent = errors.New("no answer comes")

// Update carries transactions out.
func (s *Server) Update(_ context.Context, ts []update.Transaction) ([][]error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return nil, ErrSilent
	}
	s.updates++
	s.asked++
	var behave Behaviour
	if s.behave != nil {
		behave = s.behave(s.asked)
	}
	errs := make([][]error, len(ts))
	switch {
	case s.refuse != 0:
		for i, t := range ts {
			for range t {
				errs[i] = append(errs[i], &update.Error{Rcode: s.refuse, Text: "as the test says"})
			}
		}
	case behave.Hold:
		s.held = append(s.held, ts...)
	case !behave.Skip:
		errs = s.together(ts)
	}
	if behave.Mute {
		return nil, ErrSilent
	}
	return errs, nil
}

// together carries transactions out on all zones.
func (s *Server) together(ts []update.Transaction) [][]error {
	var versions []*zone.Version
	for _, v := range s.zones {
		versions = append(versions, v)
	}
	diffs, errs := update.EvaluateAll(versions, ts)
	for i, d := range diffs {
		if len(d.Added) == 0 {
			continue
		}
		next, err := versions[i].Apply(d)
		if err != nil {
			panic(err) // of zones that are made by tests
		}
		s.zones[next.Origin().Lower()] = next
	}
	return errs
}

// Look tells what is at a name.
func (s *Server) Look(_ context.Context, origin, name wire.Name, types ...wire.Type) (update.Sight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent || s.muteQueries {
		return update.Sight{}, ErrSilent
	}
	s.queries++
	v := s.zones[origin.Lower()]
	if origin == "" {
		v = s.deepest(name)
	}
	if v == nil {
		return update.Sight{Rcode: wire.RcodeNotAuth, Text: "no such zone"}, nil
	}
	sight := update.Sight{Zone: v.Origin().String()}
	for _, t := range types {
		for _, rr := range v.RRset(name, t) {
			sight.Records = append(sight.Records, update.Seen{Type: t, Data: slices.Clone(rr.Data)})
		}
	}
	return sight, nil
}
