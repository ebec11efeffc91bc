package dhcp6

import (
	"net/netip"
	"strings"

	"bundy/internal/dhcp/lease"
	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/schema"
)

// name decides on the client's name, by the first address that it gets and its subnet: all of them have the same one. before is the
// lease that the client has of it already, or none: clients may leave their name out when they renew, and what they said
// before goes on.
func (x *exchange) name(a netip.Addr, s *subnet.Subnet, before lease.Lease) {
	if x.named {
		return
	}
	x.named = true
	sent := x.fqdn
	if x.host != nil && x.host.HostName != "" {
		sent = reserved(x.host.HostName, sent)
	}
	rules := x.set.rules(a, s)
	x.said = policy.Said{FQDN: sent}
	silent := sent == nil
	if silent {
		x.said = policy.SaidBefore(rules, before)
	}
	x.names = policy.Decide(rules, policy.Client{Address: a, HWAddr: x.hw.address, ID: x.duid}, x.said)
	if silent {
		x.names.Source = policy.NoSource
	}
}

// reserved puts the name that is reserved for a client in the place of the one that it says. A client that says none
// gets it all the same, as if it had asked for it.
func reserved(name string, sent *policy.FQDN) *policy.FQDN {
	out := policy.FQDN{S: true, E: true}
	if sent != nil {
		out = *sent
	}
	name, full := strings.CutSuffix(name, ".")
	out.Labels = strings.Split(name, ".")
	out.Full = full || len(out.Labels) > 1
	return &out
}

// policyModule has the section dynamic_dns, the naming policy of all leases.
const policyModule = "DhcpDdns"

// planOf reads the naming policy; nil if it names no leases. What is wrong with it is for its own module to say.
func planOf(doc schema.Document) *policy.Plan {
	plan, errs := policy.ReadPlan(doc[policyModule], nil, doc[moduleName])
	if len(errs) > 0 || !plan.Enabled() {
		return nil
	}
	return plan
}

// rules gives those for the names of an address in a subnet, which may be nil.
func (s *settings) rules(a netip.Addr, sub *subnet.Subnet) policy.Config {
	if s.plan != nil {
		return s.plan.Over(s.naming(sub), a)
	}
	return s.naming(sub)
}
