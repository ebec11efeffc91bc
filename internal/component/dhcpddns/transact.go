package dhcpddns

import (
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

// outcome is the end of a transaction for record, as it was when the transaction began.
type outcome struct {
	record   owned.Record
	gate     gateKey
	loopback bool
	result   publish.Result
}

// markAll lets every address that has a lease, a want or a record be compared.
func (e *engine) markAll() {
	for family := range e.sources {
		for a := range e.sources[family].leases {
			e.dirty.add(a)
		}
	}
	for w := range e.store.Wants() {
		e.dirty.add(w.Address)
	}
	for r := range e.store.All() {
		e.dirty.add(r.Address)
	}
}

// compare compares a bounded number of addresses and writes down what follows.
func (e *engine) compare() {
	addresses := e.dirty.take(roundAddresses)
	var changes []owned.Change
	for _, a := range addresses {
		want, known := e.desired(a)
		if !known {
			continue // marked again when the lease file has been read
		}
		if _, asked := e.store.Want(a); asked && e.settings.covers(a) {
			changes = append(changes, owned.DropWant(a))
		}
		changes = append(changes, reconcile.Address(a, want, e.store.At(a))...)
		e.c.counters.reconciled.Add(1)
	}
	if !e.write(changes) {
		for _, a := range addresses {
			e.dirty.add(a)
		}
	}
}

// start begins transactions for records that are due.
func (e *engine) start(now time.Time) {
	for range roundAddresses { // most may have to wait
		if e.schedule.Running() >= maxTransactions {
			return
		}
		r, ok := e.schedule.Next(now)
		if !ok {
			return
		}
		domain, ok := e.settings.catalog.For(r)
		if !ok {
			e.postpone(r, now, "no domain is configured for it")
			continue
		}
		if r.Zone != domain.Zone {
			if r.Zone = domain.Zone; r.State == owned.Present {
				r.State = owned.Adding // in another zone it is not there yet
			}
			if !e.write([]owned.Change{owned.Put(r)}) {
				e.schedule.Ended(r.Key)
				return
			}
		}
		key := gateKey{r.Kind, domain.Zone}
		if wait := e.gate(key).enter(now); wait > 0 {
			r.NextTry = now.Add(wait)
			if r.State == owned.Present {
				e.schedule.Verify(r)
			} else {
				e.schedule.Put(r)
			}
			e.schedule.Ended(r.Key)
			continue
		}
		e.wg.Go(func() {
			result := publish.Result{Outcome: reconcile.Failed, Reason: "the transaction was not finished"}
			defer func() { // also when it panics, as the engine waits for it; there is room for all that run
				e.results <- outcome{r, key, domain.Loopback(), result}
			}()
			result = e.c.publisher.Do(e.transactions, domain, r)
		})
	}
}

// postpone ends a transaction that could not begin. It is not written down: nothing was sent.
func (e *engine) postpone(r owned.Record, now time.Time, reason string) {
	if r.State == owned.Present {
		e.schedule.Delete(r.Key)
		e.schedule.Ended(r.Key)
		return
	}
	c := reconcile.Finish(r, reconcile.Failed, reason, now, false, jitter())
	e.schedule.Put(*c.Put)
	e.schedule.Ended(r.Key)
}

// finish takes the outcome of a transaction, and of others that have ended, into the state.
func (e *engine) finish(first outcome) {
	ended := []outcome{first}
	for len(ended) < maxTransactions {
		select {
		case o := <-e.results:
			ended = append(ended, o)
			continue
		default:
		}
		break
	}
	now := e.c.now()
	var changes []owned.Change
	for _, o := range ended {
		e.gate(o.gate).leave(now, o, jitter())
		r, ok := e.store.Get(o.record.Key)
		if !ok || r.State != o.record.State || r.DHCID != o.record.DHCID {
			continue // it is wanted differently by now
		}
		if r.State == owned.Present {
			e.c.counters.verified.Add(1)
			if o.result.Outcome == reconcile.Done {
				e.present(r, o)
				continue
			}
			r.State = owned.Adding
		}
		e.report(r, o)
		changes = append(changes, reconcile.Finish(r, o.result.Outcome, o.result.Reason, now, o.loopback, jitter()))
	}
	written := e.write(changes)
	for _, o := range ended {
		if r, ok := e.store.Get(o.record.Key); ok && !written { // nothing has changed, so it is simply done again
			r.NextTry = e.holdOff
			e.schedule.Put(r)
		}
		e.schedule.Ended(o.record.Key)
		if written && o.record.Kind == owned.Forward {
			e.dirty.add(o.record.Address) // its reverse record follows it
		}
		if written && o.record.State == owned.Removing && o.result.Outcome == reconcile.Done {
			e.schedule.Freed(o.record.Key)
			e.dirty.add(o.record.Address) // another client's record may have waited for the key
		}
	}
}

// present ends the look for a record that is in DNS, or is there again.
func (e *engine) present(r owned.Record, o outcome) {
	e.schedule.Delete(r.Key)
	if o.result.Restored {
		e.c.counters.restored.Add(1)
		e.c.deps.Log.Log(msgRestored, r.Kind, r.Name, r.Address)
	}
}

// report logs and counts an outcome.
func (e *engine) report(r owned.Record, o outcome) {
	removing, log := r.State == owned.Removing, e.c.deps.Log
	e.c.counters.outcome(r.Address, o.result.Outcome, removing)
	if r.Tries == 0 {
		for _, refusal := range o.result.Refusals {
			e.reportRefusal(r, refusal)
		}
	}
	switch {
	case o.result.Outcome == reconcile.Done:
		e.c.counters.lastSuccess.Store(e.c.now().Unix())
		msg := msgAdded
		if removing {
			msg = msgRemoved
		}
		log.Log(msg, r.Kind, r.Name, r.Address)
	case r.Tries > 0:
		log.Log(msgAgainFailed, r.Kind, r.Name, r.Address, r.Tries+1, o.result.Reason)
	case o.result.Outcome == reconcile.Taken:
		log.Log(msgConflict, r.Kind, r.Name, r.Address, o.result.Reason)
	case removing:
		log.Log(msgRemoveFailed, r.Kind, r.Name, r.Address, o.result.Reason)
	default:
		log.Log(msgAddFailed, r.Kind, r.Name, r.Address, o.result.Reason)
	}
}

func (e *engine) reportRefusal(r owned.Record, refusal publish.Refusal) {
	log, owner := e.c.deps.Log, publish.Owner(r.Key)
	removing := r.State == owned.Removing
	switch {
	case refusal.Err != nil && r.Kind == owned.Forward:
		log.Log(msgForwardIOError, owner, refusal)
	case refusal.Err != nil:
		log.Log(msgReverseIOError, owner, refusal)
	case r.Kind == owned.Forward && removing:
		log.Log(msgForwardRemoveRejected, refusal.Server, owner, refusal.Rcode)
	case r.Kind == owned.Forward:
		log.Log(msgForwardAddRejected, refusal.Server, owner, refusal.Rcode)
	case removing:
		log.Log(msgReverseRemoveRejected, refusal.Server, owner, refusal.Rcode)
	default:
		log.Log(msgReverseAddRejected, refusal.Server, owner, refusal.Rcode)
	}
}

// reconcileNow does all that can be done to make DNS right: it compares everything, lets everything that waits go at
// once, and looks for what should be there.
func (e *engine) reconcileNow() any {
	waiting := e.compareAll()
	e.check.suspect(wire.Root)
	return map[string]any{"addresses": e.dirty.len(), "waiting": waiting, "verifying": e.store.Len() - waiting}
}

// compareAll compares everything and lets everything that waits go at once. It gives the number of those.
func (e *engine) compareAll() (waiting int) {
	clear(e.gates)
	e.markAll()
	for r := range e.store.All() {
		if r.State != owned.Present {
			waiting++
			r.NextTry = time.Time{}
			e.schedule.Put(r)
		}
	}
	for family := range e.sources {
		e.sources[family].poke()
	}
	return waiting
}
