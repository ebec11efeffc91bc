package leasecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// Server is what the commands need of a DHCP server. Its methods may be called from any goroutine.
type Server interface {
	// Leases is the store in use, for reading.
	Leases() lease.Store

	// Subnets are those in force.
	Subnets() *subnet.List

	// Change lets the goroutine that owns the leases call decide and then put, or with lifetime 0 delete, what it gives.
	// The server follows with what it knows of free addresses and offers, and asks for changes of names. It returns
	// when all is durable, or with the error of decide or of the store.
	Change(ctx context.Context, decide func() ([]lease.Lease, error)) error

	// Now is the time by which leases are over.
	Now() time.Time

	// Refused is how often no address or prefix could be given in a subnet since the start.
	Refused(subnet uint32) uint64
}

// Command describes a command: Args is a struct with tags as in configurations, nil for none.
type Command struct {
	Name, Help string
	Args       any
}

const (
	cmdList   = "leases"
	cmdShow   = "lease"
	cmdAdd    = "lease_add"
	cmdUpdate = "lease_update"
	cmdDelete = "lease_del"
	cmdWipe   = "lease_wipe"
	cmdStats  = "lease_stats"
)

// Commands lists the commands of a server of a family.
func Commands(f lease.Family) []Command {
	list, change := any(listArgs4{}), any(changeArgs4{})
	if f == lease.Family6 {
		list, change = listArgs6{}, changeArgs6{}
	}
	return []Command{
		{cmdList, "List leases in the order of addresses, all or those that match.", list},
		{cmdShow, "Show the lease of an address or prefix.", addressArgs{}},
		{cmdAdd, "Add a lease for an address that has none, or none that is active.", change},
		{cmdUpdate, "Change the lease of an address. What is not given stays.", change},
		{cmdDelete, "Delete the lease of an address. Its names are withdrawn, its client is not told.", addressArgs{}},
		{cmdWipe, "Delete all leases of a subnet, or all there are. Their names are withdrawn, their clients are not told.", wipeArgs{}},
		{cmdStats, "Count the addresses and leases of each subnet, or of one.", subnetArgs{}},
	}
}

type listArgs4 struct {
	Subnet   *string `json:"subnet" help:"Prefix of a subnet."`
	SubnetID *uint32 `json:"subnet_id" help:"Identifier of a subnet."`
	HWAddr   *string `json:"hw_address" help:"Hardware address, in hexadecimal digits with colons."`
	ClientID *string `json:"client_id" help:"Client identifier, in hexadecimal digits with colons."`
	Hostname *string `json:"hostname" help:"Host name, with or without final dot."`
	State    *string `json:"state" help:"State: active, declined, reclaimed or registered."`
	After    *string `json:"after" help:"Address behind which to begin, as the last one of the list before."`
	Limit    int     `json:"limit" optional:"true" default:"100" min:"1" max:"10000" help:"How many leases to list at most."`
}

type listArgs6 struct {
	Subnet   *string `json:"subnet" help:"Prefix of a subnet."`
	SubnetID *uint32 `json:"subnet_id" help:"Identifier of a subnet."`
	HWAddr   *string `json:"hw_address" help:"Hardware address, in hexadecimal digits with colons."`
	DUID     *string `json:"duid" help:"DUID of the client, in hexadecimal digits with colons."`
	Type     *string `json:"type" help:"Type: IA_NA, IA_TA or IA_PD."`
	Hostname *string `json:"hostname" help:"Host name, with or without final dot."`
	State    *string `json:"state" help:"State: active, declined, reclaimed or registered."`
	After    *string `json:"after" help:"Address behind which to begin, as the last one of the list before."`
	Limit    int     `json:"limit" optional:"true" default:"100" min:"1" max:"10000" help:"How many leases to list at most."`
}

type addressArgs struct {
	Address string `json:"address" help:"Address, or first address of a delegated prefix."`
}

type changeArgs4 struct {
	Address  string  `json:"address" help:"Address."`
	SubnetID *uint32 `json:"subnet_id" help:"Identifier of the subnet. Without it the address tells."`
	HWAddr   *string `json:"hw_address" help:"Hardware address of the client, in hexadecimal digits with colons."`
	ClientID *string `json:"client_id" help:"Client identifier, in hexadecimal digits with colons."`
	Valid    *uint32 `json:"valid_lifetime" min:"1" help:"Lifetime in seconds from now. Without it that of the subnet; 4294967295 for ever."`
	Hostname *string `json:"hostname" help:"Host name."`
	Forward  *bool   `json:"fqdn_fwd" help:"Publish the name with an address record."`
	Reverse  *bool   `json:"fqdn_rev" help:"Publish the name with a pointer record."`
	Context  *string `json:"user_context" help:"Notes, a JSON text."`
}

type changeArgs6 struct {
	Address   string  `json:"address" help:"Address, or first address of the delegated prefix."`
	Type      *string `json:"type" help:"Type: IA_NA, IA_TA or IA_PD. Without it IA_NA, or IA_PD where prefixes are delegated."`
	Length    *uint8  `json:"prefix_len" min:"1" max:"128" help:"Length of the delegated prefix."`
	SubnetID  *uint32 `json:"subnet_id" help:"Identifier of the subnet. Without it the address tells."`
	DUID      *string `json:"duid" help:"DUID of the client, in hexadecimal digits with colons."`
	IAID      *uint32 `json:"iaid" help:"Identifier of the client's association. Without it 0."`
	HWAddr    *string `json:"hw_address" help:"Hardware address of the client, in hexadecimal digits with colons."`
	Valid     *uint32 `json:"valid_lifetime" min:"1" help:"Lifetime in seconds from now. Without it that of the subnet; 4294967295 for ever."`
	Preferred *uint32 `json:"preferred_lifetime" help:"Preferred lifetime in seconds. Without it that of the subnet."`
	Hostname  *string `json:"hostname" help:"Host name."`
	Forward   *bool   `json:"fqdn_fwd" help:"Publish the name with an address record."`
	Reverse   *bool   `json:"fqdn_rev" help:"Publish the name with a pointer record."`
	Context   *string `json:"user_context" help:"Notes, a JSON text."`
}

type wipeArgs struct {
	Subnet   *string `json:"subnet" help:"Prefix of the subnet."`
	SubnetID *uint32 `json:"subnet_id" help:"Identifier of the subnet, which need not be configured any more."`
	All      bool    `json:"all" optional:"true" default:"false" help:"Delete the leases of all subnets."`
}

type subnetArgs struct {
	Subnet   *string `json:"subnet" help:"Prefix of a subnet."`
	SubnetID *uint32 `json:"subnet_id" help:"Identifier of a subnet."`
}

// arguments is all that any of the commands takes.
type arguments struct {
	Address   string  `json:"address"`
	Subnet    *string `json:"subnet"`
	SubnetID  *uint32 `json:"subnet_id"`
	HWAddr    *string `json:"hw_address"`
	ClientID  *string `json:"client_id"`
	DUID      *string `json:"duid"`
	IAID      *uint32 `json:"iaid"`
	Type      *string `json:"type"`
	Length    *uint8  `json:"prefix_len"`
	Hostname  *string `json:"hostname"`
	State     *string `json:"state"`
	After     *string `json:"after"`
	Limit     int     `json:"limit"`
	Valid     *uint32 `json:"valid_lifetime"`
	Preferred *uint32 `json:"preferred_lifetime"`
	Forward   *bool   `json:"fqdn_fwd"`
	Reverse   *bool   `json:"fqdn_rev"`
	Context   *string `json:"user_context"`
	All       bool    `json:"all"`
}

// ErrCommand says that a command is none of those of this package.
var ErrCommand = errors.New("no command about leases")

// Run runs a command with arguments that were checked against its description. The result becomes JSON.
func Run(ctx context.Context, s Server, f lease.Family, command string, given map[string]json.RawMessage) (any, error) {
	var a arguments
	text, err := json.Marshal(given)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: arguments: %w", command, err)
	}
	c := call{server: s, family: f, args: a}
	var result any
	switch command {
	case cmdList:
		result, err = c.list()
	case cmdShow:
		result, err = c.show()
	case cmdAdd:
		result, err = c.add(ctx)
	case cmdUpdate:
		result, err = c.update(ctx)
	case cmdDelete:
		result, err = c.remove(ctx)
	case cmdWipe:
		result, err = c.wipe(ctx)
	case cmdStats:
		result, err = c.stats()
	default:
		return nil, fmt.Errorf("%q: %w", command, ErrCommand)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return result, nil
}
