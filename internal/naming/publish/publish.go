package publish

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

// Publisher carries out transactions. The zero value works over the network; tests replace the functions. It remembers
// which servers did not answer and what their host names stand for. It may be used from any goroutine.
type Publisher struct {
	// Exchange sends a message to a server and returns its verified answer; nil is client.Exchange.
	Exchange func(ctx context.Context, server netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error)

	// Lookup finds the addresses of a server given by host name, and how long they are good; nil asks the name servers
	// of the system.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, time.Duration, error)

	// Suite is the DNS server of this suite, for Here; nil: there is none.
	Suite Suite

	// Now is the time; nil is time.Now.
	Now func() time.Time

	health health
	hosts  hosts
}

func (p *Publisher) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// Refusal is why one server did not do what was asked: Err if there was no usable answer, else Rcode.
type Refusal struct {
	Server string
	Rcode  wire.Rcode
	Err    error
	Text   string // that came with the rcode
}

func (r Refusal) String() string {
	if r.Err != nil {
		return r.Server + ": " + r.Err.Error()
	}
	return r.Server + ": " + r.Said()
}

// Said is the rcode with its text.
func (r Refusal) Said() string {
	if r.Text == "" {
		return r.Rcode.String()
	}
	return r.Rcode.String() + ", " + r.Text
}

// Result is how a transaction ended.
type Result struct {
	Outcome    reconcile.Outcome
	Reason     string    // why not Done
	Refusals   []Refusal // servers that failed, in order; there may be some even if a later one did it
	Restored   bool      // a record that was taken for Present had gone with its whole name, and is back
	Unanswered bool      // an update got no answer, so it may still be carried out
	Held       bool      // nothing was tried, as the forward record of the pair could not be added. The Outcome says nothing
	Left       string    // why a record that was to go was left: somebody changed it. Its Outcome is Done
}

// Do brings records of one domain into DNS (State Adding), out of it (State Removing), or makes sure that they are there
// (State Present). Of those that stand at one name in DNS there may be only one. It gives a result for each, in order.
//
// It tries the servers of the domain in order, but last those that did not answer lately; a server that does not answer,
// or refuses for reasons of its own, sends what is left to the next. All steps at one server are repeatable, so a
// transaction that was cut off anywhere may simply be done again.
func (p *Publisher) Do(ctx context.Context, d Domain, rs ...owned.Record) []Result {
	tasks := make([]*task, len(rs))
	results := make([]Result, len(rs))
	for i, r := range rs {
		tasks[i] = &task{record: r}
	}
	fail := func(i int, server string, rcode wire.Rcode, err error) {
		results[i].Refusals = append(results[i].Refusals, Refusal{Server: server, Rcode: rcode, Err: err})
	}
	servers, bad := p.servers(ctx, d)
	for _, r := range bad {
		for i := range tasks {
			fail(i, r.Server, 0, r.Err)
		}
	}
	for _, server := range servers {
		var left []*task
		for _, t := range tasks {
			if t.outcome == reconcile.Failed || t.phase != ended {
				left = append(left, t)
			}
		}
		if len(left) == 0 {
			break
		}
		err := p.at(ctx, d, server, left)
		if ctx.Err() == nil { // else it had no chance
			p.health.answered(server, err == nil, p.now())
		}
		for i, t := range tasks {
			switch {
			case t.phase != ended:
				fail(i, server.String(), 0, err)
			case t.outcome == reconcile.Failed && t.server == server:
				fail(i, server.String(), t.rcode, t.err)
			}
		}
	}
	for i, t := range tasks {
		results[i].finish(t, d.Zone)
	}
	return results
}

// at carries the tasks out at one server.
func (p *Publisher) at(ctx context.Context, d Domain, server netip.AddrPort, tasks []*task) error {
	t := &talk{p: p, server: server, key: d.Key, zone: d.Zone}
	for _, task := range tasks {
		task.server, task.err = server, nil
	}
	if !d.Any {
		for _, task := range tasks {
			task.begin(d.Zone, d.Owner)
		}
		return t.run(ctx, tasks)
	}
	for i, task := range tasks { // each may be in another zone
		task.begin(wire.Root, d.Owner)
		zone, err := t.findZone(ctx, task.records.owner)
		if err != nil {
			if !errors.Is(err, errNoZone) {
				return err
			}
			task.phase, task.outcome, task.err = ended, reconcile.Failed, err
			continue
		}
		t.zone = zone
		task.begin(zone, d.Owner)
		if err := t.run(ctx, tasks[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Result) finish(t *task, zone wire.Name) {
	r.Unanswered, r.Left, r.Restored = t.unanswered, t.left, t.restored
	if t.phase == ended && t.outcome != reconcile.Failed {
		r.Outcome, r.Reason = t.outcome, t.reason
		return
	}
	r.Outcome, r.Reason = reconcile.Failed, fmt.Sprintf("domain %s has no name server", zone)
	if n := len(r.Refusals); n > 0 {
		r.Reason = r.Refusals[n-1].String()
	}
}
