package dhcp4

import (
	"net/netip"

	"bundy/internal/dhcp/subnet"
	"bundy/internal/naming/policy"
	"bundy/internal/suite/schema"
)

// policyModule has the section dynamic_dns, the naming policy of all leases.
const policyModule = "DhcpDdns"

// planOf reads the naming policy; nil if it names no leases. What is wrong with it is for its own module to say.
func planOf(doc schema.Document) *policy.Plan {
	plan, errs := policy.ReadPlan(doc[policyModule], doc[moduleName], nil)
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
