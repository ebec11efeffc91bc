package zonedb

import (
	"context"
	"database/sql"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// statements are what the writer runs for every change, compiled once.
type statements struct {
	findLeaf, putLeaf, dropLeaf, insertDiff, bump *sql.Stmt
}

// findLeafText finds the leaf of a key, and where the next one begins.
const findLeafText = `SELECT start, octets, (SELECT n.start FROM leaves n WHERE n.zone_id = l.zone_id AND n.start > l.start ORDER BY n.start LIMIT 1)
	FROM leaves l WHERE zone_id = ? AND start <= ? ORDER BY start DESC LIMIT 1`

func (s *statements) all() map[string]**sql.Stmt {
	return map[string]**sql.Stmt{
		findLeafText: &s.findLeaf,
		`INSERT INTO leaves (zone_id, start, octets, nsec, nsec3) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET octets = excluded.octets, nsec = excluded.nsec, nsec3 = excluded.nsec3`: &s.putLeaf,
		`DELETE FROM leaves WHERE zone_id = ? AND start = ?`:                                                                 &s.dropLeaf,
		`INSERT INTO diffs (zone_id, edition, version, operation, name, rrtype, ttl, rdata) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`: &s.insertDiff,
		`UPDATE zones SET edition = ?, journal = journal + ? WHERE id = ? RETURNING journal`:                                 &s.bump,
	}
}

// preparer is a database or a transaction.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func (s *statements) prepare(ctx context.Context, db preparer) (err error) {
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
	return &statements{findLeaf: in(s.findLeaf), putLeaf: in(s.putLeaf), dropLeaf: in(s.dropLeaf), insertDiff: in(s.insertDiff), bump: in(s.bump)}
}

// log writes a row of the journal. edition is that which the whole commit leads to.
func (s *statements) log(e Edition, serial zone.Serial, operation int, rr wire.RR) error {
	_, err := s.insertDiff.Exec(e.row, e.count, int64(serial), operation, []byte(rr.Name), int64(rr.Type), int64(rr.TTL), octets(rr.Data))
	return err
}

// octets gives data as a value that is never null.
func octets(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
