package owned

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"bundy/internal/dns/wire"
)

const (
	// MaxEvents bounds the history: some weeks of a network of ten thousand clients, and about 20 MB.
	MaxEvents = 100_000

	// MaxEventsShown bounds the events that one question gets.
	MaxEventsShown = 200
)

// history is the table of events. Numbers grow and are never used again, so that the oldest go first at no cost.
const history = `
CREATE TABLE event (
	number  INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	kind    INTEGER NOT NULL,
	address TEXT    NOT NULL,
	name    TEXT    NOT NULL,
	what    TEXT    NOT NULL,
	detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX event_address ON event (address);
CREATE INDEX event_name ON event (name);
`

// Event is something that happened to a record.
type Event struct {
	Key
	At     time.Time
	What   string // as "wanted", "published", "refused"
	Detail string // why; what a server answered
}

// Note makes a Change that writes an event down together with the others.
func Note(e Event) Change { return Change{Note: &e} }

func (e *Event) write(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO event (at, kind, address, name, what, detail) VALUES (?,?,?,?,?,?)`,
		milliseconds(e.At), e.Kind, e.Address.String(), e.Name.String(), e.What, e.Detail)
	return err
}

// forgetEvents keeps the history within its bound.
func forgetEvents(ctx context.Context, tx *sql.Tx, most int) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM event WHERE number <= (SELECT max(number) FROM event) - ?`, most)
	return err
}

// ForgetEventsBefore lets events go that are older than t.
func (s *Store) ForgetEventsBefore(ctx context.Context, t time.Time) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM event WHERE at < ?`, milliseconds(t))
	if err != nil {
		return fmt.Errorf("history of names: %w", err)
	}
	return nil
}

// EventsOf gives the newest events of a name, oldest first.
func (s *Store) EventsOf(ctx context.Context, name wire.Name) ([]Event, error) {
	return s.events(ctx, `name = ?`, name.Lower().String())
}

// EventsAt gives the newest events of an address that are not after until, oldest first.
func (s *Store) EventsAt(ctx context.Context, a netip.Addr, until time.Time) ([]Event, error) {
	return s.events(ctx, `address = ? AND at <= ?`, a.String(), milliseconds(until))
}

func (s *Store) events(ctx context.Context, where string, args ...any) ([]Event, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT at, kind, address, name, what, detail FROM event WHERE `+where+
		` ORDER BY number DESC LIMIT ?`, append(args, MaxEventsShown)...)
	if err != nil {
		return nil, fmt.Errorf("history of names: %w", err)
	}
	defer rows.Close()
	var out []Event
	for rows.Next() {
		var e Event
		var at int64
		var address, name string
		if err := rows.Scan(&at, &e.Kind, &address, &name, &e.What, &e.Detail); err != nil {
			return nil, fmt.Errorf("history of names: %w", err)
		}
		e.At = fromMilliseconds(at)
		e.Address, _ = netip.ParseAddr(address) // as it was written
		e.Name, _ = wire.ParseName(name)
		out = append(out, e)
	}
	slices.Reverse(out)
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history of names: %w", err)
	}
	return out, nil
}
