package tsig

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

// fixedRDATA is the length of the RDATA without algorithm name, MAC and other data (RFC 8945 section 4.2).
const fixedRDATA = 6 + 2 + 2 + 2 + 2 + 2

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
	if len(msg) < wire.HeaderSize {
		return -1, malformed("the message is shorter than its header")
	}
	count := func(i int) int { return int(binary.BigEndian.Uint16(msg[4+2*i:])) }
	if count(1) == 0 && count(2) == 0 && count(3) == 0 {
		return -1, nil
	}
	off, ok := wire.HeaderSize, true
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

// parse reads the TSIG RR that find found at off. The MAC and the other data are slices of msg.
func parse(msg []byte, off int) (record, *Error) {
	name, off, err := wire.ReadName(msg, off)
	if err != nil {
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
	n := wire.NameLength(data) // never compressed (RFC 3597 section 4)
	if n == 0 {
		return record{}, malformed("bad algorithm name")
	}
	r.algorithm, data = wire.Name(data[:n]), data[n:]
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
