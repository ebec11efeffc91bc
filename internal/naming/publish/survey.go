package publish

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
)

// ErrNoTransfer is wrapped when servers of a domain answer, and none of them gives the zone.
var ErrNoTransfer = errors.New("no server transfers the zone")

// MaxQuestions bounds the questions of one Walk and of all calls of At that belong to it: ten minutes at a server that answers
// in three milliseconds.
const MaxQuestions = 200_000

// ErrManyQuestions is returned by Walk when MaxQuestions were not enough.
var ErrManyQuestions = errors.New("more names than are asked for")

// Read gets a domain's whole zone by transfer, of the first of its servers that gives it, and counts the records. For each
// server begin gives who takes the records: what one took counts only if Read returns nil after it. The domain "*" has no zone.
func (p *Publisher) Read(ctx context.Context, d Domain, begin func() func([]wire.RR) error) (int, error) {
	if d.Any {
		return 0, fmt.Errorf("%w: it is not known", ErrNoTransfer)
	}
	servers, bad := p.servers(ctx, d)
	var errs []error
	for _, r := range bad {
		errs = append(errs, errors.New(r.String()))
	}
	refused := false
	for _, server := range servers {
		n, err := client.Transfer(ctx, server, d.Zone, d.Key, begin())
		if err == nil {
			return n, nil
		}
		errs = append(errs, err)
		var rejected *client.Rejected
		var signature *tsig.Error
		refused = refused || errors.As(err, &rejected) || errors.As(err, &signature) || errors.Is(err, tsig.ErrUnsigned)
	}
	if len(servers) == 0 && len(bad) == 0 {
		errs = append(errs, fmt.Errorf("domain %s has no name server", d.Zone))
	}
	if refused {
		errs = append(errs, ErrNoTransfer)
	}
	return 0, errors.Join(errs...)
}

// Survey asks the servers of a domain for names one by one, where the zone as a whole is not to be had. All answers must come
// with authority. It counts its questions.
type Survey struct {
	p       *Publisher
	domain  Domain
	servers []netip.AddrPort
	asked   int
}

// Survey begins a survey of a domain.
func (p *Publisher) Survey(ctx context.Context, d Domain) (*Survey, error) {
	servers, bad := p.servers(ctx, d)
	if len(servers) == 0 {
		var errs []error
		for _, r := range bad {
			errs = append(errs, errors.New(r.String()))
		}
		return nil, errors.Join(append(errs, fmt.Errorf("domain %s has no name server to ask", d.Zone))...)
	}
	return &Survey{p: p, domain: d, servers: servers}, nil
}

// Asked is the number of questions so far.
func (s *Survey) Asked() int { return s.asked }

// At gives the records of some types at a name.
func (s *Survey) At(ctx context.Context, name wire.Name, types ...wire.Type) ([]wire.RR, error) {
	var out []wire.RR
	for _, typ := range types {
		m, err := s.ask(ctx, name, typ)
		if err != nil {
			return nil, err
		}
		for _, rr := range m.Answer {
			if rr.Type == typ && rr.Class == wire.ClassIN && rr.Name.Equal(name) {
				out = append(out, rr)
			}
		}
		if m.Header.Flags.Rcode() == wire.RcodeNXDomain {
			break
		}
	}
	return out, nil
}

// ask asks the servers in turn. The first that answers is asked first from then on.
func (s *Survey) ask(ctx context.Context, name wire.Name, typ wire.Type) (*wire.Message, error) {
	if s.asked >= MaxQuestions {
		return nil, ErrManyQuestions
	}
	s.asked++
	var errs []error
	for i, server := range s.servers {
		t := &talk{p: s.p, server: server, key: s.domain.Key}
		m, err := t.ask(ctx, name, typ)
		if err == nil {
			err = usable(m)
		}
		if err == nil {
			s.servers[0], s.servers[i] = s.servers[i], s.servers[0]
			return m, nil
		}
		errs = append(errs, fmt.Errorf("%s: asked for %s %s: %w", server, name, typ, err))
	}
	return nil, errors.Join(errs...)
}

// usable tells what keeps an answer from saying what is at a name.
func usable(m *wire.Message) error {
	switch rcode := m.Header.Flags.Rcode(); {
	case rcode != wire.RcodeNoError && rcode != wire.RcodeNXDomain:
		return errors.New(rcode.String())
	case m.Header.Flags&wire.FlagAA == 0: // of a cache, it may be old
		return errors.New("the server does not answer with authority")
	}
	return nil
}

// Walk finds the PTR records of the domain for addresses from first to last: it asks from the top down, and where there is no
// name there is nothing below it (RFC 8020). found gets each record with its address. After ErrManyQuestions some may be missing.
func (s *Survey) Walk(ctx context.Context, first, last netip.Addr, found func(a netip.Addr, ptr wire.RR) error) error {
	if part, is := classless(s.domain.Zone); is {
		for a := part.Addr(); part.Contains(a); a = a.Next() {
			if a.Less(first) || last.Less(a) {
				continue
			}
			if err := s.leaf(ctx, a, found); err != nil {
				return err
			}
		}
		return nil
	}
	step := 4
	if first.Is4() {
		step = 8
	}
	bits := 0
	for { // the longest network of whole labels that has both
		p, err := first.Prefix(bits + step)
		if err != nil || !p.Contains(last) {
			break
		}
		bits += step
	}
	top, err := first.Prefix(bits)
	if err != nil {
		return err
	}
	return s.descend(ctx, top, step, first, last, found)
}

func (s *Survey) descend(ctx context.Context, in netip.Prefix, step int, first, last netip.Addr, found func(netip.Addr, wire.RR) error) error {
	size := in.Addr().BitLen()
	if in.Bits() == size {
		return s.leaf(ctx, in.Addr(), found)
	}
	for i := range 1 << step {
		b := in.Addr().AsSlice()
		at := in.Bits()
		b[at/8] |= byte(i << (8 - step - at%8))
		a, _ := netip.AddrFromSlice(b)
		child := netip.PrefixFrom(a, at+step)
		end := lastOf(child)
		if end.Less(first) || last.Less(a) {
			continue
		}
		name := ReverseName(a)
		for range (size - child.Bits()) / step {
			name = name.Parent()
		}
		switch zone := s.domain.Zone; {
		case !name.IsBelow(zone) && !zone.IsBelow(name):
			continue
		case child.Bits() < size && name.IsBelow(zone):
			m, err := s.ask(ctx, name, wire.TypePTR)
			if err != nil {
				return err
			}
			if m.Header.Flags.Rcode() == wire.RcodeNXDomain {
				continue
			}
		}
		if err := s.descend(ctx, child, step, first, last, found); err != nil {
			return err
		}
	}
	return nil
}

func (s *Survey) leaf(ctx context.Context, a netip.Addr, found func(netip.Addr, wire.RR) error) error {
	rrs, err := s.At(ctx, ownerOf(a, s.domain.Zone), wire.TypePTR)
	for _, rr := range rrs {
		if err == nil {
			err = found(a, rr)
		}
	}
	return err
}
