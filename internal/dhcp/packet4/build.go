package packet4

import (
	"encoding/binary"
	"net/netip"
)

// Limits of what is sent.
const (
	MinDatagram = 576 // every client takes an IP datagram of this size (RFC 2131 section 2)
	MaxDatagram = 1500
	ipUDPHeader = 28
	minBOOTP    = 300 // RFC 951: shorter messages are dropped by old relays and clients
)

// PayloadLimit turns the client's maximum message size (option 57, an IP datagram; 0 when it sent none) into the
// largest UDP payload to send. More than an Ethernet frame is never used, so that nothing is fragmented.
func PayloadLimit(size uint16) int {
	return min(max(int(size), MinDatagram), MaxDatagram) - ipUDPHeader
}

// Append adds the wire form of m to dst: option 53 first, the others in their order, 82 last (RFC 3046 section 2.1),
// data above 255 octets in pieces (RFC 3396), at least 300 octets. When the options do not fit into limit octets,
// what is left over goes into the fields file and sname if those are empty (option 52); an option that is in pieces
// anyway may go on there. Options that fit nowhere are left out; their codes are returned.
func (m *Message) Append(dst []byte, limit int) (out []byte, omitted []uint8) {
	start := len(dst)
	dst = m.appendHeader(dst)
	room := limit - (headerSize + 4) - 1 // the end mark
	relay, hasRelay := m.Get(OptRelayAgent)
	if hasRelay {
		room -= wireSize(relay)
	}
	overflow := 0
	for i := range m.Options {
		o := &m.Options[i]
		if o.Code != OptMessageType && o.Code != OptRelayAgent && o.Code != OptOverload {
			overflow += wireSize(o.Data)
		}
	}
	if t, ok := m.Get(OptMessageType); ok {
		dst = appendOption(dst, OptMessageType, t)
		room -= wireSize(t)
	}
	overloadAt := 0
	if overflow > room {
		overloadAt = len(dst)
		dst = append(dst, OptOverload, 1, 0)
		room -= 3
	}
	var file, sname []byte // what goes there; one octet of each is for the end mark
	fields := []field{{to: &dst, room: room}}
	if overloadAt > 0 && len(m.File) == 0 {
		fields = append(fields, field{to: &file, room: fileRoom})
	}
	if overloadAt > 0 && len(m.SName) == 0 {
		fields = append(fields, field{to: &sname, room: snameRoom})
	}
	for i := range m.Options {
		o := &m.Options[i]
		if o.Code == OptMessageType || o.Code == OptRelayAgent || o.Code == OptOverload {
			continue
		}
		if !place(fields, o) {
			omitted = append(omitted, o.Code)
		}
	}
	overload := byte(0)
	for _, f := range []struct {
		data []byte
		at   int
		bit  byte
	}{{file, fileAt, 1}, {sname, snameAt, 2}} {
		if len(f.data) > 0 {
			copy(dst[start+f.at:], append(f.data, OptEnd))
			overload |= f.bit
		}
	}
	switch {
	case overloadAt == 0:
	case overload == 0: // RFC 2132 section 9.3 knows only 1 to 3
		dst = append(dst[:overloadAt], dst[overloadAt+3:]...)
	default:
		dst[overloadAt+2] = overload
	}
	if hasRelay {
		dst = appendOption(dst, OptRelayAgent, relay)
	}
	dst = append(dst, OptEnd)
	for len(dst)-start < minBOOTP {
		dst = append(dst, OptPad)
	}
	return dst, omitted
}

// Room for options in the fields, beside an end mark.
const (
	fileRoom  = headerSize - fileAt - 1
	snameRoom = fileAt - snameAt - 1
)

// field is one of those that options may stand in, in the order in which clients put pieces together (RFC 3396 section 5).
type field struct {
	to   *[]byte
	room int
}

// maxPiece is the most data of one piece of an option, behind its header of two octets.
const maxPiece, pieceHeader = 255, 2

// place puts an option into the first field that has room for it. One that is too long for a single piece may begin in one
// field and go on in the next: who understands pieces at all takes them from all fields together. False: there is no room.
func place(fields []field, o *Option) bool {
	n := wireSize(o.Data)
	for i := range fields {
		if f := &fields[i]; n <= f.room {
			*f.to, f.room = appendOption(*f.to, o.Code, o.Data), f.room-n
			return true
		}
	}
	if len(o.Data) <= maxPiece {
		return false
	}
	rest := len(o.Data)
	for _, f := range fields {
		for ; rest > 0 && f.room > pieceHeader; f.room -= pieceHeader + min(maxPiece, f.room-pieceHeader) {
			rest -= min(maxPiece, f.room-pieceHeader, rest)
		}
	}
	if rest > 0 {
		return false
	}
	data := o.Data
	for i := range fields {
		f := &fields[i]
		for len(data) > 0 && f.room > pieceHeader {
			n := min(maxPiece, f.room-pieceHeader, len(data))
			*f.to, f.room = appendOption(*f.to, o.Code, data[:n]), f.room-pieceHeader-n
			data = data[n:]
		}
	}
	return true
}

// wireSize is the size of an option with its headers.
func wireSize(data []byte) int { return len(data) + 2*max(1, (len(data)+254)/255) }

func appendOption(dst []byte, code uint8, data []byte) []byte {
	for {
		n := min(len(data), 255)
		dst = append(append(dst, code, byte(n)), data[:n]...)
		if data = data[n:]; len(data) == 0 {
			return dst
		}
	}
}

func (m *Message) appendHeader(dst []byte) []byte {
	var h [headerSize + 4]byte
	h[0], h[1], h[2], h[3] = m.Op, m.HType, byte(min(len(m.CHAddr), maxChAddr)), m.Hops
	binary.BigEndian.PutUint32(h[4:], m.XID)
	binary.BigEndian.PutUint16(h[8:], m.Secs)
	binary.BigEndian.PutUint16(h[10:], m.Flags)
	for i, a := range [4]netip.Addr{m.CIAddr, m.YIAddr, m.SIAddr, m.GIAddr} {
		if a.Is4() {
			a4 := a.As4()
			copy(h[12+4*i:], a4[:])
		}
	}
	copy(h[28:44], m.CHAddr)
	copy(h[snameAt:fileAt], m.SName)
	copy(h[fileAt:headerSize], m.File)
	c := cookie()
	copy(h[headerSize:], c[:])
	return append(dst, h[:]...)
}
