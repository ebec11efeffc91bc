package dhcp4

import (
	"encoding/binary"
	"net/netip"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/packet4"
	"bundy/internal/dhcp/subnet"
)

// bootp is the type of messages of the protocol before DHCP, which have none (RFC 951, RFC 1534).
const bootp packet4.Type = 0

// Sub-options of the relay agent information (RFC 3046 section 2.0).
const circuitID = 1

// Option implements class.Packet.
func (x *exchange) Option(code uint16) ([]byte, bool) {
	if code > 255 {
		return nil, false
	}
	return x.request.Get(uint8(code))
}

// RelayOption implements class.Packet: DHCPv4 has no such options.
func (x *exchange) RelayOption(int, uint16) ([]byte, bool) { return nil, false }

// Field implements class.Packet.
func (x *exchange) Field(name string, _ int) string {
	m := &x.request
	number := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
	octets := func(a netip.Addr) string { return string(a.AsSlice()) }
	switch name {
	case "pkt.iface":
		return x.packet.Link.Name
	case "pkt.src":
		return octets(x.packet.Source.Addr())
	case "pkt.dst":
		return octets(x.packet.Destination)
	case "pkt.len":
		return number(len(x.packet.Data))
	case "pkt4.mac":
		return string(m.CHAddr)
	case "pkt4.hlen":
		return number(len(m.CHAddr))
	case "pkt4.htype":
		return number(int(m.HType))
	case "pkt4.ciaddr":
		return octets(m.CIAddr)
	case "pkt4.giaddr":
		return octets(m.GIAddr)
	case "pkt4.yiaddr":
		return octets(m.YIAddr)
	case "pkt4.siaddr":
		return octets(m.SIAddr)
	case "pkt4.msgtype":
		return number(int(x.kind))
	case "pkt4.transid":
		return number(int(m.XID))
	}
	return ""
}

// identifiers are what reservations may know the client by, in the configured order.
func (s *server) identifiers(x *exchange) []subnet.Identifier {
	out := make([]subnet.Identifier, 0, len(x.set.identifiers))
	for _, kind := range x.set.identifiers {
		value := ""
		switch kind {
		case subnet.ByHWAddr:
			value = x.client.HWAddr
		case subnet.ByClientID:
			value = x.clientID
		case subnet.ByDUID:
			value, _ = duid.ClientID(x.clientID).DUID()
		case subnet.ByCircuitID:
			b, _ := x.request.SubOption(circuitID)
			value = string(b)
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
