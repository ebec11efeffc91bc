package update

import (
	"maps"
	"slices"

	"bundy/internal/dns/wire"
)

// layer is changes on top of contents that stay as they are. Only names that were written to are in it.
type layer struct {
	base  contents
	names map[wire.Name]rrsets // by name in lower case
}

// rrsets is all there is at one name. The slices belong to the layer; their Data is shared and never written.
type rrsets map[wire.Type][]wire.RR

func newLayer(base contents) *layer { return &layer{base: base, names: make(map[wire.Name]rrsets)} }

func (l *layer) RRset(n wire.Name, t wire.Type) []wire.RR {
	if sets, ok := l.names[n.Lower()]; ok {
		return sets[t]
	}
	return l.base.RRset(n, t)
}

func (l *layer) Types(n wire.Name) []wire.Type {
	if sets, ok := l.names[n.Lower()]; ok {
		return slices.Sorted(maps.Keys(sets))
	}
	return l.base.Types(n)
}

// write gives what is at n to be changed in place.
func (l *layer) write(n wire.Name) rrsets {
	key := n.Lower()
	sets, ok := l.names[key]
	if !ok {
		sets = make(rrsets)
		for _, t := range l.base.Types(n) {
			sets[t] = slices.Clone(l.base.RRset(n, t))
		}
		l.names[key] = sets
	}
	return sets
}

// into writes the changes into another layer, which is the base of this one or below it.
func (l *layer) into(below *layer) { maps.Copy(below.names, l.names) }

// changes tells whether anything is not as in the base.
func (l *layer) changes() bool {
	for n, sets := range l.names {
		for _, t := range l.base.Types(n) {
			if len(missing(l.base.RRset(n, t), sets[t])) > 0 {
				return true
			}
		}
		for t, set := range sets {
			if len(missing(set, l.base.RRset(n, t))) > 0 {
				return true
			}
		}
	}
	return false
}
