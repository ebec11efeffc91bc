package dhcp6

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/leasecmd"
	"bundy/internal/dhcp/packet6"
)

const cmdReconfigure = "reconfigure"

// reconfigureArgs chooses the clients to call.
type reconfigureArgs struct {
	Address  *string `json:"address" help:"The client that holds this address, or the prefix that begins with it."`
	DUID     *string `json:"duid" help:"The client of this DUID, in hexadecimal digits with colons."`
	Subnet   *string `json:"subnet" help:"All clients of the subnet with this prefix."`
	SubnetID *uint32 `json:"subnet_id" help:"All clients of the subnet of this number."`
	All      bool    `json:"all" optional:"true" default:"false" help:"All clients."`
	Message  string  `json:"message" optional:"true" default:"renew" enum:"renew,rebind,information-request" help:"What the clients are to send."`
}

// Called is the result of the command reconfigure.
type Called struct {
	Told   int `json:"told"`   // clients that are being called
	Unable int `json:"unable"` // clients that did not accept calls, or are too many
}

// callPage is how many leases are looked at before the server goes on with its clients.
const callPage = 1000

func (c *component) reconfigure(ctx context.Context, given map[string]json.RawMessage) (any, error) {
	a := reconfigureArgs{Message: "renew"}
	text, err := json.Marshal(given)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: arguments: %w", cmdReconfigure, err)
	}
	ask := map[string]packet6.Type{
		"renew": packet6.Renew, "rebind": packet6.Rebind, "information-request": packet6.InformationRequest,
	}[a.Message]
	if ask == 0 {
		return nil, fmt.Errorf("%s: message: %q is none of renew, rebind and information-request", cmdReconfigure, a.Message)
	}
	out, err := c.call(ctx, a, ask)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmdReconfigure, err)
	}
	return out, nil
}

func (c *component) call(ctx context.Context, a reconfigureArgs, ask packet6.Type) (Called, error) {
	var out Called
	calls := c.calls.Load()
	if calls == nil {
		return out, leasecmd.ErrStopped
	}
	f, visitor, err := c.chosen(a)
	if err != nil {
		return out, err
	}
	leases, after := c.desk.Leases(), netip.Addr{}
	before := map[string]bool{} // clients of pages before
	for {
		page := leases.Find(f, after, callPage)
		if visitor != "" && len(page) == 0 {
			page = []lease.Lease{{DUID: visitor, State: lease.Reclaimed}} // it may be known without a lease
		}
		var fresh []lease.Lease
		for _, l := range page {
			if !before[l.DUID] {
				fresh = append(fresh, l)
			}
		}
		for _, l := range fresh {
			before[l.DUID] = true
		}
		err := c.desk.Change(ctx, func() ([]lease.Lease, error) {
			told, unable := calls.call(fresh, ask, time.Now())
			out.Told, out.Unable = out.Told+told, out.Unable+unable
			return nil, nil
		})
		if err != nil || len(page) < callPage {
			return out, err
		}
		after = page[len(page)-1].Address
	}
}

// chosen makes the filter of leases, and names the client if there is one.
func (c *component) chosen(a reconfigureArgs) (f lease.Filter, client string, err error) {
	ways := 0
	if a.Address != nil {
		ways++
		at, err := netip.ParseAddr(*a.Address)
		if err != nil {
			return f, "", fmt.Errorf("address: %q is no address", *a.Address)
		}
		l, ok := c.desk.Leases().Get(at)
		if !ok || l.DUID == "" {
			return f, "", fmt.Errorf("%w of %v", leasecmd.ErrNoLease, at)
		}
		f.DUID = l.DUID
	}
	if a.DUID != nil {
		ways++
		if f.DUID, err = duid.ParseHex(*a.DUID); err != nil {
			return f, "", fmt.Errorf("duid: %w", err)
		}
	}
	if a.SubnetID != nil {
		ways++
		f.Subnet = *a.SubnetID
	}
	if a.Subnet != nil {
		ways++
		for _, s := range c.desk.Subnets().All() {
			if s.Prefix.String() == *a.Subnet {
				f.Subnet = s.ID
			}
		}
	}
	if a.All {
		ways++
	}
	if ways != 1 {
		return f, "", errors.New("one of address, duid, subnet, subnet_id and all must say which clients are meant")
	}
	if (a.Subnet != nil || a.SubnetID != nil) && c.desk.Subnets().ByID(f.Subnet) == nil {
		return f, "", errors.New("there is no such subnet")
	}
	return f, f.DUID, nil
}
