package authority

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

var origin = wire.MustParseName("example.org")

func rr(t testing.TB, text string) wire.RR {
	t.Helper()
	r, err := zonefile.ParseRR(text, origin)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// good is a zone with a serial and more records.
func good(t testing.TB, of string, serial int, more ...string) iter.Seq2[wire.RR, error] {
	lines := append([]string{fmt.Sprintf("@ 60 SOA ns.example.net. h %d 2 3 4 5", serial), "@ 60 NS ns.example.net."}, more...)
	return func(yield func(wire.RR, error) bool) {
		for _, line := range lines {
			if !yield(zonefile.ParseRR(line, wire.MustParseName(of))) {
				return
			}
		}
	}
}

// store writes a zone into a database as another process would.
func store(t testing.TB, path, of string, records iter.Seq2[wire.RR, error]) {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Replace(t.Context(), wire.MustParseName(of), wire.ClassIN, records); err != nil {
		t.Fatal(err)
	}
}

// forget takes a zone out of a database as another process would.
func forget(t testing.TB, path, of string) {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Remove(t.Context(), wire.MustParseName(of), wire.ClassIN); err != nil {
		t.Fatal(err)
	}
}

func apply(t testing.TB, a *Authority, sources ...Source) *Change {
	t.Helper()
	c, err := a.Prepare(t.Context(), sources)
	if err != nil {
		t.Fatal(err)
	}
	c.Apply()
	return c
}

func newAuthority(t testing.TB) *Authority {
	a := New("1.0")
	t.Cleanup(a.Close)
	return a
}

func inDatabase(path string) Source {
	return Source{Class: wire.ClassIN, Name: SQLite3, Type: SQLite3, Database: path}
}

// serial is what the catalog has for a zone; -1 when it has no such zone, -2 when it is not loaded.
func serial(a *Authority, of string) int {
	e := a.Catalog().Get(wire.ClassIN, wire.MustParseName(of))
	switch {
	case e == nil:
		return -1
	case e.Version() == nil:
		return -2
	}
	return int(e.Version().Serial())
}

// add makes the update that adds a record.
func add(t testing.TB, text string) func(*zone.Version) (zone.Diff, error) {
	return func(v *zone.Version) (zone.Diff, error) {
		soa := v.SOA()
		next := zone.WithSerial(soa, v.Serial()+1)
		return zone.Diff{From: v.Serial(), To: v.Serial() + 1, Deleted: []wire.RR{soa}, Added: []wire.RR{next, rr(t, text)}}, nil
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1))
	a := newAuthority(t)
	apply(t, a, inDatabase(path))

	const updates = 100
	var all sync.WaitGroup
	for i := range updates {
		all.Go(func() {
			if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, fmt.Sprintf("n%d 60 A 192.0.2.1", i))); err != nil {
				t.Error(err)
			}
			if v := a.Catalog().Get(wire.ClassIN, origin).Version(); v.RRset(rr(t, fmt.Sprintf("n%d A 192.0.2.1", i)).Name, wire.TypeA) == nil {
				t.Errorf("update %d is not in the catalog when it is done", i)
			}
		})
	}
	all.Wait()
	if got := serial(a, "example.org"); got != 1+updates {
		t.Errorf("serial %d", got)
	}
	refused := errors.New("refused")
	if err := a.Update(t.Context(), wire.ClassIN, origin, func(*zone.Version) (zone.Diff, error) { return zone.Diff{}, refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, func(*zone.Version) (zone.Diff, error) { return zone.Diff{}, nil }); err != nil {
		t.Error(err)
	}
	if err := a.Update(t.Context(), wire.ClassIN, wire.MustParseName("sub.example.org"), add(t, "x A 192.0.2.1")); !errors.Is(err, ErrNotServed) {
		t.Error(err)
	}

	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v, _, err := db.Load(t.Context(), origin, wire.ClassIN)
	if err != nil || int(v.Serial()) != 1+updates || v.Len() != 2+updates {
		t.Errorf("stored: %d records, serial %d, %v", v.Len(), v.Serial(), err)
	}
	if diffs, err := db.Journal(t.Context(), origin, wire.ClassIN, 1, 1+updates); err != nil || len(diffs) != updates {
		t.Errorf("journal: %d differences, %v", len(diffs), err)
	}
	for _, err := range db.Check(t.Context()) {
		t.Error(err)
	}
}

// TestUpdateAfterChangeByOthers checks that an update is made anew on what another process has stored.
func TestUpdateAfterChangeByOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1))
	a := newAuthority(t)
	src := inDatabase(path)
	src.Cached, src.Only = true, []wire.Name{origin} // so that nothing is noticed by itself
	apply(t, a, src)
	store(t, path, "example.org", good(t, "example.org", 1, "other 60 A 192.0.2.9")) // same serial
	calls := 0
	err := a.Update(t.Context(), wire.ClassIN, origin, func(v *zone.Version) (zone.Diff, error) {
		calls++
		return add(t, "n 60 A 192.0.2.1")(v)
	})
	if err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	if v := a.Catalog().Get(wire.ClassIN, origin).Version(); v.Len() != 4 || v.Serial() != 2 {
		t.Errorf("%d records, serial %d", v.Len(), v.Serial())
	}
	store(t, path, "example.org", func(yield func(wire.RR, error) bool) { yield(rr(t, "x 60 A 192.0.2.1"), nil) })
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "m 60 A 192.0.2.1")); err == nil {
		t.Error("an update of a zone that is broken on disk was accepted")
	}
	if got := serial(a, "example.org"); got != 2 {
		t.Errorf("serial %d: the zone must be served as it was", got)
	}
}

// TestUpdateSeesNothingUndone checks that an answer that rests on an update under way waits for it.
func TestUpdateSeesNothingUndone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1))
	a := newAuthority(t)
	apply(t, a, inDatabase(path))
	a.mu.Lock()
	s := a.set.served[keyOf(wire.ClassIN, origin)]
	a.mu.Unlock()
	failed := errors.New("disk is full")
	pending := &batch{done: make(chan struct{})}
	s.mu.Lock()
	s.running = pending // as if a commit were under way
	s.mu.Unlock()
	result := make(chan error)
	seen := make(chan struct{})
	go func() {
		result <- a.Update(context.Background(), wire.ClassIN, origin, func(*zone.Version) (zone.Diff, error) {
			close(seen)
			return zone.Diff{}, nil
		})
	}()
	<-seen
	select {
	case err := <-result:
		t.Fatalf("answered before the earlier update was stored: %v", err)
	default:
	}
	s.mu.Lock()
	s.running, pending.err = nil, failed
	s.mu.Unlock()
	close(pending.done)
	if err := <-result; !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
}

// TestRefusalOfWhatWasNotWritten: a refusal that rests on an earlier update must not be told when that one failed.
func TestRefusalOfWhatWasNotWritten(t *testing.T) {
	refusal, failed := errors.New("the name is in use"), errors.New("disk is full")
	for _, c := range []struct{ written, want, not error }{{failed, failed, refusal}, {nil, refusal, failed}} {
		path := filepath.Join(t.TempDir(), "zone.sqlite3")
		store(t, path, "example.org", good(t, "example.org", 1))
		a := newAuthority(t)
		apply(t, a, inDatabase(path))
		a.mu.Lock()
		s := a.set.served[keyOf(wire.ClassIN, origin)]
		a.mu.Unlock()
		pending := &batch{done: make(chan struct{}), err: c.written}
		close(pending.done)
		s.mu.Lock()
		s.running = pending // as if a commit were under way
		s.mu.Unlock()
		err := a.Update(t.Context(), wire.ClassIN, origin, func(*zone.Version) (zone.Diff, error) { return zone.Diff{}, refusal })
		s.mu.Lock()
		s.running = nil
		s.mu.Unlock()
		if !errors.Is(err, c.want) || errors.Is(err, c.not) {
			t.Errorf("written: %v; got %v", c.written, err)
		}
	}
}

func TestUpdateFailsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1))
	a := newAuthority(t)
	apply(t, a, inDatabase(path))
	a.mu.Lock()
	db := a.set.sources[0].db
	a.mu.Unlock()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "n 60 A 192.0.2.1")); !errors.Is(err, zonedb.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if got := serial(a, "example.org"); got != 1 {
		t.Errorf("serial %d after a failed update", got)
	}
}

func TestMasterFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("good", "@ 60 SOA ns h 7 2 3 4 5\n@ 60 NS ns\n")
	src := Source{Class: wire.ClassIN, Name: MasterFiles, Item: "sources[0]", Type: MasterFiles, Cached: true, Files: []ZoneFile{
		{wire.MustParseName("good.example"), file},
		{wire.MustParseName("folder.example"), dir},
		{wire.MustParseName("bad.example"), write("bad", "@ 60 SOA ns h 7 2 3 4 5\n@ 60 NS ns\nx A\ny 60 A 1\n")},
		{wire.MustParseName("invalid.example"), write("invalid", "@ 60 NS ns\n")},
		{wire.MustParseName("missing.example"), filepath.Join(dir, "missing")},
	}}
	a := newAuthority(t)
	c := apply(t, a, src, Source{Class: wire.ClassIN, Name: "odd", Type: "mysql"})
	kinds := map[FindingKind]int{}
	for _, f := range c.Findings() {
		kinds[f.Kind]++
		if f.Error() == "" || f.Kind != UnknownType && f.Origin == "" {
			t.Errorf("finding %+v", f)
		}
	}
	if kinds[LoadFailed] != 4 || kinds[FileError] != 4 || kinds[CheckError] != 1 || kinds[CheckWarning] != 2 || kinds[UnknownType] != 1 {
		t.Errorf("findings %v: %v", kinds, c.Findings())
	}
	missing := errors.Join(c.Missing()...)
	for _, want := range []string{"sources[0]/params: master file of zone missing.example.: " + filepath.Join(dir, "missing") + ": no such file",
		"sources[0]/params: master file of zone folder.example.: " + dir + ": not a regular file"} {
		if len(c.Missing()) != 2 || !strings.Contains(missing.Error(), want) {
			t.Errorf("missing: %v, want %s", missing, want)
		}
	}
	for of, want := range map[string]int{"good.example": 7, "bad.example": -2, "invalid.example": -2, "missing.example": -2, "other.example": -1} {
		if got := serial(a, of); got != want {
			t.Errorf("%s: %d, want %d", of, got, want)
		}
	}
	if err := a.Update(t.Context(), wire.ClassIN, wire.MustParseName("good.example"), add(t, "x A 192.0.2.1")); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	write("good", "@ 60 SOA ns h 8 2 3 4 5\n@ 60 NS ns\nx 60 A bad\n")
	if err := a.Reload(t.Context(), wire.ClassIN, wire.MustParseName("GOOD.example")); err == nil || !strings.Contains(err.Error(), "good:3: A RDATA") {
		t.Errorf("reload of a broken file: %v", err)
	}
	if got := serial(a, "good.example"); got != 7 {
		t.Errorf("serial %d: the zone must be served as it was", got)
	}
	write("good", "@ 60 SOA ns h 8 2 3 4 5\n@ 60 NS ns\n")
	if err := a.Reload(t.Context(), wire.ClassIN, wire.MustParseName("good.example")); err != nil {
		t.Error(err)
	}
	if got := serial(a, "good.example"); got != 8 {
		t.Errorf("serial %d after a reload", got)
	}
	if err := a.Reload(t.Context(), wire.ClassIN, wire.MustParseName("other.example")); !errors.Is(err, ErrNotServed) {
		t.Error(err)
	}
}

func TestBuiltInZone(t *testing.T) {
	a := newAuthority(t)
	bind := wire.MustParseName("BIND")
	c := apply(t, a, Source{Class: wire.ClassCH, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{{bind, filepath.Join(t.TempDir(), "static.zone")}}})
	if f := c.Findings(); len(f) > 0 {
		t.Errorf("findings %v", f)
	}
	e := a.Catalog().Get(wire.ClassCH, bind)
	if e == nil || e.Version() == nil {
		t.Fatal("not served")
	}
	rrs := e.Version().RRset(wire.MustParseName("version.bind"), wire.TypeTXT)
	if len(rrs) != 1 || zonefile.FormatRR(rrs[0]) != `VERSION.BIND. 0 CH TXT "Bundy 1.0"` {
		t.Errorf("got %v", rrs)
	}
	if err := a.Reload(t.Context(), wire.ClassCH, bind); err != nil {
		t.Error(err)
	}
}

// TestReloadChanged: what has changed is loaded again, and nothing else.
func TestReloadChanged(t *testing.T) {
	dir := t.TempDir()
	past := time.Now().Add(-time.Hour)
	write := func(name, text string, at time.Time) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := func(serial int, more string) string {
		return fmt.Sprintf("@ 60 SOA ns h %d 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n%s", serial, more)
	}
	path := filepath.Join(dir, "cached")
	store(t, path, "kept.example", good(t, "kept.example", 1))
	store(t, path, "gone.example", good(t, "gone.example", 1))
	src := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{
		{wire.MustParseName("same.example"), write("same", text(1, ""), past)},
		{wire.MustParseName("file.example"), write("file", text(1, ""), past)},
		{wire.MustParseName("include.example"), write("include", text(1, "$INCLUDE part\n"), past)},
		{wire.MustParseName("late.example"), filepath.Join(dir, "late")},
	}}
	write("part", "x 60 A 192.0.2.2\n", past)
	cached := inDatabase(path)
	cached.Cached, cached.Only = true, []wire.Name{wire.MustParseName("kept.example"), wire.MustParseName("gone.example"), wire.MustParseName("new.example")}
	a := newAuthority(t)
	apply(t, a, src, cached)
	version := func(name string) *zone.Version {
		if e := a.Catalog().Get(wire.ClassIN, wire.MustParseName(name)); e != nil {
			return e.Version()
		}
		return nil
	}
	expect := func(want int) {
		t.Helper()
		if got, err := a.ReloadChanged(t.Context()); got != want || err != nil {
			t.Errorf("%d zones had changed, want %d; %v", got, want, err)
		}
	}
	before := map[string]*zone.Version{}
	for _, name := range []string{"same.example", "include.example"} {
		before[name] = version(name)
	}
	expect(0)
	if err := os.Rename(write("other", text(2, ""), past), filepath.Join(dir, "file")); err != nil { // the same size and time
		t.Fatal(err)
	}
	write("part", "x 60 A 192.0.2.3\n", past.Add(time.Second))
	write("late", text(1, ""), past)
	store(t, path, "kept.example", good(t, "kept.example", 2))
	store(t, path, "new.example", good(t, "new.example", 1))
	forget(t, path, "gone.example")
	expect(6)
	for name, want := range map[string]int{"same.example": 1, "file.example": 2, "late.example": 1, "kept.example": 2, "new.example": 1, "gone.example": -1} {
		if got := serial(a, name); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if version("same.example") != before["same.example"] || version("include.example") == before["include.example"] {
		t.Error("the wrong zones were loaded")
	}
	expect(0)
	write("file", text(3, "bad\n"), past)
	expect(1)
	expect(0) // bad, but the same as before
	if z, ok := a.StatusOf(wire.ClassIN, wire.MustParseName("file.example")); !ok || !z.Served || z.Serial != 2 || z.Err == nil {
		t.Errorf("a broken file: %+v", z)
	}
	write("file", text(4, ""), time.Now()) // which may change once more without another time
	expect(1)
	expect(1)
}

// TestKeptFiles: a zone that is added does not make those beside it be read again, unless they have changed or were bad.
func TestKeptFiles(t *testing.T) {
	dir := t.TempDir()
	past := time.Now().Add(-time.Hour)
	src := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true}
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, past, past); err != nil {
			t.Fatal(err)
		}
	}
	zoneText := "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	use := func(name string) {
		src.Files = append(src.Files, ZoneFile{wire.MustParseName(name), filepath.Join(dir, name)})
	}
	write("kept.example", zoneText)
	write("changed.example", zoneText)
	write("bad.example", zoneText+"bad\n")
	use("kept.example")
	use("changed.example")
	use("bad.example")
	a := newAuthority(t)
	apply(t, a, src)
	version := func(name string) *zone.Version {
		return a.Catalog().Get(wire.ClassIN, wire.MustParseName(name)).Version()
	}
	kept, changed := version("kept.example"), version("changed.example")
	write("changed.example", zoneText+"x 60 A 192.0.2.2\n")
	write("added.example", zoneText)
	use("added.example")
	c := apply(t, a, src)
	if version("kept.example") != kept || version("changed.example") == changed || version("added.example") == nil {
		t.Error("the wrong zones were read")
	}
	if len(c.toLoad) != 3 || len(c.Findings()) == 0 {
		t.Errorf("%d zones were read, findings %v", len(c.toLoad), c.Findings())
	}
	src.Files = src.Files[1:]
	apply(t, a, src)
	if a.Catalog().Get(wire.ClassIN, wire.MustParseName("kept.example")) != nil {
		t.Error("a zone that was taken out of the configuration is served")
	}
}

// TestSelection checks which source serves a zone that several have, and what a reconfiguration keeps.
func TestSelection(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	store(t, first, "example.org", good(t, "example.org", 1))
	store(t, second, "example.org", good(t, "example.org", 2))
	store(t, second, "other.example", good(t, "other.example", 3))
	a := newAuthority(t)
	one, two := inDatabase(first), inDatabase(second)
	two.Name, two.Item = "two", "sources[1]"
	apply(t, a, one, two)
	if x, y := serial(a, "example.org"), serial(a, "other.example"); x != 1 || y != 3 {
		t.Errorf("serials %d, %d", x, y)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "x 60 A 192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	kept := a.set.served[keyOf(wire.ClassIN, origin)]
	a.mu.Unlock()
	apply(t, a, one)
	a.mu.Lock()
	if a.set.served[keyOf(wire.ClassIN, origin)] != kept {
		t.Error("a zone that stays configured was loaded anew")
	}
	a.mu.Unlock()
	if x, y := serial(a, "example.org"), serial(a, "other.example"); x != 2 || y != -1 {
		t.Errorf("serials %d, %d after removing the second source", x, y)
	}
	cached := two
	cached.Cached, cached.Only = true, []wire.Name{origin, wire.MustParseName("absent.example")}
	c := apply(t, a, cached)
	if x, y := serial(a, "example.org"), serial(a, "other.example"); x != 2 || y != -1 {
		t.Errorf("serials %d, %d of the cached source", x, y)
	}
	if f := c.Findings(); len(f) != 1 || f[0].Kind != ZoneNotFound {
		t.Errorf("findings %v", f)
	}
	store(t, second, "absent.example", good(t, "absent.example", 9))
	for name, want := range map[string]string{"EXAMPLE.org": "", "absent.example": "", // which is stored, but not loaded yet
		"other.example": "zone is not served here: sources[1]/cache-zones does not name it", "nosuch.example": "nosuch.example./IN: zone is not served here"} {
		err := a.Locate(t.Context(), wire.ClassIN, wire.MustParseName(name))
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, ErrNotServed) || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("locate %s: %v, want %q", name, err, want)
		}
	}
	if err := a.Reload(t.Context(), wire.ClassIN, wire.MustParseName("absent.example")); err != nil || serial(a, "absent.example") != 9 {
		t.Errorf("serial %d, %v", serial(a, "absent.example"), err)
	}
	refused, err := a.Prepare(t.Context(), []Source{one, inDatabase(filepath.Join(dir, "no", "such"))})
	if err != nil || len(refused.Missing()) != 1 || !strings.Contains(refused.Missing()[0].Error(), "no/such") {
		t.Fatalf("got %v, %v", refused.Missing(), err)
	}
	refused.Discard()
	if got := serial(a, "absent.example"); got != 9 {
		t.Error("a refused configuration changed what is served")
	}
}

// TestFollow checks that what other processes do to a database is served without being told.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	a := newAuthority(t)
	events := make(chan Finding, 100)
	a.SetObserver(func(f Finding) { events <- f })
	if c := apply(t, a, inDatabase(path)); len(c.Findings()) != 1 || c.Findings()[0].Kind != DatabaseCreated {
		t.Errorf("findings %v", c.Findings())
	}
	wait := func(kind FindingKind) {
		t.Helper()
		for f := range events {
			if f.Kind == kind {
				return
			}
			t.Logf("also %v", f)
		}
	}
	store(t, path, "example.org", good(t, "example.org", 1))
	wait(ZoneLoaded)
	if got := serial(a, "example.org"); got != 1 {
		t.Errorf("a new zone has serial %d", got)
	}
	store(t, path, "example.org", good(t, "example.org", 1, "x 60 A 192.0.2.1"))
	wait(ZoneLoaded)
	if n := a.Catalog().Get(wire.ClassIN, origin).Version().Len(); n != 3 {
		t.Errorf("%d records after a change without a new serial", n)
	}
	store(t, path, "example.org", func(yield func(wire.RR, error) bool) { yield(rr(t, "x 60 A 192.0.2.1"), nil) })
	wait(LoadFailed)
	if got := serial(a, "example.org"); got != 1 {
		t.Errorf("serial %d: the zone must be served as it was", got)
	}
	store(t, path, "example.org", func(func(wire.RR, error) bool) {}) // as bundy-loadzone -e does
	wait(LoadFailed)
	if got := serial(a, "example.org"); got != -2 {
		t.Errorf("serial %d of an emptied zone", got)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "x 60 A 192.0.2.1")); !errors.Is(err, zone.ErrNotLoaded) {
		t.Errorf("update of an emptied zone: %v", err)
	}
	store(t, path, "example.org", good(t, "example.org", 3))
	wait(ZoneLoaded)
	if got := serial(a, "example.org"); got != 3 {
		t.Errorf("serial %d of a zone that was empty", got)
	}
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Remove(t.Context(), origin, wire.ClassIN); err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	src := a.set.sources[0]
	a.mu.Unlock()
	if err := a.synchronise(t.Context(), src.db); err != nil {
		t.Error(err)
	}
	if got := serial(a, "example.org"); got != -1 {
		t.Errorf("a removed zone is still there with serial %d", got)
	}
}

// TestReplacedDatabase checks that a database file which was put in the place of the open one is opened.
func TestReplacedDatabase(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "zone.sqlite3"), filepath.Join(dir, "other")
	store(t, path, "example.org", good(t, "example.org", 1))
	store(t, other, "example.org", good(t, "example.org", 5))
	a := newAuthority(t)
	events := make(chan Finding, 100)
	a.SetObserver(func(f Finding) { events <- f })
	apply(t, a, inDatabase(path))
	for i := range 5 { // so that the log of the old file is not empty
		if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, fmt.Sprintf("old%d 60 A 192.0.2.1", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(path, filepath.Join(dir, "old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	for f := range events {
		if f.Kind == DatabaseReplaced {
			break
		}
	}
	if got := serial(a, "example.org"); got != 5 {
		t.Errorf("serial %d", got)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "n 60 A 192.0.2.1")); err != nil {
		t.Error(err)
	}
	a.Close()
	for file, want := range map[string][2]int{path: {6, 3}, filepath.Join(dir, "old"): {6, 7}} {
		db, err := zonedb.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if v, _, err := db.Load(t.Context(), origin, wire.ClassIN); err != nil || int(v.Serial()) != want[0] || v.Len() != want[1] {
			t.Errorf("%s: %v, %v", file, v, err)
		}
		for _, err := range db.Check(t.Context()) {
			t.Error(file, err)
		}
	}
}

// TestPause: a zone that takes long to load must not keep the changes of others from being seen.
func TestPause(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: pollInterval, time.Second: time.Second, time.Minute: maxPause} {
		if got := pause(took); got != want {
			t.Errorf("after %v: %v, want %v", took, got, want)
		}
	}
}

// TestDatabaseThatCannotBeOpened: the other sources are served, and its zones as soon as it can be opened; only at a
// change of the configuration it is a reason to refuse.
func TestDatabaseThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	good1, bad, worse := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "no/such/folder")
	store(t, good1, "example.org", good(t, "example.org", 1))
	file := filepath.Join(dir, "file")
	for path, text := range map[string]string{bad: strings.Repeat("no database ", 100), file: "@ 60 SOA ns h 7 2 3 4 5\n@ 60 NS ns\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := newAuthority(t)
	opened := make(chan Finding, 100)
	a.SetObserver(func(f Finding) {
		if f.Kind == DatabaseReplaced {
			opened <- f
		}
	})
	broken, never := inDatabase(bad), inDatabase(worse)
	broken.Name = "broken"
	never.Name, never.Cached, never.Only = "never", true, []wire.Name{wire.MustParseName("named.example")}
	files := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{{wire.MustParseName("file.example"), file}}}
	c := apply(t, a, inDatabase(good1), broken, never, files)
	if m := c.Missing(); len(m) != 2 || !strings.Contains(m[0].Error(), bad) || !strings.Contains(m[1].Error(), worse) {
		t.Errorf("missing: %v", m)
	}
	found := 0
	for _, f := range c.Findings() {
		if f.Kind == DatabaseUnavailable && f.Err != nil && (f.Database == bad || f.Database == worse) {
			found++
		}
	}
	if found != 2 {
		t.Errorf("findings %v", c.Findings())
	}
	expect := func(want map[string]int) {
		t.Helper()
		for of, serialWanted := range want {
			if got := serial(a, of); got != serialWanted {
				t.Errorf("%s: %d, want %d", of, got, serialWanted)
			}
		}
	}
	expect(map[string]int{"example.org": 1, "later.example": -1, "named.example": -2, "file.example": 7})
	named := wire.MustParseName("named.example")
	if err := a.Update(t.Context(), wire.ClassIN, named, add(t, "x 60 A 192.0.2.1")); !errors.Is(err, zone.ErrNotLoaded) {
		t.Errorf("update: %v", err)
	}
	if err := a.Reload(t.Context(), wire.ClassIN, named); err == nil || errors.Is(err, ErrNotServed) {
		t.Errorf("reload: %v", err)
	}
	if err := a.Reload(t.Context(), wire.ClassIN, wire.MustParseName("later.example")); err == nil || errors.Is(err, ErrNotServed) {
		t.Errorf("reload: %v", err)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "x 60 A 192.0.2.1")); err != nil {
		t.Errorf("update of another zone: %v", err)
	}

	repaired := filepath.Join(dir, "repaired")
	store(t, repaired, "later.example", good(t, "later.example", 3))
	for _, err := range []error{os.Remove(file), os.Rename(repaired, bad)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if f := <-opened; f.Database != bad {
		t.Errorf("opened %s", f.Database)
	}
	expect(map[string]int{"example.org": 2, "later.example": 3, "named.example": -2, "file.example": 7})
}

func TestUpdateHandler(t *testing.T) {
	a := New("")
	if a.UpdateHandler() != nil || a.Keys() == nil {
		t.Error("a new authority has a handler or no ring")
	}
	called := false
	a.SetUpdateHandler(func(Request, func([]byte)) { called = true })
	a.UpdateHandler()(Request{}, nil)
	a.SetUpdateHandler(nil)
	if !called || a.UpdateHandler() != nil {
		t.Error("the handler was not called, or not taken away")
	}
}

// BenchmarkUpdate measures updates of one zone by many clients.
func BenchmarkUpdate(b *testing.B) {
	path := filepath.Join(b.TempDir(), "zone.sqlite3")
	store(b, path, "example.org", good(b, "example.org", 1))
	a := newAuthority(b)
	apply(b, a, inDatabase(path))
	var mu sync.Mutex
	n := 0
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			mu.Lock()
			n++
			text := fmt.Sprintf("n%d 60 A 192.0.2.1", n)
			mu.Unlock()
			if err := a.Update(context.Background(), wire.ClassIN, origin, add(b, text)); err != nil {
				b.Error(err)
			}
		}
	})
}
