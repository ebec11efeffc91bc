package zonedb

import (
	"context"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Check looks the whole database over, and returns everything that is wrong: damage that SQLite finds, names and RDATA
// that cannot be read, zones with records but not exactly one SOA, records of no zone, and journals that do not lead to
// the zone's serial. It reads everything and so takes as long as loading all zones.
func (d *DB) Check(ctx context.Context) []error {
	var errs []error
	rows, err := d.readers.QueryContext(ctx, `PRAGMA integrity_check`)
	if err != nil {
		return []error{d.wrap(err, "checking", "", 0)}
	}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			errs = append(errs, err)
		} else if text != "ok" {
			errs = append(errs, errors.New(text))
		}
	}
	errs = append(errs, rows.Err(), rows.Close())
	var lost int
	err = d.readers.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM records WHERE zone_id NOT IN (SELECT id FROM zones))
		+ (SELECT count(*) FROM diffs WHERE zone_id NOT IN (SELECT id FROM zones))`).Scan(&lost)
	if errs = append(errs, err); lost > 0 {
		errs = append(errs, fmt.Errorf("%d records or rows of a journal belong to no zone", lost))
	}
	zones, err := d.Zones(ctx)
	errs = append(errs, err)
	for _, z := range zones {
		for _, err := range d.checkZone(ctx, z) {
			errs = append(errs, d.wrap(err, "checking", z.Origin, z.Class))
		}
	}
	var all []error
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

func (d *DB) checkZone(ctx context.Context, z Info) []error {
	var errs []error
	v, e, err := d.Load(ctx, z.Origin, z.Class)
	switch {
	case errors.Is(err, ErrNoZone):
		return nil // removed meanwhile
	case err != nil:
		return []error{err}
	case v.Len() > 0 && len(v.RRset(z.Origin, wire.TypeSOA)) != 1:
		errs = append(errs, fmt.Errorf("%d SOA records at its origin", len(v.RRset(z.Origin, wire.TypeSOA))))
	}
	var records, rows, counted int
	var last, first zone.Serial
	err = d.readers.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM records WHERE zone_id = ?1), (SELECT count(*) FROM diffs WHERE zone_id = ?1),
		(SELECT journal FROM zones WHERE id = ?1), coalesce((SELECT version FROM diffs WHERE zone_id = ?1 ORDER BY id DESC LIMIT 1), 0),
		coalesce((SELECT version FROM diffs WHERE zone_id = ?1 ORDER BY id LIMIT 1), 0)`, e.row).Scan(&records, &rows, &counted, &last, &first)
	if err != nil {
		return append(errs, err)
	}
	if now, err := d.Edition(ctx, z.Origin, z.Class); err != nil || now != e {
		return errs // changed meanwhile, so that the numbers need not agree
	}
	if records != v.Len() {
		errs = append(errs, fmt.Errorf("%d stored records are %d different ones", records, v.Len()))
	}
	if rows != counted {
		errs = append(errs, fmt.Errorf("the journal has %d rows and counts %d", rows, counted))
	}
	if rows == 0 {
		return errs
	}
	if last != v.Serial() {
		errs = append(errs, fmt.Errorf("the journal ends at serial %d, the zone has %d", last, v.Serial()))
	}
	diffs, err := d.journal(ctx, z.Origin, z.Class, first, last)
	if err != nil {
		return append(errs, err)
	}
	for i, diff := range diffs {
		if i > 0 && diff.From != diffs[i-1].To {
			errs = append(errs, fmt.Errorf("the journal goes from serial %d to %d without a difference", diffs[i-1].To, diff.From))
		}
	}
	return errs
}
