package dhcpddns

import (
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

// gateKey names the servers of one domain.
type gateKey struct {
	kind owned.Kind
	zone wire.Name
}

// gateOf gives the gate that the records of one direction of a domain go through. All zones of this suite have one, as they
// change together.
func gateOf(kind owned.Kind, d publish.Domain) gateKey {
	if d.Ours() {
		return gateKey{}
	}
	return gateKey{kind, d.Zone}
}

// ours tells whether the gate is that of the zones of this suite.
func (k gateKey) ours() bool { return k.zone == "" }

// transactions is how many may run at once.
func (k gateKey) transactions() int {
	if k.ours() {
		return oursTransactions
	}
	return gateTransactions
}

// records is how many records may go together.
func (k gateKey) records() int {
	if k.ours() {
		return oursRecords
	}
	return batchRecords
}

// gate keeps transactions from servers that do not answer, so that they do not take the places of those for others.
// One at a time finds out whether they do again.
type gate struct {
	failed uint32 // transactions in a row without any answer
	until  time.Time
	probe  bool // the one that finds out is under way

	running int         // transactions
	waiting []owned.Key // records that may go, but are too many for now; they keep their places in the schedule
}

// probeWait is how long others wait while one finds out.
const probeWait = 500 * time.Millisecond

func (e *engine) gate(k gateKey) *gate {
	g := e.gates[k]
	if g == nil {
		g = &gate{}
		e.gates[k] = g
	}
	return g
}

// openGates forgets what is known of servers, as they may have changed. What runs still counts.
func (e *engine) openGates() {
	for key, g := range e.gates {
		g.failed, g.until, g.probe = 0, time.Time{}, false
		if g.running == 0 && len(g.waiting) == 0 {
			delete(e.gates, key)
		}
	}
}

// shut is how long nothing may go, whoever asks.
func (g *gate) shut(now time.Time) time.Duration {
	if g.failed > 0 && now.Before(g.until) {
		return g.until.Sub(now)
	}
	return 0
}

// enter returns 0 if a transaction may go, else how long it must wait.
func (g *gate) enter(now time.Time) time.Duration {
	switch {
	case g.failed == 0:
		return 0
	case now.Before(g.until):
		return g.until.Sub(now)
	case g.probe:
		return probeWait
	}
	g.probe = true
	return 0
}

// leave takes the end of a transaction.
func (g *gate) leave(now time.Time, o outcome, jitter float64) {
	g.probe = false
	silent := len(o.results) > 0
	for _, result := range o.results {
		silent = silent && result.Outcome == reconcile.Failed && len(result.Refusals) > 0
		for _, r := range result.Refusals {
			silent = silent && r.Err != nil
		}
	}
	if !silent {
		g.failed = 0
		return
	}
	if !now.Before(g.until) { // not one that began before the gate was shut
		g.failed++
	}
	g.until = now.Add(reconcile.ServerDelay(g.failed, o.loopback, jitter))
}
