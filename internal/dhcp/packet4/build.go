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
// what is left over goes into the fields file and sname if those are empty (option 52). Options that fit nowhere are
// left out; their codes are returned.
func (m *Message) Append(dst []byte, limit int) (out []byte, omitted []uint8) {
	start := len(dst)
	dst = m.appendHeader(dst)
	room := limit - (headerSize + 4) - 1 // the end mark
	relay, hasRelay := m.Get(OptRelayAgent)
	if hasRelay {
		room -= wireSize(relay)
	}
	var left []*Option
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
	for i := range m.Options {
		o := &m.Options[i]
		if o.Code == OptMessageType || o.Code == OptRelayAgent || o.Code == OptOverload {
			continue
		}
		if n := wireSize(o.Data); n <= room {
			dst = appendOption(dst, o.Code, o.Data)
			room -= n
			continue
		}
		left = append(left, o)
	}
	if overloadAt > 0 {
		overload := byte(0)
		if len(m.File) == 0 {
			left = fill(dst[start+fileAt:start+headerSize], left, &overload, 1)
		}
		if len(m.SName) == 0 {
			left = fill(dst[start+snameAt:start+fileAt], left, &overload, 2)
		}
		if overload == 0 { // RFC 2132 section 9.3 knows only 1 to 3
			dst = append(dst[:overloadAt], dst[overloadAt+3:]...)
		} else {
			dst[overloadAt+2] = overload
		}
	}
	if hasRelay {
		dst = appendOption(dst, OptRelayAgent, relay)
	}
	dst = append(dst, OptEnd)
	for len(dst)-start < minBOOTP {
		dst = append(dst, OptPad)
	}
	for _, o := range left {
		omitted = append(omitted, o.Code)
	}
	return dst, omitted
}

// fill puts those options that fit into a field and an end mark behind them, and gives back the others.
func fill(field []byte, options []*Option, overload *byte, bit byte) []*Option {
	var left []*Option
	used := field[:0]
	for _, o := range options {
		if len(used)+wireSize(o.Data)+1 > len(field) {
			left = append(left, o)
			continue
		}
		used = appendOption(used, o.Code, o.Data)
		*overload |= bit
	}
	if len(used) > 0 {
		_ = append(used, OptEnd)
	}
	return left
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
