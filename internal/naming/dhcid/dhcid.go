package dhcid

import (
	"crypto/sha256"
	"encoding/binary"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/wire"
)

// Identifier types (RFC 4701 section 3.3).
const (
	typeHWAddr   = 0 // hardware type octet and hardware address
	typeClientID = 1 // contents of DHCPv4 option 61
	typeDUID     = 2 // a DUID, of DHCPv6 or of an RFC 4361 client identifier
)

// digestSHA256 is the only digest type defined (RFC 4701 section 3.4).
const digestSHA256 = 1

// Size is the length of the RDATA that Identifier.RDATA makes.
const Size = 3 + sha256.Size

// rfc4361 is the type octet of a client identifier made of IAID and DUID; the DUID begins behind the type octet and
// the four octets of the IAID (RFC 4361 section 6.1).
const (
	rfc4361     = 255
	rfc4361DUID = 5
)

// Identifier is what a client is known by. The zero value stands for a client that cannot be told from others and
// has no DHCID.
type Identifier struct {
	kind  uint16
	value string
}

// ClientID makes the identifier of the contents of DHCPv4 option 61. One of RFC 4361 counts as its DUID, so that
// the same machine has the same DHCID over DHCPv4 and DHCPv6.
func ClientID(id string) Identifier {
	if len(id) > rfc4361DUID && id[0] == rfc4361 {
		return Identifier{typeDUID, id[rfc4361DUID:]}
	}
	return Identifier{typeClientID, id}
}

// HWAddr makes the identifier of a hardware address, for clients without client identifier.
func HWAddr(hwType uint8, address string) Identifier {
	if address == "" {
		return Identifier{}
	}
	return Identifier{typeHWAddr, string([]byte{hwType}) + address}
}

// DUID makes the identifier of a DHCPv6 client.
func DUID(duid string) Identifier { return Identifier{typeDUID, duid} }

// Of gives the identifier of the client that holds a lease. Of DHCPv6 it is the DUID; of DHCPv4 the client identifier if
// there is one, else the hardware address; a hardware type that the store does not know is Ethernet.
func Of(l lease.Lease) Identifier {
	switch {
	case l.Kind != lease.V4:
		return DUID(l.DUID)
	case l.ClientID != "":
		return ClientID(l.ClientID)
	}
	return HWAddr(max(l.HWType, 1), l.HWAddr)
}

// IsZero tells whether the client cannot be identified.
func (id Identifier) IsZero() bool { return id.value == "" }

// RDATA computes the record's data for name: identifier type (2 octets), digest type, SHA-256 over identifier and
// name in lower-case wire form (RFC 4701 section 3.5). It is nil for an identifier without value.
func (id Identifier) RDATA(name wire.Name) []byte {
	if id.IsZero() {
		return nil
	}
	h := sha256.New()
	h.Write([]byte(id.value))
	h.Write([]byte(name.Lower()))
	out := make([]byte, 0, Size)
	out = binary.BigEndian.AppendUint16(out, id.kind)
	out = append(out, digestSHA256)
	return h.Sum(out)
}
