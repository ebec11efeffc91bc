package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Version of the schema that this program writes. A database with a higher minor number is readable.
const (
	SchemaMajor = 4
	SchemaMinor = 0
)

// leavesTable has the leaves of all zones, which hold the records. start is not above the key of the first record, and
// above that of the last record of the leaf before; that of the first leaf of a zone is empty. nsec and nsec3 tell with 1
// that there is a record of that type: who looks for the one before a name may have to pass any number of other names.
const leavesTable = `CREATE TABLE leaves (
	zone_id INTEGER NOT NULL, start BLOB NOT NULL, octets BLOB NOT NULL, nsec INTEGER NOT NULL, nsec3 INTEGER NOT NULL,
	PRIMARY KEY (zone_id, start)) STRICT, WITHOUT ROWID;
	CREATE INDEX leaves_nsec ON leaves (zone_id, start) WHERE nsec = 1;
	CREATE INDEX leaves_nsec3 ON leaves (zone_id, start) WHERE nsec3 = 1`

var schemaText = [...]string{
	`CREATE TABLE schema_version (version INTEGER NOT NULL, minor INTEGER NOT NULL)`,
	// name is the origin as it was given, key its sort key; edition counts changes; journal is the number of rows in diffs.
	`CREATE TABLE zones (
		id INTEGER PRIMARY KEY AUTOINCREMENT, rdclass INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL,
		edition INTEGER NOT NULL, journal INTEGER NOT NULL, UNIQUE (rdclass, key)) STRICT`,
	leavesTable,
	// A change set is deletions (operation 1, version is the old serial) that begin with the old SOA, then additions
	// (operation 0, version is the new serial) that begin with the new SOA; ids ascend. edition is that of the zone after
	// the commit that wrote the row, 0 where that is not known.
	`CREATE TABLE diffs (
		id INTEGER PRIMARY KEY AUTOINCREMENT, zone_id INTEGER NOT NULL, version INTEGER NOT NULL, operation INTEGER NOT NULL,
		name BLOB NOT NULL, rrtype INTEGER NOT NULL, ttl INTEGER NOT NULL, rdata BLOB NOT NULL,
		edition INTEGER NOT NULL DEFAULT 0) STRICT`,
	`CREATE INDEX diffs_version ON diffs (zone_id, version, operation, rrtype)`,
	fmt.Sprintf(`INSERT INTO schema_version VALUES (%d, %d)`, SchemaMajor, SchemaMinor),
}

// VersionError says that a database has a schema that this program cannot use.
type VersionError struct {
	Path         string
	Major, Minor int // found; Minor is 0 where the schema has none
}

func (e *VersionError) Error() string {
	s := fmt.Sprintf("database %s has schema version %d.%d, this program needs %d.%d", e.Path, e.Major, e.Minor, SchemaMajor, SchemaMinor)
	if e.Major < schema3 {
		return s + ": convert it with bundy-dbutil --upgrade"
	}
	return s + ": it was written by a newer version of this program"
}

// prepareSchema makes the tables of an empty database, or checks the version of one that has tables. One of schema 3 is
// brought over: nobody else needs to be asked, since it is as safe as any other transaction, and who installed this program
// wants to go on.
func prepareSchema(ctx context.Context, db *sql.DB, path string) (created bool, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // after Commit this does nothing
	var tables int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE type = 'table'`).Scan(&tables); err != nil {
		return false, err
	}
	if tables > 0 {
		if err := checkVersion(ctx, tx, path); err != nil {
			return false, err
		}
		return false, tx.Commit()
	}
	for _, statement := range schemaText {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return false, err
		}
	}
	return true, tx.Commit()
}

func checkVersion(ctx context.Context, tx *sql.Tx, path string) error {
	major, minor, err := readVersion(ctx, tx)
	if err != nil {
		return err
	}
	switch major {
	case SchemaMajor:
		return nil
	case schema3:
		if err := upgrade3(ctx, tx); err != nil {
			return fmt.Errorf("bringing it over from schema version %d.%d, as which it is left: %w", major, minor, err)
		}
		return nil
	}
	return &VersionError{Path: path, Major: major, Minor: minor}
}

// readVersion gives the version of the schema.
func readVersion(ctx context.Context, tx *sql.Tx) (major, minor int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT * FROM schema_version`)
	if err != nil {
		return 0, 0, fmt.Errorf("not a zone database: %w", err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, 0, err
	}
	if !rows.Next() {
		return 0, 0, errors.Join(errors.New("not a zone database: it has no schema version"), rows.Err())
	}
	if len(columns) == 1 { // schema 1
		err = rows.Scan(&major)
	} else {
		err = rows.Scan(&major, &minor)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("not a zone database: schema version: %w", err)
	}
	return major, minor, nil
}
