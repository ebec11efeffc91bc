package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// HeaderSize is the length of a message's header in octets (RFC 1035 section 4.1.1).
const HeaderSize = 12

// MaxMessage is the longest message in octets: what the length field of TCP can say (RFC 1035 section 4.2.2).
const MaxMessage = 65535

// ErrMessage is wrapped by every error about the form of a message. The rcode to answer with is FORMERR.
var ErrMessage = errors.New("malformed DNS message")

// Flags is the second 16-bit word of the header: flag bits, opcode and rcode.
type Flags uint16

const (
	FlagQR Flags = 1 << 15
	FlagAA Flags = 1 << 10
	FlagTC Flags = 1 << 9
	FlagRD Flags = 1 << 8
	FlagRA Flags = 1 << 7
	FlagAD Flags = 1 << 5
	FlagCD Flags = 1 << 4
)

// Opcode gives bits 1 to 4.
func (f Flags) Opcode() Opcode { return Opcode(f >> 11 & 15) }

// Rcode gives the lower four bits of the response code; the rest is in the OPT record (RFC 6891 section 6.1.3).
func (f Flags) Rcode() Rcode { return Rcode(f & 15) }

// WithOpcode gives f with another opcode.
func (f Flags) WithOpcode(o Opcode) Flags { return f&^(15<<11) | Flags(o&15)<<11 }

// WithRcode gives f with the lower four bits of r.
func (f Flags) WithRcode(r Rcode) Flags { return f&^15 | Flags(r&15) }

// Header is the fixed part of a message.
type Header struct {
	ID    uint16
	Flags Flags
	// The number of questions and of records in the answer, authority and additional sections. In an UPDATE they are
	// called zone, prerequisite, update and additional (RFC 2136 section 2.2).
	Questions, Answers, Authorities, Additionals uint16
}

// ParseHeader reads the header. The error wraps ErrMessage.
func ParseHeader(msg []byte) (Header, error) {
	if len(msg) < HeaderSize {
		return Header{}, fmt.Errorf("%w: %d octets are no header", ErrMessage, len(msg))
	}
	return readHeader(msg), nil
}

func readHeader(msg []byte) Header {
	return Header{
		ID:          binary.BigEndian.Uint16(msg[0:]),
		Flags:       Flags(binary.BigEndian.Uint16(msg[2:])),
		Questions:   binary.BigEndian.Uint16(msg[4:]),
		Answers:     binary.BigEndian.Uint16(msg[6:]),
		Authorities: binary.BigEndian.Uint16(msg[8:]),
		Additionals: binary.BigEndian.Uint16(msg[10:]),
	}
}

// Put writes the header over the first HeaderSize octets of msg, which must be there.
func (h Header) Put(msg []byte) {
	binary.BigEndian.PutUint16(msg[0:], h.ID)
	binary.BigEndian.PutUint16(msg[2:], uint16(h.Flags))
	binary.BigEndian.PutUint16(msg[4:], h.Questions)
	binary.BigEndian.PutUint16(msg[6:], h.Answers)
	binary.BigEndian.PutUint16(msg[8:], h.Authorities)
	binary.BigEndian.PutUint16(msg[10:], h.Additionals)
}
