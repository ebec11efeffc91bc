package authority

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

// largeZone is a zone of 16,000 records, in which serial also is a part of some of them.
func largeZone(serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 60\n@ SOA ns h %d 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", serial)
	for i := range 8000 {
		changing := 0
		if i%100 == 0 {
			changing = serial
		}
		fmt.Fprintf(&b, "h%d A 10.%d.%d.%d\nh%[1]d TXT \"of h%[1]d\"\n", i, changing, i>>8, i&255)
	}
	return b.String()
}

// TestReloadLarge: a large zone that is loaded again, which compares it with the version in service, is what its file or its
// database has; a mistake at the end of the file leaves what was served.
func TestReloadLarge(t *testing.T) {
	dir := t.TempDir()
	origin, path := wire.MustParseName("large.example"), filepath.Join(dir, "zone")
	written := 0
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		written++
		at := time.Now().Add(time.Duration(written-100) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	records := func() iter.Seq2[wire.RR, error] {
		return zonefile.Read(path, origin, zonefile.Options{Class: wire.ClassIN})
	}
	a := newAuthority(t)
	src := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{{origin, path}}}
	serves := func(what string) {
		t.Helper()
		want, err := zone.Build(origin, wire.ClassIN, records())
		if err != nil {
			t.Fatal(err)
		}
		got := a.Catalog().Get(wire.ClassIN, origin).Version()
		if got.Len() != want.Len() || !slices.EqualFunc(slices.Collect(got.All()), slices.Collect(want.All()), wire.RR.Equal) {
			t.Errorf("%s: serial %d with %d records, want %d with %d", what, got.Serial(), got.Len(), want.Serial(), want.Len())
		}
	}
	write(largeZone(1))
	apply(t, a, src)
	serves("first")

	write(largeZone(2))
	if n, err := a.ReloadChanged(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	serves("changed")

	write(largeZone(3) + "bad\n")
	if n, err := a.ReloadChanged(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := serial(a, "large.example"); got != 2 {
		t.Errorf("serial %d after a file with a mistake, want 2", got)
	}

	write(largeZone(4))
	apply(t, a, src) // which finds that the file has changed
	serves("configured again")

	text := strings.SplitAfter(largeZone(5), "\n")
	write(strings.Join(text[:len(text)/3], ""))
	if n, err := a.ReloadChanged(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	serves("most is gone")

	write(largeZone(6))
	db := filepath.Join(dir, "zone.sqlite3")
	store(t, db, "large.example", records())
	stored := inDatabase(db)
	stored.Cached, stored.Only = true, []wire.Name{origin}
	apply(t, a, stored)
	write(largeZone(7))
	store(t, db, "large.example", records())
	if n, err := a.ReloadChanged(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	serves("in a database")
}
