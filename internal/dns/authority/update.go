package authority

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

var (
	// ErrNotServed is wrapped when no data source has exactly that zone.
	ErrNotServed = errors.New("zone is not served here")
	// ErrReadOnly is wrapped when the zone comes from a master file.
	ErrReadOnly = errors.New("zone comes from a master file and cannot be updated")
)

// maxTries bounds how often an update is made anew because another process changed the zone just then.
const maxTries = 5

// batch is a row of updates of one zone that are committed together.
type batch struct {
	diffs []zone.Diff
	last  *zone.Version // after all of them
	done  chan struct{} // closed when err is set
	err   error
}

// Update changes a zone. fn is called with the newest version and gives the difference to make, or an error that is
// returned as it is. When Update returns nil the change is on disk and in the catalog. A difference without records
// changes nothing. Updates of one zone run one after another, and those that come while an earlier one is written share
// the next write; so fn may be given a version that is not yet in the catalog. When another process has changed the
// zone meanwhile, or an earlier update could not be written, fn is called again with a newer version.
//
// ctx bounds the wait for the zone's turn; a change that was begun is carried to its end. The error wraps ErrNotServed,
// ErrReadOnly or zone.ErrNotLoaded where that is the reason.
func (a *Authority) Update(ctx context.Context, class wire.Class, origin wire.Name, fn func(*zone.Version) (zone.Diff, error)) error {
	a.mu.Lock()
	s := a.set.served[keyOf(class, origin)]
	a.mu.Unlock()
	switch {
	case s == nil:
		return fmt.Errorf("%s/%s: %w", origin, class, ErrNotServed)
	case s.db == nil:
		return fmt.Errorf("%s/%s: %w", origin, class, ErrReadOnly)
	}
	update := s.update
	if s.stored {
		update = s.updateStored
	}
	var err error
	for range maxTries {
		err = update(ctx, fn)
		if isNoZone(err) {
			return fmt.Errorf("%w: %w", ErrNotServed, err)
		}
		if !errors.Is(err, zonedb.ErrStale) {
			return err
		}
		if err := a.reloadSlot(ctx, s, false); err != nil {
			return err
		}
	}
	return err
}

// update tries once. When what fn saw could not be written, its own answer, which may tell of that, counts for nothing.
func (s *slot) update(ctx context.Context, fn func(*zone.Version) (zone.Diff, error)) error {
	b, err := s.extend(ctx, fn)
	if b == nil {
		return err
	}
	<-b.done
	if b.err != nil {
		return b.err
	}
	return err
}

// extend calls fn and accepts its difference. It returns the batch to wait for: that of the difference, or, when fn
// made none, that of what fn saw, for an answer must not tell what may still be undone.
func (s *slot) extend(ctx context.Context, fn func(*zone.Version) (zone.Diff, error)) (*batch, error) {
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	s.mu.Lock()
	v, bad := s.head, s.err
	s.mu.Unlock()
	if v == nil {
		return nil, fmt.Errorf("zone %s: %w: %w", s.origin, zone.ErrNotLoaded, bad)
	}
	d, refusal := fn(v)
	var next *zone.Version
	if refusal == nil && len(d.Deleted)+len(d.Added) > 0 {
		var err error
		if next, err = v.Apply(d); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.head != v {
		return nil, zonedb.ErrStale // what fn saw was undone meanwhile
	}
	if next == nil {
		if s.open != nil {
			return s.open, refusal
		}
		return s.running, refusal
	}
	s.head = next
	if next.Crowded() && !s.compact {
		s.compact = true
		go s.makeCompact(next)
	}
	if s.running == nil {
		s.running = &batch{diffs: []zone.Diff{d}, last: next, done: make(chan struct{})}
		go s.flush(s.running)
		return s.running, nil
	}
	if s.open == nil {
		s.open = &batch{done: make(chan struct{})}
	}
	s.open.diffs, s.open.last = append(s.open.diffs, d), next
	return s.open, nil
}

// flush commits batches until none is left. It is the only goroutine that does, as long as running is set.
func (s *slot) flush(b *batch) {
	for b != nil {
		at, _ := s.editions()
		edition, err := s.db.Commit(context.Background(), s.origin, s.class, at, b.diffs...)
		s.mu.Lock()
		next := s.open
		s.open = nil
		if b.err = err; err == nil {
			s.version, s.edition, s.seen = b.last, edition, edition
		} else {
			s.head = s.version
			if next != nil { // stands on what has failed
				next.err = err
				close(next.done)
				next = nil
			}
		}
		s.running = next
		s.mu.Unlock()
		if err == nil {
			s.authority.publish(s)
		}
		close(b.done)
		b = next
	}
}

// Reload reads a zone again from where it comes from, and puts it in service when it is good. When it is not, the zone
// is served as it was, unless it was emptied in its database, and the error tells why; the observer is told all that was found. The error wraps ErrNotServed
// when no data source has the zone.
func (a *Authority) Reload(ctx context.Context, class wire.Class, origin wire.Name) error {
	k := keyOf(class, origin)
	a.mu.Lock()
	s := a.set.served[k]
	sources := a.set.sources
	a.mu.Unlock()
	if s != nil {
		if err := a.reloadSlot(ctx, s, true); !isNoZone(err) {
			return err
		}
		for _, src := range sources {
			if src.db == s.db {
				a.drop(src, k)
			}
		}
	}
	for _, src := range sources { // perhaps it was put into a database since that was looked at
		if !src.wants(class, origin) {
			continue
		}
		if src.db.DB == nil {
			return src.db.err
		}
		if err := a.enter(ctx, src, newSlot(a, src, origin)); !isNoZone(err) {
			return err
		}
	}
	return fmt.Errorf("%s/%s: %w", origin, class, ErrNotServed)
}

// Locate tells whether Reload has a zone to read: nil when a data source has it, or its database has got it since that
// was looked at. The error wraps ErrNotServed when none has it; another error tells that a database cannot be asked.
func (a *Authority) Locate(ctx context.Context, class wire.Class, origin wire.Name) error {
	a.mu.Lock()
	s := a.set.served[keyOf(class, origin)]
	sources := a.set.sources
	a.mu.Unlock()
	if s != nil {
		return nil
	}
	why := ""
	for _, src := range sources {
		if src.db == nil || src.Class != class {
			continue
		}
		if src.db.DB == nil {
			return src.db.err
		}
		_, err := src.db.Edition(ctx, origin, class)
		switch {
		case isNoZone(err):
		case err != nil || src.wants(class, origin):
			return err
		default:
			why = fmt.Sprintf(": %s/cache-zones does not name it", src.Item)
		}
	}
	return fmt.Errorf("%s/%s: %w%s", origin, class, ErrNotServed, why)
}

// reloadSlot reads the zone of a slot: always, or only when the database has another edition of it.
func (a *Authority) reloadSlot(ctx context.Context, s *slot, always bool) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	s.drain()
	if !always {
		edition, err := s.db.Edition(ctx, s.origin, s.class)
		if own, _ := s.editions(); err != nil || edition == own {
			return err
		}
	}
	found, err := s.loadAlone(ctx)
	if err == nil {
		found = append(found, s.finding(ZoneLoaded, nil))
		defer func() { giveBack(s.records()) }()
	}
	a.publish(s)
	a.observe(found)
	return err
}

// drain waits until no update is under way. The caller has the turn, so none is added.
func (s *slot) drain() {
	for {
		s.mu.Lock()
		b := s.open
		if b == nil {
			b = s.running
		}
		s.mu.Unlock()
		if b == nil {
			return
		}
		<-b.done
	}
}
