package owned

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
)

// Change is one change of the state: exactly one of its fields is set.
type Change struct {
	Put      *Record
	Delete   *Key
	PutWant  *Want
	DropWant netip.Addr
	Note     *Event
}

// Put, Delete, PutWant and DropWant make a Change.
func Put(r Record) Change                { return Change{Put: &r} }
func Delete(k Key) Change                { return Change{Delete: &k} }
func PutWant(w Want) Change              { return Change{PutWant: &w} }
func DropWant(address netip.Addr) Change { return Change{DropWant: address} }

// Apply makes all changes in one transaction, in order. When it returns nil they are on disk; on an error nothing has
// changed, in memory neither.
func (s *Store) Apply(ctx context.Context, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	wants := len(s.wants)
	for _, c := range changes {
		if c.Put != nil {
			if err := c.Put.Check(); err != nil {
				return err
			}
		}
		if c.PutWant != nil {
			if _, known := s.wants[c.PutWant.Address]; !known {
				wants++
			}
		}
	}
	if wants > MaxWants {
		return ErrFull
	}
	if err := s.write(ctx, changes); err != nil {
		return fmt.Errorf("write state of owned names: %w", err)
	}
	for _, c := range changes {
		switch {
		case c.Put != nil:
			s.remember(*c.Put)
		case c.Delete != nil:
			s.forget(*c.Delete)
		case c.PutWant != nil:
			s.wants[c.PutWant.Address] = *c.PutWant
		case c.Note != nil:
		default:
			delete(s.wants, c.DropWant)
		}
	}
	return nil
}

const putRecord = `INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
	ON CONFLICT DO UPDATE SET dhcid=excluded.dhcid, zone=excluded.zone, ttl=excluded.ttl, source=excluded.source,
	expires=excluded.expires, state=excluded.state, tries=excluded.tries, next_try=excluded.next_try,
	last_error=excluded.last_error, rules=excluded.rules, marker=excluded.marker, doubt=excluded.doubt`

func (s *Store) write(ctx context.Context, changes []Change) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	noted := false
	put := tx.StmtContext(ctx, s.put) // nearly every change is one; the transaction closes it
	for _, c := range changes {
		if err := c.write(ctx, tx, put); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		noted = noted || c.Note != nil
	}
	if noted {
		if err := forgetEvents(ctx, tx, s.mostEvents); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func (c Change) write(ctx context.Context, tx *sql.Tx, put *sql.Stmt) (err error) {
	switch {
	case c.Put != nil:
		r := c.Put
		_, err = put.ExecContext(ctx,
			r.Kind, r.Address.String(), r.Name.String(), []byte(r.DHCID), r.Zone.String(), r.TTL, r.Source,
			milliseconds(r.Expires), r.State, r.Tries, milliseconds(r.NextTry), r.LastError, r.Rules,
			r.Marker, milliseconds(r.Doubt))
	case c.Delete != nil:
		_, err = tx.ExecContext(ctx, `DELETE FROM record WHERE kind=? AND address=? AND name=?`,
			c.Delete.Kind, c.Delete.Address.String(), c.Delete.Name.String())
	case c.PutWant != nil:
		w := c.PutWant
		_, err = tx.ExecContext(ctx, `INSERT INTO want VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET name=excluded.name,
			dhcid=excluded.dhcid, forward=excluded.forward, reverse=excluded.reverse, length=excluded.length,
			rules=excluded.rules`,
			w.Address.String(), w.Name.String(), []byte(w.DHCID), w.Forward, w.Reverse, w.Length, w.Rules)
	case c.Note != nil:
		err = c.Note.write(ctx, tx)
	default:
		_, err = tx.ExecContext(ctx, `DELETE FROM want WHERE address=?`, c.DropWant.String())
	}
	return err
}
