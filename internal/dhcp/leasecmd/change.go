package leasecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
)

// ErrInUse is wrapped when an address has a lease already.
var ErrInUse = errors.New("the address has an active lease")

// wipeBatch is how many leases are deleted at once: the server goes on with its clients between two batches.
const wipeBatch = 1000

func (c *call) add(ctx context.Context) (any, error) {
	a, err := c.address()
	if err != nil {
		return nil, err
	}
	l := lease.Lease{Address: a, HWType: 1}
	if err := c.place(&l); err != nil {
		return nil, err
	}
	if err := c.apply(&l); err != nil {
		return nil, err
	}
	if l.HWAddr == "" && l.ClientID == "" && l.Kind == lease.V4 {
		return nil, errors.New("a hw_address or a client_id must tell whose lease it is")
	}
	if l.DUID == "" && l.Kind != lease.V4 {
		return nil, errors.New("a duid must tell whose lease it is")
	}
	err = c.server.Change(ctx, func() ([]lease.Lease, error) {
		if old, ok := c.server.Leases().Get(a); ok && old.InUse(c.server.Now()) {
			return nil, fmt.Errorf("%w: %v, %s until %s", ErrInUse, a, stateName(old.State), viewOf(old).Expire)
		}
		return []lease.Lease{l}, nil
	})
	if err != nil {
		return nil, err
	}
	return viewOf(l), nil
}

func (c *call) update(ctx context.Context) (any, error) {
	a, err := c.address()
	if err != nil {
		return nil, err
	}
	var l lease.Lease
	err = c.server.Change(ctx, func() ([]lease.Lease, error) {
		var ok bool
		if l, ok = c.server.Leases().Get(a); !ok {
			return nil, noLease(a)
		}
		if c.args.SubnetID != nil {
			if err := c.place(&l); err != nil {
				return nil, err
			}
		}
		if err := c.apply(&l); err != nil {
			return nil, err
		}
		return []lease.Lease{l}, nil
	})
	if err != nil {
		return nil, err
	}
	return viewOf(l), nil
}

// place finds the subnet of an address, and what follows from it.
func (c *call) place(l *lease.Lease) error {
	list := c.server.Subnets()
	var s *subnet.Subnet
	if c.args.SubnetID != nil {
		if s = list.ByID(*c.args.SubnetID); s == nil {
			return fmt.Errorf("subnet_id: subnet %d is not configured", *c.args.SubnetID)
		}
	} else {
		s = list.Of(0, l.Address)
		if s == nil {
			s, _ = list.Pool(l.Address)
		}
		if s == nil {
			return fmt.Errorf("address: %v belongs to no subnet", l.Address)
		}
	}
	if !s.Holds(l.Address) {
		return fmt.Errorf("address: %v does not belong to subnet %d, %v", l.Address, s.ID, s.Prefix)
	}
	l.SubnetID, l.ValidLifetime = s.ID, s.Timers.Valid.Default
	if c.family == lease.Family4 {
		return nil
	}
	l.Kind, l.Preferred = lease.NA, s.Timers.Preferred.Default
	if p := s.Pool(l.Address); p != nil && p.Delegates {
		l.Kind, l.PrefixLength = lease.PD, p.Length
	}
	return nil
}

// apply takes over what is given. The lease begins anew.
func (c *call) apply(l *lease.Lease) error {
	a := &c.args
	for _, t := range []struct {
		name string
		from *string
		to   *string
	}{{"hw_address", a.HWAddr, &l.HWAddr}, {"client_id", a.ClientID, &l.ClientID}, {"duid", a.DUID, &l.DUID}} {
		if t.from == nil {
			continue
		}
		var err error
		if *t.to, err = octets(t.name, t.from); err != nil {
			return err
		}
	}
	if a.Type != nil {
		kind, err := kindOf(a.Type)
		if err != nil {
			return err
		}
		l.Kind = kind
	}
	set(&l.IAID, a.IAID)
	set(&l.PrefixLength, a.Length)
	set(&l.ValidLifetime, a.Valid)
	set(&l.Preferred, a.Preferred)
	set(&l.Hostname, a.Hostname)
	set(&l.FQDNForward, a.Forward)
	set(&l.FQDNReverse, a.Reverse)
	set(&l.UserContext, a.Context)
	if l.UserContext != "" && !json.Valid([]byte(l.UserContext)) {
		return fmt.Errorf("user_context: %q is not JSON", l.UserContext)
	}
	switch {
	case l.Kind != lease.PD:
		l.PrefixLength = 0
	case l.PrefixLength == 0:
		return errors.New("prefix_len must tell the length of the delegated prefix")
	case netip.PrefixFrom(l.Address, int(l.PrefixLength)).Masked().Addr() != l.Address:
		return fmt.Errorf("address: %v is not the first one of a prefix of length %d", l.Address, l.PrefixLength)
	}
	l.Preferred = min(l.Preferred, l.ValidLifetime)
	l.Hostname = strings.ToLower(l.Hostname)
	if l.FQDNForward || l.FQDNReverse {
		if l.Hostname == "" {
			return errors.New("fqdn_fwd and fqdn_rev need a hostname to publish")
		}
		l.Hostname = strings.TrimSuffix(l.Hostname, ".") + "."
	}
	l.State = lease.Active
	l.Start = lease.StartAt(c.server.Now())
	return nil
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (c *call) remove(ctx context.Context) (any, error) {
	a, err := c.address()
	if err != nil {
		return nil, err
	}
	var l lease.Lease
	err = c.server.Change(ctx, func() ([]lease.Lease, error) {
		var ok bool
		if l, ok = c.server.Leases().Get(a); !ok {
			return nil, noLease(a)
		}
		return []lease.Lease{gone(l)}, nil
	})
	if err != nil {
		return nil, err
	}
	return viewOf(l), nil
}

func gone(l lease.Lease) lease.Lease {
	l.ValidLifetime = 0
	return l
}

// Wiped is how many leases were deleted.
type Wiped struct {
	Deleted int `json:"deleted"`
}

func (c *call) wipe(ctx context.Context) (any, error) {
	id, err := c.subnetID()
	switch {
	case err != nil:
		return nil, err
	case (id != 0) == c.args.All:
		return nil, errors.New("either a subnet or all=true tells what to delete")
	}
	f := lease.Filter{Subnet: id}
	done := Wiped{}
	var after netip.Addr
	for {
		found := c.server.Leases().Find(f, after, wipeBatch)
		if len(found) == 0 {
			return done, nil
		}
		err := c.server.Change(ctx, func() ([]lease.Lease, error) {
			var out []lease.Lease
			for _, l := range found {
				if now, ok := c.server.Leases().Get(l.Address); ok && f.Matches(now) {
					out = append(out, gone(now))
				}
			}
			done.Deleted += len(out)
			return out, nil
		})
		if err != nil {
			return nil, err
		}
		after = found[len(found)-1].Address
	}
}
