package authority

import (
	"errors"
	"path/filepath"
	"testing"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
)

// TestUpdateAll changes two zones in one step, in memory and in none, also when another process has changed one of them
// meanwhile; when one of them cannot change, neither does.
func TestUpdateAll(t *testing.T) {
	second := wire.MustParseName("example.net")
	both := []wire.Name{second, origin}
	for _, stored := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "zone.sqlite3")
		store(t, path, "example.org", good(t, "example.org", 1))
		store(t, path, "example.net", good(t, "example.net", 5))
		a := newAuthority(t)
		src := inDatabase(path)
		if src.Stored = stored; !stored {
			src.Cached, src.Only = true, both // so that nothing is noticed by itself
		}
		apply(t, a, src)
		calls := 0
		change := func(text string) func([]*zone.Version) ([]zone.Diff, error) {
			return func(versions []*zone.Version) (diffs []zone.Diff, err error) {
				calls++
				for _, v := range versions {
					d, _ := add(t, text+"."+v.Origin().String()+" 60 A 192.0.2.1")(v)
					diffs = append(diffs, d)
				}
				return diffs, nil
			}
		}
		serials := func() [2]int {
			db, err := zonedb.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var out [2]int
			for i, origin := range both {
				v, _, err := db.Load(t.Context(), origin, wire.ClassIN)
				if err != nil {
					t.Fatal(err)
				}
				out[i] = int(v.Serial())
			}
			for _, err := range db.Check(t.Context()) {
				t.Error(err)
			}
			return out
		}
		if err := a.UpdateAll(t.Context(), wire.ClassIN, both, change("n")); err != nil || calls != 1 || serials() != [2]int{6, 2} {
			t.Errorf("stored %v: %v after %d calls, serials %v", stored, err, calls, serials())
		}
		if e := a.Catalog().Get(wire.ClassIN, second); !stored && e.Version().Serial() != 6 {
			t.Errorf("the catalog has serial %d", e.Version().Serial())
		}
		store(t, path, "example.org", good(t, "example.org", 7, "other 60 A 192.0.2.9"))
		if err := a.UpdateAll(t.Context(), wire.ClassIN, both, change("m")); err != nil || serials() != [2]int{7, 8} {
			t.Errorf("stored %v: after a change by others %v, serials %v", stored, err, serials())
		}
		if !stored && calls != 3 {
			t.Errorf("%d calls", calls)
		}
		forget(t, path, "example.net")
		var of *ZoneError
		if err := a.UpdateAll(t.Context(), wire.ClassIN, both, change("l")); !errors.Is(err, ErrNotServed) || !errors.As(err, &of) || !of.Origin.Equal(second) {
			t.Errorf("stored %v: with a zone that has gone %v", stored, err)
		}
		if err := a.UpdateAll(t.Context(), wire.ClassIN, both[1:], change("l")); err != nil {
			t.Errorf("stored %v: the other one alone: %v", stored, err)
		}
		if err := a.UpdateAll(t.Context(), wire.ClassIN, append(both, wire.MustParseName("example.com")), change("l")); !errors.As(err, &of) || of.Origin != wire.MustParseName("example.com") {
			t.Errorf("stored %v: with no such zone %v", stored, err)
		}
	}
}
