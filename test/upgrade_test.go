package test

import (
	"database/sql"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"bundy/internal/dns/wire"
)

// oldDatabase is a zone database as BIND 10 1.2 made it (schema 2.2), with a zone, its reverse zone and a journal.
const oldDatabase = `
CREATE TABLE schema_version (version INTEGER NOT NULL, minor INTEGER NOT NULL DEFAULT 0);
INSERT INTO schema_version VALUES (2, 2);
CREATE TABLE zones (id INTEGER PRIMARY KEY, name TEXT NOT NULL COLLATE NOCASE, rdclass TEXT NOT NULL COLLATE NOCASE DEFAULT 'IN', dnssec BOOLEAN NOT NULL DEFAULT 0);
CREATE INDEX zones_byname ON zones (name);
CREATE TABLE records (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, rname TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdtype TEXT NOT NULL COLLATE NOCASE, sigtype TEXT COLLATE NOCASE, rdata TEXT NOT NULL);
CREATE INDEX records_byname ON records (name);
CREATE INDEX records_byrname ON records (rname);
CREATE INDEX records_bytype_and_rname ON records (rdtype, rname);
CREATE TABLE nsec3 (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, hash TEXT NOT NULL COLLATE NOCASE, owner TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdtype TEXT NOT NULL COLLATE NOCASE, rdata TEXT NOT NULL);
CREATE INDEX nsec3_byhash ON nsec3 (hash);
CREATE INDEX nsec3_byhash_and_rdtype ON nsec3 (hash, rdtype);
CREATE TABLE diffs (id INTEGER PRIMARY KEY, zone_id INTEGER NOT NULL, version INTEGER NOT NULL, operation INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, rrtype TEXT NOT NULL COLLATE NOCASE, ttl INTEGER NOT NULL, rdata TEXT NOT NULL);
INSERT INTO zones (name, rdclass) VALUES ('lab.example.', 'IN'), ('2.0.192.in-addr.arpa.', 'IN');
INSERT INTO records (zone_id, name, rname, ttl, rdtype, sigtype, rdata) VALUES
 (1, 'lab.example.', 'example.lab.', 300, 'SOA', NULL, 'ns.lab.example. hostmaster.lab.example. 8 3600 900 604800 60'),
 (1, 'lab.example.', 'example.lab.', 300, 'NS', NULL, 'ns.lab.example.'),
 (1, 'ns.lab.example.', 'example.lab.ns.', 300, 'A', NULL, '192.0.2.1'),
 (1, '*.pool.lab.example.', 'example.lab.pool.*.', 300, 'TXT', NULL, '"any of \"them\""'),
 (2, '2.0.192.in-addr.arpa.', 'arpa.in-addr.192.0.2.', 300, 'SOA', NULL, 'ns.lab.example. hostmaster.lab.example. 3 3600 900 604800 60'),
 (2, '2.0.192.in-addr.arpa.', 'arpa.in-addr.192.0.2.', 300, 'NS', NULL, 'ns.lab.example.'),
 (2, '1.2.0.192.in-addr.arpa.', 'arpa.in-addr.192.0.2.1.', 300, 'PTR', NULL, 'ns.lab.example.');
INSERT INTO diffs (zone_id, version, operation, name, rrtype, ttl, rdata) VALUES
 (1, 7, 1, 'lab.example.', 'SOA', 300, 'ns.lab.example. hostmaster.lab.example. 7 3600 900 604800 60'),
 (1, 8, 0, 'lab.example.', 'SOA', 300, 'ns.lab.example. hostmaster.lab.example. 8 3600 900 604800 60'),
 (1, 8, 0, 'ns.lab.example.', 'A', 300, '192.0.2.1');
`

// TestDatabaseOfTheOriginalIsTakenOver starts a suite on the database of an old one: it says what to do, serves the zones as
// soon as that was done, and takes updates of them, all without a restart.
func TestDatabaseOfTheOriginalIsTakenOver(t *testing.T) {
	t.Parallel()
	placements(t, func(t *testing.T, s *suite) {
		path := filepath.Join(s.dir, "zone.sqlite3")
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(oldDatabase); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		s.start()
		s.script(s.dnsScript() + "config commit\n")
		at := netip.AddrPortFrom(s.address, s.dns)
		eventually(t, 5*time.Second, "the log says what to do", func() bool {
			return strings.Contains(s.log.String(), "schema version 2.2") && strings.Contains(s.log.String(), "bundy-dbutil --upgrade")
		})
		if m := ask(at, question(t, 1, wire.MustParseName("ns.lab.example"), wire.TypeA), false); m == nil || len(m.Answer) > 0 {
			t.Fatalf("before: %+v", m)
		}
		if out, err := s.program("bundy-dbutil", "--upgrade", "--noconfirm", path).CombinedOutput(); err != nil {
			t.Fatalf("bundy-dbutil: %v\n%s", err, out)
		}
		eventually(t, 10*time.Second, "the zones are served", func() bool { return s.lookup("ns.lab.example") == "192.0.2.1" && s.reverse("192.0.2.1") != "" })
		if got := s.answerTo("x.pool.lab.example", wire.TypeTXT); got != `"any of \"them\""` {
			t.Errorf("the wildcard: %s", got)
		}
		key := labKey(t)
		msg, err := newName(wire.MustParseName("new.lab.example")).Pack(5)
		if err != nil {
			t.Fatal(err)
		}
		if m := s.exchange(msg, &key); m == nil || m.Header.Flags.Rcode() != wire.RcodeNoError {
			t.Errorf("an update: %+v", m)
		}
		if got := s.lookup("new.lab.example"); got != "192.0.2.9" {
			t.Errorf("the new name: %s", got)
		}
		if got := s.answerTo("lab.example", wire.TypeSOA); !strings.Contains(got, " 9 3600 ") {
			t.Errorf("the serial: %s", got)
		}
		if _, err := os.Stat(path + ".backup"); err != nil {
			t.Error(err)
		}
	})
}
