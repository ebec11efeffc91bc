package dhcpddns

import (
	"net/netip"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

// outcome is the end of a transaction for records, as they were when it began.
type outcome struct {
	gate     gateKey
	loopback bool
	records  []owned.Record
	results  []publish.Result // in the order of records
}

// markAll lets every address that has a lease, a want or a record be compared.
func (e *engine) markAll() {
	for _, from := range e.sources {
		for a := range from.leases {
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

// compare compares a bounded number of addresses and writes down what follows, together with the outcome of transactions.
// An address that such an outcome is about is compared when that is known.
func (e *engine) compare(now time.Time) {
	addresses := e.dirty.take(roundAddresses)
	if len(addresses) == 0 && (len(e.ended) == 0 || now.Before(e.writeBy)) {
		return
	}
	concerned := map[netip.Addr]bool{}
	for _, o := range e.ended {
		for _, r := range o.records {
			concerned[r.Address] = true
		}
	}
	var changes []owned.Change
	compared := addresses[:0:0]
	for _, a := range addresses {
		if concerned[a] {
			defer e.dirty.add(a)
			continue
		}
		compared = append(compared, a)
		want, known := e.desired(a)
		if !known {
			continue // marked again when the lease file has been read
		}
		if _, asked := e.store.Want(a); asked && e.settings.covers(a) {
			changes = append(changes, owned.DropWant(a))
		}
		have := e.store.At(a)
		if _, leased := e.leaseOf(a); want == nil && !leased {
			have = e.withoutHeld(have)
		}
		changes = append(changes, reconcile.Address(a, want, have)...)
		e.c.counters.reconciled.Add(1)
	}
	switch written := e.conclude(changes); {
	case written && len(compared) > 0:
		e.c.counters.runs.Add(1)
	case !written:
		e.c.counters.badRuns.Add(1)
		for _, a := range compared {
			e.dirty.add(a)
		}
	}
}

// start begins transactions for records that are due. Those of one domain go together in one, which is one message in
// the best case: while others are under way they gather, so that there are few updates for many records.
func (e *engine) start(now time.Time) {
	if e.targetsPending(now) {
		return
	}
	for range roundAddresses { // most may have to wait
		r, ok := e.schedule.Next(now)
		if !ok {
			break
		}
		domain, ok := e.domain(r)
		if !ok {
			e.postpone(r, now, "no domain is configured for it")
			continue
		}
		if !e.onDuty(r.Address) {
			e.hold(r, now.Add(e.settings.rescan))
			continue
		}
		g := e.gate(gateOf(r.Kind, domain))
		if wait := g.shut(now); wait > 0 {
			e.hold(r, now.Add(wait))
			continue
		}
		g.waiting = append(g.waiting, r.Key)
		if domain.Ours() {
			e.pair(g, r)
		}
	}
	for key, g := range e.gates {
		for len(g.waiting) > 0 && g.running < key.transactions() && e.running < maxTransactions {
			if wait := g.enter(now); wait > 0 {
				e.release(g, now.Add(wait))
				break
			}
			if !e.launch(key, g) {
				return
			}
		}
	}
}

// pair lets the reverse record go together with the forward record of the same address and name, if both are to be added or
// both to be removed and both are in zones of this suite.
func (e *engine) pair(g *gate, forward owned.Record) {
	k := forward.Key
	k.Kind = owned.Reverse
	r, ok := e.store.Get(k)
	if !ok || forward.Kind != owned.Forward || r.State != forward.State {
		return
	}
	if domain, ok := e.domain(r); ok && domain.Ours() && e.schedule.Together(forward.Key) {
		g.waiting = append(g.waiting, k)
	}
}

// hold puts a record off whose servers do not answer. It counts as tried, so that the old name of an address at a server
// that is down does not hold up its new one at another.
func (e *engine) hold(r owned.Record, until time.Time) {
	r.NextTry = until
	switch r.State {
	case owned.Present:
		e.schedule.Verify(r)
	default:
		r.Tries = max(r.Tries, 1)
		e.schedule.Put(r)
	}
	e.schedule.Ended(r.Key)
}

// release puts off all that waits at a gate.
func (e *engine) release(g *gate, until time.Time) {
	for _, k := range g.waiting {
		if r, ok := e.store.Get(k); ok {
			e.hold(r, until)
		} else {
			e.schedule.Ended(k)
		}
	}
	g.waiting = nil
}

// launch begins a transaction with what waits at a gate. False means that the state could not be written.
func (e *engine) launch(key gateKey, g *gate) bool {
	var domain publish.Domain
	var records []owned.Record
	var moved []owned.Change
	n := min(len(g.waiting), key.records())
	if n < len(g.waiting) && g.waiting[n].Pairs(g.waiting[n-1]) {
		n++
	}
	var left owned.Key // the last one that does not go
	for _, k := range g.waiting[:n] {
		r, ok := e.store.Get(k)
		if !ok { // not wanted any more, and never was in DNS
			left = k
			e.schedule.Ended(k)
			continue
		}
		d, ok := e.domain(r)
		if !ok || gateOf(r.Kind, d) != key || k.Pairs(left) { // the configuration has changed
			left = k
			e.hold(r, e.c.now())
			continue
		}
		if r.Zone != d.Zone {
			if r.Zone = d.Zone; r.State == owned.Present {
				r.State = owned.Adding // in another zone it is not there yet
			}
			moved = append(moved, owned.Put(r))
		}
		domain, records = d, append(records, r)
	}
	if g.waiting = g.waiting[n:]; len(g.waiting) == 0 {
		g.waiting = nil
	}
	if !e.write(moved) {
		for _, r := range records {
			e.schedule.Ended(r.Key)
		}
		e.release(g, e.holdOff)
		return false
	}
	if len(records) == 0 {
		g.probe = false
		return true
	}
	o := outcome{gate: key, loopback: domain.Loopback(), records: records, results: make([]publish.Result, len(records))}
	for i := range o.results {
		o.results[i] = publish.Result{Outcome: reconcile.Failed, Reason: "the transaction was not finished", Unanswered: true}
	}
	g.running++
	e.running++
	e.wg.Go(func() {
		defer func() { e.results <- o }() // also when it panics, as the engine waits for it; there is room for all that run
		if key.ours() {
			o.results = e.c.publisher.Here(e.transactions, domain.Owner, records...)
		} else {
			o.results = e.c.publisher.Do(e.transactions, domain, records...)
		}
	})
	return true
}

// postpone ends a transaction that could not begin. It is not written down: nothing was sent.
func (e *engine) postpone(r owned.Record, now time.Time, reason string) {
	if r.State == owned.Present {
		e.schedule.Delete(r.Key)
		e.schedule.Ended(r.Key)
		return
	}
	c := reconcile.Finish(r, reconcile.Failed, reason, false, now, false, jitter())
	e.schedule.Put(*c.Put)
	e.schedule.Ended(r.Key)
}

// finish takes the outcome of a transaction. What it lets go need not wait for the disk, as it is on disk itself; the outcome is
// written down together with what comes next, or soon.
func (e *engine) finish(o outcome) {
	now := e.c.now()
	g := e.gate(o.gate)
	g.running = max(g.running-1, 0)
	e.running--
	g.leave(now, o, jitter())
	by := now.Add(outcomeDelay)
	for i, result := range o.results {
		record := o.records[i]
		if result.Outcome != reconcile.Done || record.State != owned.Adding {
			by = now // others may wait for it
		} else if r, ok := e.store.Get(record.Key); ok && record.Kind == owned.Forward && r.State == owned.Adding && r.DHCID == record.DHCID {
			e.schedule.Passed(record.Key)
		}
	}
	if len(e.ended) == 0 || by.Before(e.writeBy) {
		e.writeBy = by
	}
	if e.ended = append(e.ended, o); len(e.ended) >= maxTransactions {
		e.writeBy = now
	}
	e.start(now)
}

// conclude takes the outcomes of transactions that have ended into the state, and what follows from them for their
// addresses, and other changes: one write to disk for all.
func (e *engine) conclude(changes []owned.Change) (written bool) {
	now := e.c.now()
	ended := e.ended
	e.ended = nil
	for _, o := range ended {
		for i, record := range o.records {
			if c, ok := e.result(record, o.results[i], o.loopback, now); ok {
				changes = append(changes, c)
			}
		}
	}
	written = e.write(changes)
	for _, o := range ended {
		for i, record := range o.records {
			e.settled(record, o.results[i], written, now)
		}
	}
	return written
}

// result gives the change of state that a record's result makes.
func (e *engine) result(record owned.Record, result publish.Result, loopback bool, now time.Time) (owned.Change, bool) {
	r, ok := e.store.Get(record.Key)
	if result.Held {
		return owned.Change{}, false
	}
	if !ok || r.State != record.State || r.DHCID != record.DHCID {
		if ok && result.Unanswered { // it is wanted differently by now, but the update may still be carried out
			r.Doubt = now.Add(reconcile.SettleTime)
			return owned.Put(r), true
		}
		return owned.Change{}, false
	}
	if _, before := e.inFlight[r.Key]; before {
		delete(e.inFlight, r.Key)
		result.Unanswered = true
	}
	if r.State == owned.Present {
		e.c.counters.verified.Add(1)
		if result.Outcome == reconcile.Done {
			e.present(r, result)
			return owned.Change{}, false
		}
		r.State = owned.Adding
	}
	e.report(r, result)
	return reconcile.Finish(r, result.Outcome, result.Reason, result.Unanswered, now, loopback, jitter()), true
}

// settled lets go on what waited for a record.
func (e *engine) settled(record owned.Record, result publish.Result, written bool, now time.Time) {
	r, ok := e.store.Get(record.Key)
	if ok && !written { // nothing has changed, so it is simply done again
		r.NextTry = e.holdOff
		e.schedule.Put(r)
	}
	e.schedule.Ended(record.Key)
	if !written {
		return
	}
	if ok && r.State == owned.Present && now.Before(r.Doubt) {
		e.doubts.Set(r.Address, r.Doubt)
	}
	if record.Kind == owned.Forward {
		e.dirty.add(record.Address) // its reverse record follows it
	}
	if record.State.Leaving() && result.Outcome == reconcile.Done {
		e.schedule.Freed(record.Key)
		e.dirty.add(record.Address) // another client's record may have waited for the key
	}
}

// present ends the look for a record that is in DNS, or is there again.
func (e *engine) present(r owned.Record, result publish.Result) {
	e.schedule.Delete(r.Key)
	if result.Restored {
		e.c.counters.restored.Add(1)
		e.c.deps.Log.Log(msgRestored, r.Kind, r.Name, r.Address)
	}
}

// report logs and counts an outcome.
func (e *engine) report(r owned.Record, result publish.Result) {
	removing, log := r.State.Leaving(), e.c.deps.Log
	e.c.counters.outcome(r.Key, result.Outcome, removing)
	if result.Outcome == reconcile.Failed {
		e.c.counters.lastError.Store(r.Name.String() + " " + r.Address.String() + ": " + result.Reason)
	}
	ours := e.isOurs(r)
	if ours {
		e.heard(r, result)
	}
	if r.Tries == 0 && !ours {
		for _, refusal := range result.Refusals {
			e.reportRefusal(r, refusal)
		}
	}
	if result.Left != "" {
		log.Log(msgLeft, r.Kind, r.Name, r.Address, result.Left)
	}
	switch {
	case result.Outcome == reconcile.Done && r.State == owned.Settling: // told when it was removed
		e.c.counters.lastSuccess.Store(e.c.now().Unix())
	case result.Outcome == reconcile.Done:
		e.c.counters.lastSuccess.Store(e.c.now().Unix())
		msg := msgAdded
		if removing {
			msg = msgRemoved
		}
		log.Log(msg, r.Kind, r.Name, r.Address)
	case r.Tries > 0, ours && result.Outcome == reconcile.Failed:
		log.Log(msgAgainFailed, r.Kind, r.Name, r.Address, r.Tries+1, result.Reason)
	case result.Outcome == reconcile.Taken && r.Rules == owned.SkipExisting:
		log.Log(msgSkipped, r.Kind, r.Name, r.Address, result.Reason)
	case result.Outcome == reconcile.Taken && r.Rules == owned.StrictFail:
		log.Log(msgAddFailed, r.Kind, r.Name, r.Address, result.Reason)
	case result.Outcome == reconcile.Taken:
		log.Log(msgConflict, r.Kind, r.Name, r.Address, result.Reason)
	case removing:
		log.Log(msgRemoveFailed, r.Kind, r.Name, r.Address, result.Reason)
	default:
		log.Log(msgAddFailed, r.Kind, r.Name, r.Address, result.Reason)
	}
}

// isOurs tells whether a record is in a zone of this suite.
func (e *engine) isOurs(r owned.Record) bool {
	d, ok := e.domain(r)
	return ok && d.Ours()
}

func (e *engine) reportRefusal(r owned.Record, refusal publish.Refusal) {
	log, owner := e.c.deps.Log, publish.Owner(r.Key, r.Zone)
	removing := r.State.Leaving()
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
	e.targetsDue = true
	return map[string]any{"addresses": e.dirty.len(), "waiting": waiting, "verifying": e.store.Len() - waiting}
}

// compareAll compares everything and lets everything that waits go at once. It gives the number of those.
func (e *engine) compareAll() (waiting int) {
	e.openGates()
	e.markAll()
	for r := range e.store.All() {
		if r.State != owned.Present && r.State != owned.Settling {
			waiting++
			r.NextTry = time.Time{}
			e.schedule.Put(r)
		}
	}
	for _, from := range e.sources {
		from.poke()
	}
	return waiting
}
