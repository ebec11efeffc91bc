package lease

import (
	"net/netip"
	"time"
)

// State is the state of a lease, as in the lease files (Kea's numbers).
type State uint8

const (
	Active    State = 0 // given to a client until it expires
	Declined  State = 1 // found in use by somebody else; not given out until it expires
	Reclaimed State = 2 // expired and processed: names withdrawn, address free, remembered for the same client
)

// Infinity is the lifetime of a lease that never expires (RFC 2131 section 3.3).
const Infinity = 0xffffffff

// Lease is one DHCPv4 lease. It is a value: stores copy it; slices and strings in it are immutable once stored.
type Lease struct {
	Address       netip.Addr
	HWType        uint8     // hardware type, 1 Ethernet
	HWAddr        string    // hardware address, raw bytes; may be empty
	ClientID      string    // contents of option 61, raw bytes; empty when the client sent none
	ValidLifetime uint32    // seconds; Infinity; 0 only in the journal: the lease is gone
	Start         time.Time // client's last transaction time, whole seconds UTC, never earlier than that time
	SubnetID      uint32
	FQDNForward   bool   // the server has (asked for) the A record
	FQDNReverse   bool   // the server has (asked for) the PTR record
	Hostname      string // name in DNS with final dot when FQDN flags are set, else what the client said; raw bytes
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

// Store keeps the leases of one server in memory and on disk. Reads see the newest state, acknowledged or not. Only
// the server's own goroutine writes; reads may come from any goroutine.
type Store interface {
	// Get finds the lease of an address, in any state.
	Get(netip.Addr) (Lease, bool)

	// ByClientID and ByHWAddr find the lease of a client in a subnet, in any state; if there are several, one that is
	// active, else the latest.
	ByClientID(subnet uint32, clientID string) (Lease, bool)
	ByHWAddr(subnet uint32, hwType uint8, hwAddr string) (Lease, bool)

	// Put stores l as the newest state of its address at once in memory and queues it for the disk. done is called
	// once, from another goroutine, when the row is durable (nil) or could not be written (the memory has then gone
	// back to the last durable state of that address). done may be nil.
	Put(l Lease, done func(error))

	// Delete removes the lease of an address, with a tombstone in the journal; done as for Put.
	Delete(a netip.Addr, done func(error))

	// Expired gives up to limit leases with State Active or Declined whose time is over at now, oldest first; and
	// NextExpiry the earliest end of any such lease (false if none).
	Expired(now time.Time, limit int) []Lease
	NextExpiry() (time.Time, bool)

	// ReclaimedBefore gives up to limit leases with State Reclaimed that ended before t, oldest first.
	ReclaimedBefore(t time.Time, limit int) []Lease

	// All calls fn for each lease until it returns false, in no order, on a state between two writes.
	All(fn func(Lease) bool)

	// Flush waits until all that was put before is durable and returns the first error since the last Flush.
	Flush() error
	Close() error
}
