package authority

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

// set is one configuration of data sources at work. Authority.mu guards what changes in it.
type set struct {
	sources   []*source
	databases map[string]*database // by path
	served    map[key]*slot        // of the slots of one zone the one that counts
}

func newSet() *set {
	return &set{databases: map[string]*database{}, served: map[key]*slot{}}
}

// source is a data source at work.
type source struct {
	Source
	db    *database      // nil for master files
	slots map[key]*slot  // its zones
	files map[key]string // MasterFiles: where they come from
}

// find gives the slot that serves a zone: that of the first source that has the zone.
func (s *set) find(k key) *slot {
	for _, src := range s.sources {
		if slot := src.slots[k]; slot != nil {
			return slot
		}
	}
	return nil
}

// database is an open database and its follower.
type database struct {
	*zonedb.DB
	moved atomic.Bool   // the file is another one
	poke  chan struct{} // asks the follower to look at all zones
	stop  context.CancelFunc
	ended chan struct{} // closed when the follower is; nil when it was never started
}

// pollInterval is how soon a change that another process made in a database is noticed. Looking costs microseconds.
const pollInterval = 250 * time.Millisecond

// follow starts the goroutine that looks for changes in a database.
func (a *Authority) follow(db *database) {
	ctx, stop := context.WithCancel(context.Background())
	db.stop, db.ended = stop, make(chan struct{})
	a.background.Go(func() {
		defer close(db.ended)
		tick := time.NewTicker(pollInterval)
		defer tick.Stop()
		look := true // what changed between reading and following must not be missed
		for {
			began := time.Now()
			changed, err := db.Changed(ctx)
			if err == nil && (changed || look) {
				err = a.synchronise(ctx, db)
			}
			if errors.Is(err, zonedb.ErrMoved) {
				db.moved.Store(true)
				if err = errors.Join(db.Abandon(), a.reopen(ctx, db)); err == nil {
					return
				}
			}
			wait := max(pollInterval, pollShare*time.Since(began))
			if err != nil && ctx.Err() == nil {
				a.observe([]Finding{{Kind: DatabaseFailed, Database: db.Path(), Err: err}})
				wait = failInterval
			}
			tick.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				look = err != nil
			case <-db.poke:
				look = true
			}
		}
	})
}

// reopen opens the file that stands at the path of a database now, and loads all its zones. Until that is possible the
// zones are served as they were; updates fail, since they could not be kept.
func (a *Authority) reopen(ctx context.Context, db *database) error {
	if _, err := os.Stat(db.Path()); err != nil {
		return fmt.Errorf("%w: %w", zonedb.ErrMoved, err) // opening would make an empty one
	}
	select {
	case <-a.changing:
	case <-ctx.Done():
		return ctx.Err()
	}
	a.mu.Lock()
	used := a.set.databases[db.Path()] == db
	var sources []Source
	for _, src := range a.set.sources {
		sources = append(sources, src.Source)
	}
	a.mu.Unlock()
	if !used { // it was taken out of the configuration meanwhile
		a.changing <- struct{}{}
		return nil
	}
	c, err := a.prepare(ctx, sources)
	if err != nil {
		return err
	}
	a.observe(c.Findings())
	c.Apply()
	a.observe([]Finding{{Kind: DatabaseReplaced, Database: db.Path()}})
	return nil
}

// pollShare bounds the part of the time that is spent on looking: one in so many.
const pollShare = 20

// failInterval keeps a database that cannot be read from filling the log.
const failInterval = 5 * time.Second

// retire closes a database that is not used any more, in the background.
func (a *Authority) retire(db *database) {
	a.background.Go(func() {
		if db.ended != nil {
			db.stop()
			<-db.ended
		}
		if err := db.Close(); err != nil {
			a.observe([]Finding{{Kind: DatabaseFailed, Database: db.Path(), Err: err}})
		}
	})
}

// synchronise brings the zones of a database in memory up to date with it.
func (a *Authority) synchronise(ctx context.Context, db *database) error {
	stored, err := db.Zones(ctx)
	if err != nil {
		return err
	}
	for _, src := range a.sourcesOf(db) {
		have := a.slotsOf(src)
		for _, info := range stored {
			if info.Class != src.Class {
				continue
			}
			k := keyOf(info.Class, info.Origin)
			s := have[k]
			delete(have, k)
			if s == nil {
				a.enter(ctx, src, newSlot(a, src, info.Origin))
			} else if _, seen := s.editions(); seen != info.Edition {
				a.reloadSlot(ctx, s, false)
			}
		}
		for k, s := range have { // not stored any more, or created since the list was made
			if _, err := db.Edition(ctx, s.origin, s.class); isNoZone(err) {
				a.drop(src, k)
			}
		}
	}
	return ctx.Err()
}

// sourcesOf gives the sources whose zones are to follow a database: those that are not told to keep what they have.
func (a *Authority) sourcesOf(db *database) []*source {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*source
	for _, src := range a.set.sources {
		if src.db == db && !src.Cached {
			all = append(all, src)
		}
	}
	return all
}

func (a *Authority) slotsOf(src *source) map[key]*slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make(map[key]*slot, len(src.slots))
	for k, s := range src.slots {
		all[k] = s
	}
	return all
}

// enter loads a zone that a source has got and puts it in service. The zone is entered even when it cannot be loaded.
func (a *Authority) enter(ctx context.Context, src *source, s *slot) error {
	found, err := s.load(ctx)
	if isNoZone(err) || ctx.Err() != nil {
		return err
	}
	a.observe(append(found, s.finding(ZoneLoaded, nil)))
	a.mu.Lock()
	defer a.mu.Unlock()
	if src.slots[s.key] == nil {
		src.slots[s.key] = s
	}
	a.serve(s.key)
	return err
}

// drop takes a zone away from a source.
func (a *Authority) drop(src *source, k key) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(src.slots, k)
	a.serve(k)
}

// serve decides anew who serves a zone, and puts it in the catalog. a.mu is held.
func (a *Authority) serve(k key) {
	s := a.set.find(k)
	if s == nil {
		if old := a.set.served[k]; old != nil {
			a.catalog.Remove(old.origin, old.class)
		}
		delete(a.set.served, k)
		return
	}
	a.set.served[k] = s
	a.show(s)
}

// show puts the present state of a slot in the catalog. a.mu is held.
func (a *Authority) show(s *slot) {
	if state := s.state(); state.Version != nil {
		a.catalog.Put(state.Version)
	} else {
		a.catalog.Fail(state.Origin, state.Class, state.Err)
	}
}

// publish shows a slot that has changed, if it serves its zone.
func (a *Authority) publish(s *slot) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.set.served[s.key] == s {
		a.show(s)
	}
}

// states gives what a set serves and the catalog is to hold.
func (s *set) states() []zone.State {
	var all []zone.State
	for _, slot := range s.served {
		all = append(all, slot.state())
	}
	return all
}

// assign decides who serves every zone.
func (s *set) assign() {
	for _, src := range s.sources {
		for k, slot := range src.slots {
			if s.served[k] == nil {
				s.served[k] = slot
			}
		}
	}
}

// wants tells whether a source has, or is configured to have, a zone that it has no slot for.
func (src *source) wants(class wire.Class, origin wire.Name) bool {
	if src.db == nil || src.Class != class {
		return false
	}
	if !src.Cached {
		return true
	}
	for _, n := range src.Only {
		if n.Equal(origin) {
			return true
		}
	}
	return false
}
