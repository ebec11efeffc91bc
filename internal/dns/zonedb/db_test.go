package zonedb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

var origin = wire.MustParseName("Example.org")

// rr reads a record as text.
func rr(t testing.TB, text string) wire.RR {
	t.Helper()
	r, err := zonefile.ParseRR(text, origin)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// seq gives records of lines of text.
func seq(t testing.TB, lines ...string) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		for _, line := range lines {
			if !yield(rr(t, line), nil) {
				return
			}
		}
	}
}

func soa(serial int) string { return fmt.Sprintf("@ 60 SOA ns h %d 2 3 4 5", serial) }

// next is the difference to the next serial that adds and deletes.
func next(t testing.TB, serial int, deleted, added []string) zone.Diff {
	d := zone.Diff{From: zone.Serial(serial), To: zone.Serial(serial + 1), Deleted: []wire.RR{rr(t, soa(serial))}, Added: []wire.RR{rr(t, soa(serial+1))}}
	for _, s := range deleted {
		d.Deleted = append(d.Deleted, rr(t, s))
	}
	for _, s := range added {
		d.Added = append(d.Added, rr(t, s))
	}
	return d
}

func openDB(t testing.TB) *DB {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "zone.sqlite3"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range d.Check(context.Background()) {
			t.Error("check:", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func texts(t testing.TB, d *DB) []string {
	t.Helper()
	var all []string
	for r, err := range d.Read(t.Context(), origin, wire.ClassIN) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, zonefile.FormatRR(r))
	}
	return all
}

func mustReplace(t testing.TB, d *DB, lines ...string) Edition {
	t.Helper()
	if _, err := d.Replace(t.Context(), origin, wire.ClassIN, seq(t, lines...)); err != nil {
		t.Fatal(err)
	}
	e, err := d.Edition(t.Context(), origin, wire.ClassIN)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReplaceAndRead(t *testing.T) {
	d := openDB(t)
	if !d.Created() {
		t.Error("a new database is not reported as created")
	}
	if info, err := os.Stat(d.Path()); err != nil || info.Mode().Perm()&^fileMode != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	n, err := d.Replace(t.Context(), origin, wire.ClassIN, seq(t, soa(1), "@ 60 NS ns", "b 60 A 192.0.2.1", `WWW 60 CNAME B`, `a\.b\000 60 TXT "x"`, "b 30 A 192.0.2.1", `* 60 TYPE65280 \# 0`))
	if err != nil || n != 7 {
		t.Fatal(n, err)
	}
	want := []string{"example.org. 60 IN NS ns.Example.org.", "example.org. 60 IN SOA ns.Example.org. h.Example.org. 1 2 3 4 5",
		`*.example.org. 60 IN TYPE65280 \# 0`, `a\.b\000.example.org. 60 IN TXT "x"`, "b.example.org. 30 IN A 192.0.2.1", "WWW.Example.org. 60 IN CNAME B.Example.org."}
	got := texts(t, d)
	for i := range got { // the spelling of the origin is kept where the owner had upper case
		if !strings.HasPrefix(got[i], "WWW") {
			owner, rest, _ := strings.Cut(got[i], " ")
			got[i] = strings.ToLower(owner) + " " + rest
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	zones, err := d.Zones(t.Context())
	if err != nil || len(zones) != 1 || zones[0].Origin != origin || zones[0].Class != wire.ClassIN {
		t.Errorf("zones %v, %v", zones, err)
	}
}

func TestReplaceIsAllOrNothing(t *testing.T) {
	d := openDB(t)
	e := mustReplace(t, d, soa(1), "@ 60 NS ns")
	before := texts(t, d)
	broken := errors.New("broken file")
	_, err := d.Replace(t.Context(), origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		if yield(rr(t, soa(9)), nil) {
			yield(wire.RR{}, broken)
		}
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = d.Replace(ctx, origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		cancel()
		yield(rr(t, soa(9)), nil)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	other := wire.MustParseName("new.example")
	if _, err := d.Replace(t.Context(), other, wire.ClassIN, func(yield func(wire.RR, error) bool) { yield(wire.RR{}, broken) }); err == nil {
		t.Error("no error")
	}
	if _, err := d.Edition(t.Context(), other, wire.ClassIN); !errors.Is(err, ErrNoZone) {
		t.Errorf("the zone of a failed load exists: %v", err)
	}
	if diff := cmp.Diff(before, texts(t, d)); diff != "" {
		t.Error(diff)
	}
	if now, _ := d.Edition(t.Context(), origin, wire.ClassIN); now != e {
		t.Error("the edition changed")
	}
}

func TestCommit(t *testing.T) {
	d := openDB(t)
	e1 := mustReplace(t, d, soa(1), "@ 60 NS ns", "ns 60 A 192.0.2.1", "m 60 MX 1 Mail")
	e2, err := d.Commit(t.Context(), origin, wire.ClassIN, e1, next(t, 1, []string{"NS 60 A 192.0.2.1", "m 60 MX 1 mAIL"}, []string{"ns 60 A 192.0.2.2", "x 60 A 192.0.2.3"}))
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := d.Edition(t.Context(), origin, wire.ClassIN); now != e2 || e2 == e1 {
		t.Errorf("edition %v, returned %v, before %v", now, e2, e1)
	}
	e4, err := d.Commit(t.Context(), origin, wire.ClassIN, e2, next(t, 2, nil, []string{"y 60 A 192.0.2.4"}), next(t, 3, []string{"y 60 A 192.0.2.4"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	before := texts(t, d)
	if len(before) != 4 || !strings.Contains(strings.Join(before, "\n"), " 4 2 3 4 5") {
		t.Errorf("stored:\n%s", strings.Join(before, "\n"))
	}
	for name, c := range map[string]struct {
		at    Edition
		diffs []zone.Diff
	}{
		"edition":        {e2, []zone.Diff{next(t, 4, nil, nil)}},
		"serial":         {e4, []zone.Diff{next(t, 3, nil, nil)}},
		"second serial":  {e4, []zone.Diff{next(t, 4, nil, []string{"z 60 A 192.0.2.9"}), next(t, 6, nil, nil)}},
		"missing record": {e4, []zone.Diff{next(t, 4, []string{"y 60 A 192.0.2.4"}, []string{"z 60 A 192.0.2.9"})}},
	} {
		if _, err := d.Commit(t.Context(), origin, wire.ClassIN, c.at, c.diffs...); !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "Example.org.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Commit(t.Context(), wire.MustParseName("other.example"), wire.ClassIN, e4, next(t, 4, nil, nil)); !errors.Is(err, ErrNoZone) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, texts(t, d)); diff != "" {
		t.Error(diff)
	}

	diffs, err := d.Journal(t.Context(), origin, wire.ClassIN, 1, 4)
	if err != nil || len(diffs) != 3 {
		t.Fatal(len(diffs), err)
	}
	for i, diff := range diffs {
		if int(diff.From) != i+1 || int(diff.To) != i+2 || diff.Deleted[0].Type != wire.TypeSOA || diff.Added[0].Type != wire.TypeSOA {
			t.Errorf("difference %d: %+v", i, diff)
		}
	}
	if diffs, err := d.Journal(t.Context(), origin, wire.ClassIN, 2, 3); err != nil || len(diffs) != 1 {
		t.Error(diffs, err)
	}
	for _, c := range [][2]zone.Serial{{0, 4}, {1, 9}, {4, 4}, {3, 2}} {
		if _, err := d.Journal(t.Context(), origin, wire.ClassIN, c[0], c[1]); !errors.Is(err, ErrNoJournal) {
			t.Errorf("%v: %v", c, err)
		}
	}
	mustReplace(t, d, soa(4), "@ 60 NS ns")
	if _, err := d.Journal(t.Context(), origin, wire.ClassIN, 1, 4); !errors.Is(err, ErrNoJournal) {
		t.Errorf("the journal outlived a replacement: %v", err)
	}
	if err := d.Remove(t.Context(), origin, wire.ClassIN); err != nil {
		t.Error(err)
	}
	if err := d.Remove(t.Context(), origin, wire.ClassIN); !errors.Is(err, ErrNoZone) {
		t.Error(err)
	}
	if e5 := mustReplace(t, d, soa(4)); e5 == e1 || e5 == e4 {
		t.Error("a zone made anew has an edition of the old one")
	}
}

// TestCommitAll changes two zones in one transaction: both, or none when one of them is not as it was.
func TestCommitAll(t *testing.T) {
	d := openDB(t)
	other := wire.MustParseName("example.net")
	a := mustReplace(t, d, soa(1), "@ 60 NS ns")
	_, err := d.Replace(t.Context(), other, wire.ClassIN, func(yield func(wire.RR, error) bool) {
		_ = yield(wire.RR{Name: other, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: 60, Data: next(t, 0, nil, nil).Added[0].Data}, nil) &&
			yield(wire.RR{Name: other, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: []byte(origin)}, nil)
	})
	b, err2 := d.Edition(t.Context(), other, wire.ClassIN)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	elsewhere := func(serial int) zone.Diff {
		d := next(t, serial, nil, nil)
		for _, list := range [][]wire.RR{d.Deleted, d.Added} {
			list[0].Name, list[0].TTL = other, 60
		}
		return d
	}
	both := func(at Edition) ([]Edition, int, error) {
		return d.CommitAll(t.Context(),
			Change{origin, wire.ClassIN, a, []zone.Diff{next(t, 1, nil, []string{"x 60 A 192.0.2.1"})}}, Change{other, wire.ClassIN, at, []zone.Diff{elsewhere(1)}})
	}
	if _, bad, err := both(Edition{b.row, b.count + 1}); bad != 1 || !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "example.net") {
		t.Errorf("the second zone is another: %v", err)
	}
	if text := strings.Join(texts(t, d), "\n"); strings.Contains(text, "192.0.2.1") {
		t.Errorf("half of it was done: %s", text)
	}
	editions, _, err := both(b)
	if err != nil || len(editions) != 2 {
		t.Fatal(editions, err)
	}
	for i, origin := range []wire.Name{origin, other} {
		if e, err := d.Edition(t.Context(), origin, wire.ClassIN); err != nil || e != editions[i] {
			t.Errorf("%s: edition %v, told %v, %v", origin, e, editions[i], err)
		}
	}
	for _, err := range d.Check(t.Context()) {
		t.Error(err)
	}
}

// TestBatch makes many commits at once, some of which fail, and looks that each gets its own result.
func TestBatch(t *testing.T) {
	d := openDB(t)
	const commits = 40
	var batch []*commit
	e := mustReplace(t, d, soa(1), "@ 60 NS ns")
	for i := range commits {
		change := Change{Origin: origin, Class: wire.ClassIN, At: Edition{e.row, e.count + int64(i/2)}}
		if i%2 == 0 { // good ones, each on top of the last; after each a bad one that has written before it fails
			change.Diffs = []zone.Diff{next(t, 1+i/2, nil, []string{fmt.Sprintf("n%d 60 A 192.0.2.1", i)})}
		} else {
			change.At.count++
			change.Diffs = []zone.Diff{next(t, 2+i/2, nil, []string{"bad 60 A 192.0.2.1"}), next(t, 1, nil, nil)}
		}
		batch = append(batch, &commit{changes: []Change{change}, done: make(chan struct{})})
	}
	d.serve(batch)
	for i, c := range batch {
		if good := c.err == nil; good != (i%2 == 0) {
			t.Errorf("commit %d: %v", i, c.err)
		}
	}
	got := strings.Join(texts(t, d), "\n")
	if strings.Contains(got, "bad") || strings.Count(got, " A ") != commits/2 {
		t.Error(got)
	}
}

func TestJournalIsBounded(t *testing.T) {
	d := openDB(t)
	e := mustReplace(t, d, soa(1), "@ 60 NS ns")
	e, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, 1, nil, nil), next(t, 2, nil, nil), next(t, 3, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := d.writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := trim(t.Context(), tx, e.row, MaxJournal*3/4+3); err != nil { // as if 3 rows were too many
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Journal(t.Context(), origin, wire.ClassIN, 2, 4); !errors.Is(err, ErrNoJournal) {
		t.Errorf("rows that were to go are there: %v", err)
	}
	if diffs, err := d.Journal(t.Context(), origin, wire.ClassIN, 3, 4); err != nil || len(diffs) != 1 {
		t.Error(diffs, err)
	}
}

func TestChanged(t *testing.T) {
	d := openDB(t)
	other, err := Open(d.Path()) // as another process would
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if other.Created() {
		t.Error("an existing database is reported as created")
	}
	for _, want := range []bool{false, true, false} {
		if want {
			mustReplace(t, other, soa(1))
		}
		if got, err := d.Changed(t.Context()); got != want || err != nil {
			t.Errorf("changed %v, %v; want %v", got, err, want)
		}
	}
}

// TestMoved checks that nothing is acknowledged that goes into a file which nobody can open again.
func TestMoved(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "z"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := mustReplace(t, d, soa(1), "@ 60 NS ns")
	for range 2 {
		if err := os.Remove(d.Path()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, 1, nil, nil)); !errors.Is(err, ErrMoved) {
			t.Error(err)
		}
		if _, err := d.Replace(t.Context(), origin, wire.ClassIN, seq(t, soa(2))); !errors.Is(err, ErrMoved) {
			t.Error(err)
		}
		if _, err := d.Changed(t.Context()); !errors.Is(err, ErrMoved) {
			t.Error(err)
		}
		if err := os.WriteFile(d.Path(), nil, 0o600); err != nil { // the second time there is another file
			t.Fatal(err)
		}
	}
}

func TestClosed(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "z"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(t.Context(), origin, wire.ClassIN, Edition{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(d.Path() + "-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	foreign := func(name string, statements ...string) string {
		path := filepath.Join(dir, name)
		db, err := connect(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, s := range statements {
			if _, err := db.Exec(s); err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{foreign("old", "CREATE TABLE schema_version (version INTEGER, minor INTEGER)", "INSERT INTO schema_version VALUES (2, 2)"), "schema version 2.2, this program needs 4.0: convert it with bundy-dbutil --upgrade"},
		{foreign("first", "CREATE TABLE schema_version (version INTEGER)", "INSERT INTO schema_version VALUES (1)"), "schema version 1.0"},
		{foreign("newer", "CREATE TABLE schema_version (version INTEGER, minor INTEGER)", "INSERT INTO schema_version VALUES (5, 0)"), "newer version"},
		{foreign("other", "CREATE TABLE x (y)"), "not a zone database"},
		{foreign("none", "CREATE TABLE schema_version (version INTEGER, minor INTEGER)"), "no schema version"},
		{text, "not a database"},
		{filepath.Join(dir, "absent", "z"), "no such file or directory"},
		{dir, "is a directory"},
	} {
		d, err := Open(c.path)
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	var v *VersionError
	if _, err := Open(filepath.Join(dir, "old")); !errors.As(err, &v) || v.Major != 2 || v.Minor != 2 {
		t.Error(err)
	}
}

func TestCheckFindsDamage(t *testing.T) {
	for name, damage := range map[string]string{
		"lost records":  `INSERT INTO leaves SELECT 99, start, octets, nsec, nsec3 FROM leaves`,
		"bad start":     `UPDATE leaves SET start = x'01'`,
		"repeated leaf": `INSERT INTO leaves SELECT zone_id, x'6f72670061', octets, nsec, nsec3 FROM leaves`,
		"changed octet": `UPDATE leaves SET octets = CAST(substr(octets, 1, 40) || x'ff' || substr(octets, 42) AS BLOB)`,
		"hidden NSEC":   `UPDATE leaves SET nsec = 1`,
		"no octets":     `UPDATE leaves SET octets = x''`,
		"journal count": `UPDATE zones SET journal = journal + 1`,
		"journal end":   `DELETE FROM diffs WHERE version = 3`,
		"journal gap":   `DELETE FROM diffs WHERE version = 2`,
	} {
		d, err := Open(filepath.Join(t.TempDir(), "z"))
		if err != nil {
			t.Fatal(err)
		}
		e := mustReplace(t, d, soa(1), "@ 60 NS ns")
		if _, err := d.Commit(t.Context(), origin, wire.ClassIN, e, next(t, 1, nil, nil), next(t, 2, nil, nil)); err != nil {
			t.Fatal(err)
		}
		if errs := d.Check(t.Context()); len(errs) > 0 {
			t.Errorf("%s: before: %v", name, errs)
		}
		if _, err := d.writer.Exec(damage); err != nil {
			t.Fatal(name, err)
		}
		if errs := d.Check(t.Context()); len(errs) == 0 {
			t.Errorf("%s was not found", name)
		}
		d.Close()
	}
}

// TestSortKey checks that the order of keys is the canonical order of names, and that names come back.
func TestSortKey(t *testing.T) {
	label := rapid.StringOfN(rapid.RuneFrom([]rune{0, 1, 2, 'a', 'b', 'Z', 0x7f}), 1, 5, -1)
	name := rapid.Custom(func(t *rapid.T) wire.Name {
		n := wire.Root
		for _, l := range rapid.SliceOfN(label, 0, 5).Draw(t, "labels") {
			n, _ = n.Child(l)
		}
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if got, want := bytes.Compare(sortKey(a), sortKey(b)), a.Compare(b); got != want {
			t.Errorf("%s and %s: %d, want %d", a, b, got, want)
		}
		if back, err := keyName(sortKey(a)); err != nil || back != a.Lower() {
			t.Errorf("%s comes back as %s, %v", a, back, err)
		}
	})
}

func FuzzKeyName(f *testing.F) {
	f.Add([]byte("org\x00example\x00"))
	f.Add([]byte{1, 1, 0})
	f.Add(bytes.Repeat([]byte("a\x00"), 127))
	f.Fuzz(func(t *testing.T, key []byte) {
		n, err := keyName(key)
		if err == nil && n != n.Lower() {
			return // upper case cannot come from sortKey
		}
		if err == nil && !bytes.Equal(sortKey(n), key) {
			t.Errorf("%x is %s, whose key is %x", key, n, sortKey(n))
		}
	})
}

// BenchmarkCommit measures commits of one zone one after another, one sync each.
func BenchmarkCommit(b *testing.B) {
	d := openDB(b)
	e := mustReplace(b, d, soa(1), "@ 60 NS ns")
	serial := 1
	for b.Loop() {
		var err error
		if e, err = d.Commit(b.Context(), origin, wire.ClassIN, e, next(b, serial, nil, []string{fmt.Sprintf("n%d 60 A 192.0.2.1", serial)})); err != nil {
			b.Fatal(err)
		}
		serial++
	}
}

// BenchmarkReplace measures the writing of a large zone.
func BenchmarkReplace(b *testing.B) {
	d := openDB(b)
	a := rr(b, "x 60 A 192.0.2.1")
	const size = 20000
	for b.Loop() {
		_, err := d.Replace(b.Context(), origin, wire.ClassIN, func(yield func(wire.RR, error) bool) {
			if !yield(rr(b, soa(1)), nil) {
				return
			}
			for i := range size {
				a.Name, _ = origin.Child(fmt.Sprintf("host-%d", i))
				if !yield(a, nil) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/RR")
}
