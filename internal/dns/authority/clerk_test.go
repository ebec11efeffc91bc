package authority

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

func storedIn(path string) Source {
	s := inDatabase(path)
	s.Stored = true
	return s
}

// askStored answers a question as a server does that may wait, and gives the first address.
func askStored(t *testing.T, a *Authority, name string) (address string, rcode wire.Rcode, err error) {
	t.Helper()
	clerk := a.NewClerk()
	defer clerk.Rest()
	answer := zone.Answer{Open: clerk.Open}
	a.Catalog().Lookup(wire.ClassIN, wire.MustParseName(name), wire.TypeA, false, &answer)
	err = clerk.Done()
	var b wire.Builder
	b.Reset(nil, wire.MaxMessage)
	answer.Write(&b)
	m, bad := wire.ParseMessage(b.Bytes())
	if bad != nil {
		t.Fatal(bad)
	}
	for _, rr := range m.Answer {
		if rr.Type == wire.TypeA {
			address = fmt.Sprint(rr.Data)
		}
	}
	return address, answer.Rcode, err
}

// TestStored checks that a zone which is in no memory is answered as it is in the database at that moment, whoever changed
// it, and that it can be updated.
func TestStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", good(t, "example.org", 1, "a 60 A 192.0.2.1"))
	a := newAuthority(t)
	apply(t, a, storedIn(path))
	e := a.Catalog().Get(wire.ClassIN, origin)
	if e == nil || e.Version() != nil || !e.Stored() {
		t.Fatal("the zone is in memory")
	}
	var answer zone.Answer
	if a.Catalog().Lookup(wire.ClassIN, wire.MustParseName("a.example.org"), wire.TypeA, false, &answer); !answer.Unread {
		t.Error("it is answered without the database")
	}
	expect := func(name, want string) {
		t.Helper()
		if got, rcode, err := askStored(t, a, name); got != want || rcode != wire.RcodeNoError || err != nil {
			t.Errorf("%s: %s, %s, %v, want %s", name, got, rcode, err, want)
		}
	}
	expect("a.example.org", "[192 0 2 1]")
	store(t, path, "example.org", good(t, "example.org", 2, "a 60 A 192.0.2.2"))
	expect("a.example.org", "[192 0 2 2]")
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, fmt.Sprintf("n%d 60 A 192.0.2.%d", i, i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range 10 {
		expect(fmt.Sprintf("n%d.example.org", i), fmt.Sprintf("[192 0 2 %d]", i))
	}
	refused := errors.New("refused")
	if err := a.Update(t.Context(), wire.ClassIN, origin, func(v *zone.Version) (zone.Diff, error) {
		if v.Serial() != 12 || len(v.RRset(wire.MustParseName("n3.example.org"), wire.TypeA)) != 1 {
			t.Errorf("an update sees serial %d", v.Serial())
		}
		return zone.Diff{}, refused
	}); err != refused {
		t.Error(err)
	}
	if s, ok := a.StatusOf(wire.ClassIN, origin); !ok || !s.Served || s.Serial != 12 || s.Err != nil {
		t.Errorf("status %+v", s)
	}

	// An alias from a zone in memory, and one back.
	files := t.TempDir()
	other := Source{Class: wire.ClassIN, Name: MasterFiles, Type: MasterFiles, Cached: true, Files: []ZoneFile{{wire.MustParseName("mem.example"), filepath.Join(files, "z")}}}
	if err := os.WriteFile(other.Files[0].Path, []byte("@ 60 SOA ns. h. 1 2 3 4 5\n@ 60 NS ns.\nto 60 CNAME back.example.org.\nend 60 A 192.0.2.77\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	apply(t, a, storedIn(path), other)
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "back 60 CNAME end.mem.example.")); err != nil {
		t.Fatal(err)
	}
	expect("to.mem.example", "[192 0 2 77]")
	if a.Catalog().Lookup(wire.ClassIN, wire.MustParseName("to.mem.example"), wire.TypeA, false, &answer); !answer.Unread {
		t.Error("an alias is answered without the database")
	}

	// What is emptied or damaged is answered SERVFAIL, alone.
	store(t, path, "second.example", good(t, "second.example", 1, "a 60 A 192.0.2.5"))
	second := wire.MustParseName("second.example")
	if err := a.Reload(t.Context(), wire.ClassIN, second); err != nil { // its follower may be slower
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`UPDATE leaves SET octets = x'00112233445566' WHERE zone_id = (SELECT min(id) FROM zones)`); err != nil {
		t.Fatal(err)
	}
	if _, rcode, err := askStored(t, a, "a.example.org"); rcode != wire.RcodeServFail || err == nil || !strings.Contains(err.Error(), "example.org") {
		t.Errorf("%s, %v", rcode, err)
	}
	expect("a.second.example", "[192 0 2 5]")
	forget(t, path, "second.example")
	if _, rcode, _ := askStored(t, a, "a.second.example"); rcode == wire.RcodeNoError {
		t.Error("a removed zone is answered")
	}
	if err := a.Reload(t.Context(), wire.ClassIN, second); !errors.Is(err, ErrNotServed) {
		t.Error(err)
	}
}

// TestStoredEmptyZone checks that a zone without SOA record is known and answered SERVFAIL until it has one.
func TestStoredEmptyZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	store(t, path, "example.org", func(func(wire.RR, error) bool) {})
	a := newAuthority(t)
	c := apply(t, a, storedIn(path))
	if len(c.Findings()) == 0 {
		t.Error("nothing is said of it")
	}
	if _, rcode, _ := askStored(t, a, "example.org"); rcode != wire.RcodeServFail {
		t.Error(rcode)
	}
	if err := a.Update(t.Context(), wire.ClassIN, origin, add(t, "x 60 A 192.0.2.1")); !errors.Is(err, zone.ErrNotLoaded) {
		t.Error(err)
	}
	store(t, path, "example.org", good(t, "example.org", 1))
	if err := a.Reload(t.Context(), wire.ClassIN, origin); err != nil || !a.Catalog().Get(wire.ClassIN, origin).Stored() {
		t.Error(err)
	}
}

// BenchmarkStored gives the time of an answer from the database, for a zone of 50,000 names.
func BenchmarkStored(b *testing.B) {
	path := filepath.Join(b.TempDir(), "zone.sqlite3")
	var lines []string
	for i := range 50_000 {
		lines = append(lines, fmt.Sprintf("h%d 60 A 192.0.2.1", i))
	}
	store(b, path, "example.org", good(b, "example.org", 1, lines...))
	a := newAuthority(b)
	apply(b, a, storedIn(path))
	clerk := a.NewClerk()
	defer clerk.Rest()
	answer := zone.Answer{Open: clerk.Open}
	i := 0
	for b.Loop() {
		n, _ := origin.Child(fmt.Sprintf("h%d", i*7919%60_000))
		a.Catalog().Lookup(wire.ClassIN, n, wire.TypeA, true, &answer)
		if err := clerk.Done(); err != nil || answer.Rcode == wire.RcodeServFail {
			b.Fatal(err, answer.Rcode)
		}
		i++
	}
}
