package zonedb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"

	"bundy/internal/dns/wire"
)

// A leaf is a row that holds records of one zone that follow one another in the order of their keys: the zone is a B+ tree
// whose branches are those of SQLite. A row of its own for every record costs ten times as much to read as the record.
//
// The octets of a leaf: a check sum of the rest (4), then for each owner the length of its name (1), the number of its
// records here (1), and the name as it was first given; then for each of the records type (2), TTL (4), length of RDATA
// (2), and RDATA in uncompressed wire form. Numbers are big-endian. The name is without the origin if that is spelled in it
// as the zone's is, else it is whole and ends with the root.

const (
	// leafSize bounds a leaf of more than one record. Four fit a page of SQLite with their keys; a larger row would take
	// an overflow page for itself, and a change would write more.
	leafSize = 900
	// leafSmall is the size below which a leaf is joined with the next one.
	leafSmall = leafSize / 4

	leafSum    = 4
	ownerHead  = 2
	recordHead = 8 // so that no more than 255 records of an owner fit
)

// leafCheck gives the check sum of a leaf, of a kind for which processors have an instruction.
func leafCheck(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// ErrDamaged is wrapped by errors about records that cannot be read.
var ErrDamaged = errors.New("records are damaged")

var (
	errLeafSum  = errors.New("check sum is wrong")
	errLeafCut  = errors.New("cut off")
	errLeafName = errors.New("owner is no name")
)

// leafReader walks over the records of a leaf. It trusts nothing that it reads.
type leafReader struct {
	origin wire.Name // spelled as the zone is
	rest   []byte
	left   int // records of the owner that follow

	owner []byte // its name as it stands in the leaf
	fresh bool   // it is another owner than that of the record before
	typ   wire.Type
	ttl   uint32
	data  []byte // shares memory with the leaf
}

// openLeaf begins to read a leaf of a zone.
func openLeaf(octets []byte, origin wire.Name) (leafReader, error) {
	if len(octets) <= leafSum {
		return leafReader{}, errLeafCut
	}
	if binary.BigEndian.Uint32(octets) != leafCheck(octets[leafSum:]) {
		return leafReader{}, errLeafSum
	}
	return leafReader{rest: octets[leafSum:], origin: origin}, nil
}

// next goes to the next record. False: there is none.
func (r *leafReader) next() (bool, error) {
	r.fresh = false
	if r.left == 0 {
		if len(r.rest) == 0 {
			return false, nil
		}
		if len(r.rest) < ownerHead || len(r.rest) < ownerHead+int(r.rest[0]) {
			return false, errLeafCut
		}
		n := int(r.rest[0])
		r.left, r.owner, r.rest = int(r.rest[1]), r.rest[ownerHead:ownerHead+n:ownerHead+n], r.rest[ownerHead+n:]
		if r.fresh = true; r.left == 0 || !isOwner(r.owner, r.origin) {
			return false, errLeafName
		}
	}
	if len(r.rest) < recordHead {
		return false, errLeafCut
	}
	end := recordHead + int(binary.BigEndian.Uint16(r.rest[6:]))
	if len(r.rest) < end {
		return false, errLeafCut
	}
	r.typ, r.ttl = wire.Type(binary.BigEndian.Uint16(r.rest)), binary.BigEndian.Uint32(r.rest[2:])
	r.data, r.rest = r.rest[recordHead:end:end], r.rest[end:]
	r.left--
	return true, nil
}

// isOwner tells whether octets are the name of an owner as leaves hold it.
func isOwner(octets []byte, origin wire.Name) bool {
	i := 0
	for i < len(octets) {
		if octets[i] == 0 {
			return i == len(octets)-1 && len(octets) <= wire.MaxName && wire.BorrowName(octets).IsBelow(origin)
		}
		if octets[i] > 63 {
			return false
		}
		i += 1 + int(octets[i])
	}
	return i == len(octets) && i+len(origin) <= wire.MaxName
}

// appendOwner appends the whole name of an owner.
func appendOwner(to, octets []byte, origin wire.Name) []byte {
	to = append(to, octets...)
	if isWhole(octets) {
		return to
	}
	return append(to, origin...)
}

// isWhole tells whether the name of an owner has its origin.
func isWhole(octets []byte) bool { return len(octets) > 0 && wire.NameLength(octets) == len(octets) }

// labelsOf gives the labels of an owner that its origin does not have.
func labelsOf(octets []byte, origin wire.Name) wire.Name {
	if isWhole(octets) {
		octets = octets[:len(octets)-len(origin)]
	}
	return wire.BorrowName(octets)
}

// ownerOctets gives the name of an owner as leaves hold it.
func ownerOctets(name, origin wire.Name) []byte {
	if labels, ok := strings.CutSuffix(string(name), string(origin)); ok {
		return []byte(labels)
	}
	return []byte(name)
}

// damaged says which records of a zone cannot be read. start is the key of the leaf, owner the name at which it broke, nil
// if it did not come so far.
func damaged(err error, start, owner []byte, origin wire.Name) error {
	if owner != nil && isOwner(owner, origin) {
		return fmt.Errorf("%w: those of %s: %w", ErrDamaged, wire.Name(appendOwner(nil, owner, origin)), err)
	}
	return fmt.Errorf("%w: those from %s on: %w", ErrDamaged, startName(start, origin), err)
}

// startName gives the name that the key of a leaf begins with; the origin if it holds less than that.
func startName(start []byte, origin wire.Name) wire.Name {
	end := strings.LastIndex(string(start), "\x00")
	if i := strings.Index(string(start), "\x00\x00"); i >= 0 { // the type and the data follow
		end = i
	}
	if n, err := keyName(start[:end+1]); err == nil && n.IsBelow(origin) {
		return n
	}
	return origin
}

// stored is a record as leaves hold it.
type stored struct {
	key   []byte // of the record
	owner int    // so many octets of it are the key of the owner
	name  []byte // of the owner, as leaves hold it
	typ   wire.Type
	ttl   uint32
	data  []byte
}

func (s *stored) ownerKey() string { return string(s.key[:s.owner]) }

// readLeaf gives all records of a leaf. They share memory with it.
func readLeaf(octets, start []byte, origin wire.Name, originKey []byte) ([]stored, error) {
	r, err := openLeaf(octets, origin)
	if err != nil {
		return nil, damaged(err, start, nil, origin)
	}
	var all []stored
	var owner []byte
	for {
		more, err := r.next()
		if err != nil {
			return nil, damaged(err, start, r.owner, origin)
		}
		if !more {
			return all, nil
		}
		if r.fresh {
			owner = appendKey(append(make([]byte, 0, len(originKey)+len(r.owner)+1), originKey...), labelsOf(r.owner, origin))
		}
		key := appendRecordKey(append(make([]byte, 0, len(owner)+3+len(r.data)), owner...), r.typ, r.data)
		all = append(all, stored{key: key, owner: len(owner), name: r.owner, typ: r.typ, ttl: r.ttl, data: r.data})
	}
}

// piece is a leaf to be written.
type piece struct {
	start  []byte // of any key that begins here, and greater than all before
	octets []byte

	nsec, nsec3 int // 1: it has records of that type
}

// writeLeaves gives the leaves that hold records, which are in order and all different, evenly filled. The first one begins
// at start.
func writeLeaves(all []stored, start []byte) []piece {
	total := 0
	for i := range all {
		total += all[i].size(i == 0 || all[i].ownerKey() != all[i-1].ownerKey())
	}
	full := leafSize - leafSum
	wanted := total / ((total + full - 1) / full) // of each
	var pieces []piece
	for from := 0; from < len(all); {
		p := piece{start: start, octets: make([]byte, leafSum, leafSize)}
		if from > 0 {
			p.start = separator(all[from-1].key, all[from].key)
		}
		count := 0 // where the number of records of the owner stands
		to := from
		for ; to < len(all); to++ {
			s := &all[to]
			fresh := to == from || s.ownerKey() != all[to-1].ownerKey()
			if size := len(p.octets) - leafSum; to > from && (size >= wanted || size+s.size(fresh) > full) {
				break
			}
			if fresh {
				count = len(p.octets) + 1
				p.octets = append(append(p.octets, byte(len(s.name)), 0), s.name...)
			}
			p.sees(s.typ)
			p.octets[count]++
			p.octets = binary.BigEndian.AppendUint16(p.octets, uint16(s.typ))
			p.octets = binary.BigEndian.AppendUint32(p.octets, s.ttl)
			p.octets = binary.BigEndian.AppendUint16(p.octets, uint16(len(s.data)))
			p.octets = append(p.octets, s.data...)
		}
		binary.BigEndian.PutUint32(p.octets, leafCheck(p.octets[leafSum:]))
		pieces = append(pieces, p)
		from = to
	}
	return pieces
}

// sees marks the leaf of a record.
func (p *piece) sees(t wire.Type) {
	switch t {
	case wire.TypeNSEC:
		p.nsec = 1
	case wire.TypeNSEC3:
		p.nsec3 = 1
	}
}

// size is what a record takes in a leaf, with its owner if that does not stand before it.
func (s *stored) size(fresh bool) int {
	if fresh {
		return ownerHead + len(s.name) + recordHead + len(s.data)
	}
	return recordHead + len(s.data)
}

// separator gives the shortest key that is greater than before and not greater than at.
func separator(before, at []byte) []byte {
	for i := range at {
		if i == len(before) || before[i] != at[i] {
			return at[:i+1]
		}
	}
	return at
}
