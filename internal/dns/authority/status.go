package authority

import (
	"cmp"
	"slices"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// ZoneStatus is what an operator asks of a zone.
type ZoneStatus struct {
	Class   wire.Class
	Origin  wire.Name
	Source  string // name of the data source that serves it
	Served  bool
	Serial  zone.Serial // of what is served, like Records
	Records int         // 0 when the zone is not in memory
	Err     error       // why it is not served, or could not be loaded again and is served as it was; nil if all is well
}

// Status tells of all zones, in canonical order within their class.
func (a *Authority) Status() []ZoneStatus {
	a.mu.Lock()
	slots := make([]*slot, 0, len(a.set.served))
	for _, s := range a.set.served {
		slots = append(slots, s)
	}
	a.mu.Unlock()
	all := make([]ZoneStatus, 0, len(slots))
	for _, s := range slots {
		all = append(all, s.status())
	}
	slices.SortFunc(all, func(x, y ZoneStatus) int {
		return cmp.Or(cmp.Compare(x.Class, y.Class), x.Origin.Compare(y.Origin))
	})
	return all
}

// StatusOf tells of one zone; false when no data source has exactly that one.
func (a *Authority) StatusOf(class wire.Class, origin wire.Name) (ZoneStatus, bool) {
	a.mu.Lock()
	s := a.set.served[keyOf(class, origin)]
	a.mu.Unlock()
	if s == nil {
		return ZoneStatus{}, false
	}
	return s.status(), true
}

func (s *slot) status() ZoneStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := ZoneStatus{Class: s.class, Origin: s.origin, Source: s.source, Err: cmp.Or(s.failed, s.err)}
	if v := s.version; v != nil {
		z.Served, z.Serial, z.Records = true, v.Serial(), v.Len()
	} else if s.stored && s.err == nil {
		z.Served, z.Serial = true, s.serial
	}
	return z
}
