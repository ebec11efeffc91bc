package zonedb

import (
	"bytes"
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
	err = d.readers.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM leaves WHERE zone_id NOT IN (SELECT id FROM zones))
		+ (SELECT count(*) FROM diffs WHERE zone_id NOT IN (SELECT id FROM zones))`).Scan(&lost)
	if errs = append(errs, err); lost > 0 {
		errs = append(errs, fmt.Errorf("%d rows of records or of a journal belong to no zone", lost))
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
	var rows, counted int
	var last, first zone.Serial
	err = d.readers.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM diffs WHERE zone_id = ?1),
		(SELECT journal FROM zones WHERE id = ?1), coalesce((SELECT version FROM diffs WHERE zone_id = ?1 ORDER BY id DESC LIMIT 1), 0),
		coalesce((SELECT version FROM diffs WHERE zone_id = ?1 ORDER BY id LIMIT 1), 0)`, e.row).Scan(&rows, &counted, &last, &first)
	if err != nil {
		return append(errs, err)
	}
	records, err := d.checkLeaves(ctx, z.Origin, e.row)
	if now, err := d.Edition(ctx, z.Origin, z.Class); err != nil || now != e {
		return errs // changed meanwhile, so that the numbers need not agree
	}
	if errs = append(errs, err); err == nil && records != v.Len() {
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

// checkLeaves looks that the leaves of a zone, and the records in them, are in order. It returns the number of records.
func (d *DB) checkLeaves(ctx context.Context, origin wire.Name, row int64) (records int, err error) {
	rows, err := d.readers.QueryContext(ctx, `SELECT start, octets, nsec, nsec3 FROM leaves WHERE zone_id = ? ORDER BY start`, row)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var last []byte // key of a record
	for first := true; rows.Next(); first = false {
		var start, octets []byte
		var told, found piece
		if err := rows.Scan(&start, &octets, &told.nsec, &told.nsec3); err != nil {
			return 0, err
		}
		all, err := readLeaf(octets, start, origin, sortKey(origin))
		if err != nil {
			return 0, err
		}
		if first && len(start) > 0 || !first && bytes.Compare(start, last) <= 0 || bytes.Compare(all[0].key, start) < 0 {
			return 0, fmt.Errorf("%w: those from %s on are out of place", ErrDamaged, startName(start, origin))
		}
		for i := range all {
			if i > 0 && bytes.Compare(all[i].key, last) <= 0 {
				return 0, fmt.Errorf("%w: those from %s on are not in order", ErrDamaged, startName(start, origin))
			}
			last = all[i].key
			found.sees(all[i].typ)
		}
		if found.nsec != told.nsec || found.nsec3 != told.nsec3 {
			return 0, fmt.Errorf("%w: those from %s on: NSEC or NSEC3 records are not marked", ErrDamaged, startName(start, origin))
		}
		records += len(all)
	}
	return records, rows.Err()
}
