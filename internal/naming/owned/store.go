package owned

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"strconv"

	"modernc.org/sqlite"

	"bundy/internal/naming/table"
)

// version is the version of the database's tables, kept in its user_version.
const version = 4

// MaxWants bounds the wants that other DHCP servers may leave here. Anybody who reaches the request port can ask for
// an address of his choice, so there is a limit; it is above the leases of any one server we know of.
const MaxWants = 200_000

// ErrVersion is wrapped when the database was made by a newer program.
var ErrVersion = errors.New("made by a newer version")

// ErrFull is returned for a want beyond MaxWants.
var ErrFull = errors.New("too many addresses wanted by name change requests")

const tables = `
CREATE TABLE record (
	kind       INTEGER NOT NULL,
	address    TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	dhcid      BLOB    NOT NULL,
	zone       TEXT    NOT NULL,
	ttl        INTEGER NOT NULL,
	source     INTEGER NOT NULL,
	expires    INTEGER NOT NULL,
	state      INTEGER NOT NULL,
	tries      INTEGER NOT NULL,
	next_try   INTEGER NOT NULL,
	last_error TEXT    NOT NULL,
	rules      INTEGER NOT NULL DEFAULT 0,
	marker     TEXT    NOT NULL DEFAULT '',
	doubt      INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (kind, address, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE want (
	address TEXT    NOT NULL PRIMARY KEY,
	name    TEXT    NOT NULL,
	dhcid   BLOB    NOT NULL,
	forward INTEGER NOT NULL,
	reverse INTEGER NOT NULL,
	length  INTEGER NOT NULL,
	rules   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
`

// upgrade makes tables of version 1 those of version 2: all they held was made by the rules that are 0.
const upgrade = `
ALTER TABLE record ADD COLUMN rules  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN marker TEXT    NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN doubt  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE want   ADD COLUMN rules  INTEGER NOT NULL DEFAULT 0;
`

// todo is what is still to be done about the state as a whole. Tables without records may be new because the old ones were lost.
const todo = `
CREATE TABLE todo (what TEXT NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO todo SELECT 'rebuild' WHERE NOT EXISTS (SELECT * FROM record) AND NOT EXISTS (SELECT * FROM want);
`

// Store is the state on disk with a copy in memory. One goroutine owns it: no method may run beside another.
type Store struct {
	db        *sql.DB
	put       *sql.Stmt // putRecord
	records   table.Table[Key, Record]
	byAddress map[netip.Addr][]Key
	wants     map[netip.Addr]Want
	rebuild   bool // see Rebuild

	mostEvents int // MaxEvents, in tests fewer
}

// cacheKiB is how much of the database SQLite keeps: the pages that the changes of 100,000 leases touch.
const cacheKiB = 32 << 10

// fileMode is that of the database: who uses which address is nobody's business but the operators'.
const fileMode = 0o640

// Open opens the database file, makes it if it is missing, and reads all of it. The error names the file.
func Open(ctx context.Context, path string) (*Store, error) {
	// SQLite would make the file readable by everybody. It gives its log the mode that the database has.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	file.Close() // nothing was written
	// FULL makes a commit durable before it returns; WAL keeps that to one fsync.
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=cache_size(-" + strconv.Itoa(cacheKiB) + ")&_pragma=busy_timeout(5000)&_txlock=immediate"}).String()
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	s := &Store{db: db, byAddress: map[netip.Addr][]Key{}, wants: map[netip.Addr]Want{}, mostEvents: MaxEvents}
	err = s.migrate(ctx)
	if err == nil {
		err = s.load(ctx)
	}
	if err == nil {
		s.put, err = db.PrepareContext(ctx, putRecord)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return s, nil
}

func (s *Store) migrate(ctx context.Context) error {
	var found int
	if err := s.db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&found); err != nil {
		return err
	}
	switch {
	case found == version:
		return nil
	case found > version:
		return fmt.Errorf("%w: tables of version %d, this program knows %d", ErrVersion, found, version)
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	steps := tables + history + todo
	switch found {
	case 1:
		steps = upgrade + history + todo
	case 2:
		steps = history + todo
	case 3:
		steps = todo
	}
	if _, err := tx.ExecContext(ctx, steps+fmt.Sprintf(`PRAGMA user_version = %d`, version)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *Store) load(ctx context.Context) error {
	for r, err := range readRecords(ctx, s.db) {
		if err != nil {
			return err
		}
		s.remember(r)
	}
	for w, err := range readWants(ctx, s.db) {
		if err != nil {
			return err
		}
		s.wants[w.Address] = w
	}
	return s.db.QueryRowContext(ctx, `SELECT count(*) FROM todo WHERE what = 'rebuild'`).Scan(&s.rebuild)
}

// Rebuild tells whether records of ours may be in DNS that are not here: the store was made anew, or somebody said so.
func (s *Store) Rebuild() bool { return s.rebuild }

// SetRebuild says that there may be such records, or that they were looked for.
func (s *Store) SetRebuild(ctx context.Context, due bool) error {
	if due == s.rebuild {
		return nil
	}
	statement := `DELETE FROM todo WHERE what = 'rebuild'`
	if due {
		statement = `INSERT INTO todo VALUES ('rebuild')`
	}
	if _, err := s.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("write state of owned names: %w", err)
	}
	s.rebuild = due
	return nil
}

// Close ends the use of the database.
func (s *Store) Close() error { return s.db.Close() }

// Get finds a record.
func (s *Store) Get(k Key) (Record, bool) {
	return s.records.Get(k)
}

// At gives the records of an address, in no order.
func (s *Store) At(a netip.Addr) []Record {
	keys := s.byAddress[a]
	out := make([]Record, len(keys))
	for i, k := range keys {
		out[i], _ = s.records.Get(k)
	}
	return out
}

// All gives all records, in no order.
func (s *Store) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, r := range s.records.All() {
			if !yield(r) {
				return
			}
		}
	}
}

// Piece calls fn for up to n records and gives where the next piece begins, 0 at the end; a walk begins at Len. See
// table.Table.
func (s *Store) Piece(from, n int, fn func(Record)) (next int) {
	return s.records.Piece(from, n, func(_ Key, r Record) { fn(r) })
}

// Len counts the records.
func (s *Store) Len() int { return s.records.Len() }

// Want finds what other servers asked for an address.
func (s *Store) Want(a netip.Addr) (Want, bool) {
	w, ok := s.wants[a]
	return w, ok
}

// Wants gives all wants, in no order.
func (s *Store) Wants() iter.Seq[Want] { return maps.Values(s.wants) }

func (s *Store) remember(r Record) {
	if !s.records.Set(r.Key, r) {
		s.byAddress[r.Address] = append(s.byAddress[r.Address], r.Key)
	}
}

func (s *Store) forget(k Key) {
	if !s.records.Delete(k) {
		return
	}
	keys := s.byAddress[k.Address]
	for i := range keys {
		if keys[i] == k {
			keys[i] = keys[len(keys)-1]
			keys = keys[:len(keys)-1]
			break
		}
	}
	if len(keys) == 0 {
		delete(s.byAddress, k.Address)
		return
	}
	s.byAddress[k.Address] = keys
}
