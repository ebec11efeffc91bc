package zonedb

import (
	"context"
	"database/sql"
	"fmt"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// statements are what the writer runs for every record, compiled once.
type statements struct {
	insertRR, deleteRR, sameType, insertDiff, bump *sql.Stmt
}

func (s *statements) all() map[string]**sql.Stmt {
	return map[string]**sql.Stmt{
		// The same record twice has the lower of its TTLs, as in memory.
		`INSERT INTO records (zone_id, owner, rrtype, rdata, ttl, name) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET ttl = min(ttl, excluded.ttl)`: &s.insertRR,
		`DELETE FROM records WHERE zone_id = ? AND owner = ? AND rrtype = ? AND rdata = ?`:                       &s.deleteRR,
		`SELECT rdata FROM records WHERE zone_id = ? AND owner = ? AND rrtype = ?`:                               &s.sameType,
		`INSERT INTO diffs (zone_id, version, operation, name, rrtype, ttl, rdata) VALUES (?, ?, ?, ?, ?, ?, ?)`: &s.insertDiff,
		`UPDATE zones SET edition = ?, journal = journal + ? WHERE id = ? RETURNING journal`:                     &s.bump,
	}
}

func (s *statements) prepare(ctx context.Context, db *sql.DB) (err error) {
	for text, stmt := range s.all() {
		if *stmt, err = db.PrepareContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// in gives the statements for use in a transaction of the connection that they were prepared on.
func (s *statements) in(ctx context.Context, tx *sql.Tx) *statements {
	in := func(stmt *sql.Stmt) *sql.Stmt { return tx.StmtContext(ctx, stmt) }
	return &statements{insertRR: in(s.insertRR), deleteRR: in(s.deleteRR), sameType: in(s.sameType), insertDiff: in(s.insertDiff), bump: in(s.bump)}
}

// add stores a record.
func (s *statements) add(row int64, rr wire.RR) error {
	var name []byte
	if rr.Name.Lower() != rr.Name {
		name = []byte(rr.Name)
	}
	_, err := s.insertRR.Exec(row, sortKey(rr.Name), int64(rr.Type), octets(rr.Data), int64(rr.TTL), name)
	return err
}

// remove takes out the record with this RDATA, whatever its TTL. Names in RDATA are compared without case, as in memory.
func (s *statements) remove(row int64, rr wire.RR) error {
	owner := sortKey(rr.Name)
	gone, err := s.removeExact(row, owner, rr.Type, rr.Data)
	if err != nil || gone {
		return err
	}
	data, err := s.findEqual(row, owner, rr)
	if err != nil {
		return err
	}
	if data != nil {
		if gone, err = s.removeExact(row, owner, rr.Type, data); err != nil || gone {
			return err
		}
	}
	return fmt.Errorf("%w: it has no such record: %s %s", ErrStale, rr.Name, rr.Type)
}

func (s *statements) removeExact(row int64, owner []byte, t wire.Type, data []byte) (bool, error) {
	result, err := s.deleteRR.Exec(row, owner, int64(t), octets(data))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// findEqual gives the stored RDATA that is equal but for the case of names; nil if there is none.
func (s *statements) findEqual(row int64, owner []byte, rr wire.RR) ([]byte, error) {
	rows, err := s.sameType.Query(row, owner, int64(rr.Type))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		if wire.CompareData(rr.Type, data, rr.Data) == 0 {
			return data, nil
		}
	}
	return nil, rows.Err()
}

// log writes a row of the journal.
func (s *statements) log(row int64, serial zone.Serial, operation int, rr wire.RR) error {
	_, err := s.insertDiff.Exec(row, int64(serial), operation, []byte(rr.Name), int64(rr.Type), int64(rr.TTL), octets(rr.Data))
	return err
}

// octets gives data as a value that is never null.
func octets(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
