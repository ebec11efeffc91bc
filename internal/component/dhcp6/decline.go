package dhcp6

import "time"

const (
	// maxDeclines is how many addresses a client may decline before it gets none for a while. One whose check of
	// addresses is broken, or that means harm, would else put a whole pool to rest. Who finds a real conflict has found
	// another address by then.
	maxDeclines = 5

	// declineRest is how long that is, from the last DECLINE. Fewer declines are forgotten after the same time.
	declineRest = 10 * time.Minute

	// maxDecliners bounds the clients that are remembered. Beyond that any one is forgotten: who forges so many
	// addresses gains nothing by it.
	maxDecliners = 4096
)

// decliners counts declined addresses by DUID. The server's goroutine owns it.
type decliners map[string]decliner

type decliner struct {
	count int
	until time.Time
}

// declined counts one.
func (d decliners) declined(client string, now time.Time) {
	c := d[client]
	if !now.Before(c.until) {
		c.count = 0
	}
	if _, known := d[client]; !known && len(d) >= maxDecliners {
		for other := range d {
			delete(d, other)
			break
		}
	}
	d[client] = decliner{c.count + 1, now.Add(declineRest)}
}

// resting tells whether a client is not served for now.
func (d decliners) resting(client string, now time.Time) bool {
	c, known := d[client]
	if known && !now.Before(c.until) {
		delete(d, client)
		return false
	}
	return c.count >= maxDeclines
}
