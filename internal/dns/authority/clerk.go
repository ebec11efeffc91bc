package authority

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

// Clerk answers from zones that are in no memory: what it opens for an answer is read from the database, each database as it is at
// one moment. One goroutine may use it.
type Clerk struct {
	authority *Authority
	askers    map[*database]*zonedb.Asker
	begun     map[*database]bool // for the answer at hand
	views     []*zone.View
	err       error
}

// NewClerk makes a clerk. Rest must be called when it has nothing to do.
func (a *Authority) NewClerk() *Clerk {
	return &Clerk{authority: a, askers: map[*database]*zonedb.Asker{}, begun: map[*database]bool{}}
}

// Open is for zone.Answer.Open.
func (c *Clerk) Open(e *zone.Entry) *zone.Version {
	c.authority.mu.Lock()
	s := c.authority.set.served[keyOf(e.Class(), e.Origin())]
	c.authority.mu.Unlock()
	if s == nil || !s.stored {
		return nil // the configuration changed meanwhile
	}
	w, err := c.open(s)
	if err != nil {
		c.err = errors.Join(c.err, err)
		return nil
	}
	c.views = append(c.views, w)
	return w.Version()
}

func (c *Clerk) open(s *slot) (*zone.View, error) {
	asker := c.askers[s.db]
	if asker == nil {
		var err error
		if asker, err = s.db.Asker(context.Background()); err != nil {
			return nil, err
		}
		c.askers[s.db] = asker
	}
	if !c.begun[s.db] {
		if err := asker.Begin(); err != nil {
			return nil, err
		}
		c.begun[s.db] = true
	}
	w, _, err := asker.View(s.origin, s.class)
	return w, err
}

// Done ends an answer. The error tells what could not be read: the answer is not to be used then.
func (c *Clerk) Done() error {
	err := c.err
	for _, w := range c.views {
		if bad := w.Err(); bad != nil {
			err = errors.Join(err, fmt.Errorf("zone %s/%s: %w", w.Version().Origin(), w.Version().Class(), bad))
		}
	}
	for db := range c.begun {
		err = errors.Join(err, c.askers[db].End())
	}
	clear(c.begun)
	clear(c.views)
	c.views, c.err = c.views[:0], nil
	if err != nil {
		c.Rest() // a connection that has failed is not to be used again
	}
	return err
}

// Rest gives the connections to databases back, so that these can be closed.
func (c *Clerk) Rest() {
	for _, asker := range c.askers {
		asker.Close() // nothing was written, and what was read is complete
	}
	clear(c.askers)
}

// probe looks whether a zone that is not kept in memory can be answered from.
func (s *slot) probe(ctx context.Context) (found []Finding, err error) {
	edition, serial, err := s.glance(ctx)
	if err != nil && !isNoZone(err) {
		found = append(found, s.finding(LoadFailed, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.failed, s.err = edition, err, err
	s.edition, s.serial = edition, serial
	return found, err
}

func (s *slot) glance(ctx context.Context) (zonedb.Edition, zone.Serial, error) {
	if s.db.DB == nil {
		return zonedb.Edition{}, 0, s.db.err
	}
	var edition zonedb.Edition
	var serial zone.Serial
	err := s.look(ctx, func(v *zone.Version, e zonedb.Edition) error {
		edition, serial = e, v.Serial()
		for _, f := range v.CheckChange(zone.Diff{}) { // of the apex
			if f.Fatal {
				return fmt.Errorf("the zone is not valid: %s", f.Text)
			}
		}
		return nil
	})
	return edition, serial, err
}

// look calls fn with the zone as it is in the database.
func (s *slot) look(ctx context.Context, fn func(*zone.Version, zonedb.Edition) error) error {
	asker, err := s.db.Asker(ctx)
	if err != nil {
		return err
	}
	defer asker.Close() // nothing was written
	if err := asker.Begin(); err != nil {
		return err
	}
	w, edition, err := asker.View(s.origin, s.class)
	if err != nil {
		return err
	}
	err = fn(w.Version(), edition)
	if w.Err() != nil {
		return w.Err()
	}
	return err
}

// updateStored is update for a zone that is not in memory: one at a time, each from what is on disk.
func (s *slot) updateStored(ctx context.Context, fn func(*zone.Version) (zone.Diff, error)) error {
	if err := s.acquire(ctx); err != nil {
		return err
	}
	defer s.release()
	if bad := s.state().Err; bad != nil {
		return fmt.Errorf("zone %s: %w: %w", s.origin, zone.ErrNotLoaded, bad)
	}
	var d zone.Diff
	var at zonedb.Edition
	err := s.look(ctx, func(v *zone.Version, e zonedb.Edition) (err error) {
		if at = e; v.SOA().Type == 0 {
			return fmt.Errorf("zone %s: %w", s.origin, zone.ErrNotLoaded)
		}
		if d, err = fn(v); err == nil && len(d.Deleted)+len(d.Added) > 0 {
			_, err = v.Apply(d)
		}
		return err
	})
	if err != nil || len(d.Deleted)+len(d.Added) == 0 {
		return err
	}
	edition, err := s.db.Commit(context.WithoutCancel(ctx), s.origin, s.class, at, d)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edition, s.seen, s.serial = edition, edition, d.To
	return nil
}
