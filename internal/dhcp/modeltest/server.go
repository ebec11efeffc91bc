package modeltest

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/lease/leasetest"
	"bundy/internal/dhcp/ledger"
	"bundy/internal/dhcp/subnet"
)

// Verb is what a client wants.
type Verb string

const (
	Look    Verb = "look"   // DISCOVER or SOLICIT, and no more
	Obtain  Verb = "obtain" // the whole exchange
	Renew   Verb = "renew"
	Rebind  Verb = "rebind"
	Reboot  Verb = "reboot" // INIT-REBOOT; DHCPv6 clients without rapid commit: obtain again
	Release Verb = "release"
	Decline Verb = "decline"
)

// Lifetime is how long leases run, in all configurations.
const Lifetime = time.Hour

// Answer is what a client learns.
type Answer struct {
	Granted []Grant
	Refused bool // NAK, or a status that says that there is no such lease
	None    bool // nothing was free
}

// Grant is an acknowledged address (of full length) or prefix.
type Grant struct {
	Prefix netip.Prefix
	Valid  time.Duration
}

// Change is a change of names that the server told.
type Change struct {
	Add     bool
	Name    string
	Address netip.Addr
}

// Server is a server of one family without network. Clients are numbered, and so are the links on which they may be: that
// of the server, and those behind relays.
type Server interface {
	// Send goes through the exchanges of a verb, with what the client has, and waits until the store has done all. wish is
	// what a client that looks for something would like; it need not be possible.
	Send(client, link int, v Verb, held, wish []netip.Prefix) Answer

	// Hurl sends a renewal of what a client has, and waits for nothing.
	Hurl(client, link int, held []netip.Prefix)

	// Heard gives what clients were granted since the last Send, by Hurl.
	Heard() map[int][]Grant

	// Link gives the subnets of a link; none: it is not served.
	Link(link int) []*subnet.Subnet

	// Owns tells whether a lease is a client's.
	Owns(client int, l lease.Lease) bool

	// Identity is what reservations know a client by, and Kind what it asks for.
	Identity(client int) subnet.Identifier
	Kind(client int) lease.Kind

	// Owner gives the arguments of commands that name a client.
	Owner(client int) map[string]any

	// Use brings a configuration into force.
	Use(config any)

	Subnets() *subnet.List
	Ledger() *ledger.Ledger
	SetClock(now time.Time)
	Changes() []Change // since the call before
	Refused(subnet uint32) uint64
}

// Maker makes servers of one family.
type Maker struct {
	Family lease.Family

	// Clients and Links are how many there are.
	Clients, Links int

	// Config makes a configuration; with nil the one with all links and pools.
	Config func(t testing.TB, random *rand.Rand) any

	// Open opens the leases of a file on a disk.
	Open func(path string, disk *leasetest.Disk) (lease.Store, error)

	// Start starts a server.
	Start func(t testing.TB, store lease.Store, config any, now time.Time) Server

	// MaxReclaim is the bound for one go at reclaiming in all configurations.
	MaxReclaim int
}
