package publish

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"bundy/internal/naming/reconcile"
)

// maxHealth bounds the servers that are remembered for not answering. It is far above what anybody configures; host
// names whose addresses change all the time must not fill the memory.
const maxHealth = 1024

// health knows which servers did not answer, so that they are not the first to be asked each time.
type health struct {
	mu   sync.Mutex
	down map[netip.AddrPort]silence
}

// silence is of a server that did not answer the last time.
type silence struct {
	failed uint32    // times in a row
	until  time.Time // asked last until then
}

// answered takes whether a server did.
func (h *health) answered(server netip.AddrPort, did bool, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, known := h.down[server]
	switch {
	case did:
		delete(h.down, server)
		return
	case !known && len(h.down) >= maxHealth:
		return
	case h.down == nil:
		h.down = map[netip.AddrPort]silence{}
	}
	if !now.Before(s.until) { // else one that was asked together with another
		s.failed++
	}
	s.until = now.Add(reconcile.ServerDelay(s.failed, server.Addr().IsLoopback(), rand.Float64()))
	h.down[server] = s
}

// order puts those that did not answer lately behind the others. The first to come when the time of one is over asks it
// again, the others meanwhile do not.
func (h *health) order(servers []netip.AddrPort, now time.Time) []netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	var up, down []netip.AddrPort
	for _, server := range servers {
		s, silent := h.down[server]
		switch {
		case slices.Contains(up, server) || slices.Contains(down, server):
		case silent && now.Before(s.until):
			down = append(down, server)
		default:
			if silent && len(servers) > 1 {
				s.until = now.Add(2 * exchangeTimeout)
				h.down[server] = s
			}
			up = append(up, server)
		}
	}
	return append(up, down...)
}

// servers gives the addresses to try, in order, and the host names that stand for none.
func (p *Publisher) servers(ctx context.Context, d Domain) (out []netip.AddrPort, bad []Refusal) {
	for _, s := range d.Servers {
		if s.Host == "" {
			out = append(out, netip.AddrPortFrom(s.Address.Unmap(), s.Port))
			continue
		}
		addresses, err := p.addresses(ctx, s.Host)
		if err != nil {
			bad = append(bad, Refusal{Server: s.Host, Err: err})
		}
		for _, a := range addresses {
			out = append(out, netip.AddrPortFrom(a.Unmap(), s.Port))
		}
	}
	return p.health.order(out, p.now()), bad
}
