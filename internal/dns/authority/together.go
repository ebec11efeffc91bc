package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

// ErrApart is wrapped when zones that are to change together are in different databases.
var ErrApart = errors.New("zones of different databases cannot change in one transaction")

// ZoneError says which zone kept UpdateAll from its work.
type ZoneError struct {
	Origin wire.Name
	Err    error
}

func (e *ZoneError) Error() string { return e.Err.Error() }
func (e *ZoneError) Unwrap() error { return e.Err }

// UpdateAll changes several zones in one transaction of their database: when it returns nil all is on disk and in the
// catalog, and on an error nothing has changed. fn is called with the newest version of each zone, as they are on disk, and gives a difference
// for each, or an error that is returned as it is. It may be called again, as that of Update. The zones are not to be named twice.
//
// Other updates of the zones wait from before fn is called until its changes are on disk, so who has many changes makes them at
// once. ctx bounds the wait for the zones' turns. The error wraps what those of Update do, or
// ErrApart; where it is of one zone it wraps a *ZoneError.
func (a *Authority) UpdateAll(ctx context.Context, class wire.Class, origins []wire.Name, fn func([]*zone.Version) ([]zone.Diff, error)) error {
	slots, err := a.together(class, origins)
	if err != nil {
		return err
	}
	for range maxTries {
		if err = a.updateTogether(ctx, slots, fn); !errors.Is(err, zonedb.ErrStale) {
			return err
		}
		for _, s := range slots {
			if err := a.reloadSlot(ctx, s, false); err != nil {
				return s.because(err)
			}
		}
	}
	return err
}

// together finds zones that can change together.
func (a *Authority) together(class wire.Class, origins []wire.Name) ([]*slot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	slots := make([]*slot, len(origins))
	for i, origin := range origins {
		s := a.set.served[keyOf(class, origin)]
		switch {
		case s == nil:
			return nil, &ZoneError{origin, fmt.Errorf("%s/%s: %w", origin, class, ErrNotServed)}
		case s.db == nil:
			return nil, &ZoneError{origin, fmt.Errorf("%s/%s: %w", origin, class, ErrReadOnly)}
		case i > 0 && s.db != slots[0].db:
			return nil, &ZoneError{origin, fmt.Errorf("%s/%s: %w", origin, class, ErrApart)}
		}
		slots[i] = s
	}
	return slots, nil
}

// updateTogether tries once. The turns are taken in the order of the zones' names, so that two who want the same zones
// do not wait for each other.
func (a *Authority) updateTogether(ctx context.Context, slots []*slot, fn func([]*zone.Version) ([]zone.Diff, error)) error {
	turns := slices.SortedFunc(slices.Values(slots), func(x, y *slot) int { return x.key.origin.Compare(y.key.origin) })
	for _, s := range turns {
		if err := s.acquire(ctx); err != nil {
			return s.because(err)
		}
		defer s.release()
		s.drain()
	}
	m := &moment{slots: slots}
	diffs, err := m.evaluate(ctx, fn)
	if err != nil {
		return err
	}
	var changes []zonedb.Change
	var changed []int
	for i, d := range diffs {
		if len(d.Deleted)+len(d.Added) > 0 {
			s := slots[i]
			changes = append(changes, zonedb.Change{Origin: s.origin, Class: s.class, At: m.at[i], Diffs: []zone.Diff{d}})
			changed = append(changed, i)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	editions, bad, err := slots[0].db.CommitAll(context.WithoutCancel(ctx), changes...)
	if err != nil && bad >= 0 {
		return slots[changed[bad]].because(err)
	}
	if err != nil {
		return err
	}
	for n, i := range changed {
		slots[i].adopt(m.next[i], editions[n], diffs[i].To)
	}
	return nil
}

// moment is zones of one database, all as they were at one time, and what is to become of them.
type moment struct {
	slots []*slot
	at    []zonedb.Edition
	next  []*zone.Version // nil: of a zone that does not change, or that is in no memory
}

// evaluate calls fn with the versions and applies what it gives.
func (m *moment) evaluate(ctx context.Context, fn func([]*zone.Version) ([]zone.Diff, error)) (diffs []zone.Diff, err error) {
	m.at, m.next = make([]zonedb.Edition, len(m.slots)), make([]*zone.Version, len(m.slots))
	versions, views := make([]*zone.Version, len(m.slots)), make([]*zone.View, len(m.slots))
	var asker *zonedb.Asker
	for i, s := range m.slots {
		state := s.state()
		if bad := state.Err; bad != nil {
			return nil, s.because(fmt.Errorf("zone %s: %w: %w", s.origin, zone.ErrNotLoaded, bad))
		}
		if !s.stored {
			versions[i] = state.Version
			m.at[i], _ = s.editions()
			continue
		}
		if asker == nil {
			if asker, err = s.db.Asker(ctx); err != nil {
				return nil, err
			}
			defer asker.Close() // nothing was written
			if err := asker.Begin(); err != nil {
				return nil, err
			}
		}
		if views[i], m.at[i], err = asker.View(s.origin, s.class); err != nil {
			return nil, s.because(err)
		}
		if versions[i] = views[i].Version(); versions[i].SOA().Type == 0 {
			return nil, s.because(fmt.Errorf("zone %s: %w", s.origin, zone.ErrNotLoaded))
		}
	}
	diffs, err = fn(versions)
	for i, v := range versions {
		if err == nil && len(diffs[i].Deleted)+len(diffs[i].Added) > 0 {
			if m.next[i], err = v.Apply(diffs[i]); err != nil {
				err = m.slots[i].because(err)
			}
		}
	}
	for i, w := range views {
		if w != nil && w.Err() != nil {
			return nil, m.slots[i].because(w.Err()) // what was read counts for nothing, and so does what fn says of it
		}
	}
	return diffs, err
}

// because says that an error is of the slot's zone.
func (s *slot) because(err error) error {
	if isNoZone(err) {
		err = fmt.Errorf("%w: %w", ErrNotServed, err)
	}
	return &ZoneError{s.origin, err}
}

// adopt takes a version that is on disk. The caller has the turn, and nothing is under way.
func (s *slot) adopt(next *zone.Version, edition zonedb.Edition, serial zone.Serial) {
	s.mu.Lock()
	s.edition, s.seen = edition, edition
	if s.stored {
		s.serial = serial
		s.mu.Unlock()
		return
	}
	s.version, s.head = next, next
	if next.Crowded() && !s.compact {
		s.compact = true
		go s.makeCompact(next)
	}
	s.mu.Unlock()
	s.authority.publish(s)
}
