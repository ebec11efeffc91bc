package owned

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bundy/internal/dns/wire"
)

func open(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func example(host byte) Record {
	return Record{
		Key:   Key{Kind: Forward, Address: netip.AddrFrom4([4]byte{192, 0, 2, host}), Name: wire.MustParseName(`a\.b.example.`)},
		DHCID: "\x00\x00\x01x", Zone: wire.MustParseName("example."), TTL: 60, State: Adding, Tries: 3, LastError: "why",
		NextTry: time.UnixMilli(1_700_000_000_123).UTC(),
	}
}

// TestModel does random changes to a store and to plain maps, with restarts in between, and compares.
func TestModel(t *testing.T) {
	if err := flag.Set("rapid.checks", "20"); err != nil { // each one opens databases that wait for the disk
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, strconv.Itoa(n)+"?%#.sqlite3") // as odd as a path may be
		ctx := context.Background()
		s, err := Open(ctx, path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.Close() }()
		records, wants := map[Key]Record{}, map[netip.Addr]Want{}
		address := rapid.Custom(func(t *rapid.T) netip.Addr {
			return netip.AddrFrom4([4]byte{192, 0, 2, rapid.Uint8Range(0, 3).Draw(t, "host")})
		})
		name := rapid.SampledFrom([]wire.Name{"\x01a\x00", "\x01b\x00", "\x03\x00.\xff\x00"})
		key := rapid.Custom(func(t *rapid.T) Key {
			return Key{Kind(rapid.IntRange(0, 1).Draw(t, "kind")), address.Draw(t, "address"), name.Draw(t, "name")}
		})
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			var changes []Change
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				switch rapid.IntRange(0, 3).Draw(t, "what") {
				case 0:
					r := Record{Key: key.Draw(t, "key"), DHCID: "d", Zone: wire.Root, Rules: Rules(rapid.IntRange(0, 6).Draw(t, "rules")), Marker: rapid.SampledFrom([]string{"", "m=1"}).Draw(t, "marker"), State: State(rapid.IntRange(0, 4).Draw(t, "state")), Tries: rapid.Uint32().Draw(t, "tries")}
					changes, records[r.Key] = append(changes, Put(r)), r
				case 1:
					k := key.Draw(t, "key")
					changes = append(changes, Delete(k))
					delete(records, k)
				case 2:
					w := Want{Address: address.Draw(t, "address"), Name: name.Draw(t, "name"), DHCID: "d", Forward: rapid.Bool().Draw(t, "fwd"), Rules: Rules(rapid.IntRange(0, 6).Draw(t, "rules")), Length: rapid.Uint32().Draw(t, "length")}
					changes, wants[w.Address] = append(changes, PutWant(w)), w
				case 3:
					a := address.Draw(t, "address")
					changes = append(changes, DropWant(a))
					delete(wants, a)
				}
			}
			if err := s.Apply(ctx, changes); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "restart") {
				s.Close()
				if s, err = Open(ctx, path); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(ctx); err != nil {
				t.Fatal(err)
			}
			if got := maps.Collect(s.records.All()); !maps.Equal(got, records) || !reflect.DeepEqual(s.wants, wants) {
				t.Fatalf("store has %v %v, model %v %v", got, s.wants, records, wants)
			}
			for k := range records {
				found := false
				for _, r := range s.At(k.Address) {
					found = found || r.Key == k
				}
				if !found {
					t.Fatalf("%v is not found at its address", k)
				}
			}
		}
	})
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	defer s.Close()
	bad := example(2)
	bad.DHCID = ""
	if err := s.Apply(context.Background(), []Change{Put(example(1)), Put(bad)}); err == nil || s.Len() != 0 {
		t.Errorf("err %v, %d records; want all or nothing", err, s.Len())
	}
	upper := example(1)
	upper.Name = wire.MustParseName("A.example.")
	if err := s.Apply(context.Background(), []Change{Put(upper)}); err == nil {
		t.Error("a name in upper case was taken")
	}
}

func TestWantsAreBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s"))
	defer s.Close()
	for i := range MaxWants {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		s.wants[a] = Want{Address: a}
	}
	w := Want{Address: netip.MustParseAddr("192.0.2.1"), Name: "\x01a\x00", DHCID: "d", Forward: true}
	if err := s.Apply(context.Background(), []Change{PutWant(w)}); !errors.Is(err, ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	w.Address = netip.MustParseAddr("10.0.0.1")
	if err := s.Apply(context.Background(), []Change{PutWant(w)}); err != nil {
		t.Errorf("a new want of a known address: %v", err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	s := open(t, path)
	if _, err := s.db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(context.Background(), path); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(path, []byte("this is no database, and it is longer than a header of one would have to be, so that it is read"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), path); err == nil {
		s.Close()
		t.Error("garbage was opened")
	}
}

// TestCrash kills a process in the midst of its writes. Every change whose Apply returned must be there, and the
// store must be whole.
func TestCrash(t *testing.T) {
	if path := os.Getenv("OWNED_CRASH_TEST"); path != "" {
		s := open(t, path)
		for i := 0; ; i++ {
			r := example(byte(i))
			r.Tries = uint32(i)
			if err := s.Apply(context.Background(), []Change{Put(r), PutWant(Want{Address: r.Address, Name: r.Name, DHCID: "d", Length: uint32(i)})}); err != nil {
				t.Fatal(err)
			}
			os.Stdout.WriteString("done " + strconv.Itoa(i) + "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "s")
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "OWNED_CRASH_TEST="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64<<10)
	var text string
	for strings.Count(text, "\n") < 50 {
		n, err := out.Read(buf)
		if text += string(buf[:n]); err != nil {
			t.Fatal(err, text)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := out.Read(buf)
		if text += string(buf[:n]); err != nil {
			break
		}
	}
	if cmd.Wait() == nil {
		t.Fatal("the process was not killed")
	}
	lines := strings.Split(text[:strings.LastIndex(text, "\n")], "\n")
	last, err := strconv.Atoi(strings.TrimPrefix(lines[len(lines)-1], "done "))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, path)
	defer s.Close()
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
	r, ok := s.Get(example(byte(last)).Key)
	w, wanted := s.Want(r.Address)
	if !ok || !wanted || int(r.Tries) < last || uint32(w.Length) != r.Tries {
		t.Errorf("change %d was acknowledged, the store has %+v %+v", last, r, w)
	}
}

// TestOthersCannotRead looks at the database and its companions: they say who has which address.
func TestOthersCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dhcp-ddns.sqlite3")
	s := open(t, path)
	defer s.Close()
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s: mode %v, %v", file, info.Mode(), err)
		}
	}
}

// TestTablesOfVersion1 opens a database as it was before records had rules.
func TestTablesOfVersion1(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	const old = `
CREATE TABLE record (kind INTEGER NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL, dhcid BLOB NOT NULL, zone TEXT NOT NULL,
	ttl INTEGER NOT NULL, source INTEGER NOT NULL, expires INTEGER NOT NULL, state INTEGER NOT NULL, tries INTEGER NOT NULL,
	next_try INTEGER NOT NULL, last_error TEXT NOT NULL, PRIMARY KEY (kind, address, name)) STRICT, WITHOUT ROWID;
CREATE TABLE want (address TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, dhcid BLOB NOT NULL, forward INTEGER NOT NULL,
	reverse INTEGER NOT NULL, length INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO record VALUES (0, '192.0.2.1', 'a.example.', x'000001', 'example.', 60, 0, 0, 1, 0, 0, '');
INSERT INTO want VALUES ('192.0.2.2', 'b.example.', x'000001', 1, 1, 60);
PRAGMA user_version = 1;`
	if _, err := db.Exec(old); err != nil {
		t.Fatal(err)
	}
	db.Close()
	s := open(t, path)
	defer s.Close()
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
	r, ok := s.Get(Key{Forward, netip.MustParseAddr("192.0.2.1"), wire.MustParseName("a.example.")})
	w, wanted := s.Want(netip.MustParseAddr("192.0.2.2"))
	if !ok || r.State != Present || r.Rules != CheckDHCID || !wanted || w.Rules != CheckDHCID {
		t.Errorf("record %+v %v, want %+v %v", r, ok, w, wanted)
	}
	r.Rules, r.Marker, r.Doubt = NoDHCID, "m", time.UnixMilli(5).UTC()
	if err := s.Apply(context.Background(), []Change{Put(r)}); err != nil {
		t.Error(err)
	}
	if err := s.Check(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestRebuildIsDueUntilDone: new tables, and old ones without records, may stand for some that were lost; that is forgotten only
// when somebody has looked.
func TestRebuildIsDueUntilDone(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "x")
	due := func(want bool, then func(s *Store) error) {
		t.Helper()
		s := open(t, path)
		defer s.Close()
		if s.Rebuild() != want {
			t.Errorf("due: %v", !want)
		}
		if err := then(s); err != nil {
			t.Error(err)
		}
	}
	none := func(*Store) error { return nil }
	due(true, none)
	due(true, func(s *Store) error { return s.SetRebuild(ctx, false) })
	due(false, func(s *Store) error { return s.SetRebuild(ctx, true) })
	due(true, func(s *Store) error { return s.SetRebuild(ctx, true) })
	old := func(with bool) func(s *Store) error {
		return func(s *Store) error {
			if with {
				if err := s.Apply(ctx, []Change{Put(example(1))}); err != nil {
					return err
				}
			}
			_, err := s.db.Exec(`DROP TABLE todo; PRAGMA user_version = 3`)
			return err
		}
	}
	due(true, old(false))
	due(true, old(true))
	due(false, none)
}

func TestMarker(t *testing.T) {
	const dhcid = "\x00\x01\x01abcdefghijklmnopqrstuvwxyz012345"
	for owner, want := range map[string]string{"": "bundy-dhcp-ddns=6162636465666768696a6b6c6d6e6f70", "lab-1": "bundy-dhcp-ddns=lab-1:6162636465666768696a6b6c6d6e6f70"} {
		if got := Marker(owner, dhcid); got != want || !IsMarker(got) || CheckOwner(owner) != nil {
			t.Errorf("marker of %q: %q", owner, got)
		}
	}
	longest := strings.Repeat("x", maxOwner)
	if err := CheckOwner(longest); err != nil || len(Marker(longest, dhcid)) > maxMarker {
		t.Errorf("the longest owner: %v", err)
	}
	for _, bad := range []string{longest + "x", "a b", "a:b", "a\x00", "ä", "\xff"} {
		if CheckOwner(bad) == nil {
			t.Errorf("%q can be an owner", bad)
		}
	}
}
