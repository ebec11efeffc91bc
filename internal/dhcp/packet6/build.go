package packet6

import (
	"encoding/binary"
	"net/netip"
)

// AppendHeader begins a message of a client or a server.
func AppendHeader(dst []byte, t Type, id uint32) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(t)<<24|id&0xffffff)
}

// AppendOption adds an option. Data is at most 65535 octets long; what is longer is cut off.
func AppendOption(dst []byte, code uint16, data []byte) []byte {
	data = data[:min(len(data), 0xffff)]
	dst = binary.BigEndian.AppendUint16(dst, code)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)))
	return append(dst, data...)
}

// Open begins an option whose data is appended next; Close, given the place that Open returned, ends it.
func Open(dst []byte, code uint16) (out []byte, at int) {
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, 0, 0), len(dst) + 2
}

// Close ends the option that begins at at.
func Close(dst []byte, at int) []byte {
	binary.BigEndian.PutUint16(dst[at-2:], uint16(len(dst)-at))
	return dst
}

// AppendStatus adds a status code option.
func AppendStatus(dst []byte, s Status) []byte {
	dst, at := Open(dst, OptStatusCode)
	dst = binary.BigEndian.AppendUint16(dst, uint16(s.Code))
	return Close(append(dst, s.Text...), at)
}

// Append adds the wire form of an association with what is in it.
func (ia *IA) Append(dst []byte) []byte {
	dst, at := Open(dst, ia.Code)
	dst = binary.BigEndian.AppendUint32(dst, ia.IAID)
	if ia.Code != OptIATA {
		dst = binary.BigEndian.AppendUint32(dst, ia.T1)
		dst = binary.BigEndian.AppendUint32(dst, ia.T2)
	}
	for i := range ia.Leases {
		dst = ia.Leases[i].append(dst, ia.Code == OptIAPD)
	}
	if ia.Status != nil {
		dst = AppendStatus(dst, *ia.Status)
	}
	return Close(dst, at)
}

func (l *Lease) append(dst []byte, prefix bool) []byte {
	var at int
	a := l.Prefix.Addr().As16()
	if prefix {
		dst, at = Open(dst, OptIAPrefix)
		dst = binary.BigEndian.AppendUint32(dst, l.Preferred)
		dst = binary.BigEndian.AppendUint32(dst, l.Valid)
		dst = append(append(dst, byte(l.Prefix.Bits())), a[:]...)
	} else {
		dst, at = Open(dst, OptIAAddr)
		dst = append(dst, a[:]...)
		dst = binary.BigEndian.AppendUint32(dst, l.Preferred)
		dst = binary.BigEndian.AppendUint32(dst, l.Valid)
	}
	if l.Exclude != nil {
		dst = AppendOption(dst, OptPDExclude, l.Exclude)
	}
	if l.Status != nil {
		dst = AppendStatus(dst, *l.Status)
	}
	return Close(dst, at)
}

// Exclude gives the contents of the option that takes one prefix out of a delegated one (RFC 6603 section 4.2): the
// length of the inner prefix, and the bits of it behind the outer one's. It is nil unless the inner prefix lies in the outer
// one and is longer.
func Exclude(outer, inner netip.Prefix) []byte {
	if !inner.IsValid() || inner.Bits() <= outer.Bits() || !outer.Contains(inner.Addr()) {
		return nil
	}
	a := inner.Masked().Addr().As16()
	out := make([]byte, 1+(inner.Bits()-outer.Bits()+7)/8)
	out[0] = byte(inner.Bits())
	for bit := outer.Bits(); bit < inner.Bits(); bit++ {
		if a[bit/8]&(0x80>>(bit%8)) != 0 {
			to := bit - outer.Bits()
			out[1+to/8] |= 0x80 >> (to % 8)
		}
	}
	return out
}

// Append adds the wire form of a message without relay agents.
func (m *Message) Append(dst []byte) []byte {
	dst = AppendHeader(dst, m.Type, m.ID)
	for _, o := range m.Options {
		dst = AppendOption(dst, o.Code, o.Data)
	}
	return dst
}

// AppendReply adds a reply for the sender of p: what message appends, in the envelopes that bring it back through the
// relay agents (RFC 9915 section 19.3). Each gets its interface and its port back, and what it asks to have echoed
// (RFC 4994).
func (p *Packet) AppendReply(dst []byte, message func(dst []byte) []byte) []byte {
	var open [MaxRelays]int
	for i := range p.Relays {
		r := &p.Relays[i]
		dst = append(dst, byte(RelayReply), r.Hops)
		link, peer := r.Link.As16(), r.Peer.As16()
		dst = append(append(dst, link[:]...), peer[:]...)
		echo, _ := r.Options.Get(OptERO)
		for _, o := range r.Options {
			if o.Code == OptInterfaceID || o.Code == OptRelayPort || o.Code != OptERO && names(echo, o.Code) {
				dst = AppendOption(dst, o.Code, o.Data)
			}
		}
		dst, open[i] = Open(dst, OptRelayMessage)
	}
	dst = message(dst)
	for i := len(p.Relays) - 1; i >= 0; i-- {
		dst = Close(dst, open[i])
	}
	return dst
}

func names(codes []byte, code uint16) bool {
	for ; len(codes) >= 2; codes = codes[2:] {
		if binary.BigEndian.Uint16(codes) == code {
			return true
		}
	}
	return false
}
