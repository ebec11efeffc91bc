package ncr

import (
	"errors"
	"net/netip"
	"time"

	"bundy/internal/dns/wire"
)

// Change says what is asked for.
type Change uint8

const (
	Add    Change = 0
	Remove Change = 1
)

func (c Change) String() string {
	if c == Remove {
		return "remove"
	}
	return "add"
}

// Request is one name change request.
type Request struct {
	Change  Change
	Forward bool // the A or AAAA record
	Reverse bool // the PTR record
	Name    wire.Name
	Address netip.Addr
	DHCID   []byte    // RDATA of the client's DHCID record
	Expires time.Time // end of the lease, whole seconds UTC
	Length  uint32    // lifetime of the lease in seconds
}

// Style is the spelling of the JSON keys.
type Style uint8

const (
	Bundy Style = iota // change_type
	Kea                // change-type
)

// MaxDatagram is the largest datagram that Parse accepts. A request with the longest possible name and DHCID of
// Kea 2.2 has about 600 octets; escapes in JSON may triple a name.
const MaxDatagram = 4096

// ErrRequest is wrapped by every error of Parse.
var ErrRequest = errors.New("invalid name change request")
