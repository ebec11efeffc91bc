package dhcpddns

import (
	"fmt"
	"net/netip"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dns/tsig"
	"bundy/internal/dns/wire"
	"bundy/internal/naming/owned"
	"bundy/internal/naming/policy"
	"bundy/internal/naming/publish"
	"bundy/internal/suite/schema"
)

// dynamic reads the section dynamic_dns: the naming policy, and the domains that it adds to the catalogue.
func (r *reading) dynamic(s *settings, c policy.Section, doc schema.Document, keys map[string]key) {
	plan, errs := policy.ReadPlan(doc[name], doc[dhcp4Name], doc[dhcp6Name])
	for _, err := range errs {
		r.errs = append(r.errs, fmt.Errorf("%s/%w", name, err))
	}
	s.plan = plan
	var err error
	if s.conflict, err = owned.ParseRules(c.Conflict); err != nil {
		r.wrong("dynamic_dns/conflict_policy", "%w", err)
	}
	s.marker, s.owner = c.Marker, c.Owner
	switch err := owned.CheckOwner(c.Owner); {
	case err != nil:
		r.wrong("dynamic_dns/owner", "%w", err)
	case c.Owner != "" && !c.Marker:
		r.wrong("dynamic_dns/owner", "%q would stand in markers only, and dynamic_dns/marker is false", c.Owner)
	}
	servers, signed := r.updateServers(c.Servers, keys)
	var reverse []wire.Name
	for i, text := range c.Reverse {
		z, err := wire.ParseName(text)
		if err != nil || z == wire.Root {
			r.wrong(fmt.Sprintf("dynamic_dns/reverse_zones[%d]", i), "%q is no zone", text)
			continue
		}
		reverse = append(reverse, z.Lower())
	}
	defer func() {
		for _, list := range [][]publish.Domain{s.catalog.Forward, s.catalog.Reverse} {
			for i := range list {
				list[i].Owner = c.Owner
			}
		}
	}()
	if plan == nil || !plan.Enabled() {
		return
	}
	add := func(list []publish.Domain, zones []wire.Name) []publish.Domain {
		for _, z := range zones {
			if !has(list, z) {
				list = append(list, publish.Domain{Zone: z, Key: signed, Servers: servers})
			}
		}
		return list
	}
	s.catalog.Forward = add(s.catalog.Forward, plan.Zones())
	s.catalog.Reverse = add(s.catalog.Reverse, reverse)
	if len(s.catalog.Reverse) == 0 && len(servers) > 0 {
		s.catalog.Reverse = []publish.Domain{{Zone: wire.Root, Any: true, Key: signed, Servers: servers}}
	}
}

func has(list []publish.Domain, zone wire.Name) bool {
	for _, d := range list {
		if d.Zone == zone {
			return true
		}
	}
	return false
}

// updateServers reads the servers of the section and the key that they share.
func (r *reading) updateServers(list []policy.Server, keys map[string]key) (servers []publish.Server, signed *tsig.Key) {
	for i, c := range list {
		path := fmt.Sprintf("dynamic_dns/update_servers[%d]/", i)
		a, err := netip.ParseAddr(c.Address)
		if err != nil {
			r.wrong(path+"ip_address", "%q is not an IP address", c.Address)
		}
		servers = append(servers, publish.Server{Address: a, Port: uint16(c.Port)})
		if keyName(c.KeyName) != keyName(list[0].KeyName) {
			r.wrong(path+"key_name", "%q is another key than that of the first server; zones whose servers want different keys belong into forward_ddns and reverse_ddns", c.KeyName)
			continue
		}
		if c.KeyName == "" || i > 0 {
			continue
		}
		switch k, ok := keys[keyName(c.KeyName)]; {
		case !ok:
			r.wrong(path+"key_name", "unknown TSIG key %q", c.KeyName)
		case k.err != nil:
			r.wrong(path+"key_name", "TSIG key %q cannot be used: %w", c.KeyName, k.err)
		default:
			signed = k.key
		}
	}
	return servers, signed
}

// names tells whether a lease may have a name.
func (s *settings) names(l lease.Lease) bool {
	if s.plan.Enabled() || l.FQDNForward || l.FQDNReverse {
		return true
	}
	_, told := policy.ParseSaid(l.UserContext)
	return told
}
