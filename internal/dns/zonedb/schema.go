package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Version of the schema that this program writes. A database with a higher minor number is readable.
const (
	SchemaMajor = 3
	SchemaMinor = 0
)

var schemaText = [...]string{
	`CREATE TABLE schema_version (version INTEGER NOT NULL, minor INTEGER NOT NULL)`,
	// name is the origin as it was given, key its sort key; edition counts changes; journal is the number of rows in diffs.
	`CREATE TABLE zones (
		id INTEGER PRIMARY KEY AUTOINCREMENT, rdclass INTEGER NOT NULL, key BLOB NOT NULL, name BLOB NOT NULL,
		edition INTEGER NOT NULL, journal INTEGER NOT NULL, UNIQUE (rdclass, key)) STRICT`,
	// owner is a sort key; name is the owner as it was given if that differs from its lower case, else null.
	`CREATE TABLE records (
		zone_id INTEGER NOT NULL, owner BLOB NOT NULL, rrtype INTEGER NOT NULL, rdata BLOB NOT NULL, ttl INTEGER NOT NULL,
		name BLOB, PRIMARY KEY (zone_id, owner, rrtype, rdata)) STRICT, WITHOUT ROWID`,
	// A change set is deletions (operation 1, version is the old serial) that begin with the old SOA, then additions
	// (operation 0, version is the new serial) that begin with the new SOA; ids ascend.
	`CREATE TABLE diffs (
		id INTEGER PRIMARY KEY AUTOINCREMENT, zone_id INTEGER NOT NULL, version INTEGER NOT NULL, operation INTEGER NOT NULL,
		name BLOB NOT NULL, rrtype INTEGER NOT NULL, ttl INTEGER NOT NULL, rdata BLOB NOT NULL) STRICT`,
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
	if e.Major < SchemaMajor {
		return s + ": convert it with bundy-dbutil --upgrade"
	}
	return s + ": it was written by a newer version of this program"
}

// prepareSchema makes the tables of an empty database, or checks the version of one that has tables.
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
		return false, checkVersion(ctx, tx, path)
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
	if major != SchemaMajor {
		return &VersionError{Path: path, Major: major, Minor: minor}
	}
	return nil
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
