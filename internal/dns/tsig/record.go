package tsig

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

const (
	headerLen = 12
	// fixedRDATA is the length of the RDATA without algorithm name, MAC and other data (RFC 8945 section 4.2).
	fixedRDATA = 6 + 2 + 2 + 2 + 2 + 2
	// maxPointers bounds the jumps of a compressed owner name. A pointer must point before itself and a name has at
	// most 127 labels, so no honest name needs more.
	maxPointers = 127
)

// record is a TSIG RR.
type record struct {
	name, algorithm wire.Name
	time            uint64 // seconds of the Unix epoch, 48 bits
	fudge           uint16
	mac             []byte
	originalID      uint16
	err             wire.Rcode
	other           []byte
}

// find gives the offset of the TSIG RR of msg, or -1 when it has none. TSIG must be the last RR of the additional
// section, and be there once (RFC 8945 section 5.1). A message whose sections do not end inside it is malformed. It
// allocates nothing unless it fails, for it runs over every query.
func find(msg []byte) (int, *Error) {
	if len(msg) < headerLen {
		return -1, malformed("the message is shorter than its header")
	}
	count := func(i int) int { return int(binary.BigEndian.Uint16(msg[4+2*i:])) }
	if count(1) == 0 && count(2) == 0 && count(3) == 0 {
		return -1, nil
	}
	off, ok := headerLen, true
	for range count(0) {
		if off, ok = skipName(msg, off); !ok || off+4 > len(msg) {
			return -1, malformed("the question section is cut short")
		}
		off += 4
	}
	beforeAdditional, records := count(1)+count(2), count(1)+count(2)+count(3)
	for i := range records {
		start := off
		if off, ok = skipName(msg, off); !ok || off+10 > len(msg) {
			return -1, malformed("a record is cut short")
		}
		rrtype := wire.Type(binary.BigEndian.Uint16(msg[off:]))
		off += 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
		if off > len(msg) {
			return -1, malformed("a record is cut short")
		}
		if rrtype != wire.TypeTSIG {
			continue
		}
		if i != records-1 || i < beforeAdditional {
			return -1, malformed("the record is not the last one of the additional section")
		}
		if off != len(msg) {
			return -1, malformed("bytes follow the record")
		}
		return start, nil
	}
	return -1, nil
}

// skipName gives the offset behind the name at off.
func skipName(msg []byte, off int) (int, bool) {
	for off < len(msg) {
		switch c := int(msg[off]); {
		case c == 0:
			return off + 1, true
		case c < 64:
			off += 1 + c
		case c >= 0xc0:
			return off + 2, off+2 <= len(msg)
		default:
			return 0, false
		}
	}
	return 0, false
}

// readName reads the name at off, following compression pointers when the message is given whole.
func readName(msg []byte, off int, compressed bool) (name wire.Name, next int, ok bool) {
	var buf [wire.MaxName]byte
	n, limit := 0, off
	for jumps := 0; off < len(msg); {
		c := int(msg[off])
		switch {
		case c >= 0xc0:
			if !compressed || off+2 > len(msg) || jumps == maxPointers {
				return "", 0, false
			}
			target := int(binary.BigEndian.Uint16(msg[off:]) & 0x3fff)
			if target >= limit {
				return "", 0, false
			}
			if jumps == 0 {
				next = off + 2
			}
			jumps++
			off, limit = target, target
		case c >= 64:
			return "", 0, false
		default:
			if off+1+c > len(msg) || n+1+c > wire.MaxName {
				return "", 0, false
			}
			n += copy(buf[n:], msg[off:off+1+c])
			off += 1 + c
			if c == 0 {
				if next == 0 {
					next = off
				}
				return wire.Name(buf[:n]), next, true
			}
		}
	}
	return "", 0, false
}

// parse reads the TSIG RR that find found at off. The MAC and the other data are slices of msg.
func parse(msg []byte, off int) (record, *Error) {
	name, off, ok := readName(msg, off, true)
	if !ok {
		return record{}, malformed("bad key name")
	}
	if class := wire.Class(binary.BigEndian.Uint16(msg[off+2:])); class != wire.ClassANY {
		return record{}, malformed("class is not ANY")
	}
	if binary.BigEndian.Uint32(msg[off+4:]) != 0 {
		return record{}, malformed("TTL is not 0")
	}
	r := record{name: name}
	data := msg[off+10:]
	if r.algorithm, off, ok = readName(data, 0, false); !ok {
		return record{}, malformed("bad algorithm name")
	}
	data = data[off:]
	if len(data) < fixedRDATA {
		return record{}, malformed("RDATA is cut short")
	}
	r.time = uint64(binary.BigEndian.Uint16(data))<<32 | uint64(binary.BigEndian.Uint32(data[2:]))
	r.fudge = binary.BigEndian.Uint16(data[6:])
	size := int(binary.BigEndian.Uint16(data[8:]))
	if data = data[10:]; len(data) < size+6 {
		return record{}, malformed("the MAC is cut short")
	}
	r.mac, data = data[:size:size], data[size:]
	r.originalID = binary.BigEndian.Uint16(data)
	r.err = wire.Rcode(binary.BigEndian.Uint16(data[2:]))
	if size = int(binary.BigEndian.Uint16(data[4:])); len(data) != 6+size {
		return record{}, malformed("the length of the other data is wrong")
	}
	r.other = data[6:]
	return r, nil
}

// appendTo adds the RR behind msg and counts it.
func (r record) appendTo(msg []byte) []byte {
	out := append(msg, r.name...)
	out = binary.BigEndian.AppendUint16(out, uint16(wire.TypeTSIG))
	out = binary.BigEndian.AppendUint16(out, uint16(wire.ClassANY))
	out = binary.BigEndian.AppendUint32(out, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.algorithm)+fixedRDATA+len(r.mac)+len(r.other)))
	out = append(out, r.algorithm...)
	out = append48(out, r.time)
	out = binary.BigEndian.AppendUint16(out, r.fudge)
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.mac)))
	out = append(out, r.mac...)
	out = binary.BigEndian.AppendUint16(out, r.originalID)
	out = binary.BigEndian.AppendUint16(out, uint16(r.err))
	out = binary.BigEndian.AppendUint16(out, uint16(len(r.other)))
	out = append(out, r.other...)
	binary.BigEndian.PutUint16(out[10:], binary.BigEndian.Uint16(out[10:])+1)
	return out
}

// size is the length of the whole RR.
func (r record) size() int {
	return len(r.name) + 10 + len(r.algorithm) + fixedRDATA + len(r.mac) + len(r.other)
}

func append48(out []byte, v uint64) []byte {
	out = binary.BigEndian.AppendUint16(out, uint16(v>>32))
	return binary.BigEndian.AppendUint32(out, uint32(v))
}
