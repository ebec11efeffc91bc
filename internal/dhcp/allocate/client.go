package allocate

import (
	"bundy/internal/dhcp/lease"
)

// Client is who asks. Of DHCPv4: the client identifier, and the hardware address with its type. Of DHCPv6: one
// association (RFC 9915 section 4.2), by the DUID, its kind and its number. Raw octets.
type Client struct {
	ID     string
	HWType uint8
	HWAddr string

	DUID string
	Kind lease.Kind
	IAID uint32
}

// Owns tells whether a lease is this client's: in DHCPv4 by the client identifier when both have one, else by the
// hardware address (RFC 2131 section 4.2). A lease without owner (declined) is nobody's.
func (c Client) Owns(l lease.Lease) bool {
	if c.Kind != lease.V4 {
		return c.Kind == l.Kind && c.DUID != "" && c.DUID == l.DUID && c.IAID == l.IAID
	}
	if c.ID != "" && l.ClientID != "" {
		return c.ID == l.ClientID
	}
	return c.HWAddr != "" && c.HWAddr == l.HWAddr && c.HWType == l.HWType
}

// identity is the client with what tells it apart from others alone.
func (c Client) identity() Client {
	switch {
	case c.Kind != lease.V4:
		return Client{DUID: c.DUID, Kind: c.Kind, IAID: c.IAID}
	case c.ID != "":
		return Client{ID: c.ID}
	}
	return Client{HWType: c.HWType, HWAddr: c.HWAddr}
}
