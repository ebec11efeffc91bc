package decline

import "time"

const (
	// ByClient is how many addresses a client may decline before it gets none for a while. Who finds a real conflict has
	// found another address by then.
	ByClient = 5

	// ByPort is the same for all clients behind one port of a relay, which cannot be forged: some clients on a hub, and
	// no more.
	ByPort = 4 * ByClient

	// Rest is how long that is, from the last DECLINE. Fewer declines are forgotten after the same time.
	Rest = 10 * time.Minute

	// maxKnown bounds those that are remembered. Beyond that any one is forgotten: who forges so many addresses gains
	// nothing by it.
	maxKnown = 4096
)

// tally counts by whom: clients, or ports.
type tally struct {
	limit int
	by    map[string]entry
}

type entry struct {
	count int
	until time.Time
}

// newTally makes a tally of those who must rest after limit declined addresses.
func newTally(limit int) *tally { return &tally{limit, map[string]entry{}} }

// add counts an address that somebody declined at now.
func (t *tally) add(who string, now time.Time) {
	e, known := t.by[who]
	if !now.Before(e.until) {
		e.count = 0
	}
	if !known && len(t.by) >= maxKnown {
		for other := range t.by {
			delete(t.by, other)
			break
		}
	}
	t.by[who] = entry{e.count + 1, now.Add(Rest)}
}

// resting tells whether somebody is not to be served at now.
func (t *tally) resting(who string, now time.Time) bool {
	e, known := t.by[who]
	if known && !now.Before(e.until) {
		delete(t.by, who)
		return false
	}
	return e.count >= t.limit
}
