package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Edition tells one state of a stored zone from another. It is comparable; the zero value is no edition.
type Edition struct{ row, count int64 }

// Info describes a stored zone.
type Info struct {
	Origin  wire.Name // as it was given
	Class   wire.Class
	Edition Edition
}

// Zones lists the zones in canonical order within their class.
func (d *DB) Zones(ctx context.Context) ([]Info, error) {
	var all []Info
	rows, err := d.readers.QueryContext(ctx, `SELECT id, edition, rdclass, name FROM zones ORDER BY rdclass, key`)
	if err != nil {
		return nil, d.wrap(err, "listing zones", "", 0)
	}
	defer rows.Close()
	for rows.Next() {
		var z Info
		var name []byte
		if err := rows.Scan(&z.Edition.row, &z.Edition.count, &z.Class, &name); err != nil {
			return nil, d.wrap(err, "listing zones", "", 0)
		}
		z.Origin = wire.Name(name)
		all = append(all, z)
	}
	return all, d.wrap(rows.Err(), "listing zones", "", 0)
}

// querier is a transaction or a connection.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

const findText = `SELECT id, edition, name FROM zones WHERE rdclass = ? AND key = ?`

// find gives the edition of a zone and how its name is spelled; the error is ErrNoZone when it is not there.
func find(ctx context.Context, q querier, origin wire.Name, class wire.Class) (Edition, wire.Name, error) {
	return findWith(q.QueryRowContext(ctx, findText, int64(class), sortKey(origin)))
}

func findWith(row *sql.Row) (Edition, wire.Name, error) {
	var e Edition
	var name []byte
	err := row.Scan(&e.row, &e.count, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return e, "", ErrNoZone
	}
	if err == nil && wire.NameLength(name) != len(name) {
		err = fmt.Errorf("%w: its name is %x", ErrDamaged, name)
	}
	return e, wire.Name(name), err
}

// Edition gives the stored edition of a zone. The error wraps ErrNoZone when it is not there.
func (d *DB) Edition(ctx context.Context, origin wire.Name, class wire.Class) (Edition, error) {
	e, _, err := find(ctx, d.readers, origin, class)
	return e, d.wrap(err, "looking for", origin, class)
}

// ErrNoJournal is wrapped when the journal does not reach from the one serial to the other.
var ErrNoJournal = errors.New("the journal has no such differences")

// Journal gives the differences that lead from one serial to another, in order, for an incremental transfer.
func (d *DB) Journal(ctx context.Context, origin wire.Name, class wire.Class, from, to zone.Serial) ([]zone.Diff, error) {
	diffs, err := d.journal(ctx, origin, class, from, to)
	if err != nil {
		return nil, d.wrap(err, fmt.Sprintf("journal from serial %d to %d of", from, to), origin, class)
	}
	return diffs, nil
}

func (d *DB) journal(ctx context.Context, origin wire.Name, class wire.Class, from, to zone.Serial) ([]zone.Diff, error) {
	tx, err := d.readers.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // nothing was written
	e, _, err := find(ctx, tx, origin, class)
	if err != nil {
		return nil, err
	}
	// A serial may come again after 2^32 changes: the last one counts.
	rows, err := tx.QueryContext(ctx, `SELECT version, operation, name, rrtype, ttl, rdata FROM diffs WHERE zone_id = ?1 AND id >= (
		SELECT max(id) FROM diffs WHERE zone_id = ?1 AND version = ?2 AND operation = 1 AND rrtype = 6) ORDER BY id`, e.row, int64(from))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var diffs []zone.Diff
	for rows.Next() {
		var version uint32
		var operation int
		var name, data []byte
		rr := wire.RR{Class: class}
		if err := rows.Scan(&version, &operation, &name, &rr.Type, &rr.TTL, &data); err != nil {
			return nil, err
		}
		rr.Name, rr.Data = wire.Name(name), data
		if operation == opDelete && rr.Type == wire.TypeSOA {
			if n := len(diffs); n > 0 && diffs[n-1].To == to {
				break
			}
			diffs = append(diffs, zone.Diff{From: zone.Serial(version)})
		}
		if len(diffs) == 0 {
			return nil, errors.New("the journal is damaged")
		}
		last := &diffs[len(diffs)-1]
		if operation == opDelete {
			last.Deleted = append(last.Deleted, rr)
		} else {
			last.To, last.Added = zone.Serial(version), append(last.Added, rr)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(diffs) == 0 || diffs[len(diffs)-1].To != to {
		return nil, ErrNoJournal
	}
	return diffs, nil
}
