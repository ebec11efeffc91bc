package dhcpddns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/follow"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/naming/proof"
	"bundy/internal/naming/publish"
	"bundy/internal/naming/reconcile"
)

const (
	// rebuildTime bounds one reading of all zones.
	rebuildTime = 15 * time.Minute

	// rebuildPause is the least time between two readings: roles may change often.
	rebuildPause = time.Minute
)

// rebuildRetry bounds the time between readings when a zone could not be read.
var rebuildRetry = reconcile.Retry{First: 10 * time.Second, Longest: 10 * time.Minute}

// rebuild is how far the state is made anew of what is in DNS.
type rebuild struct {
	running bool
	again   bool      // another one is to follow, as something has changed since it began
	next    time.Time // not before
	tries   uint32    // failed in a row

	// What the last one came to.
	done    time.Time
	taken   int
	foreign int
	reason  string // why it is to be repeated
	taking  int    // records of the one that is being taken
}

// finding is what a reading of the zones came to.
type finding struct {
	found   []proof.Found
	foreign int
	err     error // of zones that could not be read; the others were
}

// rebuildSoon lets the zones be read for records of ours that are not in the state.
func (e *engine) rebuildSoon() {
	if err := e.store.SetRebuild(context.Background(), true); err != nil {
		e.c.deps.Log.Log(msgStateError, err)
		return
	}
	e.rebuild.again, e.rebuild.tries, e.rebuild.next = e.rebuild.running, 0, time.Time{}
	if !e.rebuild.done.IsZero() {
		e.rebuild.next = e.rebuild.done.Add(rebuildPause)
	}
}

// rebuildNow is the command.
func (e *engine) rebuildNow() any {
	e.rebuildSoon()
	e.rebuild.next = time.Time{}
	return map[string]any{"domains": len(e.settings.catalog.Forward) + len(e.settings.catalog.Reverse)}
}

// rebuildDue is when the zones are to be read; false if they are not, or cannot be now.
func (e *engine) rebuildDue() (time.Time, bool) {
	due := e.store.Rebuild() && !e.rebuild.running && len(e.settings.catalog.Forward)+len(e.settings.catalog.Reverse) > 0
	for _, from := range e.sources {
		due = due && (from.known || from.follower == nil) // else it is not known what has ended
	}
	return e.rebuild.next, due
}

// startRebuild begins to read the zones, beside the engine's work, when the time has come.
func (e *engine) startRebuild(ctx context.Context, now time.Time) {
	at, due := e.rebuildDue()
	if !due || now.Before(at) {
		return
	}
	e.rebuild.running, e.rebuild.again = true, false
	s, links := e.settings, e.links
	e.wg.Go(func() {
		limited, cancel := context.WithTimeout(ctx, rebuildTime)
		defer cancel()
		f := e.c.readZones(limited, s, func(a netip.Addr) bool { return s.judges(a, links) })
		select {
		case e.c.asks <- func(e *engine) { e.takeFinding(s, f) }:
		case <-ctx.Done():
		}
	})
}

// takeFinding takes what was found into the state, a piece at a time.
func (e *engine) takeFinding(s *settings, f finding) {
	now := e.c.now()
	if s != e.settings { // what is ours to judge may be another thing by now
		e.rebuild.running, e.rebuild.next = false, now
		return
	}
	n := min(len(f.found), roundAddresses)
	changes, addresses := e.adopt(f.found[:n], now)
	if !e.write(changes) {
		f.err = errors.Join(f.err, errors.New("the state cannot be written"))
		f.found = nil
	} else {
		e.rebuild.taking += len(addresses)
		for _, a := range addresses {
			e.dirty.add(a)
		}
		f.found = f.found[n:]
	}
	if len(f.found) > 0 { // other work goes in between
		e.later = append(e.later, func() { e.takeFinding(s, f) })
		return
	}
	r := &e.rebuild
	r.running, r.done, r.foreign, r.reason, r.taken, r.taking = false, now, f.foreign, "", r.taking, 0
	e.c.counters.found.Add(uint64(r.taken))
	e.c.deps.Log.Log(msgRebuilt, r.taken, f.foreign)
	switch {
	case f.err != nil:
		r.tries++
		r.reason = f.err.Error()
		r.next = now.Add(rebuildRetry.Delay(r.tries, jitter()))
		e.c.deps.Log.Log(msgRebuildFailed, f.err)
		return
	case r.again:
		r.next = now.Add(rebuildPause)
		return
	}
	r.tries = 0
	if err := e.store.SetRebuild(context.Background(), false); err != nil {
		e.c.deps.Log.Log(msgStateError, err)
	}
}

// adopt makes changes of what was found and is not known. What an active lease wants is its own from now on, and what no lease
// wants is held as long as another node's lease may be behind it.
func (e *engine) adopt(found []proof.Found, now time.Time) (changes []owned.Change, addresses []netip.Addr) {
	wants := map[netip.Addr]*owned.Want{}
	for _, f := range found {
		if _, known := e.store.Get(f.Key); known {
			continue
		}
		r := f.Record
		switch covered := e.settings.covers(r.Address); {
		case !covered: // by a request, whose server may still ask for the removal
			w, ok := e.store.Want(r.Address)
			if wants[r.Address] == nil && !ok {
				w = owned.Want{Address: r.Address, Name: r.Name, DHCID: r.DHCID, Length: 3 * r.TTL}
				wants[r.Address] = &w
			}
			if w := wants[r.Address]; w == nil || w.Name != r.Name || w.DHCID != r.DHCID {
				continue // it has another name by now
			} else if r.Kind == owned.Forward {
				w.Forward = true
			} else {
				w.Reverse = true
			}
			r.Source, r.State = owned.Request, owned.Adding // it may have gone since
		case f.Leased: // and our lease file says what of it is over
			r.Source, r.State = owned.Lease, owned.Adding
		default:
			r.Expires = e.settings.heldUntil(r.Address, now)
			e.holdUntil(r)
		}
		changes = append(changes, owned.Put(r))
		addresses = append(addresses, r.Address)
	}
	for _, w := range wants {
		changes = append(changes, owned.PutWant(*w))
	}
	return changes, addresses
}

// readZones reads the zones of all domains and tells what in them is provably ours. It runs beside the engine.
func (c *component) readZones(ctx context.Context, s *settings, judges func(netip.Addr) bool) (f finding) {
	e := proof.New(s.owner, judges)
	leases := func(fn func(lease.Lease)) error {
		var errs []error
		for i := range s.files {
			if s.files[i].path != "" {
				errs = append(errs, follow.Rows(s.files[i].path, fn))
			}
		}
		return errors.Join(errs...)
	}
	if s.owner == "" {
		some := false
		if err := leases(func(lease.Lease) { some = true }); err == nil && !some {
			return f // nothing could be proven
		}
	}
	var errs []error
	var asked []publish.Domain // forward ones that give no transfer
	for _, kind := range []owned.Kind{owned.Reverse, owned.Forward} {
		for _, d := range s.catalog.Domains(kind) {
			n, err := c.transfer(ctx, e, kind, d)
			how := "a transfer"
			switch {
			case errors.Is(err, publish.ErrNoTransfer) && kind == owned.Forward:
				asked = append(asked, d)
				continue
			case errors.Is(err, publish.ErrNoTransfer):
				how = "questions for the addresses of its pools"
				n, err = c.walk(ctx, e, s, d)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("zone %s: %w", d.Zone, err))
				continue
			}
			c.deps.Log.Log(msgRebuildZone, d.Zone, how, n)
		}
	}
	for _, d := range asked {
		n, err := c.lookFor(ctx, e, s, d, leases)
		if err != nil {
			errs = append(errs, fmt.Errorf("zone %s: %w", d.Zone, err))
			continue
		}
		c.deps.Log.Log(msgRebuildZone, d.Zone, "questions for names of leases and of reverse records", n)
	}
	errs = append(errs, leases(e.Lease))
	f.found, f.foreign = e.Proven()
	f.err = errors.Join(errs...)
	return f
}

// transfer reads a whole zone. A server that breaks off has given evidence all the same: what is there is there.
func (c *component) transfer(ctx context.Context, e *proof.Evidence, kind owned.Kind, d publish.Domain) (int, error) {
	return c.publisher.Read(ctx, d, func() func([]wire.RR) error {
		return func(rrs []wire.RR) error {
			for _, rr := range rrs {
				if err := e.Take(kind, d.Zone, rr); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// walk looks for the addresses of our pools in a reverse zone, and gives the number of questions.
func (c *component) walk(ctx context.Context, e *proof.Evidence, s *settings, d publish.Domain) (int, error) {
	survey, err := c.publisher.Survey(ctx, d)
	if err != nil {
		return 0, err
	}
	for _, r := range s.ranges() {
		if err := survey.Walk(ctx, r.First, r.Last, func(a netip.Addr, ptr wire.RR) error {
			marks, err := survey.At(ctx, ptr.Name, wire.TypeDHCID, wire.TypeTXT)
			for _, rr := range append(marks, ptr) {
				if err == nil {
					err = e.Take(owned.Reverse, d.Zone, rr)
				}
			}
			return err
		}); err != nil {
			return survey.Asked(), err
		}
	}
	return survey.Asked(), nil
}

// lookFor asks a forward zone for the names that reverse records point to, and for those that leases have or had.
func (c *component) lookFor(ctx context.Context, e *proof.Evidence, s *settings, d publish.Domain, leases func(func(lease.Lease)) error) (int, error) {
	survey, err := c.publisher.Survey(ctx, d)
	if err != nil {
		return 0, err
	}
	names := map[wire.Name]struct{}{}
	add := func(n wire.Name) {
		match, ok := s.catalog.Match(owned.Key{Kind: owned.Forward, Name: n})
		if ok && match.Zone == d.Zone && len(names) < publish.MaxQuestions {
			names[n] = struct{}{}
		}
	}
	for _, n := range e.Targets() {
		add(n)
	}
	err = leases(func(l lease.Lease) {
		if n, bad := wire.ParseName(l.Hostname); bad == nil && n != wire.Root && !n.IsWildcard() {
			add(n.Lower())
		}
		if said, told := policy.ParseSaid(l.UserContext); told || s.plan.Enabled() {
			config := s.plan.Config(l.Address)
			if !told {
				said = policy.SaidBefore(config, l)
			}
			if decided := policy.Decide(config, policy.ClientOf(l), said); decided.Name != "" {
				add(decided.Name)
			}
		}
	})
	for n := range names {
		rrs, bad := survey.At(ctx, n, wire.TypeDHCID, wire.TypeTXT, wire.TypeA, wire.TypeAAAA)
		for _, rr := range rrs {
			if bad == nil {
				bad = e.Take(owned.Forward, d.Zone, rr)
			}
		}
		if bad != nil {
			return survey.Asked(), errors.Join(err, bad)
		}
	}
	return survey.Asked(), err
}

// rebuildStatus is what status shows.
func (e *engine) rebuildStatus() map[string]any {
	r := &e.rebuild
	state := "not needed"
	switch {
	case r.running:
		state = "reading zones"
	case e.store.Rebuild() && r.reason != "":
		state = "to be repeated: " + r.reason
	case e.store.Rebuild():
		state = "due"
	}
	out := map[string]any{"state": state}
	if !r.done.IsZero() {
		out["last"], out["taken_over"], out["of_others"] = timeText(r.done.Unix()), r.taken, r.foreign
	}
	return out
}
