package client

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"bundy/internal/dns/wire"
)

const (
	flagQR = 0x80
	flagTC = 0x02
)

// accept checks that reply answers q and verifies its signature. A fitting reply with TC is errTC, whoever signed it:
// the question is asked again over TCP, which a forger cannot turn to use.
func (q request) accept(reply []byte) ([]byte, error) {
	if err := q.match(reply); err != nil {
		return nil, err
	}
	if reply[2]&flagTC != 0 {
		return nil, errTC
	}
	out := append([]byte(nil), reply...)
	if q.session != nil {
		var err error
		if out, err = q.session.VerifyResponse(reply, time.Now()); err != nil {
			return nil, err
		}
	}
	binary.BigEndian.PutUint16(out, q.id)
	return out, nil
}

// match compares id, opcode and question. The question may be absent from an answer to an UPDATE (RFC 2136 section
// 3.8) and from an error, whose sender may not have read it.
func (q request) match(reply []byte) error {
	if len(reply) < 12 {
		return fmt.Errorf("%w: %d octets", ErrMismatch, len(reply))
	}
	const opcodes, update = 0x78, 5 << 3
	switch {
	case reply[2]&flagQR == 0:
		return fmt.Errorf("%w: a request", ErrMismatch)
	case !bytes.Equal(reply[:2], q.signed[:2]):
		return fmt.Errorf("%w: other id", ErrMismatch)
	case reply[2]&opcodes != q.signed[2]&opcodes:
		return fmt.Errorf("%w: opcode %d", ErrMismatch, reply[2]&opcodes>>3)
	}
	rcode := reply[3] & 0x0f
	switch binary.BigEndian.Uint16(reply[4:]) {
	case 0:
		if rcode != 0 || q.signed[2]&opcodes == update || binary.BigEndian.Uint16(q.signed[4:]) == 0 {
			return nil
		}
		return fmt.Errorf("%w: no question", ErrMismatch)
	case 1:
		name, kind := question(q.signed)
		gotName, gotKind := question(reply)
		if name == "" || !name.Equal(gotName) || !bytes.Equal(kind, gotKind) {
			return fmt.Errorf("%w: other question", ErrMismatch)
		}
		return nil
	}
	return fmt.Errorf("%w: several questions", ErrMismatch)
}

// question gives the name and the octets of type and class of the first question; no name when it is cut short or
// compressed, as the first name of a message cannot be.
func question(msg []byte) (wire.Name, []byte) {
	if binary.BigEndian.Uint16(msg[4:]) == 0 {
		return "", nil
	}
	for off := 12; off < len(msg) && msg[off] < 64; off += 1 + int(msg[off]) {
		if msg[off] == 0 && off+5 <= len(msg) {
			return wire.Name(msg[12 : off+1]), msg[off+1 : off+5]
		}
		if msg[off] == 0 {
			break
		}
	}
	return "", nil
}
