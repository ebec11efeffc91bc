package update

import (
	"encoding/binary"

	"bundy/internal/dns/wire"
)

// Parse reads an UPDATE message whose signature has been verified and removed. What it needs is bounded by the length
// of a message, which has room for fewer than 6000 records. The error is an *Error with FORMERR.
func Parse(msg []byte) (Request, error) {
	m, err := wire.ParseMessage(msg)
	if err != nil {
		return Request{}, refuse(wire.RcodeFormErr, "%v", err)
	}
	switch {
	case m.Header.Flags&wire.FlagQR != 0 || m.Header.Flags.Opcode() != wire.OpcodeUpdate:
		return Request{}, refuse(wire.RcodeFormErr, "not an update request")
	case len(m.Question) != 1:
		return Request{}, refuse(wire.RcodeFormErr, "%d records in the zone section, want one", len(m.Question))
	case m.Question[0].Type != wire.TypeSOA:
		return Request{}, refuse(wire.RcodeFormErr, "type %s in the zone section, want SOA", m.Question[0].Type)
	case m.Question[0].Class == wire.ClassANY || m.Question[0].Class == wire.ClassNONE:
		return Request{}, refuse(wire.RcodeFormErr, "class %s in the zone section", m.Question[0].Class)
	}
	r := Request{Zone: m.Question[0].Name, Class: m.Question[0].Class, Prerequisites: m.Answer, Updates: m.Authority}
	for _, rr := range m.Additional {
		r.EDNS = r.EDNS || rr.Type == wire.TypeOPT
	}
	return r, nil
}

// replySize is the payload size announced in replies to requests with EDNS: what passes every path unfragmented.
const replySize = 1232

// Reply gives the unsigned reply to msg, the message that r was read from: header and empty sections (RFC 2136 section
// 3.8), and an OPT record if the request had one (RFC 6891 section 7). msg must have a whole header.
func (r Request) Reply(msg []byte, code wire.Rcode) []byte {
	out := make([]byte, wire.HeaderSize, 128)
	h := wire.Header{
		ID:    binary.BigEndian.Uint16(msg),
		Flags: wire.FlagQR.WithOpcode(wire.OpcodeUpdate).WithRcode(code),
	}
	if r.EDNS {
		h.Additionals = 1
		out = append(out, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(wire.TypeOPT))
		out = binary.BigEndian.AppendUint16(out, replySize)
		out = append(out, 0, 0, 0, 0, 0, 0)
	}
	h.Put(out)
	return out
}
