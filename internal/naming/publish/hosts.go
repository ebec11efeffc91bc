package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"bundy/internal/dns/wire"
)

const (
	// maxAddresses bounds the addresses of a server given by host name.
	maxAddresses = 4

	// maxHosts bounds the host names that are remembered; beyond it they are looked up each time.
	maxHosts = 256

	// minHostTTL and maxHostTTL bound how long an address is good, whatever its record says; hostTTL is for one that came
	// from no record, as from /etc/hosts.
	minHostTTL = 5 * time.Second
	maxHostTTL = time.Hour
	hostTTL    = time.Minute

	// hostRetry is how long a look-up that failed is not done again: the addresses that were known stay in use, for a
	// resolver that is down is no reason not to update a server that is up.
	hostRetry = 5 * time.Second
)

// hosts remembers what host names of servers stand for.
type hosts struct {
	mu    sync.Mutex
	known map[string]host
}

type host struct {
	addresses []netip.Addr
	err       error
	until     time.Time
}

// addresses gives those of a host name, of both families.
func (p *Publisher) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	now := p.now()
	p.hosts.mu.Lock()
	h, known := p.hosts.known[name]
	if known && !now.Before(h.until) { // while one looks it up, the others do with what there is
		h.until = now.Add(exchangeTimeout)
		p.hosts.known[name] = h
		known = false
	}
	p.hosts.mu.Unlock()
	if known {
		return h.addresses, h.err
	}
	lookup := p.Lookup
	if lookup == nil {
		lookup = lookUp
	}
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	found, ttl, err := lookup(ctx, name)
	if err == nil && len(found) == 0 {
		err = errors.New("it has no addresses")
	}
	if err != nil {
		h.until = now.Add(hostRetry)
		if h.err = fmt.Errorf("look up name server %s: %w", name, err); len(h.addresses) > 0 {
			h.err = nil
		}
	} else {
		h = host{addresses: found[:min(len(found), maxAddresses)], until: now.Add(min(max(ttl, minHostTTL), maxHostTTL))}
	}
	p.hosts.mu.Lock()
	defer p.hosts.mu.Unlock()
	if p.hosts.known == nil {
		p.hosts.known = map[string]host{}
	}
	if _, ok := p.hosts.known[name]; ok || len(p.hosts.known) < maxHosts {
		p.hosts.known[name] = h
	}
	return h.addresses, h.err
}

// lookUp asks the resolver of the system for both families. That keeps the times to live to itself, so they are read
// from the answers on their way to it.
func lookUp(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	var seen shortest
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		if udp, ok := conn.(*net.UDPConn); ok {
			return &listening{udp, &seen}, nil
		}
		return conn, err
	}}
	found, err := resolver.LookupNetIP(ctx, "ip", name)
	return found, seen.ttl(), err
}

// shortest is the shortest time to live of the addresses in answers.
type shortest struct {
	mu    sync.Mutex
	found bool
	value uint32
}

func (s *shortest) ttl() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.found {
		return hostTTL
	}
	return time.Duration(s.value) * time.Second
}

func (s *shortest) see(msg []byte) {
	m, err := wire.ParseMessage(msg)
	if err != nil {
		return // the resolver will say so
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rr := range m.Answer {
		if !s.found || rr.TTL < s.value {
			s.found, s.value = true, rr.TTL
		}
	}
}

// listening is a connection to a resolver whose answers are looked at. It must stay a net.PacketConn, by which the
// resolver knows how messages are framed.
type listening struct {
	*net.UDPConn
	seen *shortest
}

func (l *listening) Read(b []byte) (int, error) {
	n, err := l.UDPConn.Read(b)
	if err == nil {
		l.seen.see(b[:n])
	}
	return n, err
}
