package authority

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// TestCompactBesideUpdates adds so many names that the zone is made compact, and updates it meanwhile.
func TestCompactBesideUpdates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1))
	a := newAuthority(t)
	apply(t, a, inDatabase(path))
	const many = 6000
	update := func(fn func(*zone.Version) (zone.Diff, error)) {
		t.Helper()
		if err := a.Update(t.Context(), wire.ClassIN, origin, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(v *zone.Version) (zone.Diff, error) {
		d, err := add(t, "n 60 A 192.0.2.1")(v)
		for i := range many {
			d.Added = append(d.Added, rr(t, fmt.Sprintf("many%d 60 A 192.0.2.1", i)))
		}
		return d, err
	})
	s := a.set.served[keyOf(wire.ClassIN, origin)]
	compact := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return !s.compact && !s.head.Crowded()
	}
	updates := 0
	for ; !compact(); updates++ {
		if t.Context().Err() != nil || updates > 1e6 {
			t.Fatal("the zone never becomes compact")
		}
		update(add(t, fmt.Sprintf("n%d 60 A 192.0.2.1", updates)))
		runtime.Gosched()
	}
	update(add(t, "last 60 A 192.0.2.1"))
	if v := a.Catalog().Get(wire.ClassIN, origin).Version(); v.Crowded() || v.Len() != 2+1+many+updates+1 {
		t.Errorf("%d records after %d updates, crowded: %t", v.Len(), updates, v.Crowded())
	}
	if err := a.Reload(t.Context(), wire.ClassIN, origin); err != nil {
		t.Fatal(err)
	}
	if v := a.Catalog().Get(wire.ClassIN, origin).Version(); v.Len() != 2+1+many+updates+1 {
		t.Errorf("%d records on disk", v.Len())
	}
}
