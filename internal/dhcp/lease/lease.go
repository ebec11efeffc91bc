package lease

import (
	"net/netip"
	"time"
)

// State is the state of a lease, as in the lease files (Kea's numbers).
type State uint8

const (
	Active     State = 0 // given to a client until it expires
	Declined   State = 1 // found in use by somebody else; not given out until it expires
	Reclaimed  State = 2 // expired or released: names withdrawn, address free, remembered for the same client
	Registered State = 4 // chosen by the client itself, which told us (RFC 9686)
)

// Kind says what a lease is about, as in the lease files of DHCPv6 but for V4.
type Kind uint8

const (
	V4 Kind = iota // an IPv4 address
	NA             // a non-temporary IPv6 address (IA_NA)
	TA             // a temporary IPv6 address (IA_TA)
	PD             // a delegated IPv6 prefix (IA_PD)
)

// Infinity is the lifetime of a lease that never expires (RFC 2131 section 3.3, RFC 9915 section 7.7).
const Infinity = 0xffffffff

// Lease is one lease of either family. It is a value: stores copy it; its strings hold raw octets.
type Lease struct {
	Address       netip.Addr // for PD the first address of the prefix; no two leases have the same
	Kind          Kind
	PrefixLength  uint8     // of PD; else 0: see Prefix
	HWType        uint8     // hardware type, 1 Ethernet
	HWSource      uint8     // how a DHCPv6 server learned HWAddr (Kea's numbers); 0 unknown
	HWAddr        string    // hardware address; may be empty
	ClientID      string    // of V4: contents of option 61; empty when the client sent none
	DUID          string    // of NA, TA and PD: the client
	IAID          uint32    // of NA, TA and PD: which of the client's associations
	ValidLifetime uint32    // seconds; Infinity; 0 only in the journal: the lease is gone
	Preferred     uint32    // of NA, TA and PD: seconds
	Start         time.Time // client's last transaction time, whole seconds UTC, never earlier than that time
	SubnetID      uint32
	FQDNForward   bool   // the server has (asked for) the A or AAAA record
	FQDNReverse   bool   // the server has (asked for) the PTR record
	Hostname      string // name in DNS with final dot when FQDN flags are set, else what the client said
	State         State
	UserContext   string // JSON text or empty
}

// Expire is the time the lease ends. For Infinity it lies beyond every date.
func (l Lease) Expire() time.Time { return l.Start.Add(time.Duration(l.ValidLifetime) * time.Second) }

// Expired tells whether the lease is over at now. A lease of Infinity never is.
func (l Lease) Expired(now time.Time) bool {
	return l.ValidLifetime != Infinity && !now.Before(l.Expire())
}

// InUse tells whether the address must not be given to another client at now.
func (l Lease) InUse(now time.Time) bool { return l.State != Reclaimed && !l.Expired(now) }

// Prefix is what the lease is about: the delegated prefix, or the address alone.
func (l Lease) Prefix() netip.Prefix {
	if l.Kind == PD {
		return netip.PrefixFrom(l.Address, int(l.PrefixLength))
	}
	return netip.PrefixFrom(l.Address, l.Address.BitLen())
}

// StartAt is when a lease begins that is given at t. Files keep whole seconds. It is the next one, so that the lease is
// over here no earlier than for its client, who reckons in full from when it asked (RFC 2131 section 4.4.1).
func StartAt(t time.Time) time.Time { return t.Add(time.Second - 1).UTC().Truncate(time.Second) }
