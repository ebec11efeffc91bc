package ncr

import (
	"errors"
	"fmt"
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
	Mode    Mode
}

// Mode says what to do about a name that is in DNS already.
type Mode uint8

const (
	CheckWithDHCID       Mode = iota // RFC 4703; Kea 2.2: use-conflict-resolution true
	NoCheckWithDHCID                 // take it, and mark it; Kea 2.2: use-conflict-resolution false
	CheckExistsWithDHCID             // take it if it has a mark, whosever
	NoCheckWithoutDHCID              // take it, and do not mark it
)

func (m Mode) String() string {
	if int(m) < len(modes) {
		return modes[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

var modes = [...]string{"check-with-dhcid", "no-check-with-dhcid", "check-exists-with-dhcid", "no-check-without-dhcid"}

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
