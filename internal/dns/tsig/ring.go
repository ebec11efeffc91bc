package tsig

import (
	"fmt"

	"bundy/internal/dns/wire"
)

// Ring is a set of keys by name. It is immutable, and a nil Ring is empty.
type Ring struct{ keys map[wire.Name]Key }

// NewRing makes a ring. Two keys of one name, an unknown algorithm or an empty secret are errors that wrap ErrKey.
func NewRing(keys []Key) (*Ring, error) {
	r := &Ring{keys: make(map[wire.Name]Key, len(keys))}
	for _, k := range keys {
		if err := k.check(); err != nil {
			return nil, err
		}
		name := k.Name.Lower()
		if _, twice := r.keys[name]; twice {
			return nil, fmt.Errorf("%w %s: two keys have this name", ErrKey, k.Name)
		}
		r.keys[name] = k
	}
	return r, nil
}

// Find gives the key of a name, compared without case.
func (r *Ring) Find(name wire.Name) (Key, bool) {
	if r == nil {
		return Key{}, false
	}
	k, ok := r.keys[name.Lower()]
	return k, ok
}
