package dhcpddns

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/redundancy"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/follow"
	"bundy/internal/naming/ncr"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/reconcile"
	"bundy/internal/suite/module"
)

const (
	// maxTransactions is how many transactions run at once. A name server on this machine writes several updates to
	// disk at once if it gets them at once; more than this would only wait there.
	maxTransactions = 32

	// oursTransactions is how many may be for zones of this suite: they wait for one another there, and while one is written
	// to disk the next one is read.
	oursTransactions = 2

	// gateTransactions is how many of them may be for one domain, so that a slow one leaves places to others, and records
	// of a burst gather meanwhile.
	gateTransactions = 6

	// batchRecords bounds the records of one transaction: what does not hold for one of them costs a few messages more
	// for all.
	batchRecords = 128

	// oursRecords is the same for zones of this suite, where each has its own answer.
	oursRecords = 256

	// outcomeDelay is how long the outcome of additions may wait to be written down: most often it goes with the next
	// addition, which then does not wait for a write of its own. What is lost by a kill is done again.
	outcomeDelay = 50 * time.Millisecond

	// roundAddresses bounds the addresses that one round compares, and so the length of a database transaction: the
	// engine stays able to answer, and one write to disk serves many.
	roundAddresses = 1000

	// eventQueue is how much news of the lease file may wait; the follower waits then.
	eventQueue = 4

	// stateRetry is how long the engine waits after the database refused a write.
	stateRetry = time.Second
)

// engine owns all state of the component. Its methods run in one goroutine.
type engine struct {
	c        *component
	settings *settings
	store    *owned.Store
	journal  *ncr.Journal
	backlog  []ncr.Request // could not be written, and wait for holdOff
	schedule *reconcile.Schedule
	gates    map[gateKey]*gate
	former   formerDomains

	sources []*source // one for each lease file of the settings
	dirty   dirty     // addresses to compare
	claims  claims    // of names that several leases want
	running int       // transactions under way
	ended   []outcome // of those that are over, still to be written down
	writeBy time.Time // when they must be
	trouble trouble

	// inFlight are records that the last run may have sent updates for, without taking their answer.
	inFlight map[owned.Key]struct{}
	doubts   *reconcile.Deadlines // when addresses with records in doubt are looked at again
	check    check                // records to look for in DNS

	listener     *listener
	stopListen   context.CancelFunc
	news         chan news
	loaded       chan wire.Name // zones whose contents were replaced
	requests     chan ncr.Request
	drained      chan struct{}
	results      chan outcome
	duty         chan struct{}   // which leases are this node's has changed
	links        []link          // of this machine, when that was last looked at
	transactions context.Context // ends when transactions must be cut off
	cutOff       context.CancelFunc

	wg         *module.Background
	nextFull   time.Time
	holdOff    time.Time // nothing is written before
	storeBad   bool      // the last write failed
	complained time.Time // about a name without domain
	refusal    time.Time // last told of a name that a client may not have

	targets      targets
	targetsDue   bool      // they are to be asked for: with every configuration and every full comparison
	targetsAsked bool      // a round of questions runs
	targetsTries uint32    // rounds in a row after which the targets of some zone are not known
	targetsNext  time.Time // then it is tried again
	targetsHold  time.Time // until then nothing is sent while they are not known
	targetsAgain bool      // and another one is to follow

	duties  *redundancy.Duties   // that the state is by; those of the node may be newer
	dutyDue bool                 // they are, and could not be taken
	holds   *reconcile.Deadlines // when addresses with records that were found are held no longer
	rebuild rebuild
	later   []func() // parts of longer work, one for each round
}

// source is what is known of the leases of one DHCP server.
type source struct {
	leases   map[netip.Addr]lease.Lease // active ones of the lease file that want names
	ends     *reconcile.Deadlines       // of leases
	known    bool                       // the lease file has been read
	follower *follow.Follower           // nil: there is no file
	stop     context.CancelFunc
	ended    bool // another one is in its place
}

// poke lets the source look at its file now, if it has one.
func (s *source) poke() {
	if s.follower != nil {
		s.follower.Poke()
	}
}

// reread lets the source read its whole file again.
func (s *source) reread() {
	if s.follower != nil {
		s.follower.Reread()
	}
}

func newSource() *source {
	return &source{leases: map[netip.Addr]lease.Lease{}, ends: reconcile.NewDeadlines()}
}

// source gives the one whose file decides about an address, nil if none does.
func (e *engine) source(a netip.Addr) *source {
	if i := e.settings.fileOf(a); i >= 0 {
		return e.sources[i]
	}
	return nil
}

// leaseOf gives the lease of an address, by the file that decides about it.
func (e *engine) leaseOf(a netip.Addr) (l lease.Lease, ok bool) {
	if from := e.source(a); from != nil {
		l, ok = from.leases[a]
	}
	return l, ok
}

// news is an event of a follower, or what it reports about its file.
type news struct {
	source *source
	file   string
	event  follow.Event
	report bool
	err    error
}

func newEngine(c *component, store *owned.Store, journal *ncr.Journal, wg *module.Background) *engine {
	e := &engine{
		c: c, store: store, journal: journal, schedule: reconcile.NewSchedule(), gates: map[gateKey]*gate{}, former: formerDomains{}, trouble: trouble{},
		news: make(chan news, eventQueue), requests: make(chan ncr.Request, queueLimit),
		loaded: make(chan wire.Name, eventQueue), duty: make(chan struct{}, 1), drained: make(chan struct{}, 1), results: make(chan outcome, maxTransactions), wg: wg,
	}
	e.check.nextAll = c.now().Add(firstCheck)
	e.transactions, e.cutOff = context.WithCancel(context.Background())
	e.inFlight, e.doubts, e.holds = map[owned.Key]struct{}{}, reconcile.NewDeadlines(), reconcile.NewDeadlines()
	e.duties = c.node.Duties()
	for r := range store.All() {
		switch {
		case r.State == owned.Adding || r.State == owned.Removing:
			e.inFlight[r.Key] = struct{}{}
		case r.State == owned.Present && c.now().Before(r.Doubt):
			e.doubts.Set(r.Address, r.Doubt)
		case r.State == owned.Present && r.Source == owned.Found:
			e.holdUntil(r)
		}
		if r.State != owned.Settling {
			r.NextTry = time.Time{} // the reason may be gone since the last run
		}
		e.schedule.Put(r)
	}
	return e
}

// run works until ctx ends.
func (e *engine) run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		e.work()
		if e.targetsDue || !e.targetsNext.IsZero() && !e.c.now().Before(e.targetsNext) {
			e.targetsDue, e.targetsNext = false, time.Time{}
			e.askTargets(ctx)
		}
		e.startRebuild(ctx, e.c.now())
		timer.Reset(e.untilNext())
		requests := e.requests
		if len(e.backlog) > 0 {
			requests = nil // they come behind it
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-e.wg.Failed():
			return err
		case n := <-e.news:
			e.hear(n)
		case r := <-requests:
			e.accept(r)
		case r := <-e.results:
			e.finish(r)
		case <-e.duty:
			e.takeDuty()
		case origin := <-e.loaded:
			e.check.suspect(origin)
			e.targetsDue = true
		case next := <-e.c.apply:
			e.configure(ctx, next)
		case ask := <-e.c.asks:
			ask(e)
		case <-timer.C:
		}
	}
}

// work does what can be done now: leases that ended, addresses to compare, transactions to start.
func (e *engine) work() {
	now := e.c.now()
	if !now.Before(e.nextFull) {
		e.nextFull = now.Add(e.settings.rescan)
		if err := e.store.ForgetEventsBefore(context.Background(), now.Add(-historyKept)); err != nil {
			e.c.deps.Log.Log(msgStateError, err)
		}
		e.markAll()
		for _, from := range e.sources {
			from.reread()
		}
		e.forgetOthers(now)
		e.forgetFormer()
	}
	for _, from := range e.sources {
		for range roundAddresses {
			a, ok := from.ends.Past(now)
			if !ok {
				break
			}
			e.unclaim(from.leases[a])
			delete(from.leases, a)
			e.dirty.add(a)
		}
	}
	for range roundAddresses {
		a, ok := e.doubts.Past(now)
		if !ok {
			break
		}
		for _, r := range e.store.At(a) {
			e.check.add(r.Key)
		}
	}
	for range roundAddresses {
		a, ok := e.holds.Past(now)
		if !ok {
			break
		}
		e.dirty.add(a)
	}
	if now.Before(e.holdOff) {
		return
	}
	if e.dutyDue {
		if e.takeDuty(); e.dutyDue {
			return
		}
	}
	if len(e.later) > 0 {
		part := e.later[0]
		e.later = e.later[1:]
		part()
	}
	if len(e.backlog) > 0 {
		rs := e.backlog
		e.backlog = nil
		e.take(rs)
	}
	e.compare(now)
	e.verify(now)
	e.start(now)
	e.c.counters.owned.Store(uint64(e.store.Len()))
	e.c.counters.pending.Store(uint64(e.schedule.Len()))
}

// untilNext is how long nothing is due.
func (e *engine) untilNext() time.Duration {
	now := e.c.now()
	next := e.nextFull
	earlier := func(t time.Time, ok bool) {
		if ok && t.Before(next) {
			next = t
		}
	}
	for _, from := range e.sources {
		earlier(from.ends.Next())
	}
	earlier(e.doubts.Next())
	earlier(e.holds.Next())
	earlier(e.rebuildDue())
	earlier(e.writeBy, len(e.ended) > 0)
	earlier(e.targetsNext, !e.targetsNext.IsZero())
	if e.targetsPending(now) {
		earlier(e.targetsHold, true)
	} else if e.running < maxTransactions {
		earlier(e.schedule.NextTime())
		earlier(e.check.due(e.settings.verify))
	}
	if e.dirty.len() > 0 || e.dutyDue || len(e.later) > 0 {
		next = now
	}
	if len(e.backlog) > 0 {
		next = e.holdOff
	}
	if next.Before(e.holdOff) {
		next = e.holdOff
	}
	return max(next.Sub(now), 0)
}

// configure puts a configuration in force.
func (e *engine) configure(ctx context.Context, next change) {
	old := e.settings
	e.settings = next.settings
	if old != nil {
		e.former.leave(&old.catalog, &e.settings.catalog)
		e.forgetFormer()
	}
	if len(e.settings.groups.Names()) > 0 {
		e.links = localLinks()
	}
	if next.listener != nil {
		if e.listener != nil {
			e.stopListen()
			e.listener.close()
		}
		e.listener = next.listener
		var listening context.Context
		listening, e.stopListen = context.WithCancel(ctx)
		e.wg.Go(func() { next.listener.serve(listening.Done(), e.c, e.journal, e.requests, e.drained) })
	}
	var files []string
	before := e.sources
	e.sources = nil
	for i, f := range e.settings.files {
		if i < len(before) && old.files[i].path == f.path && old.plan.Enabled() == e.settings.plan.Enabled() {
			e.sources = append(e.sources, before[i])
			before[i] = newSource() // nothing to end
		} else {
			e.sources = append(e.sources, e.follow(ctx, f.path))
		}
		if f.path != "" {
			files = append(files, f.path)
		}
	}
	for _, from := range before {
		for a := range from.leases {
			e.dirty.add(a)
		}
		from.end()
	}
	e.targetsDue, e.targetsTries, e.targetsHold = true, 0, e.c.now().Add(targetsWait)
	clear(e.trouble)
	e.claimAll()
	e.compareAll()
	if old != nil && !reflect.DeepEqual(old.catalog, e.settings.catalog) {
		e.check.suspect(wire.Root) // another server knows nothing yet
	}
	if old != nil && e.settings.marker && (!old.marker || old.owner != e.settings.owner) {
		e.check.suspect(wire.Root) // markers that are missing are put there
		if e.settings.owner != "" {
			e.rebuildSoon()
		}
	}
	if soon := e.c.now().Add(e.settings.verify); soon.Before(e.check.nextAll) {
		e.check.nextAll = soon
	}
	if old != nil && len(old.groups.Names())+len(e.settings.groups.Names()) > 0 {
		e.takeDuty() // groups may be others, and with them what is ours
	}
	e.c.deps.Log.Log(msgConfigured, len(e.settings.catalog.Forward), len(e.settings.catalog.Reverse), strings.Join(files, " and "))
}

// follow begins to follow a lease file; "" follows none.
func (e *engine) follow(ctx context.Context, file string) *source {
	from := newSource()
	if file == "" {
		return from
	}
	following, stop := context.WithCancel(ctx)
	tell := func(n news) {
		n.source, n.file = from, file
		select {
		case e.news <- n:
		case <-following.Done():
		}
	}
	f := follow.New(file, func(ev follow.Event) { tell(news{event: ev}) },
		func(err error) { tell(news{report: true, err: err}) })
	from.follower, from.stop = f, stop
	e.wg.Go(func() { f.Run(following) })
	return from
}

// end stops following. News that is on its way is passed over.
func (s *source) end() {
	s.ended = true
	if s.follower != nil {
		s.stop()
	}
}

// stop ends the helpers and waits a little for the transactions, whose outcomes are written down.
func (e *engine) stop() {
	e.stopListen()
	e.listener.close()
	for _, from := range e.sources {
		from.end()
	}
	timer := time.AfterFunc(grace, e.cutOff)
	defer timer.Stop()
	defer e.cutOff()
	for e.running > 0 {
		e.finish(<-e.results)
	}
	e.conclude(nil)
}

// write makes changes durable and tells the schedule. When it cannot, nothing has changed and nothing is written or
// sent for a while.
func (e *engine) write(changes []owned.Change) bool {
	if len(changes) == 0 {
		return true
	}
	if err := e.store.Apply(context.Background(), e.withEvents(changes)); err != nil {
		if !e.storeBad {
			e.c.deps.Log.Log(msgStateError, err)
		}
		e.storeBad, e.holdOff = true, e.c.now().Add(stateRetry)
		return false
	}
	e.storeBad = false
	for _, c := range changes {
		switch {
		case c.Put != nil:
			e.schedule.Put(*c.Put)
		case c.Delete != nil:
			e.schedule.Delete(*c.Delete)
		}
	}
	return true
}

func jitter() float64 { return rand.Float64() }

// dirty is a queue of addresses to compare, each at most once.
type dirty struct {
	queue []netip.Addr
	in    map[netip.Addr]struct{}
}

func (d *dirty) add(a netip.Addr) {
	if d.in == nil {
		d.in = map[netip.Addr]struct{}{}
	}
	if _, ok := d.in[a]; !ok {
		d.in[a] = struct{}{}
		d.queue = append(d.queue, a)
	}
}

func (d *dirty) len() int { return len(d.queue) }

// take takes out up to n addresses.
func (d *dirty) take(n int) []netip.Addr {
	n = min(n, len(d.queue))
	out := d.queue[:n:n]
	d.queue = d.queue[n:]
	for _, a := range out {
		delete(d.in, a)
	}
	return out
}
