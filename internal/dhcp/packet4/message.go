package packet4

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
)

// Type is the DHCP message type (option 53).
type Type uint8

const (
	Discover Type = 1
	Offer    Type = 2
	Request  Type = 3
	Decline  Type = 4
	ACK      Type = 5
	NAK      Type = 6
	Release  Type = 7
	Inform   Type = 8
)

func (t Type) String() string {
	names := [...]string{"none", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"}
	if int(t) < len(names) {
		return names[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// Values of the field op.
const (
	BootRequest = 1
	BootReply   = 2
)

// FlagBroadcast in Flags: the client cannot receive unicast yet (RFC 2131 section 2).
const FlagBroadcast = 0x8000

// Codes of the options that the server itself deals with.
const (
	OptPad             = 0
	OptSubnetMask      = 1
	OptRouters         = 3
	OptDNSServers      = 6
	OptHostName        = 12
	OptDomainName      = 15
	OptStaticRoutes    = 33
	OptRequestedIP     = 50
	OptLeaseTime       = 51
	OptOverload        = 52
	OptMessageType     = 53
	OptServerID        = 54
	OptParameterList   = 55
	OptMessage         = 56
	OptMaxMessageSize  = 57
	OptRenewalTime     = 58
	OptRebindingTime   = 59
	OptVendorClass     = 60
	OptClientID        = 61
	OptBootFileName    = 67
	OptFQDN            = 81
	OptRelayAgent      = 82
	OptIPv6Only        = 108
	OptSubnetSelection = 118
	OptClasslessRoutes = 121
	OptVendorClassID   = 124
	OptVendorSpecific  = 125
	OptEnd             = 255
)

// Option is one option, its data put together from all its pieces.
type Option struct {
	Code uint8
	Data []byte
}

// Message is one DHCPv4 message. Addresses are IPv4, 0.0.0.0 when unset; never the invalid netip.Addr after Parse.
type Message struct {
	Op, HType, Hops uint8
	XID             uint32
	Secs, Flags     uint16
	CIAddr, YIAddr  netip.Addr
	SIAddr, GIAddr  netip.Addr
	CHAddr          []byte // hardware address, 0 to 16 octets
	SName, File     []byte // without trailing zero octets; empty when overloaded with options
	Options         []Option
}

// Get gives the data of an option.
func (m *Message) Get(code uint8) ([]byte, bool) {
	for i := range m.Options {
		if m.Options[i].Code == code {
			return m.Options[i].Data, true
		}
	}
	return nil, false
}

// Set puts an option in place of one of the same code, or behind the others.
func (m *Message) Set(code uint8, data []byte) {
	for i := range m.Options {
		if m.Options[i].Code == code {
			m.Options[i].Data = data
			return
		}
	}
	m.Options = append(m.Options, Option{code, data})
}

// SetAddr, SetUint32 and SetType put an option of that form.
func (m *Message) SetAddr(code uint8, a netip.Addr) { m.Set(code, a.AsSlice()) }
func (m *Message) SetUint32(code uint8, v uint32)   { m.Set(code, binary.BigEndian.AppendUint32(nil, v)) }
func (m *Message) SetType(t Type)                   { m.Set(OptMessageType, []byte{byte(t)}) }

// Type is the message type, 0 when absent or malformed: then it is plain BOOTP.
func (m *Message) Type() Type {
	if b, ok := m.Get(OptMessageType); ok && len(b) == 1 {
		return Type(b[0])
	}
	return 0
}

// Addr gives an option that holds one IPv4 address; false when it is absent or of another length.
func (m *Message) Addr(code uint8) (netip.Addr, bool) {
	if b, ok := m.Get(code); ok && len(b) == 4 {
		return netip.AddrFrom4([4]byte(b)), true
	}
	return netip.IPv4Unspecified(), false
}

// Uint16 gives an option that holds a 16 bit number; false when it is absent or of another length.
func (m *Message) Uint16(code uint8) (uint16, bool) {
	if b, ok := m.Get(code); ok && len(b) == 2 {
		return binary.BigEndian.Uint16(b), true
	}
	return 0, false
}

// Relayed tells whether the message came through a relay agent.
func (m *Message) Relayed() bool { return m.GIAddr.IsValid() && !m.GIAddr.IsUnspecified() }

// Asks tells whether the parameter request list names an option.
func (m *Message) Asks(code uint8) bool {
	b, _ := m.Get(OptParameterList)
	return slices.Contains(b, code)
}

// SubOption finds a sub-option in the relay agent information (RFC 3046 section 2.0). A sub-option that runs past the
// end hides itself and what follows.
func (m *Message) SubOption(code uint8) ([]byte, bool) {
	b, _ := m.Get(OptRelayAgent)
	return Sub(b, code)
}

// Sub finds an option in a chain of code, length and data octets.
func Sub(b []byte, code uint8) ([]byte, bool) {
	for len(b) >= 2 && len(b) >= 2+int(b[1]) {
		if b[0] == code {
			return b[2 : 2+int(b[1])], true
		}
		b = b[2+int(b[1]):]
	}
	return nil, false
}
