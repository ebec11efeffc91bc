package owned

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"time"

	"bundy/internal/dns/wire"
)

// milliseconds is how times stand in the database; the zero time is 0.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilliseconds(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func readRecords(ctx context.Context, db *sql.DB) iter.Seq2[Record, error] {
	return readRows(ctx, db, `SELECT kind, address, name, dhcid, zone, ttl, source, expires, state, tries, next_try,
		last_error, rules, marker, doubt FROM record`, func(rows *sql.Rows) (r Record, err error) {
		var address, name, zone string
		var dhcid []byte
		var expires, next, doubt int64
		if err := rows.Scan(&r.Kind, &address, &name, &dhcid, &zone, &r.TTL, &r.Source, &expires, &r.State, &r.Tries,
			&next, &r.LastError, &r.Rules, &r.Marker, &doubt); err != nil {
			return r, err
		}
		r.DHCID, r.Expires, r.NextTry = string(dhcid), fromMilliseconds(expires), fromMilliseconds(next)
		r.Doubt = fromMilliseconds(doubt)
		var e1, e2, e3 error
		r.Address, e1 = netip.ParseAddr(address)
		r.Name, e2 = wire.ParseName(name)
		r.Zone, e3 = wire.ParseName(zone)
		if err := errors.Join(e1, e2, e3); err != nil {
			return r, err
		}
		return r, r.Check()
	})
}

func readWants(ctx context.Context, db *sql.DB) iter.Seq2[Want, error] {
	return readRows(ctx, db, `SELECT address, name, dhcid, forward, reverse, length, rules FROM want`,
		func(rows *sql.Rows) (w Want, err error) {
			var address, name string
			var dhcid []byte
			if err := rows.Scan(&address, &name, &dhcid, &w.Forward, &w.Reverse, &w.Length, &w.Rules); err != nil {
				return w, err
			}
			w.DHCID = string(dhcid)
			var e1, e2 error
			w.Address, e1 = netip.ParseAddr(address)
			w.Name, e2 = wire.ParseName(name)
			if w.Rules > NoDHCID {
				return w, fmt.Errorf("want of %s: unknown rules", address)
			}
			return w, errors.Join(e1, e2)
		})
}

func readRows[T any](ctx context.Context, db *sql.DB, query string, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			yield(zero, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if !yield(v, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(zero, err)
		}
	}
}

// Check compares the memory with the disk and lets SQLite look over its file. It returns everything that is wrong.
func (s *Store) Check(ctx context.Context) error {
	var wrong []error
	var verdict string
	if err := s.db.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&verdict); err != nil {
		return fmt.Errorf("check the database: %w", err)
	}
	if verdict != "ok" {
		wrong = append(wrong, fmt.Errorf("integrity of the database: %s", verdict))
	}
	n := 0
	for r, err := range readRecords(ctx, s.db) {
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		n++
		if m, ok := s.records.Get(r.Key); !ok || !same(m, r) {
			wrong = append(wrong, fmt.Errorf("record %v: memory has %+v, disk %+v", r.Key, m, r))
		}
	}
	if n != s.records.Len() {
		wrong = append(wrong, fmt.Errorf("%d records in memory, %d on disk", s.records.Len(), n))
	}
	w := 0
	for want, err := range readWants(ctx, s.db) {
		if err != nil {
			return errors.Join(append(wrong, err)...)
		}
		w++
		if s.wants[want.Address] != want {
			wrong = append(wrong, fmt.Errorf("want of %s: memory has %+v, disk %+v", want.Address, s.wants[want.Address], want))
		}
	}
	if w != len(s.wants) {
		wrong = append(wrong, fmt.Errorf("%d wants in memory, %d on disk", len(s.wants), w))
	}
	indexed := 0
	for a, keys := range s.byAddress {
		indexed += len(keys)
		for _, k := range keys {
			if _, ok := s.records.Get(k); !ok || k.Address != a {
				wrong = append(wrong, fmt.Errorf("index of %s names the record %v", a, k))
			}
		}
	}
	if indexed != s.records.Len() {
		wrong = append(wrong, fmt.Errorf("%d records, %d in the index by address", s.records.Len(), indexed))
	}
	return errors.Join(wrong...)
}

// same compares up to what a time loses on disk.
func same(a, b Record) bool {
	a.Expires, a.NextTry = fromMilliseconds(milliseconds(a.Expires)), fromMilliseconds(milliseconds(a.NextTry))
	a.Doubt, b.Doubt = fromMilliseconds(milliseconds(a.Doubt)), fromMilliseconds(milliseconds(b.Doubt))
	return a == b
}
