package dhcpddns

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/dhcid"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/naming/reconcile"
)

// hear takes news of the lease file.
func (e *engine) hear(n news) {
	from, file := n.source, n.file
	switch {
	case from.ended:
		return
	case n.report && n.err != nil:
		e.c.deps.Log.Log(msgFollowError, n.err)
		return
	case n.report:
		e.c.deps.Log.Log(msgFollowRecovered, file)
		return
	}
	e.c.counters.badRows.Add(uint64(n.event.Skipped))
	if n.event.Snapshot {
		for a := range from.leases {
			e.dirty.add(a)
		}
		clear(from.leases)
		from.ends = reconcile.NewDeadlines()
	}
	for _, l := range n.event.Rows {
		e.setLease(from, l, !n.event.Snapshot)
	}
	if n.event.Snapshot {
		if !from.known { // what is owned and not in the file may go now
			from.known = true
			e.markAll()
		}
		e.c.deps.Log.Log(msgFollowing, file, len(from.leases), n.event.Skipped)
	}
}

// setLease takes one row: the newest state of its address.
func (e *engine) setLease(from *source, l lease.Lease, news bool) {
	if news {
		e.letGo(l.Address)
	}
	old, had := from.leases[l.Address]
	active := (l.State == lease.Active || l.State == lease.Registered) && l.ValidLifetime != 0 && !l.Expired(e.c.now()) &&
		e.settings.names(l) && l.Kind != lease.PD // a delegated prefix is no address
	if !active {
		if had {
			e.unclaim(old)
			delete(from.leases, l.Address)
			from.ends.Drop(l.Address)
			e.dirty.add(l.Address)
		}
		return
	}
	from.leases[l.Address] = l
	if l.ValidLifetime == lease.Infinity {
		from.ends.Drop(l.Address)
	} else {
		from.ends.Set(l.Address, l.Expire())
	}
	if had && old.Hostname == l.Hostname && old.FQDNForward == l.FQDNForward && old.FQDNReverse == l.FQDNReverse &&
		old.ClientID == l.ClientID && old.HWAddr == l.HWAddr && old.DUID == l.DUID && old.UserContext == l.UserContext {
		return // a renewal: DNS says the right thing already
	}
	e.dirty.add(l.Address)
	if had {
		e.unclaim(old)
	}
	d, decision := e.ofLease(l)
	if d != nil {
		e.claim(l, d, news)
	}
	if len(decision.Refused) > 0 {
		e.refused(l.Address, decision)
	}
	if d == nil {
		e.c.deps.Log.Log(msgBadName, l.Address, shownName(l.Hostname))
	} else if news {
		e.unmatched(d, l.Address)
	}
}

// refused logs names that a client asked for and may not have, at most once a second: a client may ask as often as it
// likes.
func (e *engine) refused(a netip.Addr, d policy.Decision) {
	now := e.c.now()
	if now.Sub(e.refusal) < time.Second {
		return
	}
	e.refusal = now
	got := "none"
	if d.Name != "" {
		got = d.Name.String()
	}
	place := e.settings.plan.Place(a)
	e.c.deps.Log.Log(msgNameRefused, d.Refused[0].Name, a, place.Pool, place.Group, place.Interface, d.Refused[0].Why, got)
}

// shownName escapes a name of a lease file, which may hold anything.
func shownName(hostname string) string { return strings.Trim(strconv.QuoteToASCII(hostname), `"`) }

// decide says which name a lease has by the configuration of today: from what the client said, which the leases of our
// servers keep; where a lease does not keep it, and no section of ours names leases, what the server decided holds.
func (e *engine) decide(l lease.Lease) policy.Decision {
	plan := e.settings.plan
	c := plan.Config(l.Address)
	c.Bar = &e.targets
	said, told := policy.ParseSaid(l.UserContext)
	switch {
	case told:
		return policy.Decide(c, policy.ClientOf(l), said)
	case plan.Enabled():
		return policy.Decide(c, policy.ClientOf(l), policy.SaidBefore(c, l))
	}
	d := policy.Decision{Forward: l.FQDNForward, Reverse: l.FQDNReverse, Origin: "lease"}
	name, why := c.OfRow(l.Hostname)
	switch {
	case name == "":
		return policy.Decision{}
	case why != "":
		return policy.Decision{Refused: []policy.Refusal{{Origin: "lease", Name: name.String(), Why: why}}}
	}
	d.Name = name
	return d
}

// ofLease gives what a lease wants DNS to say, and how that was decided; nil if it wants nothing.
func (e *engine) ofLease(l lease.Lease) (*reconcile.Desired, policy.Decision) {
	decision := e.decide(l)
	if decision.Name == "" {
		return nil, decision
	}
	fixed := e.settings.ttl
	if own := e.settings.plan.TTL(l.Address); own != 0 {
		fixed = own
	}
	d := &reconcile.Desired{Name: decision.Name, Source: owned.Lease, TTL: reconcile.TTL(l.ValidLifetime, fixed)}
	d.DHCID = string(dhcid.Of(l).RDATA(d.Name))
	if d.DHCID == "" {
		return nil, decision
	}
	e.settings.ruled(d)
	if l.ValidLifetime != lease.Infinity {
		d.Expires = l.Expire()
	}
	e.route(d, l.Address, decision.Forward, decision.Reverse)
	return d, decision
}

// ofWant gives what a request wants DNS to say; nil if nobody may have that name.
func (e *engine) ofWant(w owned.Want) *reconcile.Desired {
	if e.withheld(w.Name, w.Address) != "" {
		return nil
	}
	d := &reconcile.Desired{Name: w.Name, DHCID: w.DHCID, Source: owned.Request, TTL: reconcile.TTL(w.Length, e.settings.ttl)}
	e.settings.ruled(d)
	if w.Rules != owned.CheckDHCID { // the request says otherwise than the default
		d.Rules = w.Rules
	}
	e.route(d, w.Address, w.Forward, w.Reverse)
	return d
}

// withheld says why nobody may have a name that another server asks for.
func (e *engine) withheld(name wire.Name, a netip.Addr) string {
	c := e.settings.plan.Config(a)
	c.Bar = &e.targets
	return c.Withheld(name)
}

// ruled sets how conflicts are met and how the name is marked.
func (s *settings) ruled(d *reconcile.Desired) {
	d.Rules = s.conflict
	if s.marker {
		d.Marker = owned.Marker(s.owner, d.DHCID)
	}
}

// route finds the zones.
func (e *engine) route(d *reconcile.Desired, a netip.Addr, forward, reverse bool) {
	zone := func(k owned.Kind) wire.Name {
		domain, ok := e.settings.catalog.Match(owned.Key{Kind: k, Address: a, Name: d.Name})
		if !ok {
			return ""
		}
		return domain.Zone
	}
	d.Forward = reconcile.Direction{Wanted: forward, Zone: zone(owned.Forward)}
	d.Reverse = reconcile.Direction{Wanted: reverse, Zone: zone(owned.Reverse)}
	if forward && d.Forward.Zone == "" && len(e.settings.catalog.Forward) > 0 {
		d.Reverse.Wanted = false // no address of ours may claim a name outside our domains
	}
}

// unmatched logs the directions that are wanted and have domains, but none for this name. It tells whether anything
// is left to do. A reverse direction without domain does not keep the name from being published.
func (e *engine) unmatched(d *reconcile.Desired, a netip.Addr) (nothing bool) {
	now, said := e.c.now(), false
	if now.Sub(e.complained) >= time.Second { // a wrong suffix concerns every lease
		if d.Forward.Wanted && d.Forward.Zone == "" && len(e.settings.catalog.Forward) > 0 {
			e.c.deps.Log.Log(msgNoForward, d.Name, a)
			said = true
		}
		if d.Reverse.Wanted && d.Reverse.Zone == "" && len(e.settings.catalog.Reverse) > 0 {
			e.c.deps.Log.Log(msgNoReverse, a, d.Name)
			said = true
		}
	}
	if said {
		e.complained = now
	}
	return (!d.Forward.Wanted || d.Forward.Zone == "") && (!d.Reverse.Wanted || d.Reverse.Zone == "")
}

// desired gives what DNS should say about an address. It is not known while the lease file that decides about it has
// not been read.
func (e *engine) desired(a netip.Addr) (d *reconcile.Desired, known bool) {
	if from := e.source(a); from != nil {
		if l, ok := from.leases[a]; ok {
			d, _ := e.ofLease(l)
			if d != nil && e.yields(l, d) {
				return nil, true
			}
			return d, true
		}
		return nil, from.known
	}
	if w, ok := e.store.Want(a); ok {
		return e.ofWant(w), true
	}
	return nil, true
}

// accept takes a request, and others that wait, into the state: from then on they are on disk.
func (e *engine) accept(r ncr.Request) {
	rs := []ncr.Request{r}
	for len(rs) < roundAddresses {
		select {
		case r := <-e.requests:
			rs = append(rs, r)
			continue
		default:
		}
		break
	}
	select {
	case e.drained <- struct{}{}:
	default:
	}
	e.take(rs)
}

// replay takes what the journal kept from the last run. It is read again with the settings of today.
func (e *engine) replay(datagrams [][]byte) {
	for len(datagrams) > 0 {
		n := min(len(datagrams), roundAddresses)
		var rs []ncr.Request
		for _, d := range datagrams[:n] {
			if r, err := ncr.Parse(d); err == nil { // else of another version
				rs = append(rs, r)
			} else if err := e.journal.Done(1); err != nil {
				e.c.deps.Log.Log(msgJournalError, err)
			}
		}
		datagrams = datagrams[n:]
		if len(e.backlog) > 0 {
			e.backlog = append(e.backlog, rs...)
			continue
		}
		e.take(rs)
	}
}

// take puts requests into the state. When that cannot be written they wait and nothing is lost; one that is one too many
// is refused and told of.
func (e *engine) take(rs []ncr.Request) {
	var changes []owned.Change
	var addresses []netip.Addr
	wanted := map[netip.Addr]*owned.Want{} // of this batch; nil: none any more
	for _, r := range rs {
		if change, ok := e.request(r, wanted); ok {
			changes = append(changes, change)
			addresses = append(addresses, r.Address)
		}
	}
	err := e.store.Apply(context.Background(), changes)
	switch {
	case errors.Is(err, owned.ErrFull) && len(rs) > 1: // some of them may have room
		for i := range rs {
			e.take(rs[i : i+1])
		}
		return
	case errors.Is(err, owned.ErrFull):
		e.c.counters.dropped.Add(1)
		e.c.deps.Log.Log(msgWantsFull, rs[0].Address, err)
	case err != nil:
		if !e.storeBad {
			e.c.deps.Log.Log(msgStateError, err)
		}
		e.storeBad, e.holdOff = true, e.c.now().Add(stateRetry)
		e.backlog = append(e.backlog, rs...)
		return
	}
	if err := e.journal.Done(len(rs)); err != nil {
		e.c.deps.Log.Log(msgJournalError, err)
	}
	for _, a := range addresses {
		e.dirty.add(a)
	}
}

// rulesOf gives the rules of a request.
func rulesOf(m ncr.Mode) owned.Rules {
	switch m {
	case ncr.NoCheckWithDHCID:
		return owned.NoCheck
	case ncr.CheckExistsWithDHCID:
		return owned.CheckExists
	case ncr.NoCheckWithoutDHCID:
		return owned.NoDHCID
	}
	return owned.CheckDHCID
}

// request says what one request changes.
func (e *engine) request(r ncr.Request, wanted map[netip.Addr]*owned.Want) (owned.Change, bool) {
	if from := e.source(r.Address); from != nil {
		from.poke() // the file says the same, and more surely
		return owned.Change{}, false
	}
	before, seen := wanted[r.Address]
	if !seen {
		if w, ok := e.store.Want(r.Address); ok {
			before = &w
		}
	}
	want := owned.Want{Address: r.Address, Name: r.Name, DHCID: string(r.DHCID), Forward: r.Forward, Reverse: r.Reverse, Length: r.Length,
		Rules: rulesOf(r.Mode)}
	if r.Change == ncr.Remove {
		// Only what was asked for by an earlier request can be ours to remove.
		if before == nil || before.Name != r.Name || before.DHCID != string(r.DHCID) {
			return owned.Change{}, false
		}
		want = *before
		want.Forward, want.Reverse = want.Forward && !r.Forward, want.Reverse && !r.Reverse
	} else if d := e.ofWant(want); d == nil || e.unmatched(d, r.Address) {
		if d == nil {
			e.refused(r.Address, policy.Decision{Refused: []policy.Refusal{{Origin: "request", Name: r.Name.String(), Why: e.withheld(r.Name, r.Address)}}})
		} else {
			e.c.deps.Log.Log(msgNoMatch, r.Name)
		}
		if before == nil {
			return owned.Change{}, false
		}
		want.Forward, want.Reverse = false, false // the address has another name now, so the one before must go
	}
	if !want.Forward && !want.Reverse {
		wanted[r.Address] = nil
		return owned.DropWant(r.Address), true
	}
	wanted[r.Address] = &want
	return owned.PutWant(want), true
}
