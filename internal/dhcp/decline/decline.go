package decline

import "time"

// Decliners are the clients of a server that declined addresses, and the ports of relays that they are behind. One
// goroutine owns them.
type Decliners struct{ clients, ports *tally }

// NewDecliners makes an empty count.
func NewDecliners() Decliners { return Decliners{newTally(ByClient), newTally(ByPort)} }

// Declined counts an address that a client declined at now. port is empty when no relay tells it.
func (d Decliners) Declined(client, port string, now time.Time) {
	d.clients.add(client, now)
	if port != "" {
		d.ports.add(port, now)
	}
}

// Resting tells whether a client gets no addresses at now: it, or those behind its port, declined too many.
func (d Decliners) Resting(client, port string, now time.Time) bool {
	return d.clients.resting(client, now) || d.ports.resting(port, now)
}
