package zonedb

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// Asker answers from zones without loading them. It occupies a connection and must be closed. One goroutine may use it.
type Asker struct {
	d    *DB
	conn *sql.Conn
	find *sql.Stmt
	leaf *sql.Stmt               // where a key is
	back map[wire.Type]*sql.Stmt // the last leaf that begins before a key and has records of a type
	open bool
}

const backText = `SELECT start, octets FROM leaves WHERE zone_id = ? AND start < ? AND %s = 1 ORDER BY start DESC LIMIT 1`

// Asker makes an asker. It waits for a connection, of which there are maxReaders.
func (d *DB) Asker(ctx context.Context) (*Asker, error) {
	a, err := d.asker(ctx)
	return a, d.wrap(err, "reading", "", 0)
}

func (d *DB) asker(ctx context.Context) (*Asker, error) {
	conn, err := d.readers.Conn(ctx)
	if err != nil {
		return nil, err
	}
	a := &Asker{d: d, conn: conn}
	var nsec, nsec3 *sql.Stmt
	for text, stmt := range map[string]**sql.Stmt{
		findText: &a.find, findLeafText: &a.leaf, fmt.Sprintf(backText, "nsec"): &nsec, fmt.Sprintf(backText, "nsec3"): &nsec3,
	} {
		if *stmt, err = conn.PrepareContext(ctx, text); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	a.back = map[wire.Type]*sql.Stmt{wire.TypeNSEC: nsec, wire.TypeNSEC3: nsec3}
	return a, nil
}

// Close gives the connection back.
func (a *Asker) Close() error { return errors.Join(a.End(), a.conn.Close()) }

// Begin starts a moment: all views that are made up to End are of it. Whatever was committed before is seen.
func (a *Asker) Begin() error {
	_, err := a.conn.ExecContext(context.Background(), `BEGIN`)
	a.open = err == nil
	return a.d.wrap(err, "reading", "", 0)
}

// End ends the moment. Views that were made in it must not be used any more.
func (a *Asker) End() error {
	if !a.open {
		return nil
	}
	a.open = false
	_, err := a.conn.ExecContext(context.Background(), `ROLLBACK`)
	return a.d.wrap(err, "reading", "", 0)
}

// View makes a view of a zone, with the edition that it is. The error wraps ErrNoZone when the zone is not there. What
// a view costs does not depend on the size of the zone.
func (a *Asker) View(origin wire.Name, class wire.Class) (*zone.View, Edition, error) {
	w, e, err := a.view(origin, class)
	return w, e, a.d.wrap(err, "reading", origin, class)
}

func (a *Asker) view(origin wire.Name, class wire.Class) (*zone.View, Edition, error) {
	e, name, err := findWith(a.find.QueryRow(int64(class), sortKey(origin)))
	if err != nil {
		return nil, e, err
	}
	w, err := zone.NewView(name, class, &glimpse{asker: a, stock: stock{row: e.row, origin: name, key: sortKey(name)}, class: class})
	return w, e, err
}

// glimpse is a zone as one moment of an asker has it. It implements zone.Store.
type glimpse struct {
	stock
	asker  *Asker
	class  wire.Class
	leaves []read // that were read so far
}

// read is a leaf with its records.
type read struct {
	start, next []byte // next is nil if it is the last one
	records     []stored
}

// at gives the leaf where a record with that key is, or would be.
func (g *glimpse) at(key []byte) (*read, error) {
	for i := range g.leaves {
		if l := &g.leaves[i]; bytes.Compare(l.start, key) <= 0 && (l.next == nil || bytes.Compare(key, l.next) < 0) {
			return l, nil
		}
	}
	l, err := scanLeaf(g.asker.leaf.QueryRow(g.row, key))
	if err != nil {
		return nil, err
	}
	r := read{start: l.start, next: l.next}
	if l.octets != nil {
		if r.records, err = readLeaf(l.octets, l.start, g.origin, g.stock.key); err != nil {
			return nil, err
		}
	}
	g.leaves = append(g.leaves, r)
	return &g.leaves[len(g.leaves)-1], nil
}

// from gives the first record whose key is not below key, nil if there is none.
func (g *glimpse) from(key []byte) (*stored, error) {
	l, err := g.at(key)
	for err == nil {
		i := sort.Search(len(l.records), func(i int) bool { return bytes.Compare(l.records[i].key, key) >= 0 })
		if i < len(l.records) {
			return &l.records[i], nil
		}
		if l.next == nil {
			break
		}
		l, err = g.at(l.next)
	}
	return nil, err
}

// maxOwner bounds the records of a name that are read for an answer: more could not be sent.
const maxOwner = 1 << 16

// Owner is of zone.Store.
func (g *glimpse) Owner(name wire.Name) (zone.Owner, error) {
	var o zone.Owner
	owner := sortKey(name)
	first := append(bytes.Clone(owner), 0)
	l, err := g.at(first)
	for err == nil {
		i := sort.Search(len(l.records), func(i int) bool { return bytes.Compare(l.records[i].key, first) >= 0 })
		for ; i < len(l.records) && l.records[i].ownerKey() == string(owner); i++ {
			s := &l.records[i]
			if o.Name == "" {
				o.Name = wire.Name(appendOwner(nil, s.name, g.origin))
			}
			o.Records = append(o.Records, wire.RR{Name: o.Name, Class: g.class, Type: s.typ, TTL: s.ttl, Data: s.data})
		}
		if l.next == nil || !bytes.HasPrefix(l.next, first) || len(o.Records) > maxOwner {
			break
		}
		l, err = g.at(l.next)
	}
	if err != nil {
		return o, err
	}
	if o.Below, err = g.any(append(bytes.Clone(owner), 1), owner); err != nil || !o.Below {
		return o, err
	}
	star := append(bytes.Clone(owner), '*', 0)
	o.Star, err = g.any(star, star)
	return o, err
}

// any tells whether the first record from a key on has a key that begins so.
func (g *glimpse) any(from, prefix []byte) (bool, error) {
	s, err := g.from(from)
	return s != nil && bytes.HasPrefix(s.key, prefix), err
}

// maxBack bounds the leaves that are searched for the record before a name: one or two, as only those are looked at that
// have records of the type, unless most of them are of a chain that is not used.
const maxBack = 64

// Before is of zone.Store.
func (g *glimpse) Before(name wire.Name, t wire.Type, takes func(wire.Name, []byte) bool) (wire.Name, error) {
	end := append(sortKey(name), 1) // behind all records of the name, and before the names below it
	n, err := g.before(end, t, takes)
	if n == "" && err == nil {
		n, err = g.before(append(bytes.Clone(g.stock.key), bytes.Repeat([]byte{0xff}, 64)...), t, takes) // behind every label
	}
	return n, err
}

// before gives the greatest name that has such a record with a key below end.
func (g *glimpse) before(end []byte, t wire.Type, takes func(wire.Name, []byte) bool) (wire.Name, error) {
	for range maxBack {
		var start, octets []byte
		err := g.asker.back[t].QueryRow(g.row, end).Scan(&start, &octets)
		if errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		all, err := readLeaf(octets, start, g.origin, g.stock.key)
		if err != nil {
			return "", err
		}
		for i := len(all) - 1; i >= 0; i-- {
			s := &all[i]
			if s.typ != t || bytes.Compare(s.key, end) >= 0 {
				continue
			}
			if n := wire.Name(appendOwner(nil, s.name, g.origin)); takes(n, s.data) {
				return n, nil
			}
		}
		if len(start) == 0 {
			return "", nil
		}
		end = start
	}
	return "", nil
}
