package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Schema 3 had a row for each record: zone_id, owner (a sort key), rrtype, rdata, ttl, and the spelling of the owner as
// name, null if it had no upper case. All else was as it is now, but for the edition of the rows of journals.

const schema3 = 3

// upgrade3 makes a database of schema 3 one of the present schema, in the transaction given.
func upgrade3(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []string{leavesTable, `ALTER TABLE diffs ADD COLUMN edition INTEGER NOT NULL DEFAULT 0`} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	var s statements
	if err := s.prepare(ctx, tx); err != nil {
		return err
	}
	zones, err := zones3(ctx, tx)
	if err != nil {
		return err
	}
	for _, z := range zones {
		b := bulk{stock: &stock{row: z.id, origin: z.origin, key: sortKey(z.origin)}, s: &s}
		err := records3(ctx, tx, z, b.add)
		if err = errors.Join(err, b.flush()); err != nil {
			return fmt.Errorf("zone %s/%s: %w", z.origin, z.class, err)
		}
	}
	for _, statement := range []string{`DROP TABLE records`, fmt.Sprintf(`UPDATE schema_version SET version = %d, minor = %d`, SchemaMajor, SchemaMinor)} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func zones3(ctx context.Context, tx *sql.Tx) ([]legacyZone, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, name, rdclass FROM zones ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []legacyZone
	for rows.Next() {
		var z legacyZone
		var name []byte
		if err := rows.Scan(&z.id, &name, &z.class); err != nil {
			return nil, err
		}
		if z.origin = wire.Name(name); wire.NameLength(name) != len(name) {
			return nil, fmt.Errorf("row %d of zones: %x is no name", z.id, name)
		}
		all = append(all, z)
	}
	return all, rows.Err()
}

// records3 gives the records of a zone until one cannot be read, or add gives an error.
func records3(ctx context.Context, tx *sql.Tx, z legacyZone, add func(wire.RR) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT owner, rrtype, ttl, rdata, name FROM records WHERE zone_id = ? ORDER BY owner, rrtype, rdata`, z.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var owner, name []byte
		var typ, ttl int64
		rr := wire.RR{Class: z.class}
		if err := rows.Scan(&owner, &typ, &ttl, &rr.Data, &name); err != nil {
			return err
		}
		if rr.Name, err = keyName(owner); err != nil {
			return err
		}
		if name != nil && wire.NameLength(name) == len(name) && wire.BorrowName(name).Equal(rr.Name) {
			rr.Name = wire.Name(name)
		}
		if typ < 0 || typ > math.MaxUint16 || ttl < 0 || ttl > math.MaxUint32 {
			return fmt.Errorf("%s: type %d and TTL %d of a record", rr.Name, typ, ttl)
		}
		rr.Type, rr.TTL = wire.Type(typ), uint32(ttl)
		if err := add(rr); err != nil {
			return err
		}
	}
	return rows.Err()
}

// journal3 copies the whole journal of a zone.
func journal3(ctx context.Context, tx *sql.Tx, z legacyZone, s *statements, row int64) (changes int, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT version, operation, name, ttl, rrtype, rdata FROM diffs WHERE zone_id = ? ORDER BY id`, z.id)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var version uint32
		var operation int
		var name []byte
		var rr wire.RR
		if err := rows.Scan(&version, &operation, &name, &rr.TTL, &rr.Type, &rr.Data); err != nil {
			return changes, err
		}
		if rr.Name = wire.Name(name); operation == opDelete && rr.Type == wire.TypeSOA {
			changes++
		}
		if err := s.log(Edition{row: row}, zone.Serial(version), operation, rr); err != nil {
			return changes, err
		}
	}
	return changes, rows.Err()
}
