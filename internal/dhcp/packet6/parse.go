package packet6

import (
	"encoding/binary"
	"net/netip"
)

const (
	headerSize      = 4  // of a message: type and transaction
	relayHeaderSize = 34 // of a relay agent's: type, hops, two addresses
	optionHeader    = 4
	authHeader      = 11 // of an authentication option: protocol, algorithm, replay detection (section 21.11)
)

// Parse reads a message that came from a client, or through relay agents. Options whose form a server relies on are
// checked here; others are kept as they came. All errors wrap ErrMalformed.
func Parse(data []byte) (Packet, error) {
	var p Packet
	for {
		if len(data) < headerSize {
			return p, malformed("%d octets", len(data))
		}
		switch Type(data[0]) {
		case RelayForward:
			if len(p.Relays) == MaxRelays {
				return p, malformed("more than %d relay agents", MaxRelays)
			}
			r, inner, err := parseRelay(data)
			if err != nil {
				return p, err
			}
			p.Relays, data = append(p.Relays, r), inner
		case RelayReply:
			return p, malformed("a reply by way of relay agents")
		default:
			var err error
			p.Message, err = ParseMessage(data)
			return p, err
		}
	}
}

// ParseMessage reads a message that is not wrapped by relay agents.
func ParseMessage(data []byte) (Message, error) {
	if len(data) < headerSize {
		return Message{}, malformed("%d octets", len(data))
	}
	m := Message{Type: Type(data[0]), ID: binary.BigEndian.Uint32(data) & 0xffffff}
	var err error
	if m.Options, err = parseOptions(data[headerSize:]); err != nil {
		return m, err
	}
	return m, m.check()
}

func parseRelay(data []byte) (r Relay, inner []byte, err error) {
	if len(data) < relayHeaderSize {
		return r, nil, malformed("%d octets of a relay agent", len(data))
	}
	r = Relay{
		Hops: data[1],
		Link: netip.AddrFrom16([16]byte(data[2:18])),
		Peer: netip.AddrFrom16([16]byte(data[18:34])),
	}
	all, err := parseOptions(data[relayHeaderSize:])
	if err != nil {
		return r, nil, err
	}
	found := false
	r.Options = all[:0]
	for _, o := range all {
		switch {
		case o.Code != OptRelayMessage:
			r.Options = append(r.Options, o)
		case found:
			return r, nil, malformed("two messages from a relay agent")
		default:
			inner, found = o.Data, true
		}
	}
	if !found {
		return r, nil, malformed("no message from a relay agent")
	}
	return r, inner, nil
}

func parseOptions(data []byte) (Options, error) {
	count := 0
	for rest := data; len(rest) > 0; count++ {
		if len(rest) < optionHeader {
			return nil, malformed("%d octets behind the last option", len(rest))
		}
		n := int(binary.BigEndian.Uint16(rest[2:]))
		if len(rest) < optionHeader+n {
			return nil, malformed("option %d of %d octets ends after %d", binary.BigEndian.Uint16(rest), n, len(rest)-optionHeader)
		}
		rest = rest[optionHeader+n:]
	}
	if count > MaxOptions {
		return nil, malformed("%d options side by side", count)
	}
	out := make(Options, 0, count)
	for len(data) > 0 {
		n := optionHeader + int(binary.BigEndian.Uint16(data[2:]))
		out = append(out, Option{Code: binary.BigEndian.Uint16(data), Data: data[optionHeader:n:n]})
		data = data[n:]
	}
	return out, nil
}

// check refuses options that have another form than their definition: the client means something that we would guess.
func (m *Message) check() error {
	ias := 0
	for _, o := range m.Options {
		n := len(o.Data)
		good := true
		switch o.Code {
		case OptClientID, OptServerID:
			good = n >= MinDUID && n <= MaxDUID
		case OptORO:
			good = n%2 == 0
		case OptElapsedTime:
			good = n == 2
		case OptPreference, OptReconfMessage:
			good = n == 1
		case OptRapidCommit, OptReconfAccept:
			good = n == 0
		case OptUnicast:
			good = n == 16
		case OptStatusCode:
			good = n >= 2
		case OptAuth:
			good = n >= authHeader
		case OptVendorClass, OptVendorOpts:
			good = n >= 4
		case OptIANA, OptIATA, OptIAPD:
			if _, err := parseIA(o); err != nil {
				return err
			}
			ias++
		case OptIAAddr, OptIAPrefix:
			if m.Type == AddrRegInform || m.Type == AddrRegReply {
				break // the messages that have an address outside of an association
			}
			return malformed("option %d outside of an association", o.Code)
		case OptRelayMessage:
			return malformed("a relayed message in one that is not relayed")
		}
		if !good {
			return malformed("option %d of %d octets", o.Code, n)
		}
	}
	if ias > MaxIAs {
		return malformed("%d identity associations", ias)
	}
	return nil
}
