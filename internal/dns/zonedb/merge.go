package zonedb

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sort"

	"bundy/internal/dns/wire"
	"bundy/internal/dns/zone"
)

// stock is a stored zone as its writer knows it.
type stock struct {
	row    int64
	origin wire.Name // spelled as it is stored
	key    []byte    // of the origin
}

// edit is a record to be added or, whatever its TTL, deleted.
type edit struct {
	stored
	gone bool
}

// edit makes an edit of a record of the zone. It shares memory with the record.
func (z *stock) edit(rr wire.RR, gone bool) (edit, error) {
	if !rr.Name.IsBelow(z.origin) || len(rr.Data) > wire.MaxMessage {
		return edit{}, fmt.Errorf("%w: %s %s", zone.ErrOutOfZone, rr.Name, rr.Type)
	}
	key := make([]byte, 0, len(rr.Name)+recordHead+len(rr.Data))
	key = appendKey(append(key, z.key...), rr.Name[:len(rr.Name)-len(z.origin)])
	owner := len(key)
	return edit{stored{appendRecordKey(key, rr.Type, rr.Data), owner, ownerOctets(rr.Name, z.origin), rr.Type, rr.TTL, rr.Data}, gone}, nil
}

// name gives the owner of an edit as it was given.
func (z *stock) name(e *edit) wire.Name { return wire.Name(appendOwner(nil, e.stored.name, z.origin)) }

// merge carries out edits of a zone, in any order but that of one record deletes it first. The error wraps ErrStale if a
// record to be deleted is not there. A record that is there already gets the lower of the TTLs, as in memory.
func (s *statements) merge(z *stock, edits []edit) error {
	byKey := func(a, b edit) int { return bytes.Compare(a.key, b.key) }
	if !slices.IsSortedFunc(edits, byKey) {
		slices.SortStableFunc(edits, byKey)
	}
	for len(edits) > 0 {
		l, err := s.leafAt(z.row, edits[0].key)
		if err != nil {
			return err
		}
		n := len(edits)
		if l.next != nil {
			n = sort.Search(n, func(i int) bool { return string(edits[i].key) >= string(l.next) })
		}
		if err := s.change(z, l, edits[:n]); err != nil {
			return err
		}
		edits = edits[n:]
	}
	return nil
}

// leaf is a leaf of the database.
type leaf struct {
	start  []byte // empty for the first one of a zone
	octets []byte // nil if the zone has none at all
	next   []byte // start of the next one, nil if it is the last
}

// leafAt finds the leaf where a record with that key is, or would be.
func (s *statements) leafAt(row int64, key []byte) (leaf, error) {
	return scanLeaf(s.findLeaf.QueryRow(row, key))
}

func scanLeaf(row *sql.Row) (leaf, error) {
	var l leaf
	err := row.Scan(&l.start, &l.octets, &l.next)
	if errors.Is(err, sql.ErrNoRows) {
		return leaf{start: []byte{}}, nil
	}
	l.start = octets(l.start)
	return l, err
}

// change carries out edits of one leaf.
func (s *statements) change(z *stock, l leaf, edits []edit) error {
	var old []stored
	var err error
	if l.octets != nil {
		if old, err = readLeaf(l.octets, l.start, z.origin, z.key); err != nil {
			return err
		}
	}
	records, err := z.merged(old, edits)
	if err != nil {
		return err
	}
	size := 0
	for i := range records {
		size += records[i].size(false)
	}
	if size < leafSmall && l.next != nil {
		next, err := s.leafAt(z.row, l.next)
		if err != nil {
			return err
		}
		more, err := readLeaf(next.octets, next.start, z.origin, z.key)
		if err != nil {
			return err
		}
		if _, err := s.dropLeaf.Exec(z.row, next.start); err != nil {
			return err
		}
		records = append(records, more...)
	}
	if len(records) == 0 {
		_, err := s.dropLeaf.Exec(z.row, l.start)
		return err
	}
	for _, p := range writeLeaves(records, l.start) {
		if _, err := s.putLeaf.Exec(z.row, p.start, p.octets, p.nsec, p.nsec3); err != nil {
			return err
		}
	}
	return nil
}

// merged gives the records after the edits, which are in the order of their keys.
func (z *stock) merged(old []stored, edits []edit) ([]stored, error) {
	all := make([]stored, 0, len(old)+len(edits))
	for i := range edits {
		e := &edits[i]
		n := sort.Search(len(old), func(i int) bool { return string(old[i].key) >= string(e.key) })
		all, old = append(all, old[:n]...), old[n:]
		last := len(all) - 1 // an earlier edit may have added it
		there := len(old) > 0 && string(old[0].key) == string(e.key)
		added := last >= 0 && string(all[last].key) == string(e.key)
		switch {
		case e.gone && there:
			old = old[1:]
		case e.gone && added:
			all = all[:last]
		case e.gone:
			return nil, fmt.Errorf("%w: it has no such record: %s %s", ErrStale, z.name(e), e.typ)
		case there:
			old[0].ttl = min(old[0].ttl, e.ttl)
		case added:
			all[last].ttl = min(all[last].ttl, e.ttl)
		default:
			s := e.stored
			if last >= 0 && all[last].ownerKey() == s.ownerKey() { // the first spelling counts
				s.name = all[last].name
			} else if len(old) > 0 && old[0].ownerKey() == s.ownerKey() {
				s.name = old[0].name
			}
			all = append(all, s)
		}
	}
	return append(all, old...), nil
}

// runOctets bounds what bulk collects before it writes: sorted, so much is written leaf by leaf.
const runOctets = 64 << 20

// bulk adds many records to a zone.
type bulk struct {
	*stock
	s     *statements
	edits []edit
	size  int
	n     int
}

// editOctets is about what an edit takes besides its record, which it holds twice.
const editOctets = 150

func (b *bulk) add(rr wire.RR) error {
	e, err := b.edit(rr, false)
	if err != nil {
		return err
	}
	b.edits = append(b.edits, e)
	b.n++
	if b.size += editOctets + 2*len(rr.Data); b.size < runOctets {
		return nil
	}
	return b.flush()
}

func (b *bulk) flush() error {
	err := b.s.merge(b.stock, b.edits)
	clear(b.edits)
	b.edits, b.size = b.edits[:0], 0
	return err
}
