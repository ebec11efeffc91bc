package publish

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"bundy/internal/dns/client"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/update"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
)

const (
	// exchangeTimeout bounds one question to one server. A server answers an update when it is durable, which under
	// load takes several disk writes; asking again earlier would only double its work.
	exchangeTimeout = 2 * time.Second

	// exchangeTries is how often a server that does not answer is asked before the next one is: datagrams get lost.
	exchangeTries = 2

	// maxRounds bounds how often an addition starts anew because the name came and went between two updates.
	maxRounds = 3

	// maxAddresses bounds the addresses of a server given by host name.
	maxAddresses = 4
)

// Publisher carries out transactions. The zero value works over the network; tests replace the functions. It may be
// used from any goroutine.
type Publisher struct {
	// Exchange sends a message to a server and returns its verified answer; nil is client.Exchange.
	Exchange func(ctx context.Context, server netip.AddrPort, msg []byte, key *tsig.Key) ([]byte, error)

	// Lookup finds the addresses of a server given by host name; nil is the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Refusal is why one server did not do what was asked: Err if there was no usable answer, else Rcode.
type Refusal struct {
	Server string
	Rcode  wire.Rcode
	Err    error
}

func (r Refusal) String() string {
	if r.Err != nil {
		return r.Server + ": " + r.Err.Error()
	}
	return r.Server + ": " + r.Rcode.String()
}

// Result is how a transaction ended.
type Result struct {
	Outcome  reconcile.Outcome
	Reason   string    // why not Done
	Refusals []Refusal // servers that failed, in order; there may be some even if a later one did it
	Restored bool      // a record that was taken for Present had gone with its whole name, and is back
}

// Do brings one record into DNS (State Adding) or out of it (State Removing), or makes sure that it is there (State
// Present). It tries the servers of the domain in
// order; a server that does not answer, or refuses for reasons of its own, sends it to the next. All steps at one
// server are repeatable, so a transaction that was cut off anywhere may simply be done again.
func (p *Publisher) Do(ctx context.Context, d Domain, r owned.Record) Result {
	var result Result
	fail := func(server string, rcode wire.Rcode, err error) {
		result.Refusals = append(result.Refusals, Refusal{server, rcode, err})
	}
	for _, s := range d.Servers {
		addresses, err := p.addresses(ctx, s)
		if err != nil {
			fail(s.Host, 0, err)
			continue
		}
		for _, a := range addresses {
			t := transaction{p: p, server: a, key: d.Key, zone: d.Zone, records: recordsOf(r)}
			outcome, reason, rcode, err := t.run(ctx, d.Any, r)
			if outcome != reconcile.Failed {
				result.Outcome, result.Reason, result.Restored = outcome, reason, t.restored
				return result
			}
			fail(a.String(), rcode, err)
		}
	}
	result.Outcome = reconcile.Failed
	result.Reason = fmt.Sprintf("domain %s has no name server", d.Zone)
	if n := len(result.Refusals); n > 0 {
		result.Reason = result.Refusals[n-1].String()
	}
	return result
}

func (p *Publisher) addresses(ctx context.Context, s Server) ([]netip.AddrPort, error) {
	found := []netip.Addr{s.Address}
	if s.Host != "" {
		lookup := p.Lookup
		if lookup == nil {
			lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
				return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
			}
		}
		ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
		defer cancel()
		var err error
		if found, err = lookup(ctx, s.Host); err != nil {
			return nil, fmt.Errorf("look up name server %s: %w", s.Host, err)
		}
		found = found[:min(len(found), maxAddresses)]
	}
	out := make([]netip.AddrPort, len(found))
	for i, a := range found {
		out[i] = netip.AddrPortFrom(a.Unmap(), s.Port)
	}
	return out, nil
}

// transaction is the talk with one server about one record.
type transaction struct {
	p       *Publisher
	server  netip.AddrPort
	key     *tsig.Key
	zone    wire.Name
	records records

	restored bool // see Result
}

// run returns Failed together with the rcode or the error that ended it.
func (t *transaction) run(ctx context.Context, any bool, r owned.Record) (reconcile.Outcome, string, wire.Rcode, error) {
	if any {
		zone, err := t.findZone(ctx)
		if err != nil {
			return reconcile.Failed, "", 0, err
		}
		t.zone = zone
	}
	if t.records.owner.Equal(t.zone) {
		if r.State == owned.Removing {
			return reconcile.Done, "", 0, nil // never added
		}
		return reconcile.Taken, "the name is the zone itself", 0, nil
	}
	switch {
	case r.State == owned.Present:
		return t.verify(ctx)
	case r.State != owned.Removing:
		return t.add(ctx)
	case r.Kind == owned.Reverse:
		return t.remove(ctx, t.records.removeReverse(t.zone))
	}
	return t.remove(ctx, t.records.removeData(t.zone), t.records.removeMark(t.zone))
}

func (t *transaction) add(ctx context.Context) (reconcile.Outcome, string, wire.Rcode, error) {
	for range maxRounds {
		rcode, err := t.send(ctx, t.records.addFree(t.zone))
		switch {
		case err != nil:
			return reconcile.Failed, "", 0, err
		case rcode == wire.RcodeNoError:
			return reconcile.Done, "", 0, nil
		case rcode != wire.RcodeYXDomain:
			return reconcile.Failed, "", rcode, nil
		}
		rcode, err = t.send(ctx, t.records.addOurs(t.zone))
		switch {
		case err != nil:
			return reconcile.Failed, "", 0, err
		case rcode == wire.RcodeNoError:
			return reconcile.Done, "", 0, nil
		case rcode == wire.RcodeNXRRSet, rcode == wire.RcodeYXRRSet:
			return reconcile.Taken, "the name is in use by somebody else", 0, nil
		case rcode != wire.RcodeNXDomain: // else it has just gone: once more from the start
			return reconcile.Failed, "", rcode, nil
		}
	}
	return reconcile.Failed, "", wire.RcodeNXDomain, nil
}

// verify is add for a record that ought to be there: the update that then changes nothing goes first.
func (t *transaction) verify(ctx context.Context) (reconcile.Outcome, string, wire.Rcode, error) {
	rcode, err := t.send(ctx, t.records.addOurs(t.zone))
	switch {
	case err != nil:
		return reconcile.Failed, "", 0, err
	case rcode == wire.RcodeNoError:
		return reconcile.Done, "", 0, nil
	case rcode != wire.RcodeNXDomain && rcode != wire.RcodeNXRRSet && rcode != wire.RcodeYXRRSet:
		return reconcile.Failed, "", rcode, nil
	}
	outcome, reason, rcode, err := t.add(ctx)
	t.restored = outcome == reconcile.Done
	return outcome, reason, rcode, err
}

// remove carries out the steps. A prerequisite that does not hold means that there is nothing of ours to remove.
func (t *transaction) remove(ctx context.Context, steps ...update.Request) (reconcile.Outcome, string, wire.Rcode, error) {
	for _, step := range steps {
		rcode, err := t.send(ctx, step)
		if err != nil {
			return reconcile.Failed, "", 0, err
		}
		switch rcode {
		case wire.RcodeNoError:
		case wire.RcodeNXRRSet, wire.RcodeYXRRSet, wire.RcodeNXDomain:
			return reconcile.Done, "", 0, nil
		default:
			return reconcile.Failed, "", rcode, nil
		}
	}
	return reconcile.Done, "", 0, nil
}

// send makes one update and gives the server's rcode.
func (t *transaction) send(ctx context.Context, r update.Request) (wire.Rcode, error) {
	msg, err := r.Pack(0)
	if err != nil {
		return 0, err
	}
	reply, err := t.exchange(ctx, msg)
	if err != nil {
		return 0, err
	}
	h, err := wire.ParseHeader(reply)
	if err != nil {
		return 0, err
	}
	return h.Flags.Rcode(), nil
}

func (t *transaction) exchange(ctx context.Context, msg []byte) (reply []byte, err error) {
	exchange := t.p.Exchange
	if exchange == nil {
		exchange = client.Exchange
	}
	for range exchangeTries {
		limited, cancel := context.WithTimeout(ctx, exchangeTimeout)
		reply, err = exchange(limited, t.server, msg, t.key)
		cancel()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	return reply, err
}
