package dbutil

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonedb"
	"bundy/internal/dns/zonefile"
)

// Tables of the old schema versions.
const (
	tables1 = `CREATE TABLE zones (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, rdclass TEXT NOT NULL COLLATE NOCASE DEFAULT 'IN', dnssec BOOLEAN NOT NULL DEFAULT 0);
		CREATE INDEX zones_byname ON zones (name);
		CREATE TABLE records (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, rname TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdtype TEXT NOT NULL COLLATE NOCASE, sigtype TEXT COLLATE NOCASE, rdata TEXT NOT NULL);
		CREATE TABLE nsec3 (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, hash TEXT NOT NULL COLLATE NOCASE, owner TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdtype TEXT NOT NULL COLLATE NOCASE, rdata TEXT NOT NULL);`
	version1 = `CREATE TABLE schema_version (version INTEGER NOT NULL); INSERT INTO schema_version VALUES (1);`
	tables2  = `CREATE TABLE diffs (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, version INTEGER NOT NULL, operation INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, rrtype TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdata TEXT NOT NULL);`
	version2 = `CREATE TABLE schema_version (version INTEGER NOT NULL, minor INTEGER NOT NULL DEFAULT 0); INSERT INTO schema_version VALUES (2, %d);`

	contents = `INSERT INTO zones (name, rdclass) VALUES ('Example.org.', 'IN'), ('bind.', 'CH'), ('empty.example.', 'IN');
		INSERT INTO records (zone_id, name, rname, ttl, rdtype, sigtype, rdata) VALUES
		(1, 'example.org.', 'org.example.', 3600, 'SOA', '', 'ns.example.org. admin.example.org. 12 3600 600 86400 300'),
		(1, 'example.org.', 'org.example.', 3600, 'NS', '', 'ns.example.org.'),
		(1, 'NS.example.org.', 'org.example.ns.', 3600, 'A', '', '192.0.2.1'),
		(1, 'txt.example.org.', 'org.example.txt.', 60, 'txt', NULL, '"a \"b\"" "c\009"'),
		(1, 'new.example.org.', 'org.example.new.', 60, 'TYPE65280', '', '\# 2 0102'),
		(1, 'example.org.', 'org.example.', 0, 'NSEC3PARAM', '', '1 0 0 -'),
		(1, 'example.org.', 'org.example.', 3600, 'RRSIG', 'NS', 'NS 5 2 3600 20300101000000 20200101000000 12345 example.org. AAECAw=='),
		(2, 'bind.', 'bind.', 0, 'SOA', '', 'bind. hostmaster.bind. 0 28800 7200 604800 86400'),
		(2, 'bind.', 'bind.', 0, 'NS', '', 'bind.'),
		(9, 'gone.example.', 'example.gone.', 60, 'A', '', '192.0.2.9');
		INSERT INTO nsec3 (zone_id, hash, owner, ttl, rdtype, rdata) VALUES
		(1, '2T7B4G4VSA5SMI47K61MV5BV1A22BOJR', '2T7B4G4VSA5SMI47K61MV5BV1A22BOJR.example.org.', 300, 'NSEC3', '1 0 0 - 3T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA');`

	// Serial 3 to 4 is of a zone that was replaced; then 10 to 11 to 12.
	journal = `INSERT INTO diffs (zone_id, version, operation, name, rrtype, ttl, rdata) VALUES
		(1, 3, 1, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 3 3600 600 86400 300'),
		(1, 4, 0, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 4 3600 600 86400 300'),
		(1, 10, 1, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 10 3600 600 86400 300'),
		(1, 10, 1, 'a.example.org.', 'A', 60, '192.0.2.3'),
		(1, 11, 0, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 11 3600 600 86400 300'),
		(1, 11, 1, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 11 3600 600 86400 300'),
		(1, 12, 0, 'example.org.', 'SOA', 3600, 'ns.example.org. admin.example.org. 12 3600 600 86400 300'),
		(1, 12, 0, 'txt.example.org.', 'TXT', 60, '"a \"b\"" "c\009"');`
)

// database makes a file by SQL.
func database(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zone.sqlite3")
	change(t, path, statements...)
	return path
}

func change(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func run(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = Main(args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

func TestUpgrade(t *testing.T) {
	for _, c := range []struct {
		name       string
		statements []string
		changes    int
	}{
		{"1", []string{version1, tables1, contents}, 0},
		{"2.0", []string{fmt.Sprintf(version2, 0), tables1, tables2, contents, journal}, 2},
		{"2.2", []string{fmt.Sprintf(version2, 2), tables1, tables2, contents, journal}, 2},
		{"2.2 with a write-ahead log", []string{"PRAGMA journal_mode = WAL", fmt.Sprintf(version2, 2), tables1, tables2, contents, journal}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := database(t, c.statements...)
			if err := os.Chmod(path, 0o604); err != nil {
				t.Fatal(err)
			}
			if status, out, _ := run("", "--check", path); status != statusOld || !strings.Contains(out, "must be upgraded to 4.0") {
				t.Errorf("check: %d, %s", status, out)
			}
			if _, err := zonedb.Open(path); err == nil || !strings.Contains(err.Error(), "bundy-dbutil --upgrade") {
				t.Errorf("a server opens it: %v", err)
			}
			status, out, errs := run("", "--upgrade", "-n", "-v", path)
			if want := fmt.Sprintf("3 zones, 10 records, %d changes in journals. The old file is %s.backup.", c.changes, path); status != 0 || !strings.Contains(out, want) || !strings.Contains(out, "zone Example.org./IN: 8 records") {
				t.Fatalf("status %d, %s%s; want %s", status, out, errs, want)
			}
			if status, _, _ := run("", "-c", path); status != statusCurrent {
				t.Errorf("check afterwards: %d", status)
			}
			if status, _, _ := run("", "-c", path+".backup"); status != statusOld {
				t.Errorf("check of the backup: %d", status)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o604 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
			if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
				t.Errorf("files left: %v, %v", entries, err)
			}
			compare(t, path, c.changes)
		})
	}
}

// compare looks at what was carried over.
func compare(t *testing.T, path string, changes int) {
	t.Helper()
	db, err := zonedb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if errs := db.Check(t.Context()); len(errs) > 0 {
		t.Error(errs)
	}
	origin := wire.MustParseName("example.org")
	var got []string
	for rr, err := range db.Read(t.Context(), origin, wire.ClassIN) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, zonefile.FormatRR(rr))
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"NS.example.org. 3600 IN A 192.0.2.1", `txt.example.org. 60 IN TXT "a \"b\"" "c\009"`, `new.example.org. 60 IN TYPE65280 \# 2 0102`,
		"2T7B4G4VSA5SMI47K61MV5BV1A22BOJR.example.org. 300 IN NSEC3 1 0 0 -", "example.org. 3600 IN RRSIG NS 5 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	diffs, err := db.Journal(t.Context(), origin, wire.ClassIN, zone.Serial(10), zone.Serial(12))
	if changes > 0 && (err != nil || len(diffs) != changes || len(diffs[0].Deleted) != 2 || len(diffs[1].Added) != 2) {
		t.Errorf("journal %v, %v", diffs, err)
	}
}

func TestConfirmation(t *testing.T) {
	for answer, want := range map[string]int{"": statusOld, "no\n": statusOld, "yes\n": statusOld, "Yes\n": statusCurrent, "Yes": statusCurrent} {
		path := database(t, version1, tables1, contents)
		if status, out, _ := run(answer, "--upgrade", path); status != want || !strings.Contains(out, "Type Yes") {
			t.Errorf("%q: status %d, %s", answer, status, out)
		}
		if status, _, _ := run("", "-c", "-q", path); status != want {
			t.Errorf("%q: check %d", answer, status)
		}
	}
}

func TestBackupsAreKept(t *testing.T) {
	path := database(t, version1, tables1, contents)
	for _, name := range []string{path + ".backup", path + ".backup-1"} {
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if status, out, _ := run("", "-u", "-n", path); status != 0 || !strings.Contains(out, path+".backup-2.") {
		t.Errorf("status %d, %s", status, out)
	}
	if text, err := os.ReadFile(path + ".backup"); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

// A file is named as people do: by where they are.
func TestRelativePath(t *testing.T) {
	path := database(t, version1, tables1, contents)
	t.Chdir(filepath.Dir(path))
	if status, _, errs := run("", "--check", "zone.sqlite3"); status != statusOld {
		t.Errorf("check: %d, %s", status, errs)
	}
	if status, out, errs := run("", "--upgrade", "-n", "zone.sqlite3"); status != 0 || !strings.Contains(out, "The old file is zone.sqlite3.backup.") {
		t.Errorf("upgrade: %d, %s%s", status, out, errs)
	}
	if status, _, errs := run("", "--check", filepath.Join("..", filepath.Base(filepath.Dir(path)), "zone.sqlite3")); status != statusCurrent {
		t.Errorf("check afterwards: %d, %s", status, errs)
	}
}

// An upgrade that fails changes nothing and names every record at fault.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct{ statement, want string }{
		{"UPDATE records SET rdata = '192.0.2' WHERE rdtype = 'A'", "zone Example.org./IN, row 3 of records: NS.example.org.: A RDATA \"192.0.2\": not an IPv4 address"},
		{"UPDATE records SET rdtype = 'WHAT' WHERE id IN (4, 5)", "row 5 of records: unknown record type \"WHAT\""},
		{"UPDATE records SET ttl = -1 WHERE id = 2", "row 2 of records: TTL -1"},
		{"UPDATE records SET name = 'example.com.' WHERE id = 2", "example.com. is not in the zone"},
		{"UPDATE nsec3 SET rdata = 'x'", "row 1 of nsec3"},
		{"UPDATE zones SET rdclass = 'XX' WHERE id = 2", "row 2 of zones: unknown class"},
		{"UPDATE zones SET name = 'EXAMPLE.ORG.' WHERE id = 3", "zone EXAMPLE.ORG./IN stands twice"},
		{"UPDATE diffs SET rdata = '\"open' WHERE id = 8", "journal of zone Example.org./IN: txt.example.org.: TXT RDATA"},
		{"DROP TABLE nsec3", "no such table"},
	} {
		path := database(t, fmt.Sprintf(version2, 2), tables1, tables2, contents, journal, c.statement)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		status, _, errs := run("", "-u", "-n", path)
		if status != statusUpgradeFailed || !strings.Contains(errs, c.want) {
			t.Errorf("%s: status %d, %s", c.statement, status, errs)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed, %v", c.statement, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("%s: files left: %v, %v", c.statement, entries, err)
		}
	}
}

// While another program writes, or would with what it has read, nothing is upgraded.
func TestInUse(t *testing.T) {
	path := database(t, version1, tables1, contents)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := upgrade(t.Context(), path, nil); err == nil {
		t.Error("upgraded a database that is being written")
	}
}

func TestStatus(t *testing.T) {
	newer := database(t, "CREATE TABLE schema_version (version INTEGER, minor INTEGER); INSERT INTO schema_version VALUES (5, 1)")
	foreign := database(t, "CREATE TABLE friends (name TEXT)")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"-c", newer}, statusNew},
		{[]string{"-u", "-n", newer}, statusNew},
		{[]string{"-c", foreign}, statusRead},
		{[]string{"-c", text}, statusRead},
		{[]string{"-u", "-n", missing}, statusRead},
		{nil, statusUsage},
		{[]string{newer}, statusUsage},
		{[]string{"-c"}, statusUsage},
		{[]string{"-c", "-u", newer}, statusUsage},
		{[]string{"-c", "-n", newer}, statusUsage},
		{[]string{"-c", "-v", "-q", newer}, statusUsage},
		{[]string{"-c", newer, newer}, statusUsage},
		{[]string{"--what", newer}, statusUsage},
		{[]string{"--help"}, statusCurrent},
	} {
		status, _, errs := run("", c.args...)
		if status != c.want || (c.want >= statusUsage) != (errs != "") {
			t.Errorf("%q: status %d, want %d: %s", c.args, status, c.want, errs)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a missing database was made")
	}
	if _, out, _ := run("", "-c", "-q", newer); out != "" {
		t.Errorf("quiet says %q", out)
	}
}

// Tables of schema 3.0.
const version3 = `CREATE TABLE schema_version (version INTEGER NOT NULL, minor INTEGER NOT NULL);
	CREATE TABLE zones (id INTEGER PRIMARY KEY AUTOINCREMENT, rdclass INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL,
		edition INTEGER NOT NULL, journal INTEGER NOT NULL, UNIQUE (rdclass, key)) STRICT;
	CREATE TABLE records (zone_id INTEGER NOT NULL, owner BLOB NOT NULL, rrtype INTEGER NOT NULL, rdata BLOB NOT NULL, ttl INTEGER NOT NULL,
		name BLOB, PRIMARY KEY (zone_id, owner, rrtype, rdata)) STRICT, WITHOUT ROWID;
	CREATE TABLE diffs (id INTEGER PRIMARY KEY AUTOINCREMENT, zone_id INTEGER NOT NULL, version INTEGER NOT NULL, operation INTEGER NOT NULL,
		name BLOB NOT NULL, rrtype INTEGER NOT NULL, ttl INTEGER NOT NULL, rdata BLOB NOT NULL) STRICT;
	CREATE INDEX diffs_version ON diffs (zone_id, version, operation, rrtype);
	INSERT INTO schema_version VALUES (3, 0)`

// schema3 makes a database as the release with schema 3.0 left it: serial 1 to 2 added www.
func schema3(t *testing.T) (path string, want []string) {
	t.Helper()
	path = database(t, "PRAGMA journal_mode = WAL", version3)
	origin := wire.MustParseName("Example.org")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(statement, args...); err != nil {
			t.Fatalf("%v: %s", err, statement)
		}
	}
	exec(`INSERT INTO zones VALUES (7, 1, ?, ?, 5, 3)`, []byte("org\x00example\x00"), []byte(origin))
	soa := func(serial int) string { return fmt.Sprintf("@ 60 SOA ns h %d 2 3 4 5", serial) }
	for i, row := range []struct {
		text, key string
		name      any
	}{
		{soa(2), "org\x00example\x00", []byte(origin)}, {"@ 60 NS Ns", "org\x00example\x00", []byte(origin)},
		{"@ 60 NS a", "org\x00example\x00", []byte(origin)},
		{"ns.example.org. 60 A 192.0.2.1", "org\x00example\x00ns\x00", nil},
		{"WWW.example.org. 60 AAAA 2001:db8::1", "org\x00example\x00www\x00", []byte("\x03WWW\x07example\x03org\x00")},
	} {
		rr, err := zonefile.ParseRR(row.text, origin)
		if err != nil {
			t.Fatal(err)
		}
		exec(`INSERT INTO records VALUES (7, ?, ?, ?, ?, ?)`, []byte(row.key), int(rr.Type), rr.Data, rr.TTL, row.name)
		want = append(want, zonefile.FormatRR(rr))
		if i == 0 {
			old, _ := zonefile.ParseRR(soa(1), origin)
			exec(`INSERT INTO diffs (zone_id, version, operation, name, rrtype, ttl, rdata) VALUES (7, 1, 1, ?1, 6, 60, ?2), (7, 2, 0, ?1, 6, 60, ?3),
				(7, 2, 0, ?4, 28, 60, x'20010db8000000000000000000000001')`, []byte(origin), old.Data, rr.Data, []byte("\x03WWW\x07example\x03org\x00"))
		}
	}
	want = []string{want[2], want[1], want[0], want[3], want[4]} // by type, and then by data
	return path, want
}

// TestUpgrade3 brings a database of schema 3.0 over, by the program and by opening it: records, spelling, journal and, when
// it is opened, the edition are what they were.
func TestUpgrade3(t *testing.T) {
	for _, opened := range []bool{false, true} {
		path, want := schema3(t)
		if !opened {
			status, out, errs := run("", "--upgrade", "-n", path)
			if want := fmt.Sprintf("upgraded from version 3.0 to 4.0: 1 zones, 5 records, 1 changes in journals. The old file is %s.backup.", path); status != 0 || !strings.Contains(out, want) {
				t.Fatalf("status %d, %s%s", status, out, errs)
			}
		}
		db, err := zonedb.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if db.Created() {
			t.Error("the database is said to be new")
		}
		origin := wire.MustParseName("example.org")
		var got []string
		for rr, err := range db.Read(t.Context(), origin, wire.ClassIN) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, zonefile.FormatRR(rr))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if diffs, err := db.Journal(t.Context(), origin, wire.ClassIN, 1, 2); err != nil || len(diffs) != 1 || len(diffs[0].Added) != 2 {
			t.Errorf("journal %v, %v", diffs, err)
		}
		for _, err := range db.Check(t.Context()) {
			t.Error(err)
		}
		if status, out, _ := run("", "--check", path); status != statusCurrent {
			t.Errorf("%d, %s", status, out)
		}
	}
}

// TestUpgrade3Fails checks that a database with a record that cannot be brought over stays as it is.
func TestUpgrade3Fails(t *testing.T) {
	path, _ := schema3(t)
	change(t, path, `UPDATE records SET owner = x'01' WHERE rrtype = 28`)
	if _, err := zonedb.Open(path); err == nil || !strings.Contains(err.Error(), "zone Example.org./IN") {
		t.Errorf("got %v", err)
	}
	if status, out, _ := run("", "--check", path); status != statusOld {
		t.Errorf("%d, %s", status, out)
	}
	if status, _, errs := run("", "--upgrade", "-n", path); status != statusUpgradeFailed || !strings.Contains(errs, "zone Example.org./IN") {
		t.Errorf("%d, %s", status, errs)
	}
}
