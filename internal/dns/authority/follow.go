package authority

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"bundy/internal/dns/zonedb"
)

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
