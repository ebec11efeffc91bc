package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
	"bundy/internal/dns/zonefile"
)

// MaxUnreadable bounds the records that Convert reports as unreadable: who has more has another problem.
const MaxUnreadable = 100

// Converted says what Convert has carried over.
type Converted struct {
	Zones, Records, Changes int // change sets of journals
}

// ReadVersion gives the version of the schema of a database without changing it; minor is 0 where the schema has none.
func ReadVersion(ctx context.Context, path string) (major, minor int, err error) {
	if _, err := os.Stat(path); err != nil { // SQLite's own message does not say what is wrong
		return 0, 0, err
	}
	// Reading with a log would make files beside the database that belong to whoever asks, and that a server could not
	// use. Without a log there is nothing to lock.
	q := url.Values{"mode": {"ro"}}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		q.Set("immutable", "1")
	}
	db, err := connectOld(path, q)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close() // nothing was written
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	if major, minor, err = readVersion(ctx, tx); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	return major, minor, nil
}

// connectOld opens a database as it is. Whoever uses it is not waited for.
func connectOld(path string, q url.Values) (*sql.DB, error) {
	path, err := filepath.Abs(path) // the first part of a relative one would be taken for a host
	if err != nil {
		return nil, err
	}
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

// Legacy is a database of schema version 1 or 2, as BIND 10 and Bundy made them, or 3, that nobody else can write to.
type Legacy struct {
	db    *sql.DB
	tx    *sql.Tx
	major int
}

// OpenLegacy opens such a database, and locks it until Close. The error is a *VersionError when it is of another version.
func OpenLegacy(ctx context.Context, path string) (*Legacy, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := connectOld(path, url.Values{"mode": {"rw"}})
	if err != nil {
		return nil, err
	}
	l := &Legacy{db: db}
	if err := l.lock(ctx, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return l, nil
}

func (l *Legacy) lock(ctx context.Context, path string) (err error) {
	// A log beside the file would not be renamed with it.
	if _, err := l.db.ExecContext(ctx, `PRAGMA journal_mode = DELETE`); err != nil {
		return err
	}
	if _, err := l.db.ExecContext(ctx, `PRAGMA locking_mode = EXCLUSIVE`); err != nil {
		return err
	}
	if l.tx, err = l.db.BeginTx(ctx, nil); err != nil {
		return err
	}
	// The transaction writes nothing, but asks for the lock of one that does.
	if _, err := l.tx.ExecContext(ctx, `DELETE FROM schema_version WHERE 0`); err != nil {
		return errors.Join(fmt.Errorf("%s: cannot be locked: %w", path, err), l.tx.Rollback())
	}
	found := &VersionError{Path: path}
	if found.Major, found.Minor, err = readVersion(ctx, l.tx); err == nil && found.Major >= SchemaMajor {
		err = found
	}
	if err != nil {
		return errors.Join(err, l.tx.Rollback())
	}
	l.major = found.Major
	return nil
}

// Close unlocks the database.
func (l *Legacy) Close() error { return errors.Join(l.tx.Rollback(), l.db.Close()) }

// legacyZone is a row of the table zones.
type legacyZone struct {
	id     int64
	origin wire.Name
	class  wire.Class
}

// Convert carries zones, records, and what of the journals leads to the present serials over to an empty database.
// When anything cannot be read, the error joins all of that, up to MaxUnreadable, and to must be thrown away. done, if it
// is not nil, is called after each zone.
func (l *Legacy) Convert(ctx context.Context, to *DB, done func(origin wire.Name, class wire.Class, records int)) (Converted, error) {
	var all Converted
	zones, err := l.zones(ctx)
	if err != nil {
		return all, err
	}
	seen := map[string]bool{}
	var bad []error
	for _, z := range zones {
		name := fmt.Sprint(z.origin.Lower(), z.class)
		if seen[name] {
			return all, fmt.Errorf("zone %s/%s stands twice in the database", z.origin, z.class)
		}
		seen[name] = true
		n, err := to.Replace(ctx, z.origin, z.class, func(yield func(wire.RR, error) bool) {
			bad = append(bad, l.records(ctx, z, func(rr wire.RR) bool { return yield(rr, nil) })...)
		})
		if len(bad) >= MaxUnreadable {
			bad = append(bad[:MaxUnreadable:MaxUnreadable], errors.New("there are more"))
			break
		}
		if err != nil {
			return all, err
		}
		changes, err := l.journal(ctx, z, to)
		if err != nil {
			bad = append(bad, fmt.Errorf("journal of zone %s/%s: %w", z.origin, z.class, err))
		}
		all.Zones, all.Records, all.Changes = all.Zones+1, all.Records+n, all.Changes+changes
		if done != nil {
			done(z.origin, z.class, n)
		}
	}
	return all, errors.Join(bad...)
}

func (l *Legacy) zones(ctx context.Context) ([]legacyZone, error) {
	if l.major == schema3 {
		return zones3(ctx, l.tx)
	}
	rows, err := l.tx.QueryContext(ctx, `SELECT id, name, rdclass FROM zones ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []legacyZone
	var errs []error
	for rows.Next() {
		var z legacyZone
		var name, class string
		if err := rows.Scan(&z.id, &name, &class); err != nil {
			return nil, err
		}
		if z.origin, err = wire.ParseName(name); err == nil {
			z.class, err = wire.ParseClass(class)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("row %d of zones: %w", z.id, err))
		}
		all = append(all, z)
	}
	return all, errors.Join(append(errs, rows.Err())...)
}

// records gives the records of a zone, and what of them cannot be read.
func (l *Legacy) records(ctx context.Context, z legacyZone, yield func(wire.RR) bool) (bad []error) {
	if l.major == schema3 {
		return l.records3(ctx, z, yield)
	}
	for _, table := range []struct{ name, owner string }{{"records", "name"}, {"nsec3", "owner"}} {
		rows, err := l.tx.QueryContext(ctx, fmt.Sprintf(`SELECT id, %s, ttl, rdtype, rdata FROM %s WHERE zone_id = ? ORDER BY id`, table.owner, table.name), z.id)
		if err != nil {
			return append(bad, err)
		}
		for rows.Next() {
			var id int64
			rr, err := scanLegacy(rows, &id)
			rr.Class = z.class
			if err == nil && !rr.Name.IsBelow(z.origin) {
				err = fmt.Errorf("%s is not in the zone", rr.Name)
			}
			if err != nil {
				bad = append(bad, fmt.Errorf("zone %s/%s, row %d of %s: %w", z.origin, z.class, id, table.name, err))
			}
			if len(bad) >= MaxUnreadable || len(bad) == 0 && !yield(rr) {
				rows.Close() // read only: nothing is lost
				return bad
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return append(bad, err)
		}
	}
	return bad
}

func (l *Legacy) records3(ctx context.Context, z legacyZone, yield func(wire.RR) bool) []error {
	enough := errors.New("no more is wanted")
	err := records3(ctx, l.tx, z, func(rr wire.RR) error {
		if !yield(rr) {
			return enough
		}
		return nil
	})
	if err == nil || err == enough {
		return nil
	}
	return []error{fmt.Errorf("zone %s/%s: %w", z.origin, z.class, err)}
}

// scanLegacy reads owner, TTL, type and RDATA in text form, after what is read into more.
func scanLegacy(rows *sql.Rows, more ...any) (wire.RR, error) {
	var rr wire.RR
	var ttl int64
	var owner, rrtype, data string
	err := rows.Scan(append(more, &owner, &ttl, &rrtype, &data)...)
	if err != nil {
		return rr, err
	}
	if ttl < 0 || ttl > math.MaxInt32 {
		return rr, fmt.Errorf("TTL %d", ttl)
	}
	rr.TTL = uint32(ttl)
	if rr.Name, err = wire.ParseName(owner); err != nil {
		return rr, err
	}
	if rr.Type, err = wire.ParseType(rrtype); err != nil {
		return rr, err
	}
	if rr.Data, err = zonefile.ParseData(rr.Type, data, wire.Root); err != nil {
		return rr, fmt.Errorf("%s: %w", rr.Name, err)
	}
	return rr, nil
}

// changeSet is where one change of a journal stands.
type changeSet struct {
	first, last int64
	from, to    zone.Serial
	adding      bool
}

// journal carries over the changes without a gap that end at the serial of the zone. Older ones are left behind: in schema 2 a
// zone that was loaded anew kept the changes of the one before it.
func (l *Legacy) journal(ctx context.Context, z legacyZone, to *DB) (int, error) {
	if l.major < 2 {
		return 0, nil
	}
	edition, err := to.Edition(ctx, z.origin, z.class)
	if err != nil {
		return 0, err
	}
	tx, err := to.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after Commit this does nothing
	s := to.insert.in(ctx, tx)
	serial, err := s.serial(&stock{row: edition.row, origin: z.origin, key: sortKey(z.origin)})
	if errors.Is(err, ErrStale) {
		return 0, nil // an empty zone
	}
	if err != nil {
		return 0, err
	}
	changes := 0
	if l.major == schema3 {
		changes, err = journal3(ctx, l.tx, z, s, edition.row)
	} else {
		changes, err = l.lastChanges(ctx, z, serial, s, edition.row)
	}
	if err != nil || changes == 0 {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE zones SET journal = (SELECT count(*) FROM diffs WHERE zone_id = ?1) WHERE id = ?1`, edition.row); err != nil {
		return 0, err
	}
	return changes, tx.Commit()
}

// lastChanges copies the change sets that lead to a serial without a gap.
func (l *Legacy) lastChanges(ctx context.Context, z legacyZone, serial zone.Serial, s *statements, row int64) (int, error) {
	sets, err := l.changeSets(ctx, z)
	if err != nil {
		return 0, err
	}
	from := len(sets)
	rows := int64(0)
	for from > 0 && sets[from-1].to == serial && sets[from-1].adding && rows < MaxJournal {
		from--
		serial = sets[from].from
		rows += sets[from].last - sets[from].first + 1
	}
	if from == len(sets) {
		return 0, nil
	}
	return len(sets) - from, l.copyJournal(ctx, z, s, row, sets[from].first)
}

// changeSets finds the change sets of a zone.
func (l *Legacy) changeSets(ctx context.Context, z legacyZone) ([]changeSet, error) {
	rows, err := l.tx.QueryContext(ctx, `SELECT id, version, operation, upper(rrtype) = 'SOA' FROM diffs WHERE zone_id = ? ORDER BY id`, z.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var sets []changeSet
	for rows.Next() {
		var id int64
		var version zone.Serial
		var operation int
		var soa bool
		if err := rows.Scan(&id, &version, &operation, &soa); err != nil {
			return nil, err
		}
		if operation == opDelete && soa {
			sets = append(sets, changeSet{first: id, last: id, from: version})
			continue
		}
		if len(sets) == 0 {
			continue // the end of a set whose beginning is gone
		}
		set := &sets[len(sets)-1]
		set.last = id
		if operation == opAdd && soa {
			set.to, set.adding = version, true
		}
	}
	return sets, rows.Err()
}

func (l *Legacy) copyJournal(ctx context.Context, z legacyZone, s *statements, row, first int64) error {
	rows, err := l.tx.QueryContext(ctx, `SELECT version, operation, name, ttl, rrtype, rdata FROM diffs WHERE zone_id = ? AND id >= ? ORDER BY id`, z.id, first)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var version zone.Serial
		var operation int
		rr, err := scanLegacy(rows, &version, &operation)
		if err != nil {
			return err
		}
		if err := s.log(Edition{row: row}, version, operation, rr); err != nil {
			return err
		}
	}
	return rows.Err()
}
