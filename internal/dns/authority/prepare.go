package authority

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// Change is a set of data sources that is loaded and ready to take the place of the one at work. Exactly one of Apply
// and Discard must be called. It is a module.Change.
type Change struct {
	authority *Authority
	next      *set
	opened    []*database
	loadMu    sync.Mutex // held to append to found and missing
	found     []Finding
	missing   []error
	toLoad    []*slot
}

// Findings tells what an operator should know of the new data sources.
func (c *Change) Findings() []Finding { return c.found }

// Missing lists the master files and the databases that cannot be opened: reason to refuse a
// configuration, but not to refuse to start.
func (c *Change) Missing() []error { return c.missing }

// Prepare opens and loads data sources while the old ones are served. Zones that stay configured are not
// loaded anew, but for those whose master files have changed or could not be loaded. A zone that cannot be loaded is no error but a finding, and the zone will be known but
// not served. A database that cannot be opened is in Missing; after Apply it is tried again until it can be opened, and
// its zones are not known meanwhile, except those that the configuration names. The error joins all databases that were
// in use and cannot be read or opened any more. One change is prepared at a time: Prepare
// waits for the Apply or Discard of an earlier one.
func (a *Authority) Prepare(ctx context.Context, sources []Source) (*Change, error) {
	select {
	case <-a.changing:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for an earlier change of data sources: %w", ctx.Err())
	}
	return a.prepare(ctx, sources, false)
}

// prepare is Prepare for who has the token. With keepFiles, zones of master files that are in use stay as they are.
func (a *Authority) prepare(ctx context.Context, sources []Source, keepFiles bool) (*Change, error) {
	a.mu.Lock()
	old := a.set
	a.mu.Unlock()
	c := &Change{authority: a, next: newSet()}
	var errs []error
	for _, conf := range sources {
		src := newSource(conf)
		var err error
		switch conf.Type {
		case SQLite3:
			err = c.addDatabase(ctx, old, src)
		case MasterFiles:
			for _, f := range conf.Files {
				s := a.keptFile(old, src, f)
				var like *zone.Version
				if s != nil && !keepFiles {
					if changed, err := a.changed(ctx, s); changed || err != nil || s.status().Err != nil {
						like = s.state().Version
						s = nil
					}
				}
				if s == nil {
					s = newSlot(a, src, f.Origin)
					s.like = like
					c.toLoad = append(c.toLoad, s)
				}
				src.slots[s.key] = s
			}
		default:
			c.found = append(c.found, Finding{Kind: UnknownType, Class: conf.Class, Source: conf.Name,
				Err: fmt.Errorf("no data source of type %q is known", conf.Type)})
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", conf.Item, err))
		}
		c.next.sources = append(c.next.sources, src)
	}
	if err := errors.Join(errs...); err != nil {
		c.Discard()
		return nil, err
	}
	if err := c.load(ctx); err != nil {
		c.Discard()
		return nil, err
	}
	return c, nil
}

// addDatabase finds the zones of a source in its database. Slots of the set at work are taken over.
func (c *Change) addDatabase(ctx context.Context, old *set, src *source) error {
	path, err := filepath.Abs(src.Database)
	if err != nil {
		return err
	}
	if src.db = c.next.databases[path]; src.db == nil {
		if src.db, err = c.database(ctx, old.databases[path], src, path); err != nil {
			return err
		}
		c.next.databases[path] = src.db
	}
	if src.db.DB == nil {
		c.withoutDatabase(src)
		return nil
	}
	stored, err := src.db.Zones(ctx)
	if err != nil {
		return err
	}
	kept := c.authority.keptSlots(old, src)
	have := map[key]bool{}
	for _, info := range stored {
		k := keyOf(info.Class, info.Origin)
		if have[k] = true; !src.wants(info.Class, info.Origin) {
			continue
		}
		s := kept[k]
		if s == nil {
			s = newSlot(c.authority, src, info.Origin)
			c.toLoad = append(c.toLoad, s)
		}
		src.slots[k] = s
	}
	for _, origin := range src.Only {
		if !have[keyOf(src.Class, origin)] {
			c.found = append(c.found, Finding{Kind: ZoneNotFound, Class: src.Class, Origin: origin, Source: src.Name,
				Database: path, Err: zonedb.ErrNoZone})
		}
	}
	return nil
}

// database gives the database to use for path: old, which is that of the set in use or nil, or one opened now. A database
// that was never open and cannot be opened is no error, for the zones of others can be served without it.
func (c *Change) database(ctx context.Context, old *database, src *source, path string) (*database, error) {
	if old != nil && old.DB != nil && !old.moved.Load() {
		return old, nil
	}
	db := openDatabase(ctx, path)
	if db.DB != nil {
		c.opened = append(c.opened, db)
		if db.Created() {
			c.found = append(c.found, Finding{Kind: DatabaseCreated, Class: src.Class, Source: src.Name, Database: path})
		}
		return db, nil
	}
	if old != nil && old.DB != nil {
		return nil, db.err
	}
	c.missing = append(c.missing, fmt.Errorf("%s/params: %w", src.Item, db.err))
	if old != nil {
		return old, nil // whose follower goes on trying
	}
	c.found = append(c.found, Finding{Kind: DatabaseUnavailable, Class: src.Class, Source: src.Name, Database: path, Err: db.err})
	return db, nil
}

// withoutDatabase makes the zones of a source whose database cannot be opened known, where the configuration names them.
func (c *Change) withoutDatabase(src *source) {
	for _, origin := range src.Only {
		s := newSlot(c.authority, src, origin)
		s.err = src.db.err
		src.slots[s.key] = s
	}
}

// keptSlots gives the slots of the source at work that reads the same zones in the same way.
func (a *Authority) keptSlots(old *set, src *source) map[key]*slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := map[key]*slot{}
	for _, o := range old.sources {
		if o.db == nil || o.db != src.db || o.Class != src.Class || o.Name != src.Name || o.Cached != src.Cached || o.Stored != src.Stored {
			continue
		}
		for k, s := range o.slots {
			kept[k] = s
		}
	}
	return kept
}

// keptFile gives the slot of the source at work that has the zone from the same master file, nil if none has.
func (a *Authority) keptFile(old *set, src *source, f ZoneFile) *slot {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := keyOf(src.Class, f.Origin)
	for _, o := range old.sources {
		if o.db == nil && o.Class == src.Class && o.Name == src.Name && o.files[k] == f.Path {
			return o.slots[k]
		}
	}
	return nil
}

// load reads the zones that are new, as many at once as there are processors.
func (c *Change) load(ctx context.Context) error {
	var group errgroup.Group
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(c.toLoad)) {
		group.Go(func() error {
			var r zoneReader
			defer r.close()
			for i := next.Add(1) - 1; i < int64(len(c.toLoad)); i = next.Add(1) - 1 {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				s := c.toLoad[i]
				found, err := s.load(ctx, &r)
				c.note(s, found, err)
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("loading zones: %w", err)
	}
	return nil
}

// note keeps what loading a zone has shown.
func (c *Change) note(s *slot, found []Finding, err error) {
	c.loadMu.Lock()
	defer c.loadMu.Unlock()
	c.found = append(c.found, found...)
	var bad *zonefile.Error
	if s.db == nil && errors.As(err, &bad) && bad.Line == 0 { // not even opened
		c.missing = append(c.missing, fmt.Errorf("%s/params: master file of zone %s: %w", s.item, s.origin, bad))
	}
}

// Apply puts the new data sources in service, all at once, and closes databases that none of them uses.
func (c *Change) Apply() {
	a := c.authority
	a.mu.Lock()
	old := a.set
	c.next.assign()
	a.set = c.next
	a.catalog.Replace(c.next.states())
	a.mu.Unlock()
	for path, db := range c.next.databases {
		if old.databases[path] != db {
			a.follow(db)
			continue
		}
		select { // its follower may have entered a zone into the old set after the new one was prepared
		case db.poke <- struct{}{}:
		default:
		}
	}
	for path, db := range old.databases {
		if c.next.databases[path] != db {
			a.retire(db)
		}
	}
	loaded := 0
	for _, s := range c.toLoad {
		loaded += s.records()
	}
	a.background.Go(func() { giveBack(loaded) }) // the zones need not wait for it to be answered from
	a.changing <- struct{}{}
}

// Discard closes what Prepare opened.
func (c *Change) Discard() {
	for _, db := range c.opened {
		c.authority.retire(db)
	}
	c.authority.changing <- struct{}{}
}
