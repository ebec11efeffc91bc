package zone

import (
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"bundy/internal/dns/wire"
)

// Catalog holds the current version of every zone, by class and origin. Reading takes no lock. The zero value is an
// empty catalog, ready for use.
type Catalog struct {
	mu      sync.Mutex // held by writers
	classes atomic.Pointer[map[wire.Class]*zones]
}

// zones are those of one class. It is immutable; the entries in it are not.
type zones struct {
	byOrigin index[Entry]
	depths   [128]int32 // how many zones have an origin of so many labels: other lengths need no look-up
}

// Entry is one zone of a catalog. It stays the same while versions come and go.
type Entry struct {
	origin  wire.Name // as it was given
	key     wire.Name // in lower case
	class   wire.Class
	version atomic.Pointer[Version]
	err     atomic.Pointer[error]
	stored  atomic.Bool // there is no version: each answer reads what it needs
}

// ErrNotLoaded is the reason of an entry that was never loaded.
var ErrNotLoaded = errors.New("zone is not loaded")

// State is a zone to enter: a version, or the error that kept it from being loaded.
type State struct {
	Origin  wire.Name
	Class   wire.Class
	Version *Version
	Err     error
	Stored  bool // it is in no memory, but can be read; without Version and Err
}

// Origin gives the zone's name.
func (e *Entry) Origin() wire.Name { return e.origin }

// Key gives the zone's name in lower case.
func (e *Entry) Key() wire.Name { return e.key }

// Class gives the zone's class.
func (e *Entry) Class() wire.Class { return e.class }

// Version gives the version in service; nil if the zone is known but could not be loaded.
func (e *Entry) Version() *Version { return e.version.Load() }

// Err tells why there is no version, nil if there is one.
func (e *Entry) Err() error {
	if e.version.Load() != nil {
		return nil
	}
	if p := e.err.Load(); p != nil {
		return *p
	}
	return ErrNotLoaded
}

// Stored tells whether the zone is in no memory, and is answered by who sets Answer.Open.
func (e *Entry) Stored() bool { return e.stored.Load() }

func (e *Entry) set(s State) {
	if s.Err != nil {
		e.err.Store(&s.Err)
	}
	e.stored.Store(s.Stored)
	e.version.Store(s.Version)
}

func (c *Catalog) class(class wire.Class) *zones {
	m := c.classes.Load()
	if m == nil {
		return nil
	}
	return (*m)[class]
}

// Find gives the deepest zone at or above the name, nil if there is none. The name must be in lower case.
func (c *Catalog) Find(class wire.Class, name wire.Name) *Entry {
	z := c.class(class)
	if z == nil {
		return nil
	}
	depth := name.Labels()
	for i := 0; ; i += 1 + int(name[i]) {
		if z.depths[depth] > 0 {
			if e := z.byOrigin.get(name[i:]); e != nil {
				return e
			}
		}
		if depth == 0 {
			return nil
		}
		depth--
	}
}

// Get gives the zone with exactly that origin, in any case; nil if there is none.
func (c *Catalog) Get(class wire.Class, origin wire.Name) *Entry {
	z := c.class(class)
	if z == nil {
		return nil
	}
	return z.byOrigin.get(origin.Lower())
}

// All gives the zones that were there when the iteration began, in no order.
func (c *Catalog) All() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		m := c.classes.Load()
		if m == nil {
			return
		}
		for _, z := range *m {
			more := true
			z.byOrigin.all(func(_ wire.Name, e *Entry) bool {
				more = yield(e)
				return more
			})
			if !more {
				return
			}
		}
	}
}

// Put puts a version in service, in the place of that zone's last one.
func (c *Catalog) Put(v *Version) { c.enter(State{Origin: v.origin, Class: v.class, Version: v}) }

// Fail takes a zone out of service: it stays known, and is answered SERVFAIL.
func (c *Catalog) Fail(origin wire.Name, class wire.Class, err error) {
	c.enter(State{Origin: origin, Class: class, Err: err})
}

func (c *Catalog) enter(s State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.Get(s.Class, s.Origin); e != nil {
		e.set(s)
		return
	}
	c.change(s.Class, func(z *zones, ed *edit) { z.enter(ed, s) })
}

// PutStored makes a zone one that is read for each answer.
func (c *Catalog) PutStored(origin wire.Name, class wire.Class) {
	c.enter(State{Origin: origin, Class: class, Stored: true})
}

// Remove forgets a zone.
func (c *Catalog) Remove(origin wire.Name, class wire.Class) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Get(class, origin) == nil {
		return
	}
	c.change(class, func(z *zones, ed *edit) {
		z.byOrigin.remove(ed, origin.Lower())
		z.depths[origin.Labels()]--
	})
}

// Replace makes these the zones, all at once. Of states with the same class and origin the first counts.
func (c *Catalog) Replace(all []State) {
	m := make(map[wire.Class]*zones)
	ed := &edit{}
	for _, s := range all {
		z := m[s.Class]
		if z == nil {
			z = &zones{byOrigin: newIndex[Entry]()}
			m[s.Class] = z
		}
		if z.byOrigin.get(s.Origin.Lower()) == nil {
			z.enter(ed, s)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.classes.Store(&m)
}

func (z *zones) enter(ed *edit, s State) {
	e := &Entry{origin: s.Origin, key: s.Origin.Lower(), class: s.Class}
	e.set(s)
	z.byOrigin.put(ed, e.key, e)
	z.depths[s.Origin.Labels()]++
}

// change publishes a changed copy of the zones of one class; a class without zones is left out.
func (c *Catalog) change(class wire.Class, do func(*zones, *edit)) {
	m := make(map[wire.Class]*zones)
	if old := c.classes.Load(); old != nil {
		for k, z := range *old {
			m[k] = z
		}
	}
	z := &zones{byOrigin: newIndex[Entry]()}
	if old := m[class]; old != nil {
		*z = *old
	}
	do(z, &edit{})
	if z.byOrigin.n == 0 {
		delete(m, class)
	} else {
		m[class] = z
	}
	c.classes.Store(&m)
}
