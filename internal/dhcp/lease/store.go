package lease

import (
	"net/netip"
	"strings"
	"time"
)

// MaxFound bounds the leases of one client that a look-up gives: more than an honest client has addresses and prefixes.
// Whoever takes hundreds of leases under one identity finds the newest of them, and makes nobody wait for the rest.
const MaxFound = 32

// Store keeps the leases of one server and family in memory and on disk. Reads see the newest state, acknowledged or not.
// Only the server's own goroutine writes; reads may come from any goroutine.
//
// A store whose leases lie in a database that is slow reads them ahead: after Prepare, and until the same goroutine
// prepares something else, what Prepare names is in memory. So a server does not wait for it: it goes on with other
// clients and takes the exchange up again when ready is called.
type Store interface {
	// Prepare makes readable what Get and the look-ups by client tell about who, then calls ready once with nil, at once
	// or later from another goroutine, or with the reason why it cannot be read.
	Prepare(who Who, ready func(error))

	// Get finds the lease of an address, in any state.
	Get(netip.Addr) (Lease, bool)

	// ByClientID and ByHWAddr find the lease of a DHCPv4 client in a subnet, in any state; if there are several, one
	// that is active, else the latest.
	ByClientID(subnet uint32, clientID string) (Lease, bool)
	ByHWAddr(subnet uint32, hwType uint8, hwAddr string) (Lease, bool)

	// ClientLeases and HardwareLeases find the leases of a DHCPv4 client in all subnets, in any state, what was written
	// last in front, at most MaxFound.
	ClientLeases(clientID string) []Lease
	HardwareLeases(hwType uint8, hwAddr string) []Lease

	// ByDUID finds the leases of one association of a DHCPv6 client in all subnets, OfDUID those of the whole client;
	// in any state, what was written last in front, at most MaxFound.
	ByDUID(duid string, kind Kind, iaid uint32) []Lease
	OfDUID(duid string) []Lease

	// Put stores l as the newest state of its address at once in memory and queues it for the disk. done is called
	// once, from another goroutine, when the row is durable (nil) or could not be written (the memory has then gone
	// back to the last durable state of that address). done may be nil.
	Put(l Lease, done func(error))

	// Delete removes the lease of an address, with a tombstone in the journal; done as for Put.
	Delete(a netip.Addr, done func(error))

	// Expired gives up to limit leases in any state but Reclaimed whose time is over at now, oldest first; and
	// NextExpiry the earliest end of any such lease (false if none).
	Expired(now time.Time, limit int) []Lease
	NextExpiry() (time.Time, bool)

	// ReclaimedBefore gives up to limit leases with State Reclaimed that ended no later than t, oldest first.
	ReclaimedBefore(t time.Time, limit int) []Lease

	// All calls fn for each lease until it returns false, in no order, on a state between two writes.
	All(fn func(Lease) bool)

	// Find gives the leases that match f in the order of addresses, at most limit, beginning behind after (the zero
	// Addr: from the first). It may cost a look at each lease, during which others go on reading and writing; of what
	// changes meanwhile it may give the old or the new state.
	Find(f Filter, after netip.Addr, limit int) []Lease

	// Tallies counts the leases of each subnet and kind, in order of subnets.
	Tallies() []Tally

	// Flush waits until all that was put before is durable and returns the first error since the last Flush.
	Flush() error
	Close() error
}

// Batcher is a Store that writes changes of many clients in one go. The function given to AfterBatch is called by the
// goroutine that calls their done functions, each time when it has called them all.
type Batcher interface{ AfterBatch(func()) }

// Who names what an exchange is going to read. Fields may be empty.
type Who struct {
	Addresses []netip.Addr
	ClientID  string
	HWType    uint8
	HWAddr    string
	DUID      string
}

// Filter chooses leases. Each field that is set narrows the choice.
type Filter struct {
	Subnet   uint32 // 0: all
	Kind     Kind   // V4: all, as a store holds one family
	HWAddr   string // of any hardware type
	ClientID string
	DUID     string
	Hostname string // without regard to case and final dot
	State    *State
}

// Tally is the number of leases of one kind in a subnet, by state. Active counts those that are over and not reclaimed
// yet, too.
type Tally struct {
	Subnet                                  uint32
	Kind                                    Kind
	Active, Declined, Reclaimed, Registered uint64
}

// Count adds n leases of a state, or takes them away. A state that is not known counts as Active: its address is in use.
func (t *Tally) Count(s State, n int) {
	switch s {
	case Declined:
		t.Declined += uint64(n)
	case Reclaimed:
		t.Reclaimed += uint64(n)
	case Registered:
		t.Registered += uint64(n)
	default:
		t.Active += uint64(n)
	}
}

// Matches tells whether a lease is one of those chosen.
func (f Filter) Matches(l Lease) bool {
	return (f.Subnet == 0 || f.Subnet == l.SubnetID) &&
		(f.Kind == V4 || f.Kind == l.Kind) &&
		(f.HWAddr == "" || f.HWAddr == l.HWAddr) &&
		(f.ClientID == "" || f.ClientID == l.ClientID) &&
		(f.DUID == "" || f.DUID == l.DUID) &&
		(f.Hostname == "" || strings.EqualFold(strings.TrimSuffix(f.Hostname, "."), strings.TrimSuffix(l.Hostname, "."))) &&
		(f.State == nil || *f.State == l.State)
}
