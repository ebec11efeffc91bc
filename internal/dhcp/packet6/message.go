package packet6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"net/netip"
)

// Type is the type of a message (RFC 9915 section 7.3, RFC 9686 section 4).
type Type uint8

const (
	Solicit            Type = 1
	Advertise          Type = 2
	Request            Type = 3
	Confirm            Type = 4
	Renew              Type = 5
	Rebind             Type = 6
	Reply              Type = 7
	Release            Type = 8
	Decline            Type = 9
	Reconfigure        Type = 10
	InformationRequest Type = 11
	RelayForward       Type = 12
	RelayReply         Type = 13
	AddrRegInform      Type = 36
	AddrRegReply       Type = 37
)

// String is the name that the RFCs use.
func (t Type) String() string {
	switch t {
	case AddrRegInform:
		return "ADDR-REG-INFORM"
	case AddrRegReply:
		return "ADDR-REG-REPLY"
	}
	names := [...]string{
		"", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM", "RENEW", "REBIND", "REPLY", "RELEASE", "DECLINE",
		"RECONFIGURE", "INFORMATION-REQUEST", "RELAY-FORW", "RELAY-REPL",
	}
	if t == 0 || int(t) >= len(names) {
		return fmt.Sprintf("message of type %d", uint8(t))
	}
	return names[t]
}

// Codes of options that have a meaning for servers (RFC 9915 section 21 if nothing else is said).
const (
	OptClientID       = 1
	OptServerID       = 2
	OptIANA           = 3
	OptIATA           = 4
	OptIAAddr         = 5
	OptORO            = 6
	OptPreference     = 7
	OptElapsedTime    = 8
	OptRelayMessage   = 9
	OptAuth           = 11
	OptUnicast        = 12
	OptStatusCode     = 13
	OptRapidCommit    = 14
	OptUserClass      = 15
	OptVendorClass    = 16
	OptVendorOpts     = 17
	OptInterfaceID    = 18
	OptReconfMessage  = 19
	OptReconfAccept   = 20
	OptIAPD           = 25
	OptIAPrefix       = 26
	OptRemoteID       = 37  // RFC 4649
	OptSubscriberID   = 38  // RFC 4580
	OptFQDN           = 39  // RFC 4704
	OptERO            = 43  // RFC 4994
	OptRSOO           = 66  // RFC 6422
	OptPDExclude      = 67  // RFC 6603
	OptClientLinkAddr = 79  // RFC 6939
	OptRelayPort      = 135 // RFC 8357
	OptAddrRegEnable  = 148 // RFC 9686
)

// Limits of what is read. Nothing honest comes near them.
const (
	MaxRelays  = 32  // relay agents that a message came through; RFC 9915 section 7.6 lets relays pass on 8
	MaxOptions = 256 // options side by side
	MaxIAs     = 32  // identity associations of a message
	MaxLeases  = 32  // addresses or prefixes of an association
	MinDUID    = 3   // octets: type and at least one (RFC 9915 section 11.1)
	MaxDUID    = 130
)

// ErrMalformed is wrapped by all errors about the form of what was read.
var ErrMalformed = errors.New("malformed DHCPv6 message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMalformed, fmt.Errorf(format, args...))
}

// Option is one option in wire form.
type Option struct {
	Code uint16
	Data []byte
}

// Options are options side by side, in the order in which they came.
type Options []Option

// Get gives the data of the first option with a code.
func (o Options) Get(code uint16) ([]byte, bool) {
	for i := range o {
		if o[i].Code == code {
			return o[i].Data, true
		}
	}
	return nil, false
}

// Has tells whether there is an option with a code.
func (o Options) Has(code uint16) bool {
	_, ok := o.Get(code)
	return ok
}

// Each gives the data of all options with a code.
func (o Options) Each(code uint16) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range o {
			if o[i].Code == code && !yield(o[i].Data) {
				return
			}
		}
	}
}

// Count is the number of options with a code.
func (o Options) Count(code uint16) int {
	n := 0
	for range o.Each(code) {
		n++
	}
	return n
}

// Asks tells whether the option request option names a code.
func (o Options) Asks(code uint16) bool {
	asked, _ := o.Get(OptORO)
	for ; len(asked) >= 2; asked = asked[2:] {
		if binary.BigEndian.Uint16(asked) == code {
			return true
		}
	}
	return false
}

// Message is one message of a client or a server.
type Message struct {
	Type    Type
	ID      uint32 // of the transaction, 24 bits
	Options Options
}

// Relay is what one relay agent put around a message.
type Relay struct {
	Hops    uint8
	Link    netip.Addr // of the link that the message came from; may be unspecified
	Peer    netip.Addr // who sent the message to the relay agent
	Options Options    // without the message itself
}

// Packet is a message with the relay agents that it came through, the last of them, which is next to the server, in
// front. Without any it came from the client itself.
type Packet struct {
	Relays  []Relay
	Message Message
}

// Nearest is the relay agent next to the client; nil if there is none.
func (p *Packet) Nearest() *Relay {
	if len(p.Relays) == 0 {
		return nil
	}
	return &p.Relays[len(p.Relays)-1]
}

// Link is the address that says on which link the client is: that of the relay agent nearest to the client that names
// one, as those in switches do not (RFC 9915 section 13.1, RFC 6221 section 5.3.1). It is invalid if none does.
func (p *Packet) Link() netip.Addr {
	for i := len(p.Relays) - 1; i >= 0; i-- {
		if a := p.Relays[i].Link; !a.IsUnspecified() && !a.IsLinkLocalUnicast() {
			return a
		}
	}
	return netip.Addr{}
}

// RelayOption gives the data of an option of the relay agent nearest to the client that has it.
func (p *Packet) RelayOption(code uint16) ([]byte, bool) {
	for i := len(p.Relays) - 1; i >= 0; i-- {
		if data, ok := p.Relays[i].Options.Get(code); ok {
			return data, true
		}
	}
	return nil, false
}
