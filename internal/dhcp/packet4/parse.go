package packet4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Sizes of the fixed part (RFC 2131 section 2).
const (
	headerSize = 236
	snameAt    = 44
	fileAt     = 108
	MaxSize    = 65507 // largest UDP payload
	maxChAddr  = 16
)

func cookie() [4]byte { return [4]byte{99, 130, 83, 99} }

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed DHCPv4 message")

// Parse reads a message. Slices of the result point into b. Pads are skipped, a missing end mark is tolerated, an
// option that runs past its field is an error. Overloaded fields (option 52) are read, and options that occur several
// times are joined in the order options, file, sname (RFC 3396 section 5).
func Parse(b []byte) (Message, error) {
	m := Message{Options: make([]Option, 0, 16)}
	err := m.Parse(b)
	return m, err
}

// Parse is the function Parse, with the memory that m has for options. After an error m is empty.
func (m *Message) Parse(b []byte) error {
	room := m.Options[:0]
	*m = Message{Options: room}
	bad := func(format string, args ...any) error {
		*m = Message{Options: room}
		return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
	}
	if len(b) < headerSize+4 || len(b) > MaxSize {
		return bad("%d octets", len(b))
	}
	if [4]byte(b[headerSize:]) != cookie() {
		return bad("no magic cookie")
	}
	if b[2] > maxChAddr {
		return bad("hardware address of %d octets", b[2])
	}
	if b[0] != BootRequest && b[0] != BootReply {
		return bad("op %d", b[0])
	}
	*m = Message{
		Op: b[0], HType: b[1], Hops: b[3],
		XID:    binary.BigEndian.Uint32(b[4:]),
		Secs:   binary.BigEndian.Uint16(b[8:]),
		Flags:  binary.BigEndian.Uint16(b[10:]),
		CIAddr: netip.AddrFrom4([4]byte(b[12:])),
		YIAddr: netip.AddrFrom4([4]byte(b[16:])),
		SIAddr: netip.AddrFrom4([4]byte(b[20:])),
		GIAddr: netip.AddrFrom4([4]byte(b[24:])),
		CHAddr: b[28 : 28+b[2]],
	}
	j := joiner{options: room}
	if err := j.read(b[headerSize+4:], "options"); err != nil {
		return bad("%v", err)
	}
	sname, file := b[snameAt:fileAt], b[fileAt:headerSize]
	overload := byte(0)
	if i, ok := j.find(OptOverload); ok && len(j.options[i].Data) == 1 {
		overload = j.options[i].Data[0] & 3
	}
	if overload&1 != 0 {
		if err := j.read(file, "file"); err != nil {
			return bad("%v", err)
		}
	} else {
		m.File = text(file)
	}
	if overload&2 != 0 {
		if err := j.read(sname, "sname"); err != nil {
			return bad("%v", err)
		}
	} else {
		m.SName = text(sname)
	}
	m.Options = j.options
	return nil
}

// text is the octets before the first zero octet.
func text(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// joiner collects options; seen is a set of codes, so that the common case needs no search. An option that comes in
// several pieces is gathered into a buffer of its own: total work and memory stay proportional to the packet.
type joiner struct {
	options []Option
	seen    [4]uint64
	owned   [4]uint64 // codes whose Data no longer points into the packet
}

func (j *joiner) find(code uint8) (int, bool) {
	if j.seen[code/64]&(1<<(code%64)) == 0 {
		return 0, false
	}
	for i := range j.options {
		if j.options[i].Code == code {
			return i, true
		}
	}
	return 0, false
}

func (j *joiner) read(b []byte, field string) error {
	for len(b) > 0 {
		code := b[0]
		if code == OptEnd {
			return nil
		}
		if code == OptPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return fmt.Errorf("option %d runs past the field %s", code, field)
		}
		data := b[2 : 2+int(b[1]) : 2+int(b[1])]
		b = b[2+len(data):]
		i, ok := j.find(code)
		if !ok {
			j.seen[code/64] |= 1 << (code % 64)
			j.options = append(j.options, Option{code, data})
			continue
		}
		if j.owned[code/64]&(1<<(code%64)) == 0 {
			j.owned[code/64] |= 1 << (code % 64)
			j.options[i].Data = append(make([]byte, 0, 2*(len(j.options[i].Data)+len(data))), j.options[i].Data...)
		}
		j.options[i].Data = append(j.options[i].Data, data...)
	}
	return nil
}

// Peek finds the type of a message without reading the rest of it; 0 when there is none in the field of options.
func Peek(b []byte) Type {
	if len(b) < headerSize+4 {
		return 0
	}
	for b = b[headerSize+4:]; len(b) >= 3 && b[0] != OptEnd; {
		switch {
		case b[0] == OptPad:
			b = b[1:]
		case b[0] == OptMessageType && b[1] == 1:
			return Type(b[2])
		case len(b) < 2+int(b[1]):
			return 0
		default:
			b = b[2+int(b[1]):]
		}
	}
	return 0
}
