package dhcp4

import "time"

const (
	// maxDeclines is how many addresses a client may decline before it gets none for a while. One whose check of
	// addresses is broken, or that means harm, would else put a whole pool to rest. Who finds a real conflict has found
	// another address by then.
	maxDeclines = 5

	// maxPortDeclines is the same for all clients behind one port of a relay (option 82), which cannot be forged: some
	// clients on a hub, and no more.
	maxPortDeclines = 4 * maxDeclines

	// declineRest is how long that is, from the last DECLINE. Fewer declines are forgotten after the same time.
	declineRest = 10 * time.Minute

	// maxDecliners bounds the clients that are remembered. Beyond that any one is forgotten: who forges so many
	// addresses gains nothing by it.
	maxDecliners = 4096
)

// decliners counts declined addresses by client, and by port. The server's goroutine owns it.
type decliners struct{ clients, ports declines }

type declines map[string]decliner

type decliner struct {
	count int
	until time.Time
}

func newDecliners() decliners { return decliners{declines{}, declines{}} }

// declined counts one.
func (d decliners) declined(x *exchange, now time.Time) {
	d.clients.add(x.decliner(), now)
	if port := x.port(); port != "" {
		d.ports.add(port, now)
	}
}

// resting tells whether a client is not served for now.
func (d decliners) resting(x *exchange, now time.Time) bool {
	return d.clients.reached(x.decliner(), maxDeclines, now) || d.ports.reached(x.port(), maxPortDeclines, now)
}

func (d declines) add(who string, now time.Time) {
	c := d[who]
	if !now.Before(c.until) {
		c.count = 0
	}
	if _, known := d[who]; !known && len(d) >= maxDecliners {
		for other := range d {
			delete(d, other)
			break
		}
	}
	d[who] = decliner{c.count + 1, now.Add(declineRest)}
}

func (d declines) reached(who string, limit int, now time.Time) bool {
	c, known := d[who]
	if known && !now.Before(c.until) {
		delete(d, who)
		return false
	}
	return c.count >= limit
}

// decliner names the client in the count: by hardware address, or by client identifier where there is none.
func (x *exchange) decliner() string {
	if allZero(x.client.HWAddr) {
		return x.clientID
	}
	return string(x.client.HWType) + x.client.HWAddr
}

// port names the port of the relay that the client is behind; empty when the relay does not tell.
func (x *exchange) port() string {
	id, _ := x.request.SubOption(circuitID)
	if len(id) == 0 {
		return ""
	}
	return string(x.request.GIAddr.AsSlice()) + string(id)
}

// origin names where the client asks: the port of the relay, the relay, or the interface.
func (x *exchange) origin() string {
	if port := x.port(); port != "" {
		return port
	}
	if x.request.Relayed() {
		return string(x.request.GIAddr.AsSlice())
	}
	return x.packet.Link.Name
}
