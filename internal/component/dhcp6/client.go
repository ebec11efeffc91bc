package dhcp6

import (
	"encoding/binary"
	"net/netip"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/packet6"
	"bundy/internal/dhcp/subnet"
)

// hardware is a client's hardware address, as far as it can be known.
type hardware struct {
	kind    uint8
	address string // raw octets
	source  uint8  // how it was learned
}

// Sources of hardware addresses in lease files (Kea's numbers).
const (
	fromDUID      = 2
	fromLinkLocal = 4
	fromRelay     = 8
)

const ethernet = 1

// hardwareOf looks for the client's hardware address: what the relay agent next to it says (RFC 6939), what is in its
// DUID, what its link-local address is made of.
func hardwareOf(p *packet6.Packet, id string, source netip.Addr) hardware {
	if nearest := p.Nearest(); nearest != nil {
		source = nearest.Peer
		if data, ok := nearest.Options.Get(packet6.OptClientLinkAddr); ok && len(data) > 2 && len(data) <= 2+20 {
			return hardware{uint8(binary.BigEndian.Uint16(data)), string(data[2:]), fromRelay}
		}
	}
	if kind, address, ok := duid.HWAddr(id); ok && len(address) <= 20 {
		return hardware{uint8(kind), address, fromDUID}
	}
	a := source.As16()
	if source.IsLinkLocalUnicast() && a[11] == 0xff && a[12] == 0xfe { // EUI-64 (RFC 4291 appendix A)
		return hardware{ethernet, string([]byte{a[8] ^ 2, a[9], a[10], a[13], a[14], a[15]}), fromLinkLocal}
	}
	return hardware{}
}

// Option implements class.Packet.
func (x *exchange) Option(code uint16) ([]byte, bool) { return x.message.Options.Get(code) }

// RelayOption implements class.Packet.
func (x *exchange) RelayOption(nest int, code uint16) ([]byte, bool) {
	if r := x.relay(nest); r != nil {
		return r.Options.Get(code)
	}
	return nil, false
}

// relay gives a relay agent: 0 is the one next to the server, -1 the one next to the client.
func (x *exchange) relay(nest int) *packet6.Relay {
	if nest < 0 {
		nest += len(x.request.Relays)
	}
	if nest < 0 || nest >= len(x.request.Relays) {
		return nil
	}
	return &x.request.Relays[nest]
}

// Field implements class.Packet.
func (x *exchange) Field(name string, nest int) string {
	number := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	switch name {
	case "pkt.iface":
		return x.packet.Link.Name
	case "pkt.src":
		return string(x.packet.Source.Addr().AsSlice())
	case "pkt.dst":
		return string(x.packet.Destination.AsSlice())
	case "pkt.len":
		return number(uint32(len(x.packet.Data)))
	case "pkt6.msgtype":
		return number(uint32(x.kind))
	case "pkt6.transid":
		return number(x.message.ID)
	case "relay6.peeraddr":
		if r := x.relay(nest); r != nil {
			return string(r.Peer.AsSlice())
		}
	case "relay6.linkaddr":
		if r := x.relay(nest); r != nil {
			return string(r.Link.AsSlice())
		}
	}
	return ""
}

// identifiers are what reservations may know the client by, in the configured order.
func (s *server) identifiers(x *exchange) []subnet.Identifier {
	out := make([]subnet.Identifier, 0, len(x.set.identifiers))
	for _, kind := range x.set.identifiers {
		value := ""
		switch kind {
		case subnet.ByDUID:
			value = x.duid
		case subnet.ByHWAddr:
			value = x.hw.address
		case subnet.ByFlexID:
			if x.set.flexID != nil {
				value = s.evaluator.Text(x.set.flexID, x, x.classes)
			}
		}
		if value != "" {
			out = append(out, subnet.Identifier{Kind: kind, Value: value})
		}
	}
	return out
}
