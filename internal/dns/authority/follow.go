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

// database is a database and its follower.
type database struct {
	*zonedb.DB               // nil as long as it could not be opened
	path       string        // absolute
	err        error         // why it could not be opened
	moved      atomic.Bool   // the file is another one
	poke       chan struct{} // asks the follower to look at all zones
	stop       context.CancelFunc
	ended      chan struct{} // closed when the follower is; nil when it was never started
}

// openDatabase opens a database and reads what zones it has. When that fails the database is one without DB.
func openDatabase(ctx context.Context, path string) *database {
	d := &database{path: path, poke: make(chan struct{}, 1)}
	db, err := zonedb.Open(path)
	if err == nil {
		if _, err = db.Zones(ctx); err != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if d.err = err; err == nil {
		d.DB = db
	}
	return d
}

// pollInterval is how soon a change that another process made in a database is noticed. Looking costs microseconds.
const pollInterval = 250 * time.Millisecond

// follow starts the goroutine that looks for changes in a database, or, while it cannot be opened, tries to open it.
func (a *Authority) follow(db *database) {
	ctx, stop := context.WithCancel(context.Background())
	db.stop, db.ended = stop, make(chan struct{})
	if db.DB == nil {
		a.background.Go(func() {
			defer close(db.ended)
			a.awaitOpen(ctx, db)
		})
		return
	}
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
			wait := pause(time.Since(began))
			if err != nil && ctx.Err() == nil {
				a.observe([]Finding{{Kind: DatabaseFailed, Database: db.path, Err: err}})
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

// awaitOpen tries to open a database until that is possible, and then puts its zones in service. Why it is not possible
// is told again only when the reason changes.
func (a *Authority) awaitOpen(ctx context.Context, db *database) {
	told := db.err.Error()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(openInterval):
		}
		probe := openDatabase(ctx, db.path)
		err := probe.err
		if err == nil {
			err = errors.Join(probe.Close(), a.reopen(ctx, db))
		}
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case err.Error() != told:
			told = err.Error()
			a.observe([]Finding{{Kind: DatabaseFailed, Database: db.path, Err: err}})
		}
	}
}

// reopen opens the file that stands at the path of a database now, and loads all its zones. Until that is possible the
// zones are served as they were; updates fail, since they could not be kept.
func (a *Authority) reopen(ctx context.Context, db *database) error {
	if _, err := os.Stat(db.path); err != nil {
		return fmt.Errorf("%w: %w", zonedb.ErrMoved, err) // opening would make an empty one
	}
	select {
	case <-a.changing:
	case <-ctx.Done():
		return ctx.Err()
	}
	a.mu.Lock()
	used := a.set.databases[db.path] == db
	var sources []Source
	for _, src := range a.set.sources {
		sources = append(sources, src.Source)
	}
	a.mu.Unlock()
	if !used { // it was taken out of the configuration meanwhile
		a.changing <- struct{}{}
		return nil
	}
	c, err := a.prepare(ctx, sources, true)
	if err != nil {
		return err
	}
	if now := c.next.databases[db.path]; now.DB == nil { // broken again since it was looked at
		c.Discard()
		return now.err
	}
	a.observe(c.Findings())
	c.Apply()
	a.observe([]Finding{{Kind: DatabaseReplaced, Database: db.path}})
	return nil
}

// maxPause is how late a change is noticed at most, however long the change before took to load.
const maxPause = 2 * time.Second

// pause is how long not to look after looking, and loading what had changed, took some time: as long again, so that
// zones which others change without end take no more than half the time of a processor.
func pause(took time.Duration) time.Duration { return min(max(pollInterval, took), maxPause) }

// failInterval keeps a database that cannot be read from filling the log.
const failInterval = 5 * time.Second

// openInterval is how often a database that cannot be opened is tried again.
const openInterval = time.Second

// retire closes a database that is not used any more, in the background.
func (a *Authority) retire(db *database) {
	a.background.Go(func() {
		if db.ended != nil {
			db.stop()
			<-db.ended
		}
		if db.DB == nil {
			return
		}
		if err := db.Close(); err != nil {
			a.observe([]Finding{{Kind: DatabaseFailed, Database: db.path, Err: err}})
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
