package authority

import (
	"context"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
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
	db    *database          // nil for master files
	slots map[key]*slot      // its zones
	files map[key]string     // MasterFiles: where they come from
	only  map[wire.Name]bool // of Source.Only, in lower case
}

func newSource(conf Source) *source {
	src := &source{Source: conf, slots: map[key]*slot{}, files: make(map[key]string, len(conf.Files)), only: make(map[wire.Name]bool, len(conf.Only))}
	for _, f := range conf.Files {
		src.files[keyOf(conf.Class, f.Origin)] = f.Path
	}
	for _, n := range conf.Only {
		src.only[n.Lower()] = true
	}
	return src
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

// enter loads a zone that a source has got and puts it in service. The zone is entered even when it cannot be loaded.
func (a *Authority) enter(ctx context.Context, src *source, s *slot) error {
	found, err := s.loadAlone(ctx)
	if isNoZone(err) || ctx.Err() != nil {
		return err
	}
	a.mu.Lock()
	if src.slots[s.key] == nil {
		src.slots[s.key] = s
	}
	a.serve(s.key)
	a.mu.Unlock()
	a.observe(append(found, s.finding(ZoneLoaded, nil)))
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
	} else if state.Stored {
		a.catalog.PutStored(state.Origin, state.Class)
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
	return src.only[origin.Lower()]
}
