package leasecmd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"bundy/internal/dhcp/duid"
	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// View is a lease as an operator sees it.
type View struct {
	Address   string  `json:"address"`
	Type      string  `json:"type,omitempty"`
	Length    uint8   `json:"prefix_len,omitempty"`
	SubnetID  uint32  `json:"subnet_id"`
	HWAddr    string  `json:"hw_address,omitempty"`
	ClientID  string  `json:"client_id,omitempty"`
	DUID      string  `json:"duid,omitempty"`
	IAID      *uint32 `json:"iaid,omitempty"`
	Valid     uint32  `json:"valid_lifetime"`
	Preferred *uint32 `json:"preferred_lifetime,omitempty"`
	Start     string  `json:"cltt"`
	Expire    string  `json:"expire"` // "never" for leases without end
	Hostname  string  `json:"hostname"`
	Forward   bool    `json:"fqdn_fwd"`
	Reverse   bool    `json:"fqdn_rev"`
	State     string  `json:"state"`
	Context   string  `json:"user_context,omitempty"`
}

func viewOf(l lease.Lease) View {
	v := View{
		Address: l.Address.String(), SubnetID: l.SubnetID, HWAddr: duid.Hex(l.HWAddr), ClientID: duid.Hex(l.ClientID),
		Valid: l.ValidLifetime, Start: l.Start.Format(time.RFC3339), Expire: l.Expire().Format(time.RFC3339),
		Hostname: strings.ToValidUTF8(l.Hostname, "\ufffd"), Forward: l.FQDNForward, Reverse: l.FQDNReverse, State: stateName(l.State),
		Context: strings.ToValidUTF8(l.UserContext, "\ufffd"),
	}
	if l.ValidLifetime == lease.Infinity {
		v.Expire = "never"
	}
	if l.Kind != lease.V4 {
		v.Type, v.DUID, v.IAID, v.Preferred = kindNames[l.Kind], duid.Hex(l.DUID), &l.IAID, &l.Preferred
	}
	if l.Kind == lease.PD {
		v.Length = l.PrefixLength
	}
	return v
}

var (
	kindNames  = [...]string{lease.V4: "", lease.NA: "IA_NA", lease.TA: "IA_TA", lease.PD: "IA_PD"}
	stateNames = [...]string{lease.Active: "active", lease.Declined: "declined", lease.Reclaimed: "reclaimed", 3: "", lease.Registered: "registered"}
)

func stateName(s lease.State) string {
	if int(s) < len(stateNames) && stateNames[s] != "" {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", s)
}

// call is one run of a command.
type call struct {
	server Server
	family lease.Family
	args   arguments
}

func (c *call) address() (netip.Addr, error) {
	a, err := netip.ParseAddr(c.args.Address)
	if err != nil || a.Is4() != (c.family == lease.Family4) || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("address: %q is no address of %v", c.args.Address, c.family)
	}
	return a, nil
}

// octets reads hexadecimal digits, with or without colons.
func octets(name string, text *string) (string, error) {
	if text == nil {
		return "", nil
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(*text, ":", ""))
	if err != nil || len(raw) > 255 {
		return "", fmt.Errorf("%s: %q is not up to 255 octets in hexadecimal digits", name, *text)
	}
	return string(raw), nil
}

func kindOf(text *string) (lease.Kind, error) {
	if text == nil {
		return lease.V4, nil
	}
	k := slices.Index(kindNames[:], strings.ToUpper(*text))
	if k <= 0 {
		return 0, fmt.Errorf("type: %q is none of IA_NA, IA_TA and IA_PD", *text)
	}
	return lease.Kind(k), nil
}

// subnetID finds the number of the subnet that is named; 0 when none is. A number need not be configured: leases stay
// behind when their subnet goes.
func (c *call) subnetID() (uint32, error) {
	switch {
	case c.args.Subnet != nil && c.args.SubnetID != nil:
		return 0, errors.New("either subnet or subnet_id tells the subnet, not both")
	case c.args.SubnetID != nil:
		return *c.args.SubnetID, nil
	case c.args.Subnet == nil:
		return 0, nil
	}
	p, err := netip.ParsePrefix(*c.args.Subnet)
	if err != nil {
		return 0, fmt.Errorf("subnet: %q is no prefix", *c.args.Subnet)
	}
	i := slices.IndexFunc(c.server.Subnets().All(), func(s *subnet.Subnet) bool { return s.Prefix == p.Masked() })
	if i < 0 {
		return 0, fmt.Errorf("subnet: %v is not configured", p)
	}
	return c.server.Subnets().All()[i].ID, nil
}

// List is a part of the leases.
type List struct {
	Leases []View `json:"leases"`
	More   bool   `json:"more"` // there may be others behind the last one
}

func (c *call) list() (any, error) {
	id, err := c.subnetID()
	if err != nil {
		return nil, err
	}
	f := lease.Filter{Subnet: id}
	if f.Kind, err = kindOf(c.args.Type); err != nil {
		return nil, err
	}
	for _, t := range []struct {
		name string
		from *string
		to   *string
	}{{"hw_address", c.args.HWAddr, &f.HWAddr}, {"client_id", c.args.ClientID, &f.ClientID}, {"duid", c.args.DUID, &f.DUID}} {
		if *t.to, err = octets(t.name, t.from); err != nil {
			return nil, err
		}
	}
	if c.args.Hostname != nil {
		f.Hostname = *c.args.Hostname
	}
	if c.args.State != nil {
		i := slices.Index(stateNames[:], *c.args.State)
		if i < 0 || *c.args.State == "" {
			return nil, fmt.Errorf("state: %q is none of active, declined, reclaimed and registered", *c.args.State)
		}
		s := lease.State(i)
		f.State = &s
	}
	var after netip.Addr
	if c.args.After != nil {
		if after, err = netip.ParseAddr(*c.args.After); err != nil {
			return nil, fmt.Errorf("after: %q is no address", *c.args.After)
		}
	}
	found := c.server.Leases().Find(f, after, c.args.Limit)
	out := List{Leases: make([]View, 0, len(found)), More: len(found) == c.args.Limit}
	for _, l := range found {
		out.Leases = append(out.Leases, viewOf(l))
	}
	return out, nil
}

func (c *call) show() (any, error) {
	a, err := c.address()
	if err != nil {
		return nil, err
	}
	l, ok := c.server.Leases().Get(a)
	if !ok {
		return nil, noLease(a)
	}
	return viewOf(l), nil
}

// ErrNoLease is wrapped by errors about an address that has no lease.
var ErrNoLease = errors.New("there is no lease")

func noLease(a netip.Addr) error { return fmt.Errorf("%w of %v", ErrNoLease, a) }
