package zonedb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"iter"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Reader reads zones, as many as wanted, all of the moment that it was made. What each zone costs is then little more
// than its records. It occupies a connection and must be closed. One goroutine may use it.
type Reader struct {
	d       *DB
	conn    *sql.Conn
	tx      *sql.Tx
	find    *sql.Stmt   // ends with tx
	leaves  driver.Stmt // of the driver's connection below conn
	builder zone.Builder
	names   nameRoom
}

// Reader makes a reader. It waits for a connection, of which there are maxReaders.
func (d *DB) Reader(ctx context.Context) (*Reader, error) {
	r, err := d.reader(ctx)
	return r, d.wrap(err, "reading", "", 0)
}

func (d *DB) reader(ctx context.Context) (*Reader, error) {
	conn, err := d.readers.Conn(ctx)
	if err != nil {
		return nil, err
	}
	r := &Reader{d: d, conn: conn}
	if err := r.begin(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// leavesText gives the leaves of a zone.
const (
	leavesText = `SELECT start, octets FROM leaves WHERE zone_id = ? ORDER BY start`

	leafColumns = 2
)

// begin starts the transaction. A context that can end would cost a goroutine for every statement: readRecords looks at its own.
func (r *Reader) begin() (err error) {
	ctx := context.Background()
	if r.tx, err = r.conn.BeginTx(ctx, nil); err != nil {
		return err
	}
	if r.find, err = r.tx.PrepareContext(ctx, findText); err != nil {
		return err
	}
	return r.conn.Raw(func(c any) (err error) {
		r.leaves, err = c.(driver.Conn).Prepare(leavesText)
		return err
	})
}

// Close gives the connection back.
func (r *Reader) Close() error {
	var errs []error
	if r.leaves != nil {
		errs = append(errs, r.conn.Raw(func(any) error { return r.leaves.Close() }))
	}
	if r.tx != nil {
		errs = append(errs, r.tx.Rollback()) // nothing was written
	}
	return errors.Join(append(errs, r.conn.Close())...)
}

// Load reads a zone into memory, with the edition that it is. The error wraps ErrNoZone when the zone is not there.
func (r *Reader) Load(ctx context.Context, origin wire.Name, class wire.Class) (*zone.Version, Edition, error) {
	return r.Renew(ctx, nil, origin, class)
}

// Renew is Load of a zone of which a version may be there: what is the same shares its memory.
func (r *Reader) Renew(ctx context.Context, old *zone.Version, origin wire.Name, class wire.Class) (*zone.Version, Edition, error) {
	var e Edition
	v, err := r.builder.Renew(old, origin, class, func(yield func(wire.RR, error) bool) {
		if err := r.read(ctx, origin, class, &e, yield); err != nil {
			yield(wire.RR{}, r.d.wrap(err, "reading", origin, class))
		}
	})
	if err != nil {
		return nil, Edition{}, err
	}
	return v, e, nil
}

func (r *Reader) read(ctx context.Context, origin wire.Name, class wire.Class, e *Edition, yield func(wire.RR, error) bool) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	var name wire.Name
	if *e, name, err = findWith(r.find.QueryRow(int64(class), sortKey(origin))); err != nil {
		return err
	}
	return r.conn.Raw(func(any) error { return r.readRecords(ctx, name, class, e.row, yield) })
}

// readRecords reads rows from the driver itself: package sql would add half as much again to what a row costs.
func (r *Reader) readRecords(ctx context.Context, origin wire.Name, class wire.Class, row int64, yield func(wire.RR, error) bool) (err error) {
	rows, err := r.leaves.(driver.StmtQueryContext).QueryContext(context.Background(), []driver.NamedValue{{Ordinal: 1, Value: row}})
	if err != nil {
		return err
	}
	defer rows.Close()
	var column [leafColumns]driver.Value // octets in it are ours to keep
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := rows.Next(column[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		start, _ := column[0].([]byte) // nil when empty
		octets, _ := column[1].([]byte)
		if more, err := r.names.readLeaf(octets, start, origin, class, yield); err != nil || !more {
			return err
		}
	}
}

// nameRoom is memory for the names of many records, used once: a piece for each would cost more than reading it.
type nameRoom struct{ rest []byte }

const nameRoomSize = 1 << 14

// readLeaf calls yield for the records of a leaf, until it returns false.
func (m *nameRoom) readLeaf(octets, start []byte, origin wire.Name, class wire.Class, yield func(wire.RR, error) bool) (more bool, err error) {
	l, err := openLeaf(octets, origin)
	if err != nil {
		return false, damaged(err, start, nil, origin)
	}
	var name wire.Name
	for {
		more, err := l.next()
		if err != nil {
			return false, damaged(err, start, l.owner, origin)
		}
		if !more {
			return true, nil
		}
		if l.fresh {
			if len(m.rest) < wire.MaxName {
				m.rest = make([]byte, nameRoomSize)
			}
			n := len(appendOwner(m.rest[:0], l.owner, origin))
			name, m.rest = wire.BorrowName(m.rest[:n]), m.rest[n:]
		}
		if !yield(wire.RR{Name: name, Class: class, Type: l.typ, TTL: l.ttl, Data: l.data}, nil) {
			return false, nil
		}
	}
}

// Read gives the records of a zone, all of one moment, in canonical order of owners. An error ends the sequence; it
// wraps ErrNoZone when the zone is not there. The database is being read until the sequence ends.
func (d *DB) Read(ctx context.Context, origin wire.Name, class wire.Class) iter.Seq2[wire.RR, error] {
	return func(yield func(wire.RR, error) bool) {
		if err := d.readOne(ctx, origin, class, yield); err != nil {
			yield(wire.RR{}, d.wrap(err, "reading", origin, class))
		}
	}
}

func (d *DB) readOne(ctx context.Context, origin wire.Name, class wire.Class, yield func(wire.RR, error) bool) error {
	r, err := d.reader(ctx)
	if err != nil {
		return err
	}
	defer r.Close() // nothing was written
	return r.read(ctx, origin, class, new(Edition), yield)
}

// Load reads one zone as a Reader does.
func (d *DB) Load(ctx context.Context, origin wire.Name, class wire.Class) (*zone.Version, Edition, error) {
	r, err := d.reader(ctx)
	if err != nil {
		return nil, Edition{}, d.wrap(err, "reading", origin, class)
	}
	defer r.Close() // nothing was written
	return r.Load(ctx, origin, class)
}
