package zone

import "fmt"

// Crowded tells whether so many names have changed since the version was built that Compact is worth its cost, which is
// in proportion to the zone. An update should not have to wait for it: Compact may run beside updates, and On brings over
// what they changed meanwhile.
func (v *Version) Crowded() bool { return v.names.crowd() > 0 }

// Compact makes the same version as if it had been built anew.
func (v *Version) Compact() (*Version, error) {
	folded, err := v.names.fold()
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", v.origin, err)
	}
	return v.with(folded), nil
}

// On makes the same version as v on the ground of compact, which was made of base by Compact or On. v must be base or have
// come from it by Apply; nil if it shows that it has not. The cost is that of the names that changed between the two.
func (v *Version) On(base, compact *Version) *Version {
	if v.names.frozen != base.names.frozen {
		return nil
	}
	moved, e := compact.names, &edit{}
	v.names.over.unlike(&base.names.over, func(s *slot[node]) {
		if s.value.exists() {
			moved.put(e, s.key, *s.value)
		} else {
			moved.remove(e, s.key)
		}
	})
	base.names.over.unlike(&v.names.over, func(s *slot[node]) {
		if v.names.over.get(s.key) == nil { // it came and went
			moved.remove(e, s.key)
		}
	})
	return v.with(moved)
}

// with makes a version whose names, which must be the same, stand elsewhere.
func (v *Version) with(n names) *Version {
	next := *v
	next.names = n
	next.settle()
	next.denial.settle(&next)
	return &next
}
