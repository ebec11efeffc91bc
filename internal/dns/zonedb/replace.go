package zonedb

import (
	"context"
	"database/sql"
	"errors"
	"iter"

	"bundy/internal/dns/wire"
)

// ctxEvery is how many records are written between two looks at the context.
const ctxEvery = 1000

// Replace makes the records the contents of the zone, in one transaction; the zone is made if it is absent, and what
// it held is gone, its journal too. It returns the number of records, whose memory must stay as it is until then. When the sequence gives an error, or ctx ends,
// nothing has changed and that error is returned as it is. An empty sequence makes an empty zone.
func (d *DB) Replace(ctx context.Context, origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (int, error) {
	n, given, err := d.replace(ctx, origin, class, records)
	if given != nil {
		return 0, given
	}
	if err != nil {
		return 0, d.wrap(err, "replacing", origin, class)
	}
	return n, nil
}

func (d *DB) replace(ctx context.Context, origin wire.Name, class wire.Class, records iter.Seq2[wire.RR, error]) (n int, given, err error) {
	if err := d.inPlace(); err != nil {
		return 0, nil, err
	}
	whole := context.Background() // the loop below watches ctx, cheaper than the driver
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, nil, err
	}
	defer tx.Rollback() // after Commit this does nothing
	row, err := emptyZone(whole, tx, origin, class)
	if err != nil {
		return 0, nil, err
	}
	b := bulk{stock: &stock{row: row, origin: origin, key: sortKey(origin)}, s: d.insert.in(whole, tx)}
	for rr, bad := range records {
		if bad != nil {
			return 0, bad, nil
		}
		if b.n%ctxEvery == 0 && ctx.Err() != nil {
			return 0, ctx.Err(), nil
		}
		if err := b.add(rr); err != nil {
			return 0, nil, err
		}
	}
	if err := b.flush(); err != nil {
		return 0, nil, err
	}
	return b.n, nil, tx.Commit()
}

// emptyZone makes the zone exist and empty, with a new edition.
func emptyZone(ctx context.Context, tx *sql.Tx, origin wire.Name, class wire.Class) (int64, error) {
	e, _, err := find(ctx, tx, origin, class)
	if errors.Is(err, ErrNoZone) {
		result, err := tx.ExecContext(ctx, `INSERT INTO zones (rdclass, key, name, edition, journal) VALUES (?, ?, ?, 1, 0)`,
			int64(class), sortKey(origin), []byte(origin))
		if err != nil {
			return 0, err
		}
		return result.LastInsertId()
	}
	if err != nil {
		return 0, err
	}
	for _, statement := range []string{`DELETE FROM leaves WHERE zone_id = ?`, `DELETE FROM diffs WHERE zone_id = ?`} {
		if _, err := tx.ExecContext(ctx, statement, e.row); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE zones SET edition = edition + 1, journal = 0, name = ? WHERE id = ?`, []byte(origin), e.row)
	return e.row, err
}

// Remove deletes the zone with its records and journal. The error wraps ErrNoZone when it is not there.
func (d *DB) Remove(ctx context.Context, origin wire.Name, class wire.Class) error {
	return d.wrap(d.remove(ctx, origin, class), "removing", origin, class)
}

func (d *DB) remove(ctx context.Context, origin wire.Name, class wire.Class) error {
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after Commit this does nothing
	e, _, err := find(ctx, tx, origin, class)
	if err != nil {
		return err
	}
	for _, statement := range []string{`DELETE FROM leaves WHERE zone_id = ?`, `DELETE FROM diffs WHERE zone_id = ?`, `DELETE FROM zones WHERE id = ?`} {
		if _, err := tx.ExecContext(ctx, statement, e.row); err != nil {
			return err
		}
	}
	return tx.Commit()
}
