package zonedb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// ErrStale is wrapped when the stored zone is not the one that a difference begins at: another process changed it. The
// caller should load the zone and make the difference anew.
var ErrStale = errors.New("the stored zone is another one")

const (
	opAdd    = 0
	opDelete = 1

	// maxBatch bounds the commits that share a transaction, so that the first of them does not wait long for the last.
	maxBatch = 256

	// MaxJournal bounds the journal of one zone in rows; the oldest differences are forgotten. A secondary that is
	// further behind takes the whole zone, which at this length is hardly more.
	MaxJournal = 100_000
)

// Change is what becomes of one zone: differences, which follow one another. At is the edition that the first one begins at.
type Change struct {
	Origin wire.Name
	Class  wire.Class
	At     Edition
	Diffs  []zone.Diff
}

// commit is a request to the writer.
type commit struct {
	changes []Change
	done    chan struct{} // closed when the rest is set
	results []Edition
	bad     int // which of the changes err is of
	err     error
}

// Commit applies differences, which follow one another, to a stored zone, and writes them to its journal: all of them
// or, with an error, none. On return without error they are on disk. at is the edition that the first one begins at, and
// the result the one after the last. The error wraps ErrStale when the stored zone is of another edition or serial, or
// lacks a deleted record; it wraps ErrNoZone when the zone is gone. ctx bounds the wait for the writer's attention only:
// what has begun is carried to its end.
func (d *DB) Commit(ctx context.Context, origin wire.Name, class wire.Class, at Edition, diffs ...zone.Diff) (Edition, error) {
	editions, _, err := d.CommitAll(ctx, Change{origin, class, at, diffs})
	if err != nil {
		return Edition{}, err
	}
	return editions[0], nil
}

// CommitAll makes changes of zones, each of another, as Commit does: all of them or, with an error, none. It gives the
// editions afterwards, in order. bad says of which of the changes the error is, and is negative if of none of them.
func (d *DB) CommitAll(ctx context.Context, changes ...Change) (editions []Edition, bad int, err error) {
	c := &commit{changes: changes, bad: -1, done: make(chan struct{})}
	select {
	case d.commits <- c:
		<-c.done
		if err = c.err; err == nil {
			return c.results, -1, nil
		}
	case <-d.closing:
		err = ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	of := changes[max(c.bad, 0)]
	return nil, c.bad, d.wrap(err, "changing", of.Origin, of.Class)
}

// write is the goroutine that serves commits. Those that came while it worked share the next transaction.
func (d *DB) write() {
	for {
		var batch []*commit
		select {
		case c := <-d.commits:
			batch = append(batch, c)
		case <-d.closing:
			return
		}
	collect:
		for len(batch) < maxBatch {
			select {
			case c := <-d.commits:
				batch = append(batch, c)
			default:
				break collect
			}
		}
		d.serve(batch)
		for _, c := range batch {
			close(c.done)
		}
	}
}

// serve carries out a batch in one transaction. When the database fails, all fail.
func (d *DB) serve(batch []*commit) {
	ctx := context.Background() // a transaction that waits longer than busyTimeout fails by itself
	err := d.inPlace()
	if err == nil {
		var tx *sql.Tx
		if tx, err = d.writer.BeginTx(ctx, nil); err == nil {
			err = d.serveIn(ctx, tx, batch)
		}
	}
	if err != nil {
		for _, c := range batch {
			if c.err == nil {
				c.err = err
			}
		}
	}
}

func (d *DB) serveIn(ctx context.Context, tx *sql.Tx, batch []*commit) error {
	defer tx.Rollback() // after Commit this does nothing
	s := d.insert.in(ctx, tx)
	for _, c := range batch {
		if _, err := tx.ExecContext(ctx, `SAVEPOINT one`); err != nil {
			return err
		}
		c.err = s.applyAll(ctx, tx, c)
		undo := `RELEASE one`
		switch {
		case c.err == nil:
		case errors.Is(c.err, ErrStale), errors.Is(c.err, ErrNoZone), errors.Is(c.err, ErrDamaged), errors.Is(c.err, zone.ErrOutOfZone):
			undo = `ROLLBACK TO one; RELEASE one`
		default:
			c.bad = -1
			return c.err // of the database: the transaction may be gone already
		}
		if _, err := tx.ExecContext(ctx, undo); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// applyAll carries out one commit within a transaction.
func (s *statements) applyAll(ctx context.Context, tx *sql.Tx, c *commit) (err error) {
	c.results = make([]Edition, len(c.changes))
	for i, change := range c.changes {
		if c.results[i], err = s.apply(ctx, tx, change); err != nil {
			c.bad = i
			return err
		}
	}
	return nil
}

// apply makes one change.
func (s *statements) apply(ctx context.Context, tx *sql.Tx, c Change) (Edition, error) {
	e, name, err := find(ctx, tx, c.Origin, c.Class)
	if err != nil {
		return e, err
	}
	if e != c.At {
		return e, fmt.Errorf("%w: it has changed since it was loaded", ErrStale)
	}
	z := &stock{row: e.row, origin: name, key: sortKey(name)}
	serial, err := s.serial(z)
	if err != nil {
		return e, err
	}
	e.count++
	rows := 0
	for _, diff := range c.Diffs {
		if diff.From != serial {
			return e, fmt.Errorf("%w: it has serial %d, the difference begins at %d", ErrStale, serial, diff.From)
		}
		if err := s.applyDiff(z, e, diff); err != nil {
			return e, err
		}
		serial = diff.To
		rows += len(diff.Deleted) + len(diff.Added)
	}
	var journal int
	err = s.bump.QueryRow(e.count, rows, e.row).Scan(&journal)
	if err == nil && journal > MaxJournal {
		err = trim(ctx, tx, e.row, journal)
	}
	return e, err
}

// serial gives the serial of the stored SOA record.
func (s *statements) serial(z *stock) (zone.Serial, error) {
	first := appendRecordKey(bytes.Clone(z.key), wire.TypeSOA, nil) // no other has the same key and more
	l, err := s.leafAt(z.row, first)
	for err == nil && l.octets != nil {
		var records []stored
		if records, err = readLeaf(l.octets, l.start, z.origin, z.key); err != nil {
			break
		}
		for _, r := range records {
			if r.owner == len(z.key) && r.typ == wire.TypeSOA {
				return zone.SerialOf(wire.RR{Type: r.typ, Data: r.data}), nil
			}
		}
		if l.next == nil || !bytes.HasPrefix(l.next, first) { // it may stand behind another one that went
			break
		}
		l, err = s.leafAt(z.row, l.next)
	}
	if err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("%w: it has no SOA record", ErrStale)
}

// applyDiff changes the records of a zone, and writes the rows of its journal.
func (s *statements) applyDiff(z *stock, to Edition, d zone.Diff) error {
	edits := make([]edit, 0, len(d.Deleted)+len(d.Added))
	for _, rr := range d.Deleted {
		e, err := z.edit(rr, true)
		if err != nil {
			return err
		}
		edits = append(edits, e)
		if err := s.log(to, d.From, opDelete, rr); err != nil {
			return err
		}
	}
	for _, rr := range d.Added {
		e, err := z.edit(rr, false)
		if err != nil {
			return err
		}
		edits = append(edits, e)
		if err := s.log(to, d.To, opAdd, rr); err != nil {
			return err
		}
	}
	return s.merge(z, edits)
}

// trim forgets the oldest change sets, a quarter of the bound at once, so that not every commit has to.
func trim(ctx context.Context, tx *sql.Tx, row int64, rows int) error {
	result, err := tx.ExecContext(ctx, `DELETE FROM diffs WHERE zone_id = ?1 AND id < coalesce((
		SELECT min(id) FROM diffs WHERE zone_id = ?1 AND operation = 1 AND rrtype = 6 AND id >= (
			SELECT id FROM diffs WHERE zone_id = ?1 ORDER BY id LIMIT 1 OFFSET ?2)), 9223372036854775807)`, row, rows-MaxJournal*3/4)
	if err != nil {
		return err
	}
	gone, err := result.RowsAffected()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE zones SET journal = journal - ? WHERE id = ?`, gone, row)
	return err
}
